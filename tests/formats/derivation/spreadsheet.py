"""A small spreadsheet: works out the cells of a workbook as Excel does, for the functions that ours are made of.

It follows Excel's own order of signs: a minus before a number binds tighter than a power.
"""

import io
import math
import re
from collections.abc import Iterator
from typing import Any

import openpyxl

Value = float | list[float]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:E[-+]?\d+)?)|(?P<cell>(?:(?:'[^']+'|[A-Za-z]+)!)?\$?[A-Z]{1,3}\$?\d+)"
    r"|(?P<name>[A-Z]+)(?=\()|(?P<sign><>|<=|>=|[-+*/^(),:<>=]))"
)
_FUNCTIONS = {
    "EXP": math.exp, "LN": math.log, "TANH": math.tanh, "SQRT": math.sqrt, "ABS": abs, "INT": math.floor,
    "SIGN": lambda x: float((x > 0) - (x < 0)), "NORMSDIST": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    "PI": lambda: math.pi, "IF": lambda test, then, other: then if test else other,
}  # fmt: skip
_OVER_ALL = {"MAX": max, "MIN": min, "SUM": math.fsum}
_COMPARE = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


class Spreadsheet:
    """One workbook. Cells are worked out when they are asked for; `change` forgets what was worked out."""

    def __init__(self, file: Any) -> None:
        """Of the bytes of a file, or of a workbook that openpyxl has open."""
        self.book = openpyxl.load_workbook(io.BytesIO(file)) if isinstance(file, bytes) else file
        self.known: dict[tuple[str, str], float] = {}

    def value(self, sheet: str, cell: str) -> float:
        at = (sheet, cell)
        if at not in self.known:
            held = self.book[sheet][cell].value
            self.known[at] = _Reader(self, sheet, held[1:]).whole() if isinstance(held, str) else float(held)
        return self.known[at]

    def change(self, sheet: str, cell: str, value: float) -> None:
        self.book[sheet][cell].value = value
        self.known.clear()

    def numbers(self, *but: str) -> Iterator[tuple[str, str, str, float, float]]:
        """Of every row with a number: its sheet, cell and symbol, what it comes to, and what the engine says."""
        for sheet in self.book:
            if sheet.title in ("About", *but):
                continue
            for row in sheet.iter_rows(min_row=4):
                if len(row) > 4 and isinstance(row[4].value, (int, float)):
                    yield (
                        sheet.title,
                        row[3].coordinate,
                        row[1].value,
                        self.value(sheet.title, row[3].coordinate),
                        row[4].value,
                    )

    def where(self, symbol: str, *sheets: str) -> tuple[str, str]:
        """The sheet and the cell of a number."""
        return next(
            (sheet.title, row[3].coordinate)
            for sheet in self.book
            if sheet.title != "About" and (not sheets or sheet.title in sheets)
            for row in sheet.iter_rows(min_row=4)
            if len(row) > 4 and row[1].value == symbol
        )

    def style(self, sheet: str, cell: str) -> str:
        return str(self.book[sheet][cell].style)


class _Reader:
    """Reads one formula from left to right and works it out at once."""

    def __init__(self, spreadsheet: Spreadsheet, sheet: str, text: str) -> None:
        self.spreadsheet = spreadsheet
        self.sheet = sheet
        self.tokens = list(self._split(text))
        self.at = 0

    def whole(self) -> float:
        found = self.comparison()
        assert self.at == len(self.tokens), self.tokens
        assert not isinstance(found, list)
        return float(found)

    def comparison(self) -> Value:
        found = self.sum()
        if self.next in _COMPARE:
            sign = self.take()
            found = float(_COMPARE[sign](found, self.sum()))
        return found

    def sum(self) -> Value:
        found = self.product()
        while self.next in ("+", "-"):
            sign, other = self.take(), self.product()
            found = _both(lambda a, b, s=sign: a + b if s == "+" else a - b, found, other)
        return found

    def product(self) -> Value:
        found = self.power()
        while self.next in ("*", "/"):
            sign, other = self.take(), self.power()
            found = _both(lambda a, b, s=sign: a * b if s == "*" else a / b, found, other)
        return found

    def power(self) -> Value:
        found = self.signed()
        while self.next == "^":
            self.take()
            found = _both(lambda a, b: a**b, found, self.signed())
        return found

    def signed(self) -> Value:
        if self.next == "-":
            self.take()
            return _each(lambda a: -a, self.signed())
        return self.atom()

    def atom(self) -> Value:
        kind, token = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(token)
        if kind == "cell":
            return self.cells(token)
        if kind == "name":
            return self.call(token)
        assert token == "(", self.tokens
        found = self.comparison()
        assert self.take() == ")"
        return found

    def call(self, name: str) -> Value:
        assert self.take() == "("
        of: list[Value] = []
        while self.next != ")":
            of.append(self.comparison())
            if self.next == ",":
                self.take()
        self.take()
        assert len(of) <= 255, "Excel takes 255 arguments"
        if name == "SUMPRODUCT":
            return math.fsum(of[0]) if isinstance(of[0], list) else of[0]
        if name in _OVER_ALL:
            return _OVER_ALL[name](x for each in of for x in (each if isinstance(each, list) else [each]))
        return _each(_FUNCTIONS[name], *of)

    def cells(self, token: str) -> Value:
        where, _, cell = token.rpartition("!")
        sheet = where.strip("'") or self.sheet
        if self.next != ":":
            return self.spreadsheet.value(sheet, cell)
        self.take()
        last = self.tokens[self.at][1]
        self.at += 1
        rows = self.spreadsheet.book[sheet][f"{cell}:{last}"]
        return [self.spreadsheet.value(sheet, each.coordinate) for row in rows for each in row]

    @property
    def next(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        assert len(text) <= 8192, "Excel takes 8192 signs"
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            assert found is not None, text[place:]
            place, kind = found.end(), found.lastgroup or ""
            yield kind, found[kind]


def _each(function: Any, *of: Value) -> Value:
    n = max((len(each) for each in of if isinstance(each, list)), default=0)
    if not n:
        return function(*of)
    assert function not in (_FUNCTIONS["IF"],), "IF looks at one number alone"
    return [function(*(each[i] if isinstance(each, list) else each for each in of)) for i in range(n)]


def _both(function: Any, a: Value, b: Value) -> Value:
    return _each(function, a, b)
