"""Arrays as pictures: mosaics of maps with one stated scale, exact values under the pointer, and small charts.

All pictures of one widget share one scale, which is written beside them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annstudio.engine.op import Array
from annstudio.ordinals import nth
from annstudio.ui.numbers import number_text
from annstudio.ui.theme import GRID, SMALL, grey_table, mono_font, signed_table, theme

Axes = tuple[str, str]
"""What is counted downwards and across a map."""
ROW_AND_COLUMN: Axes = ("row", "column")
GAP = 1
"""Cells left free between two maps of a mosaic, in cells of the maps (at least one pixel)."""


@dataclass(frozen=True)
class Scale:
    """Which numbers the ends of a picture's colours stand for. A signed one has zero in its middle."""

    low: float
    high: float
    signed: bool = False

    @classmethod
    def of(cls, arrays: Sequence[Array], *, signed: bool) -> "Scale":
        """The one scale that fits all arrays; numbers that are not finite do not count."""
        low, high = math.inf, -math.inf
        for array in arrays:
            finite = array[np.isfinite(array)]
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if low > high:
            low, high = 0.0, 0.0
        if signed:
            high = max(abs(low), abs(high))
            return cls(-high, high, True)
        return cls(min(low, 0.0), high)

    def indices(self, values: Array) -> Array:
        """Places in the colour table, 0 to 255."""
        span = self.high - self.low
        if span <= 0:
            return np.full(values.shape, 128 if self.signed else 0, np.uint8)
        if self.signed:
            scaled = 128 + 127 * np.nan_to_num(values / self.high)
        else:
            scaled = 255 * np.nan_to_num((values - self.low) / span)
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)

    @property
    def table(self) -> list[int]:
        return signed_table() if self.signed else grey_table()

    def words(self, digits: int = 3) -> tuple[str, str]:
        """What is written at the two ends."""
        return signed_text(self.low, digits, self.signed), signed_text(self.high, digits, self.signed)


def signed_text(value: float, digits: int, signed: bool = True) -> str:
    """A number with a real minus sign, and with a plus where signs matter."""
    text = number_text(float(value) or 0.0, digits).replace("-", "−")
    return f"+{text}" if signed and value > 0 else text


def image_of(values: Array, scale: Scale, table: list[int] | None = None) -> QImage:
    """A picture with one pixel a number; `values` is (rows, columns). `table` spares making the colours anew."""
    indices = np.ascontiguousarray(scale.indices(values))
    height, width = indices.shape
    image = QImage(indices.data, width, height, width, QImage.Format.Format_Indexed8).copy()
    image.setColorTable(table or scale.table)
    return image


class Mosaic(QWidget):
    """Maps of equal size side by side. `hovered(text)` tells the place and value under the pointer, or nothing."""

    hovered = Signal(str)
    chosen = Signal(int)

    def __init__(
        self, parent: QWidget | None = None, *, largest_cell: float = 24.0, tallest: int | None = None
    ) -> None:
        super().__init__(parent)
        self.largest_cell = largest_cell
        self.tallest = tallest
        """Where given, the widget is as high as its maps need, and no higher than this."""
        self.maps: Array = np.zeros((0, 1, 1))
        self.scale = Scale(0, 0)
        self.names: Sequence[str] = ()
        self.axes = ROW_AND_COLUMN
        self.every = (1, 1)
        """Of a thinned map: the how many-th row and column each of those is that are drawn."""
        self.selected = -1
        self._images: list[QImage] = []
        self._laid_out: tuple[tuple[float, ...], tuple[int, float]] | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_maps(
        self, maps: Array, scale: Scale, names: Sequence[str] = (), axes: Axes = ROW_AND_COLUMN,
        every: tuple[int, int] = (1, 1),
    ) -> None:  # fmt: skip
        """Maps (n, rows, columns) in one scale; `names` and `axes` are said with the values."""
        self.maps, self.scale, self.names, self.axes, self.every = maps, scale, names, axes, every
        table = scale.table
        self._images = [image_of(one, scale, table) for one in maps]
        self.setAccessibleDescription(f"{len(maps)} pictures of {maps.shape[1]}×{maps.shape[2]}")
        self._hug()
        self.update()

    def redress(self) -> None:
        """Take over the colours of the theme that is now."""
        self.show_maps(self.maps, self.scale, self.names, self.axes, self.every)

    def layout_for(self, width: float, height: float) -> tuple[int, float]:
        """How many maps stand in a row, and how large a cell is, so that all fit as large as may be."""
        key = (width, height, *self.maps.shape)
        if self._laid_out is None or self._laid_out[0] != key:
            self._laid_out = (key, self._work_out_layout(width, height))
        return self._laid_out[1]

    def _work_out_layout(self, width: float, height: float) -> tuple[int, float]:
        n, rows, columns = self.maps.shape
        best = (max(n, 1), 0.0)
        for across in range(1, n + 1):
            down = math.ceil(n / across)
            cell = min(
                (width - (across - 1) * self._gap) / (across * columns),
                (height - (down - 1) * self._gap) / (down * rows),
            )
            if cell > best[1]:
                best = (across, cell)
        cell = min(best[1], self.largest_cell)
        return best[0], math.floor(cell) if cell >= 2 else cell

    def _layout(self) -> tuple[int, float]:
        return self.layout_for(self.width(), self.tallest or self.height())

    def _hug(self) -> None:
        if self.tallest and len(self.maps):
            across, cell = self._layout()
            n, rows, _ = self.maps.shape
            down = math.ceil(n / across)
            self.setFixedHeight(math.ceil(down * rows * cell + (down - 1) * self._gap) + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hug()

    @property
    def _gap(self) -> float:
        return 2 * GRID if max(self.maps.shape[1:]) > 16 else GRID

    def rect_of(self, i: int) -> QRectF:
        """Where map `i` is drawn."""
        across, cell = self._layout()
        _, rows, columns = self.maps.shape
        x, y = (i % across) * (columns * cell + self._gap), (i // across) * (rows * cell + self._gap)
        return QRectF(x, y, columns * cell, rows * cell)

    def place_at(self, point: QPointF) -> tuple[int, int, int] | None:
        """Map, row and column at a point of the widget."""
        n, rows, columns = self.maps.shape
        across, cell = self._layout()
        if not n or cell <= 0:
            return None
        step_x, step_y = columns * cell + self._gap, rows * cell + self._gap
        i = int(point.y() // step_y) * across + int(point.x() // step_x)
        row, column = int(point.y() % step_y // cell), int(point.x() % step_x // cell)
        inside = point.x() >= 0 and point.y() >= 0 and point.x() // step_x < across
        return (i, row, column) if inside and i < n and row < rows and column < columns else None

    def value_text(self, place: tuple[int, int, int]) -> str:
        """The place in words and its exact value."""
        i = place[0]
        name = self.names[i] if i < len(self.names) else nth("map", i)
        sides = (nth(axis, at * step) for axis, at, step in zip(self.axes, place[1:], self.every, strict=True) if axis)
        return f"{', '.join(filter(None, (name, *sides)))}: {signed_text(self.maps[place], 6, self.scale.signed)}"

    def sizeHint(self) -> QSize:
        return QSize(60 * GRID, 30 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(10 * GRID, 10 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        pen = QPen(theme().card_border, 1)
        for i, image in enumerate(self._images):
            rect = self.rect_of(i)
            painter.drawImage(rect, image)
            if self.scale.signed:
                painter.setPen(pen)
                painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
            if i == self.selected:
                painter.setPen(QPen(theme().accent, 2))
                painter.drawRect(rect.adjusted(-1, -1, 1, 1))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        self.hovered.emit("" if place is None else self.value_text(place))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(place[0])

    def leaveEvent(self, event: object) -> None:
        self.hovered.emit("")


class ColourBar(QWidget):
    """The scale of a picture: its colours with the numbers at both ends, and at zero where it is signed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = Scale(0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, scale: Scale) -> None:
        self.scale = scale
        low, high = scale.words()
        self.setAccessibleName(f"Colours from {low} to {high}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._text_width(0) + self._text_width(1) + 20 * GRID + 2 * GRID, 4 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(mono_font(SMALL))
        painter.setPen(theme().dim)
        left, right = self._text_width(0) + GRID, self._text_width(1) + GRID
        bar = QRectF(left, 0.25 * self.height(), self.width() - left - right, 0.5 * self.height())
        ramp = np.linspace(self.scale.low, self.scale.high, 256)[None, :] if self.scale.high > self.scale.low else None
        if ramp is not None:
            painter.drawImage(bar, image_of(ramp, self.scale))
        painter.setPen(QPen(theme().card_border, 1))
        painter.drawRect(bar)
        painter.setPen(theme().dim)
        low, high = self.scale.words()
        painter.drawText(QRectF(0, 0, left - GRID, self.height()), Qt.AlignmentFlag.AlignVCenter, low)
        end = QRectF(self.width() - right + GRID, 0, right, self.height())
        painter.drawText(end, Qt.AlignmentFlag.AlignVCenter, high)
        painter.end()

    def _text_width(self, end: int) -> int:
        return math.ceil(QFontMetricsF(mono_font(SMALL)).horizontalAdvance(self.scale.words()[end])) + 1
