"""What is written down: chapters of sections of entries, each a number with how it came about.

An entry refers to others by their keys, so that a web page links them and a workbook reckons with their cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from annstudio.explain.expression import Expression, parsed, product_of
from annstudio.explain.numbers import number_latex
from annstudio.explain.takeaway.extent import Extent
from annstudio.explain.templates import SHOWN_TERMS, bracketed, filled


class ChapterName(StrEnum):
    """The chapters in their order."""

    DATA = "Data"
    WEIGHTS = "Weights"
    FORWARD = "Forward"
    LOSS = "Loss"
    BACKWARD = "Backward"
    UPDATE = "Update"


@dataclass(frozen=True)
class Number:
    """A number inside a formula. `entry`: the key of the entry that it is, empty for one that is only part of a
    formula; `within`: of a number that is worked out on the spot, the terms that it is the sum of."""

    symbol: str
    value: float
    entry: str = ""
    within: tuple["Worth", ...] = ()
    whole: bool = False

    def latex(self, digits: int) -> str:
        """The number itself; what counts something is whole."""
        return f"{self.value:.0f}" if self.whole else number_latex(self.value, digits)


@dataclass(frozen=True)
class Worth:
    """One term of a sum: LaTeX with «0», «1», … for its numbers; without a template their product.

    `idle`: it comes to nothing with the numbers of this batch, so that only a workbook has a use for it.
    """

    template: str
    numbers: tuple[Number, ...]
    value: float
    idle: bool = False

    @property
    def shape(self) -> str:
        """The template, also where the term is merely a product."""
        return self.template or r" \cdot ".join(f"«{i}»" for i in range(len(self.numbers)))

    @property
    def expression(self) -> Expression:
        """The template as a tree. Raises FormatError where it cannot be read."""
        return parsed(self.template) if self.template else product_of(len(self.numbers))

    def symbols(self) -> str:
        return filled(self.shape, [number.symbol for number in self.numbers])

    def figures(self, digits: int) -> str:
        return filled(self.shape, [in_place(number, digits) for number in self.numbers])


def in_place(number: Number, digits: int) -> str:
    """A number as it stands in a formula."""
    return bracketed(number.latex(digits))


@dataclass(frozen=True)
class Entry:
    """One number with its reason; without `worths` it is given, by the data, by a weight, by a setting."""

    key: str
    symbol: str
    value: float
    worths: tuple[Worth, ...] = ()
    whole: bool = False
    gradient: str = ""
    """The key of the entry that is ∂E by it."""
    after: str = ""
    """Of a weight: the key of the entry that is its new value."""

    @property
    def told(self) -> tuple[Worth, ...]:
        """The terms that a reader wants to see."""
        return tuple(worth for worth in self.worths if not worth.idle)

    @property
    def derived(self) -> tuple[Number, ...]:
        """The numbers in it that are worked out on the spot, each once."""
        found = {n.symbol: n for worth in self.told for n in worth.numbers if n.within}
        return tuple(found.values())


@dataclass(frozen=True)
class Section:
    """What one layer does in a chapter."""

    title: str
    formulas: tuple[str, ...]
    """What its operations do, in general terms (LaTeX)."""
    entries: tuple[Entry, ...]
    words: str = ""


@dataclass(frozen=True)
class Chapter:
    """A part of the paper."""

    name: ChapterName
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class About:
    """What the paper is about, for its head: the network's name, the example, and a line for every layer."""

    title: str
    example: str = ""
    layers: tuple[tuple[str, str], ...] = ()
    """Name and description."""


@dataclass(frozen=True)
class Paper:
    """The whole derivation. `left_out`: numbers that formulas need and that have no entry, since the layers are cut."""

    about: About
    chapters: tuple[Chapter, ...]
    left_out: tuple[Entry, ...] = ()
    digits: int = 9
    extent: Extent = field(default_factory=Extent)
    rule: str = ""
    """The optimiser's formula (LaTeX)."""
    sign: str = "."
    """What stands before a number's decimals, where people read it."""

    def chapter(self, name: ChapterName) -> Chapter | None:
        return next((chapter for chapter in self.chapters if chapter.name is name), None)

    def entries(self) -> Iterator[Entry]:
        for chapter in self.chapters:
            for section in chapter.sections:
                yield from section.entries

    @cached_property
    def by_key(self) -> dict[str, Entry]:
        """Every entry by its key, those that were left out included."""
        return {entry.key: entry for entry in (*self.left_out, *self.entries())}

    @cached_property
    def listed(self) -> frozenset[str]:
        """The keys that have an entry of their own."""
        return frozenset(entry.key for entry in self.entries())

    @property
    def words_on_extent(self) -> str:
        """What a reader must know about what is missing; empty where nothing is."""
        if not self.left_out:
            return ""
        if self.extent.units is None:
            return f"{len(self.left_out):,} numbers are told without their reason."
        units = "the first unit is" if self.extent.units == 1 else f"the first {self.extent.units} units are"
        return (
            f"Of every layer {units} here. {len(self.left_out):,} numbers that they need are told without their reason."
        )


def folded(worths: tuple[Worth, ...]) -> tuple[tuple[Worth, ...], int, tuple[Worth, ...]]:
    """The terms at the beginning of a sum, how many are left out, and those at its end."""
    if len(worths) <= SHOWN_TERMS:
        return worths, 0, ()
    half = SHOWN_TERMS // 2
    return worths[:half], len(worths) - 2 * half, worths[-half:]
