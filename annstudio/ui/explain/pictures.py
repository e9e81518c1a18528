"""Arrays of one example as small pictures: values as on the canvas, gradients in the colours of their signs."""

import math
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from annstudio.engine.layout import to_user
from annstudio.engine.op import Array
from annstudio.ordinals import nth
from annstudio.ui.canvas.thumbnail import MOST_BARS, MOST_MAPS, Bars, Dots, Heat, Picture, bins
from annstudio.ui.explain.lights import Marks
from annstudio.ui.explain.marks import Frame, Marked
from annstudio.ui.numbers import number_text
from annstudio.ui.panels.pictures import Scale, image_of
from annstudio.ui.theme import theme

_GAP = 2


class MapsPicture:
    """Maps (H, W, C) side by side in the one scale of them all: grey, or blue positive and orange negative. Of many
    those from `first` on are drawn."""

    def __init__(self, values: Array, *, signed: bool, first: int = 0) -> None:
        shown = values[:, :, first : first + MOST_MAPS]
        scale = Scale.of([values], signed=signed)
        self._values, self._first = values, first
        self._pages: dict[int, MapsPicture] = {first: self}
        table = scale.table
        self._images: list[QImage] = [image_of(shown[:, :, i], scale, table) for i in range(shown.shape[2])]
        n = values.shape[2]
        part = f"{nth('maps', first)} to {first + shown.shape[2]}" if first else f"{shown.shape[2]}"
        which = f"{part} of {n} maps, " if n > MOST_MAPS else f"{n} maps, " if n > 1 and not signed else ""
        low, high = number_text(scale.low, 3), number_text(scale.high, 3)
        ends = f"full colour at ±{high}" if signed else f"black {low}, white {high}"
        self._signed, self.told = signed, which + ends

    def paint(self, painter: QPainter, area: QRectF) -> None:
        if not self._signed:
            painter.fillRect(area, theme().picture)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for rect, image in zip(self._rects(area), self._images, strict=True):
            painter.drawImage(rect, image)

    @property
    def ground(self) -> QColor:
        return theme().card if self._signed else theme().picture

    def frames(self, area: QRectF) -> list[Frame]:
        return [(rect, partial(_one_map, self._first + i)) for i, rect in enumerate(self._rects(area))]

    def turned_to(self, marks: Marks) -> "MapsPicture":
        """The maps among which the first that is lit is, where that is not among these."""
        n = self._values.shape[2]
        if n <= MOST_MAPS or marks.lit is None:
            return self
        lit = np.flatnonzero(_maps(to_user(marks.lit[..., None])[0]).any((0, 1)))
        first = int(lit[0]) // MOST_MAPS * MOST_MAPS if lit.size else 0
        if first not in self._pages:
            self._pages[first] = MapsPicture(self._values, signed=self._signed, first=first)
        return self._pages[first]

    def _rects(self, area: QRectF) -> list[QRectF]:
        height, width, n = self._images[0].height(), self._images[0].width(), len(self._images)

        def cell(across: int) -> float:
            down = -(-n // across)
            return min((area.width() - _GAP * (across - 1)) / (across * width),
                       (area.height() - _GAP * (down - 1)) / (down * height))  # fmt: skip

        across = max(range(1, n + 1), key=cell)
        side, down = cell(across), -(-n // across)
        left = area.center().x() - (across * width * side + _GAP * (across - 1)) / 2
        top = area.center().y() - (down * height * side + _GAP * (down - 1)) / 2
        return [
            QRectF(left + (i % across) * (width * side + _GAP), top + (i // across) * (height * side + _GAP),
                   width * side, height * side)
            for i in range(n)
        ]  # fmt: skip


class HeatPicture(Heat):
    """A sequence (T, D): time to the right, one row a feature."""

    @property
    def ground(self) -> QColor:
        return theme().card

    def frames(self, area: QRectF) -> list[Frame]:
        return [(area, np.transpose)]


class BarsPicture(Bars):
    """One bar a unit; where several share a bar, what is marked for one of them is for the bar."""

    @property
    def ground(self) -> QColor:
        return theme().card

    def frames(self, area: QRectF) -> list[Frame]:
        starts = bins(self.size)
        wide = self.pitch * len(starts)
        rect = QRectF(area.center().x() - wide / 2, area.top(), wide, area.height())
        return [(rect, lambda array: np.logical_or.reduceat(array.reshape(-1), starts)[None])]


class Text:
    """A single number, written out."""

    def __init__(self, text: str) -> None:
        self.told = text

    def paint(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(theme().text)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.told)


Drawn = MapsPicture | HeatPicture | BarsPicture | Text


def picture(array: Array, area: QRectF, text: str, *, signed: bool = False) -> Drawn | None:
    """The picture of what a slot holds for one example, without an axis of examples; of a single number `text`."""
    values = np.nan_to_num(to_user(np.asarray(array, float)[..., None])[0])
    if values.size == 1 and values.ndim < 2:
        return Text(text)
    if not math.prod(values.shape):
        return None
    if values.ndim >= 3:
        return MapsPicture(_maps(values), signed=signed)
    return HeatPicture(values) if values.ndim == 2 and values.shape[1] > 1 else BarsPicture(values.reshape(-1), area)


def _maps(values: Array) -> Array:
    """Pictures one after the other (T, H, W, C) are seen side by side."""
    return np.moveaxis(values, 0, 2).reshape(*values.shape[1:3], -1) if values.ndim == 4 else values


def _one_map(i: int, array: Array) -> Array:
    one: Array = _maps(array)[:, :, i]
    return one


def marked(shown: Drawn | None, marks: Marks, *, values: bool = True) -> Picture | None:
    """A picture with what is marked on it. Of long lists of `values` that dropout went through, which units are on."""
    if shown is None or isinstance(shown, Text) or not marks:
        return shown
    if isinstance(shown, BarsPicture) and shown.size > MOST_BARS and marks.off is not None:
        # Several units share a bar: whether one of them is off says nothing there.
        on = Marks(marks.lit, marks.won)
        return Dots(~marks.off.reshape(-1)) if values and marks.lit is None else Marked(shown, on) if on else shown
    return Marked(shown.turned_to(marks) if isinstance(shown, MapsPicture) else shown, marks)
