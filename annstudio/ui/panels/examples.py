"""Examples of the data to look at: pictures and sequences as thumbnails, anything else as a table of numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from annstudio.data.base import Column, Dataset
from annstudio.data.lazy import Values
from annstudio.engine.op import Array
from annstudio.ordinals import nth, ordinal
from annstudio.ui.numbers import number_text, parse_number
from annstudio.ui.panels.drawn import Examples
from annstudio.ui.theme import GRID, SMALL, theme, ui_font

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
Role = Qt.ItemDataRole
SIDE = 12 * GRID
"""The side of a thumbnail."""
SHOWN = 100_000
"""So many examples are listed at most; any one can be had by its number."""


def target_text(dataset: Dataset, i: int, column: str = "y") -> str:
    """The target of example `i` as users read it: a class's name, or numbers."""
    found = dataset.columns.get(column)
    return "" if found is None else value_text(found, i)


def value_text(column: Column, i: int) -> str:
    """What a column says of example `i`."""
    value = column.values[i]
    if column.is_classes:
        return column.classes[int(value)]
    return ", ".join(number_text(float(one), 4).replace("-", "−") for one in np.ravel(value)[:8])


class Thumbnails(QAbstractScrollArea):
    """Pictures in rows, as many as there are; only those in view are drawn. `chosen(i)` tells the one clicked."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: Values = np.zeros((0, 1, 1, 1))
        self._examples = Examples(self.rows)
        self.caption: Callable[[int], str] = str
        self.selected = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Examples")

    def show_rows(
        self, rows: Values, caption: Callable[[int], str], selected: int = -1, lengths: Values | None = None
    ) -> None:
        """Pictures (N, rows, columns, channels) or sequences (N, T, D) in one scale, and what stands below each."""
        if rows is not self.rows or (lengths is None) != (self._examples.lengths is None):
            self._examples = Examples(rows, lengths)
        self.rows, self.caption, self.selected = rows, caption, selected
        self._measure()
        self.viewport().update()

    @property
    def count(self) -> int:
        """How many are shown."""
        return min(len(self.rows), SHOWN)

    @property
    def across(self) -> int:
        """How many stand in a row."""
        return max(1, (self.viewport().width() + GRID) // (SIDE + 2 * GRID))

    def rect_of(self, i: int) -> QRect:
        """Where example `i` is drawn in the viewport, its caption included."""
        step, tall = SIDE + 2 * GRID, SIDE + 5 * GRID
        return QRect((i % self.across) * step, (i // self.across) * tall - self.verticalScrollBar().value(), SIDE, tall)

    def index_at(self, point: QPoint) -> int | None:
        row = (point.y() + self.verticalScrollBar().value()) // (SIDE + 5 * GRID)
        column = point.x() // (SIDE + 2 * GRID)
        i = row * self.across + column
        inside = column < self.across and 0 <= i < self.count
        return i if inside and self.rect_of(i).contains(point) else None

    def _measure(self) -> None:
        lines = -(-self.count // self.across)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, lines * (SIDE + 5 * GRID) - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(SIDE + 5 * GRID)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._measure()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self.viewport())
        painter.setFont(ui_font(SMALL))
        tall = SIDE + 5 * GRID
        first = self.verticalScrollBar().value() // tall * self.across
        count = (self.viewport().height() // tall + 2) * self.across
        for i in range(first, min(first + count, self.count)):
            rect = self.rect_of(i)
            place = self._examples.paint(painter, QRectF(rect.x(), rect.y(), SIDE, SIDE), i)
            if i == self.selected:
                painter.setPen(QPen(t.accent, 2))
                painter.drawRect(place.adjusted(-1, -1, 1, 1))
            painter.setPen(t.text if i == self.selected else t.dim)
            below = QRect(rect.x() - GRID, rect.y() + SIDE, SIDE + 2 * GRID, 4 * GRID)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.caption(i))
        painter.end()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            i = self.index_at(event.pos())
            QToolTip.showText(event.globalPos(), "" if i is None else f"{nth('Sample', i)}: {self.caption(i)}", self)
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        i = self.index_at(event.position().toPoint())
        if i is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(i)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.across,
            Qt.Key.Key_Down: self.across,
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self.count:
            super().keyPressEvent(event)
            return
        i = min(max(self.selected + step, 0), self.count - 1)
        self.chosen.emit(i)
        self.show_index(i)

    def show_index(self, i: int) -> None:
        """Scroll so that example `i` is in view."""
        rect, bar = self.rect_of(i), self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height())


class ExamplesModel(QAbstractTableModel):
    """Columns of numbers and classes as a table. Where it is editable, `edited(row, column, value)` asks the owner."""

    edited = Signal(int, int, float)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.editable = False
        self._places: list[tuple[str, int]] = []
        self._row: tuple[str, int, Array] = ("", -1, np.zeros(0))

    def show_dataset(self, dataset: Dataset | None, *, editable: bool) -> None:
        """The data set's vectors and classes, side by side."""
        places: list[tuple[str, int]] = []
        for key, column in dataset.columns.items() if dataset is not None else ():
            width = 1 if column.is_classes else column.values.shape[1] if column.values.ndim == 2 else 0
            places += [(key, i) for i in range(width)]
        # A reset would close the editor whose entry is just being taken over.
        before = self.rowCount() if self.dataset is not None else -1
        same = dataset is not None and before == min(len(dataset), SHOWN) and places == self._places
        if not same:
            self.beginResetModel()
        self.dataset, self.editable, self._places = dataset, editable, places
        self._row = ("", -1, np.zeros(0))
        if not same:
            self.endResetModel()
        elif dataset is not None:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(places) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(places) - 1)

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() or self.dataset is None else min(len(self.dataset), SHOWN)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._places)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if self.editable else Qt.ItemFlag.NoItemFlags)

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        if role == Role.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if self.dataset is None or role not in (Role.DisplayRole, Role.EditRole, Role.ToolTipRole):
            return None
        key, place = self._places[index.column()]
        column = self.dataset.columns[key]
        if column.is_classes:
            return column.classes[int(column.values[index.row()])]
        if self._row[:2] != (key, index.row()):
            # A row is drawn cell by cell; where it has to be made or fetched, once is enough.
            self._row = key, index.row(), column.values[index.row()]
        value = float(self._row[2][place])
        return number_text(value, 6) if role == Role.DisplayRole else number_text(value)

    def setData(self, index: AnyIndex, value: Any, role: int = Role.EditRole) -> bool:
        number = parse_number(str(value))
        if number is None:
            self.refused.emit(f"“{value}” is no number; the value stays {self.data(index)}.")
            return False
        if number_text(number) != self.data(index, Role.EditRole):
            self.edited.emit(index.row(), index.column(), number)
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role != Role.DisplayRole or self.dataset is None:
            return None
        if orientation == Qt.Orientation.Vertical:
            return str(ordinal(section))
        key, place = self._places[section]
        column = self.dataset.columns[key]
        if column.is_classes:
            return f"{key} (class)"
        return column.names[place] if column.names else f"{key}{ordinal(place)}"
