"""One array in full view: as a picture with its scale, or number by number in the colours of the signs."""

from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QPointF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QStackedLayout,
    QTableView,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.op import Array
from annstudio.ordinals import index_of, ordinal
from annstudio.ui.explain.array_maps import Maps
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.lights import NOTHING, Marks
from annstudio.ui.explain.marks import paint_marks, told
from annstudio.ui.explain.typing_keys import is_typed
from annstudio.ui.numbers import places_text
from annstudio.ui.panels.matrix import AnyIndex, MatrixModel, MatrixView
from annstudio.ui.panels.pictures import ColourBar, Mosaic, Scale
from annstudio.ui.theme import GRID, SMALL, TEXT, TITLE, mono_font, theme, ui_font

Place = tuple[int, int, int]
"""Map, row, column."""
_MOST_MAPS = 64
"""More maps than this are not drawn; the picker reaches them all."""


class CellMosaic(Mosaic):
    """A mosaic whose cells can be asked about: `picked(map, row, column)`."""

    picked = Signal(int, int, int)
    marks = NOTHING
    """Of all maps (n, rows, columns)."""
    tell: Callable[[Place], str] | None = None
    """What is said about a cell under the pointer."""

    def show_marks(self, marks: Marks) -> None:
        self.marks = marks
        self.setAccessibleName(", ".join(told(marks)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = theme().card if self.scale.signed else theme().picture
        for i in range(len(self.maps) if self.marks else 0):
            paint_marks(painter, self.rect_of(i), self.marks.as_seen(itemgetter(i)), ground)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.tell is not None:
            place = self.place_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.tell(place) if place is not None else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(*place)


class ArrayModel(MatrixModel):
    """A matrix to be read, written with the tour's digits. What is `coming` is no number yet."""

    coming: Array | None = None
    tell: Callable[[int, int], str] | None = None
    """What is said about a number under the pointer."""

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        return super().flags(index) & ~Qt.ItemFlag.ItemIsEditable

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = float(self.array[index.row(), index.column()])
        coming = self.coming is not None and self.coming[index.row(), index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return "·" if coming else places_text(value, self.digits)
            case Qt.ItemDataRole.ToolTipRole if self.tell and (tip := self.tell(index.row(), index.column())):
                return tip
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return f"{self.where(index)}: {'not computed yet' if coming else places_text(value, 17)}"
        return None


class NumbersView(MatrixView):
    """A table that is read: what is typed is a command of Explain."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_typed(event):
            event.ignore()
        else:
            super().keyPressEvent(event)


class ArrayFrame(QWidget):
    """Shows maps. `picked(map, row, column)`: a cell was clicked, or Enter pressed on it."""

    picked = Signal(int, int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maps: Maps | None = None
        self._signed = True
        self._marks = NOTHING
        self._alone_lit: tuple[int, int, int] | None = None
        """The one cell that is lit, where it is a single one: the table goes there."""
        self._wants_numbers: bool | None = None
        self.title = ElidedLabel(self)
        # Its end says from where to where the numbers go.
        self.title.mode = Qt.TextElideMode.ElideMiddle
        self.title.setFont(ui_font(TEXT, bold=True))
        self.picker = QSpinBox(self)
        self.picker.setAccessibleName("Which map")
        self.picker.setWrapping(True)
        self.toggle = QToolButton(self)
        self.toggle.setCheckable(True)
        self.toggle.setText("Numbers")
        self.toggle.setToolTip("Numbers instead of a picture")
        self.bar = ColourBar(self)
        self.under = ElidedLabel(self)
        self.under.setFont(ui_font(SMALL))
        self.mosaic = CellMosaic(self)
        self.model = ArrayModel(self)
        self.table = NumbersView(self.model, self)
        self.table.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.single = QToolButton(self)
        self.single.setAutoRaise(True)
        self.single.setFont(mono_font(TITLE))
        self.single.setToolTip("Ask about this number")
        self.empty = QLabel(self)
        for label in (self.under, self.empty):
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self._build()
        self.toggle.toggled.connect(self._choose_numbers)
        self.picker.valueChanged.connect(self._show_map)
        self.mosaic.hovered.connect(self.under.setText)
        self.mosaic.picked.connect(self.picked)
        self.table.clicked.connect(self._pick)
        self.table.activated.connect(self._pick)
        self.single.clicked.connect(lambda: self.picked.emit(0, 0, 0))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self.title, 1)
        head.addWidget(self.picker)
        head.addWidget(self.toggle)
        self._stack = QStackedLayout()
        for widget in (self.mosaic, self.table, self.empty):
            self._stack.addWidget(widget)
        alone = QWidget(self)
        QVBoxLayout(alone).addWidget(self.single, 0, Qt.AlignmentFlag.AlignCenter)
        self._alone = self._stack.addWidget(alone)
        # The titles of two frames stand in one line, whichever of them has a button.
        self.title.setMinimumHeight(self.toggle.sizeHint().height())
        foot = QHBoxLayout()
        foot.addWidget(self.bar)
        foot.addWidget(self.under, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addLayout(self._stack, 1)
        layout.addLayout(foot)

    # Showing ---------------------------------------------------------------------------------------------------------

    def say(self, title: str, words: str) -> None:
        """There is no array yet: why."""
        self._maps = None
        self.title.setText(title)
        self.empty.setText(words)
        self._stack.setCurrentWidget(self.empty)
        for widget in (self.picker, self.toggle, self.bar):
            widget.hide()
        self.under.setText("")

    def show_maps(self, title: str, maps: Maps, digits: int, *, signed: bool, marks: Marks = NOTHING) -> None:
        """Show an array; `signed` pictures have the signs' colours, others are grey. `marks` are laid out as it is."""
        same = self._maps is not None and self._maps.names == maps.names
        if marks.coming is not None:
            # Neither a colour nor a range gives away what is to come.
            maps = replace(maps, values=np.where(marks.coming, 0.0, maps.values))
        self._maps, self._signed, self._marks = maps, signed, marks
        n, rows, columns = maps.values.shape
        alone = maps.values.size == 1
        told = low_high(maps, digits, marks.coming)
        self.title.setText(title if alone else f"{title}  {told}")
        self.single.setText((places_text(float(maps.values.flat[0]), digits) if told else "·") if alone else "")
        self.single.setAccessibleName(f"{title}: {self.single.text()}" if alone else "")
        self.model.set_digits(digits)
        self.table.fit_digits(digits)
        before = self.picker.blockSignals(True)
        self.picker.setRange(1, n)
        before_lit, self._alone_lit = self._alone_lit, _alone(marks)
        if self._alone_lit is not None and self._alone_lit != before_lit:
            self.picker.setValue(ordinal(self._alone_lit[0]))
        elif not same:
            self.picker.setValue(1)
        self.picker.blockSignals(before)
        # A list or a small matrix is best read, a picture best seen.
        numbers = self._wants_numbers if self._wants_numbers is not None else n == 1 and (rows > 1 or columns > 1) and (
            maps.column != "column"
        )  # fmt: skip
        before = self.toggle.blockSignals(True)
        self.toggle.setChecked(bool(numbers))
        self.toggle.blockSignals(before)
        self.toggle.setVisible(not alone)
        self._show()

    def _show(self) -> None:
        if self._maps is None:
            return
        if self._maps.values.size == 1:
            for widget in (self.picker, self.bar):
                widget.hide()
            self.under.setText("")
            self._stack.setCurrentIndex(self._alone)
            return
        numbers = self.toggle.isChecked()
        self.picker.setVisible(numbers and len(self._maps.values) > 1)
        self.bar.setVisible(True)
        if numbers:
            self._show_map(self.picker.value())
            self._stack.setCurrentWidget(self.table)
            return
        scale = Scale.of([self._maps.values], signed=self._signed)
        # A list of values as a picture lies down.
        lies = self._maps.values.shape[2] == 1 and self._maps.values.shape[0] == 1

        def seen(array: Array) -> Array:
            part = array[:_MOST_MAPS]
            return part.transpose(0, 2, 1) if lies else part

        axes = ("", self._maps.row) if lies else (self._maps.row, self._maps.column)
        self.mosaic.show_maps(np.nan_to_num(seen(self._maps.values)), scale, self._maps.names, axes)
        self.mosaic.show_marks(self._marks.as_seen(seen))
        self.bar.show_scale(scale)
        more = len(self._maps.values) - _MOST_MAPS
        self.under.setText(f"{more} more maps: see Numbers" if more > 0 else "")
        self._stack.setCurrentWidget(self.mosaic)

    def _show_map(self, number: int) -> None:
        if self._maps is None:
            return
        scale = Scale.of([self._maps.values], signed=True)
        at = index_of(min(number, len(self._maps.values)))
        self.model.coming = None if self._marks.coming is None else self._marks.coming[at]
        self.model.show_array(self._maps.values[at], scale, self._maps.row, self._maps.column)
        if self._alone_lit is not None and self._alone_lit[0] == at:
            self.table.setCurrentIndex(self.model.index(*self._alone_lit[1:]))
        self.bar.show_scale(scale)
        self.under.setText(self._maps.names[at])
        self.picker.setToolTip(f"{self._maps.names[at]} of {len(self._maps.values)}")

    def redress(self) -> None:
        """The theme is another."""
        self.table.delegate.redress()
        self._show()

    def _choose_numbers(self, wanted: bool) -> None:
        self._wants_numbers = wanted
        self._show()

    def tell_by(self, tell: Callable[[Place], str]) -> None:
        """Say by what a number is explained while the pointer rests on it."""
        self.mosaic.tell = lambda place: tell(self.place_of_picture(place))
        self.model.tell = lambda row, column: tell((index_of(self.picker.value()), row, column))

    # Picking ---------------------------------------------------------------------------------------------------------

    def _pick(self, index: QModelIndex) -> None:
        self.picked.emit(index_of(self.picker.value()), index.row(), index.column())

    def place_of_picture(self, place: tuple[int, int, int]) -> tuple[int, int, int]:
        """Where a cell of the picture is in the array: a list's picture lies down."""
        if self._maps is not None and self._maps.values.shape[0] == 1 and self._maps.values.shape[2] == 1:
            return (place[0], place[2], place[1])
        return place


def low_high(maps: Maps, digits: int, coming: Array | None = None) -> str:
    """From where to where the numbers go, those that are there."""
    values = maps.values if coming is None else maps.values[~coming]
    if not values.size:
        return ""
    low, high = float(values.min()), float(values.max())
    few = min(digits, 4)
    return places_text(low, few) if low == high else f"{places_text(low, few)} … {places_text(high, few)}"


def _alone(marks: Marks) -> tuple[int, int, int] | None:
    """The cell that is lit, where it is one alone."""
    if marks.lit is None or np.count_nonzero(marks.lit) != 1:
        return None
    place, row, column = (int(i) for i in np.argwhere(marks.lit)[0])
    return place, row, column
