"""What a derivation is made of: numbers, factors and terms of a sum, what is said beside; and its plain text."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from annstudio.engine.op import Index
from annstudio.explain.names import plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.templates import SHOWN_TERMS, summed

_BEFORE_SIGNS = re.compile(r"(?= [-+−·×=] )")


@dataclass(frozen=True)
class Quantity:
    """One number of a run: element `index` of a slot; where the slot has one per example, that of `example` or, with
    None, of the example that is being looked at."""

    slot: int
    index: Index
    example: int | None = None
    term: int | None = None
    """Where only one term of the sum that makes the number is meant: one output's share of a loss."""


@dataclass(frozen=True)
class Part:
    """A factor in a derivation: its symbol, its number, and where it came from (None: worked out on the spot)."""

    symbol: str
    value: float
    quantity: Quantity | None
    meaning: str = ""
    """For a number that is worked out: how, as LaTeX with numbers."""
    rule: str = ""
    """The same with symbols."""
    rows: "tuple[Row, ...]" = ()
    """The same term by term."""


@dataclass(frozen=True)
class Row:
    """One term of a sum."""

    symbols: str
    numbers: str
    value: float
    parts: tuple[Part, ...]
    through: int | None = None
    """Of a gradient's term: which part is the gradient that it comes from, further on towards the error."""
    local: float = 1.0
    """What that gradient is multiplied by here."""
    template: str = ""
    """The term's formula with «0», «1», … for its parts; empty for their product."""

    def place_in(self, slot: int) -> Index | None:
        """Where the first number of a slot that the term is made of stands; None where there is none of it."""
        for part in self.parts:
            if part.quantity is not None and part.quantity.slot == slot:
                return part.quantity.index
            for inner in part.rows:
                if (found := inner.place_in(slot)) is not None:
                    return found
        return None


@dataclass(frozen=True)
class Said:
    """What is to be said beside a derivation, in words; a `row` comes to the same number by another formula."""

    words: str
    row: Row | None = None

    def text(self, digits: int) -> str:
        if self.row is None:
            return self.words
        told = (self.row.symbols, self.row.numbers, number_latex(self.row.value, digits))
        return f"{self.words} {' = '.join(map(plain, told))}"


@dataclass(frozen=True)
class Derivation:
    """Symbols, the same with numbers, and the result; `rows` are the terms, all of them."""

    quantity: Quantity
    symbol: str
    value: float
    rows: Sequence[Row]
    formula: str
    """The op's own formula, in general terms."""
    source: str
    """The source of the method that computed it, read from the program itself."""
    step: int | None
    """The step that computed it; None for what was given."""
    values: tuple[float, ...] = ()
    """What the rows are worth: rows are made when they are looked at."""
    shares: tuple[Quantity, ...] = ()
    """Where paths meet: the numbers that were added, a row each."""
    op: str = ""
    """What kind of op computed it."""
    said: tuple[Said, ...] = ()
    whole: bool = False
    """Whether it counts something, so that it is a whole number."""
    begins: bool = False
    """Whether it is a gradient with which the way back begins: its terms are of no gradient before it."""

    @property
    def given(self) -> bool:
        """Whether the number comes from outside: data, a weight, a constant."""
        return self.step is None

    @property
    def symbols_line(self) -> str:
        return f"{self.symbol} = {summed(self.rows, lambda row: row.symbols)}" if self.rows else self.symbol

    @property
    def numbers_line(self) -> str:
        """The formula with the numbers put in, with the digits that the derivation was made with."""
        return "= " + summed(self.rows, lambda row: row.numbers)

    def text(self, digits: int) -> str:
        """The whole derivation as plain text: symbols, numbers, result, and what is worked out or said beside."""
        lines = [plain(self.symbols_line), *([plain(self.numbers_line)] if self.rows else ())]
        return "\n".join(self._ended(lines, self.rows[:SHOWN_TERMS], digits))

    def brief(self, digits: int, width: int) -> str:
        """The same in lines of about so many letters: of a long sum the largest terms, the others counted; what is
        longer still goes on in the next line.
        """
        whole = self.text(digits).splitlines()
        if len(self.rows) < 2 or max(map(len, whole)) <= width:
            return "\n".join(line for long in whole for line in wrapped(long, width))
        symbol, order = plain(self.symbol), sorted(range(len(self.rows)), key=lambda i: -abs(self.values[i]))
        shown: list[Row] = []
        room = width - len(symbol)
        for i in order:
            row = self.rows[i]
            room -= max(len(plain(row.symbols)), len(plain(row.numbers))) + len(" + ")
            if shown and room < len(" + … and 99 more"):
                break
            shown.append(row)
        left = len(self.rows) - len(shown)
        more = f" + … and {left} more" if left else ""
        lines = [f"{symbol} = {plain(summed(shown, lambda row: row.symbols))}{more}",
                 f"= {plain(summed(shown, lambda row: row.numbers))}{more}"]  # fmt: skip
        return "\n".join(line for long in self._ended(lines, shown, digits) for line in wrapped(long, width))

    def _ended(self, lines: list[str], rows: Sequence[Row], digits: int) -> list[str]:
        """Lines with the result, and with what is worked out in these rows or said beside."""
        result = "= " + (f"{self.value:.0f}" if self.whole else plain(number_latex(self.value, digits)))
        lines = lines + ([result] if result != lines[-1].replace("(", "").replace(")", "") else [])
        beside = {part.symbol: part for row in rows for part in row.parts if part.rule}
        lines += [_beside(part, digits) for part in beside.values()]
        return lines + [said.text(digits) for said in self.said]


def wrapped(line: str, width: int) -> list[str]:
    """A long formula in lines of at most so many letters where that can be; it goes on before a sign, a sentence before
    a word.
    """
    if "= " not in line:
        return textwrap.wrap(line, width)
    lines = [""]
    for piece in _BEFORE_SIGNS.split(line):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append(f"  {piece.lstrip()}")
        else:
            lines[-1] += piece
    return lines


def _beside(part: Part, digits: int) -> str:
    """A factor that was worked out on the spot."""
    rule = "" if part.rule == part.symbol else f" = {plain(part.rule)}"
    return f"{plain(part.symbol)}{rule} = {plain(part.meaning)} = {plain(number_latex(part.value, digits))}"
