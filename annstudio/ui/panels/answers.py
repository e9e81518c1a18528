"""The network's answers to many examples as a table, and which of them are right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from annstudio.data.base import Column, Dataset
from annstudio.engine.op import Array
from annstudio.ordinals import nth, ordinal
from annstudio.ui.numbers import count_text, localised, number_text
from annstudio.ui.panels.examples import target_text
from annstudio.ui.panels.pictures import signed_text
from annstudio.ui.plots import Table
from annstudio.ui.theme import theme

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
Role = Qt.ItemDataRole
MOST_NUMBERS = 8
"""An answer of more numbers is not listed number by number."""


class PredictionsModel(QAbstractTableModel):
    """Sample, target, prediction and how sure, for all examples or only for the wrong ones."""

    HEADER = ("sample", "target", "prediction", "output")
    OF_MANY = ("sample", "class", "difference", "largest")
    """Answers of more numbers than can be read: by how much they miss, the root of the mean square."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.column = "y"
        self.found: Array = np.zeros((0, 1))
        self.shown: Array = np.zeros(0, int)
        self.right: Array | None = None

    @property
    def judged(self) -> bool:
        """Whether there is a right and a wrong."""
        return self.right is not None

    @property
    def of_many(self) -> bool:
        """Whether an answer has too many numbers to be listed."""
        y = None if self.dataset is None else self.dataset.columns.get(self.column)
        return y is not None and not y.is_classes and self.found.shape[1] > MOST_NUMBERS

    @property
    def header(self) -> Sequence[str]:
        return self.OF_MANY if self.of_many else self.HEADER

    @property
    def summary(self) -> str:
        n = len(self.found)
        if self.right is None:
            return f"{count_text(n)} examples"
        wrong = n - int(np.count_nonzero(self.right))
        share = 100 * (1 - wrong / max(n, 1))
        return f"{count_text(n)} examples, {count_text(wrong)} wrong · {localised(f'{share:.1f}')}\u2009% right"

    def show_found(self, dataset: Dataset, column: str, found: Array, *, only_wrong: bool) -> None:
        """New answers (n, k), which `column` should hold; the rows stay where they are if the same are listed."""
        right = judged(dataset.columns.get(column), dataset.excerpt.columns.get(column), found)
        shown = np.flatnonzero(~right) if only_wrong and right is not None else np.arange(len(found))
        same = dataset is self.dataset and np.array_equal(shown, self.shown)
        if not same:
            self.beginResetModel()
        self.dataset, self.column, self.found, self.right, self.shown = dataset, column, found, right, shown
        if not same:
            self.endResetModel()
        elif len(shown):
            self.redress()

    def redress(self) -> None:
        if len(self.shown):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.shown) - 1, len(self.HEADER) - 1))

    def all_rows(self) -> Table:
        rows = [[self.index(r, c).data() for c in range(len(self.HEADER))] for r in range(len(self.shown))]
        return self.header, rows

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        return self.header[section] if role == Role.DisplayRole and orientation == Qt.Orientation.Horizontal else None

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        i = int(self.shown[index.row()])
        if role == Role.ForegroundRole and self.right is not None and not self.right[i]:
            return theme().problem
        if role == Role.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role != Role.DisplayRole or self.dataset is None:
            return None
        y = self.dataset.columns.get(self.column)
        match index.column():
            case 0:
                return str(ordinal(i))
            case 1 if self.of_many:
                classes = self.dataset.columns.get("y")
                return target_text(self.dataset, i) if classes is not None and classes.is_classes else "–"
            case 2 if self.of_many and y is not None:
                missed = self.found[i] - np.asarray(y.values[i]).reshape(-1)
                return number_text(float(np.sqrt(np.mean(np.square(missed)))), 4)
            case 1:
                return target_text(self.dataset, i, self.column)
            case 2:
                return answer_text(self.found[i], y)
            case _:
                return number_text(float(self.found[i].max()), 4)


def judged(y: Column | None, known: Column | None, found: Array) -> Array | None:
    """Which answers (n, k) are right; None where the target is no matter of right or wrong. `known` is y's excerpt."""
    if y is None or known is None:
        return None
    targets = y.values[: len(found)]
    if y.is_classes:
        if found.shape[1] == 1 and len(y.classes) == 2:
            return np.asarray((found[:, 0] > 0.5) == (targets == 1))
        return np.asarray(found.argmax(1) == targets) if found.shape[1] == len(y.classes) else None
    if y.shape == (1,) and found.shape[1] == 1 and np.isin(known.array, (0.0, 1.0)).all():
        return np.asarray((found[:, 0] > 0.5) == (targets[:, 0] > 0.5))
    return None


def answer_text(found: Array, y: Column | None) -> str:
    """What an answer says, as users read it: the likeliest class, or numbers."""
    if y is not None and y.is_classes and len(found):
        if len(found) == len(y.classes):
            return y.classes[int(found.argmax())]
        if len(found) == 1 and len(y.classes) == 2:
            return y.classes[int(found[0] > 0.5)]
    return ", ".join(signed_text(float(value), 4, False) for value in found[:8])


def output_names(y: Column | None, n: int) -> list[str]:
    """The names of the outputs: of the classes or of the target's components, else numbers."""
    if y is not None and y.is_classes and len(y.classes) == n:
        return list(y.classes)
    if y is not None and len(y.names) == n:
        return list(y.names)
    return [nth("output", i) for i in range(n)]
