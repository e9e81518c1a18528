"""Tables of text cells out of `.csv` files, and the columns of numbers and classes that a network needs."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from annstudio.data.base import Column
from annstudio.errors import DataError

MAX_BYTES = 100 << 20
MAX_CLASSES = 1000

_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null"})
# The comma last: with the others as separator it also occurs inside cells.
_SEPARATORS = "\t;|,"


@dataclass(frozen=True)
class Table:
    """A file of rows of cells: the columns' names, the cells as text, and the line on which each row begins."""

    file: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def index(self, name: str) -> int:
        """Where the column of this name stands. Raises DataError, naming the columns there are."""
        if name not in self.names:
            there = ", ".join(repr(one) for one in self.names)
            raise DataError(f"{self.file} has no column {name!r}; it has {there:.300}.", "Choose one of these columns.")
        return self.names.index(name)

    def place(self, index: int, line: int) -> str:
        """Where a cell stands, in words."""
        return f"{self.file}, line {line}, column {self.names[index]!r}"

    def cells(self, index: int) -> list[str]:
        """The cells of one column from the top. Raises DataError at a missing one, naming line and column."""
        cells = [row[index] for row in self.rows]
        for line, cell in zip(self.lines, cells, strict=True):
            if cell.lower() in _MISSING:
                raise DataError(
                    f"{self.place(index, line)}: the value is missing ({cell!r}).",
                    "Fill it in, delete the line, or leave the column out.",
                )
        return cells

    def numbers(self, indices: Sequence[int]) -> Column:
        """These columns as vectors (N, D) of float64. Raises DataError at the first cell that is not a number."""
        values = np.empty((len(self.rows), len(indices)))
        for j, index in enumerate(indices):
            for i, cell in enumerate(self.cells(index)):
                value = _as_number(cell)
                if value is None or not math.isfinite(value):
                    raise DataError(
                        f"{self.place(index, self.lines[i])}: expected a finite number, found {cell!r:.60}.",
                        "Write it as a number with a decimal point, or leave the column out of the inputs.",
                    )
                values[i, j] = value
        return Column(values, names=tuple(self.names[index] for index in indices))

    def classes(self, index: int) -> Column:
        """This column as classes, one for each different cell, in the order of numbers or of the alphabet."""
        return as_classes(self.cells(index), f"{self.file}, column {self.names[index]!r}")

    def is_numeric(self, index: int) -> bool:
        """Whether every cell of this column that is not missing is a number."""
        cells = (row[index] for row in self.rows)
        return all(_as_number(cell) is not None or cell.lower() in _MISSING for cell in cells)


def read_table(file: Path, header: Literal["auto", "yes", "no"] = "auto") -> Table:
    """The rows of a `.csv` file with its separator (tab, semicolon, bar or comma) guessed from the first line.

    With header "auto" the first line holds names when none of its cells is a number or missing. Raises DataError when
    the file is missing, foreign, too large, empty or ragged.
    """
    lines, rows = _rows(_text(file), file.name)
    _check_ragged(file.name, rows, lines)
    named = header == "yes" or (header == "auto" and all(map(_is_name, rows[0])))
    names = tuple(name or f"column {i}" for i, name in enumerate(rows[0] if named else [""] * len(rows[0]), start=1))
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{file.name} has {times} columns of the name {name!r}.", "Give every column its own name.")
    if len(rows) == int(named):
        raise DataError(f"{file.name} holds names of columns but no rows.", "Choose a file with at least one row.")
    return Table(file.name, names, tuple(rows[int(named) :]), tuple(lines[int(named) :]))


def as_classes(labels: Sequence[object], what: str) -> Column:
    """Labels, texts or whole numbers, as class numbers (N,); each different label is the name of a class.

    Labels that all are numbers are ordered as numbers. Raises DataError when there are too many to be classes.
    """
    names = [str(label) for label in labels]
    found = set(names)
    if len(found) > MAX_CLASSES:
        raise DataError(
            f"{what} has more than {MAX_CLASSES:,} different values: too many to be classes.",
            "Use it as a number instead (in an .npz file: save it as floats), or choose another target.",
        )
    value = {name: _as_number(name) for name in found}
    numeric = all(one is not None and math.isfinite(one) for one in value.values())
    ordered = sorted(found, key=lambda name: (value[name], name) if numeric else name)
    place = {name: i for i, name in enumerate(ordered)}
    return Column(np.array([place[name] for name in names], np.int64), classes=tuple(ordered))


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                f"{file.name} has {size / 2**20:,.0f} MiB; tables of at most {MAX_BYTES >> 20} MiB are read.",
                "Save a part of it, or save it as .npz.",
            )
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not a text file in UTF-8 (byte {error.start} does not fit).", "Save it as “CSV UTF-8”."
        ) from error
    except OSError as error:
        raise DataError(f"The file {file} can not be read: {error}.", "Choose another file.") from error
    if "\0" in text:
        raise DataError(f"{file.name} is not a text file: it has bytes of zero in it.", "Save it as “CSV UTF-8”.")
    return text


def _rows(text: str, file: str) -> tuple[list[int], list[tuple[str, ...]]]:
    """The rows that are not empty, without blanks around their cells, and the line each begins on."""
    lines, rows, begin = [], [], 1
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=_separator(text), skipinitialspace=True, strict=True
        )
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                lines.append(begin)
                rows.append(tuple(cell.strip() for cell in row))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file}, line {begin}: {error}.", "Check the quotation marks in that line.") from error
    return lines, rows


def _separator(text: str) -> str:
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    parted = (mark for mark in _SEPARATORS if len(next(csv.reader([first], delimiter=mark))) > 1)
    return next(parted, ",")


def _check_ragged(file: str, rows: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
    if not rows:
        raise DataError(f"{file} is empty.", "Choose a file with at least one row.")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{file}, line {line} has {len(row)} cells; line {lines[0]} has {len(rows[0])}.",
                "Give every line the same number of cells; put texts with a separator in them in quotation marks.",
            )


def _is_name(cell: str) -> bool:
    return _as_number(cell) is None and cell.lower() not in _MISSING


def _as_number(cell: str) -> float | None:
    try:
        # Python reads 1_000 as a thousand; in a table it is a name.
        return None if "_" in cell else float(cell)
    except ValueError:
        return None
