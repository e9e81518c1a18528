"""The paper as an Excel workbook in which every number is reckoned from others: change a weight and all follows.

The engine's number stands beside every formula, with the difference.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import groupby
from typing import Any

from annstudio.errors import FormatError
from annstudio.explain.expression import worked_out
from annstudio.explain.names import plain
from annstudio.explain.numbers import number_text
from annstudio.explain.takeaway import ChapterName, Entry, Number, Paper, Section, Worth
from annstudio.formats.derivation.cells import Piece, formula, is_elementwise, number, parts, summed
from annstudio.formats.derivation.looks import Looks, number_format

Told = Callable[[int], None]
_FIRST = 4
"""The row of the first number: title, words, and names of the columns stand above."""
_LEFT_OUT = "Left out"
_HEAD = ("Layer", "Number", "How it comes about", "Value", "Engine", "Difference")
_GIVEN_HEAD = ("Layer", "Number", "", "Value", "At first", "Changed by")
_LEFT_OUT_WORDS = "Numbers of units that are not in this file. They do not follow when you change something."
_WORDS = {
    ChapterName.DATA: "Inputs, targets and settings. Change a number: everything follows.",
    ChapterName.WEIGHTS: "The weights that the batch begins with. Change a number: everything follows.",
    ChapterName.FORWARD: "From the inputs to the outputs, layer by layer.",
    ChapterName.LOSS: "How far the outputs are from the targets.",
    ChapterName.BACKWARD: "By how much the error changes with every number, from the error back.",
    ChapterName.UPDATE: "The new weights.",
}
_ALIKE = 12
"""Longer sums of like terms over cells in a row are told as one SUMPRODUCT."""
_CLOSE = 1e-9


class NoFormula(Exception):
    """Why a number cannot follow."""


class Workbook:
    """Builds the workbook of one paper."""

    def __init__(self, paper: Paper, told: Told = lambda n: None) -> None:
        self.paper = paper
        self.told = told
        self.book: Any = import_module("openpyxl").Workbook()
        self.looks = Looks(self.book)
        self.rows: dict[str, tuple[str, int]] = {}
        self.not_live: list[tuple[Entry, str]] = []
        self._place()

    def bytes(self) -> bytes:
        """The whole file."""
        held = io.BytesIO()
        self.built().save(held)
        return held.getvalue()

    def built(self) -> Any:
        """The workbook as openpyxl has it."""
        front = self.book.active
        done = 0
        for chapter in self.paper.chapters:
            done = self._sheet(chapter.name, _WORDS[chapter.name], chapter.sections, done)
        if self.paper.left_out:
            self._sheet(_LEFT_OUT, _LEFT_OUT_WORDS, [Section("", (), self.paper.left_out)], done)
        self._front(front)
        self.book.calculation.fullCalcOnLoad = True
        return self.book

    def _place(self) -> None:
        """Say where every number stands, before formulas refer to it."""
        for chapter in self.paper.chapters:
            self._place_in(chapter.name, chapter.sections)
        self._place_in(_LEFT_OUT, [Section("", (), self.paper.left_out)])

    def _place_in(self, sheet: str, sections: Iterable[Section]) -> None:
        row = _FIRST
        for section in sections:
            row += bool(section.title)
            for entry in section.entries:
                self.rows[entry.key] = (sheet, row)
                row += 1

    # Sheets ----------------------------------------------------------------------------------------------------------

    def _sheet(self, name: str, words: str, sections: Sequence[Section], done: int) -> int:
        sheet = self.book.create_sheet(name)
        given = name in (ChapterName.DATA, ChapterName.WEIGHTS, _LEFT_OUT)
        self.looks.dress(sheet, name, words, _GIVEN_HEAD if given else _HEAD, _FIRST)
        row = _FIRST
        for section in sections:
            if section.title:
                told = ", ".join(plain(each) for each in section.formulas)
                self.looks.section(sheet, row, section.title, " · ".join(filter(None, (told, section.words))))
                row += 1
            for entry in section.entries:
                self._row(sheet, row, entry, section.title, fixed=name == _LEFT_OUT)
                row += 1
                done += 1
                if done % 50 == 0:
                    self.told(done)
        self.looks.mark_differences(sheet, _FIRST, row - 1)
        return done

    def _row(self, sheet: Any, row: int, entry: Entry, layer: str, *, fixed: bool) -> None:
        how, style = "", "Given"
        value: str | float = entry.value
        more: list[str] = []
        if entry.worths:
            how = " + ".join(plain(worth.symbols()) for worth in entry.told[:_ALIKE]).replace("+ -", "− ")
            how += " + …" if len(entry.told) > _ALIKE else ""
            style = "Worked out"
            try:
                *more, value = self._formulas(entry, sheet.title, row)
            except NoFormula as reason:
                style, how = "Fixed", f"{how} (does not follow: {reason})"
                self.not_live.append((entry, str(reason)))
        elif fixed or entry.whole:
            style = "Fixed"
        format = number_format(entry.value, self.paper.digits, whole=entry.whole)
        engine: str | float = entry.value
        if not math.isfinite(entry.value):
            # A cell holds no such number.
            value = engine = number_text(entry.value)
            style, more = "Fixed", []
        texts = (layer, plain(entry.symbol), f"= {how}" if how else "")
        self.looks.row(sheet, row, texts, value, engine, style, format, more)

    def _front(self, sheet: Any) -> None:
        """The first sheet: what this is, how to read it, and what does not follow."""
        paper = self.paper
        words = [
            paper.about.example,
            "Every number here is a formula over other cells: change a weight, an input, a target or a setting on a "
            "yellow cell, and forward pass, loss, gradients and update follow.",
            "Beside every formula stands the number that the program's engine computed, and the difference.",
            f"{paper.words_on_extent} They stand still whatever you change, and so does what comes through them alone."
            if paper.left_out
            else "",
            "Ids and lengths choose the way through the network: they are fixed." if self._counts() else "",
            f"{len(self.not_live)} numbers do not follow; the sheets say which and why." if self.not_live else "",
        ]
        self.looks.front(sheet, paper.about.title, [each for each in words if each], paper.about.layers)

    def _counts(self) -> bool:
        return any(entry.whole and not entry.worths for entry in self.paper.entries())

    # Formulas --------------------------------------------------------------------------------------------------------

    def _formulas(self, entry: Entry, sheet: str, row: int) -> list[str]:
        """What stands in the cells of one number: partial sums where it is long, then the whole."""
        terms = self._terms(entry.worths, sheet)
        try:
            found = [piece.text for piece in parts(terms)]
        except ValueError as error:
            raise NoFormula(str(error)) from None
        if len(found) == 1:
            return [f"={found[0]}"]
        last = self.looks.column(len(_HEAD) + len(found))
        return [*(f"={text}" for text in found), f"=SUM({self.looks.column(len(_HEAD) + 1)}{row}:{last}{row})"]

    def _terms(self, worths: Sequence[Worth], sheet: str) -> list[Piece]:
        found: list[Piece] = []
        for _, alike in groupby(worths, lambda worth: (worth.template, len(worth.numbers))):
            group = list(alike)
            together = self._together(group, sheet) if len(group) > _ALIKE else None
            found += [together] if together else [self._term(worth, sheet) for worth in group]
        return found

    def _term(self, worth: Worth, sheet: str) -> Piece:
        try:
            expression = worth.expression
            again = worked_out(expression, [n.value for n in worth.numbers])
        except FormatError:
            raise NoFormula("its formula is told in words") from None
        except (ArithmeticError, ValueError):
            raise NoFormula("a number in it is too large or too small for the formula") from None
        if not abs(again - worth.value) <= _CLOSE * max(1.0, abs(worth.value)):
            raise NoFormula("the formula is not told to the last digit")
        return formula(expression, [self._cell(n, sheet) for n in worth.numbers])

    def _cell(self, of: Number, sheet: str) -> Piece:
        if of.within:
            return summed(self._terms(of.within, sheet))
        if of.entry:
            return Piece(self._address(of.entry, sheet))
        if not math.isfinite(of.value):
            raise NoFormula("a number in it is infinite or none")
        return number(of.value)

    def _address(self, key: str, sheet: str) -> str:
        where, row = self.rows[key]
        there = f"'{where}'!" if " " in where else f"{where}!"
        return f"{'' if where == sheet else there}D{row}"

    def _together(self, worths: Sequence[Worth], sheet: str) -> Piece | None:
        """Like terms over cells one below the other as SUMPRODUCT; None where they are not so."""
        first = worths[0]
        if any(n.within or not n.entry for w in worths for n in w.numbers):
            return None
        self._term(first, sheet)
        expression = first.expression
        if not is_elementwise(expression):
            return None
        ranges = [self._range([w.numbers[i].entry for w in worths], sheet) for i in range(len(first.numbers))]
        if any(each is None for each in ranges):
            return None
        return Piece(f"SUMPRODUCT({formula(expression, [Piece(each) for each in ranges if each]).text})")

    def _range(self, keys: Sequence[str], sheet: str) -> str | None:
        """Cells one below the other, or one cell again and again."""
        places = [self.rows[key] for key in keys]
        (where, start) = places[0]
        if all(place == places[0] for place in places):
            return self._address(keys[0], sheet)
        if places != [(where, start + i) for i in range(len(places))]:
            return None
        return f"{self._address(keys[0], sheet)}:D{start + len(places) - 1}"
