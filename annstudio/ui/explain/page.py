"""What a page of the panel is made of: sections with formulas, lines of numbers, tables, notes and source."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from annstudio.explain.told import Quantity
from annstudio.ui.explain.formula import Piece


@dataclass(frozen=True)
class Formula:
    """A formula in pieces."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Lines:
    """Lines of rich text in the font of numbers. `latex` is what they are in LaTeX, for copying."""

    html: tuple[str, ...]
    latex: str = ""
    quiet: bool = False


@dataclass(frozen=True)
class Note:
    """Words. `quantity` or `place` (a number of steps done) make them a link."""

    text: str
    quantity: Quantity | None = None
    position: int | None = None


@dataclass(frozen=True)
class Cell:
    """One cell of a table; `sign` colours it."""

    text: str
    sign: float | None = None


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading; `links` are what a click on a row asks about, the `chosen` row stands out."""

    heading: tuple[str, ...]
    rows: Sequence[Row]
    links: Sequence[Quantity | None] = ()
    chosen: int | None = None
    lines: int = 1
    """How many lines of text a row has."""


@dataclass(frozen=True)
class Source:
    """Source text as it ran."""

    title: str
    text: str


Block = Formula | Lines | Note | Table | Source


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in one box unless it brings its own."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """What the panel shows: a question, and its answer in sections."""

    title: str
    sections: tuple[Section, ...] = field(default=())
