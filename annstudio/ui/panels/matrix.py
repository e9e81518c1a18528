"""A table of numbers over a heat map: fluent for a million entries, editable one by one, copied and pasted as text."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QKeySequence, QPainter, QPen
from PySide6.QtWidgets import (
    QHeaderView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from annstudio.engine.op import Array
from annstudio.ordinals import nth
from annstudio.ui.glyphs import draw_glyph
from annstudio.ui.numbers import number_text, parse_number
from annstudio.ui.panels.pictures import Scale
from annstudio.ui.theme import GRID, SMALL, mono_font, theme

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
Role = Qt.ItemDataRole
LOCK = 13
"""The size of the sign in a cell whose number is locked."""


class MatrixModel(QAbstractTableModel):
    """A matrix as Qt's views want it. `edited(row, column, value)` asks the owner; `refused(words)` tells mistakes."""

    edited = Signal(int, int, float)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.array: Array = np.zeros((0, 0))
        self.locked: Array = np.zeros((0, 0), bool)
        self.scale = Scale(0, 0, True)
        self.row_name, self.column_name = "row", "column"
        self.digits = 4

    def show_array(
        self, array: Array, scale: Scale, row_name: str, column_name: str, locked: Array | None = None
    ) -> None:
        """Another matrix, or other numbers in one of the same shape (then what is selected stays)."""
        same = array.shape == self.array.shape and (row_name, column_name) == (self.row_name, self.column_name)
        if not same:
            self.beginResetModel()
        self.array, self.scale, self.row_name, self.column_name = array, scale, row_name, column_name
        self.locked = np.zeros(array.shape, bool) if locked is None else locked
        if not same:
            self.endResetModel()
        elif array.size:
            self.dataChanged.emit(self.index(0, 0), self.index(array.shape[0] - 1, array.shape[1] - 1))

    def set_digits(self, digits: int) -> None:
        self.digits = digits
        if self.array.size:
            self.dataChanged.emit(self.index(0, 0), self.index(self.array.shape[0] - 1, self.array.shape[1] - 1))

    # How Qt asks -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.array.shape[0]

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.array.shape[1]

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        value = self.array[index.row(), index.column()]
        if role == Role.DisplayRole:
            return number_text(float(value), self.digits).replace("-", "−")
        if role == Role.EditRole:
            return exact_text(value)
        if role in (Role.ToolTipRole, Role.AccessibleTextRole):
            words = f"{self.where(index)}: {exact_text(value)}"
            return f"{words}, locked" if self.locked[index.row(), index.column()] else words
        return None

    def where(self, index: AnyIndex) -> str:
        """Which cell it is, in words: unit 3, input 1."""
        return f"{self._row_words(index.row())}, {self._column_words(index.column())}"

    def _row_words(self, row: int) -> str:
        return nth(self.row_name, row)

    def _column_words(self, column: int) -> str:
        """What a column is called; of a list the only one has no number."""
        return nth(self.column_name, column) if self.array.shape[1] > 1 else self.column_name

    def setData(self, index: AnyIndex, value: Any, role: int = Role.EditRole) -> bool:
        number = parse_number(str(value))
        if number is None:
            self.refused.emit(f"“{value}” is no number; the value stays {self.data(index)}.")
            return False
        if exact_text(self.array[index.row(), index.column()]) != str(value).strip():
            self.edited.emit(index.row(), index.column(), number)
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole:
            across = orientation == Qt.Orientation.Horizontal
            return self._column_words(section) if across else self._row_words(section)
        if role == Role.TextAlignmentRole and orientation == Qt.Orientation.Vertical:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class HeatDelegate(QStyledItemDelegate):
    """Paints a number on the colour of its sign and size."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._colours: list[QColor] = []
        self._inks: list[QColor] = []
        self.redress()

    def redress(self) -> None:
        """Take over the colours of the theme that is now."""
        self._colours = [QColor(rgb) for rgb in Scale(-1, 1, True).table]
        self._inks = [_ink_on(colour) for colour in self._colours]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        model = index.model()
        assert isinstance(model, MatrixModel)
        shade = int(model.scale.indices(model.array[index.row(), index.column()][None])[0])
        rect: QRect = option.rect
        painter.fillRect(rect, self._colours[shade])
        painter.setPen(self._inks[shade])
        painter.setFont(mono_font(SMALL + 1))
        inner = rect.adjusted(GRID, 0, -GRID, 0)
        if model.locked[index.row(), index.column()]:
            place = QPointF(rect.left() + 3, rect.center().y() - LOCK / 2 + 1)
            draw_glyph(painter, place, "lock", self._inks[shade], LOCK)
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, model.data(index))
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme().text, 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        editor = QLineEdit(parent)
        editor.setFont(mono_font(SMALL + 1))
        editor.setStyleSheet("QLineEdit { padding: 0 3px; border-radius: 0 }")
        return editor

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        # Training goes on under an open editor; what is being typed stays.
        if isinstance(editor, QLineEdit) and not editor.property("begun"):
            editor.setProperty("begun", True)
            editor.setText(str(index.data(Role.EditRole)))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: AnyIndex) -> None:
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())


class MatrixView(QTableView):
    """The table itself, with rows and columns of fixed size: nothing is measured, however many there are."""

    menu_wanted = Signal(QPoint)
    copy_wanted = Signal()
    paste_wanted = Signal()

    def __init__(self, model: MatrixModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.delegate = HeatDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setEditTriggers(
            QTableView.EditTrigger.DoubleClicked
            | QTableView.EditTrigger.EditKeyPressed
            | QTableView.EditTrigger.AnyKeyPressed
        )
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setHighlightSections(False)
        self.verticalHeader().setDefaultSectionSize(6 * GRID)
        self.setShowGrid(False)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.fit_digits(4)

    def fit_digits(self, digits: int) -> None:
        """Columns wide enough for so many digits."""
        self.horizontalHeader().setDefaultSectionSize((digits + 6) * 7 + 2 * GRID + LOCK)

    def event(self, event: QEvent) -> bool:
        # The window copies and pastes layers with the same keys; here they mean numbers.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _wanted(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        wanted = _wanted(event)
        if wanted is None:
            super().keyPressEvent(event)
        elif wanted is QKeySequence.StandardKey.Copy:
            self.copy_wanted.emit()
        else:
            self.paste_wanted.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        # By key it opens at the cell at hand.
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        self.menu_wanted.emit(self.visualRect(self.currentIndex()).center() if by_key else event.pos())

    def selected(self) -> Array:
        """Which cells are selected, of any shape: True in a matrix of the table's size."""
        where = np.zeros((self.model().rowCount(), self.model().columnCount()), bool)
        selection = self.selectionModel().selection()
        for one in (selection.at(i) for i in range(selection.count())):
            where[one.top() : one.bottom() + 1, one.left() : one.right() + 1] = True
        return where

    def chosen(self) -> tuple[slice, slice] | None:
        """The rectangle that is selected; None for nothing or for scattered cells."""
        selection = self.selectionModel().selection()
        ranges = [selection.at(i) for i in range(selection.count())]
        if len(ranges) != 1:
            return None
        one = ranges[0]
        return slice(one.top(), one.bottom() + 1), slice(one.left(), one.right() + 1)


def exact_text(value: Any) -> str:
    """The shortest text that reads as exactly this number in its own precision."""
    return re.sub(r"e([+-])0+", r"e\1", str(value)).replace("e+", "e")


def matrix_text(array: Array) -> str:
    """A matrix as text that spreadsheets take: tabs and newlines."""
    return "\n".join("\t".join(exact_text(value) for value in row) for row in array)


def parse_matrix(text: str) -> Array:
    """The matrix that a text holds; cells parted by tabs, semicolons, commas or blanks, brackets allowed.

    Raises ValueError in words.
    """
    bare = re.sub(r"\]\s*,?\s*(?=\[)", "\n", text.strip())
    bare = re.sub(r"[\[\]()]", "", bare)
    lines = [line for line in bare.splitlines() if line.strip()]
    separator = next((sign for sign in "\t;," if sign in bare), None)
    rows: list[Sequence[str]] = [[cell for cell in line.split(separator) if cell.strip()] for line in lines]
    if not rows or not rows[0]:
        raise ValueError("The clipboard holds no numbers.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise ValueError(f"Row {number} of what was pasted has {len(row)} numbers, the first has {len(rows[0])}.")
    values = [[parse_number(cell) for cell in row] for row in rows]
    for row, found in zip(rows, values, strict=True):
        for cell, value in zip(row, found, strict=True):
            if value is None:
                raise ValueError(f"“{cell.strip()[:40]}” is no number; nothing was pasted.")
    return np.array(values, float)


def _wanted(event: QKeyEvent) -> QKeySequence.StandardKey | None:
    both = (QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Paste)
    return next((key for key in both if event.matches(key)), None)


def _ink_on(colour: QColor) -> QColor:
    """Black or white, whichever is easier to read on a colour."""

    def part(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    light = 0.2126 * part(colour.redF()) + 0.7152 * part(colour.greenF()) + 0.0722 * part(colour.blueF())
    return QColor(Qt.GlobalColor.black if light > 0.179 else Qt.GlobalColor.white)
