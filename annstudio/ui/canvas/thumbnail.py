"""What a card shows of its layer's newest values: image, feature maps, unit bars, class bars, mask, loss curve.

A picture is made once from the arrays of a snapshot and painted as often as needed.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from annstudio.engine.op import Array
from annstudio.layers.base import Family
from annstudio.ui.numbers import number_text
from annstudio.ui.theme import SMALL, grey_table, mixed, signed_table, theme, ui_font

MOST_MAPS = 8
"""More feature maps than this would be too small to read."""
MOST_BARS = 66
_DOTS = (12, 5)
_GAP = 20
"""The grey between feature maps."""


class Picture(Protocol):
    """Something to be painted into a card; `told` says it in words, for the tool tip."""

    told: str

    def paint(self, painter: QPainter, area: QRectF) -> None: ...


class Screen(QGraphicsItem):
    """The part of a card that changes all the time, an item of its own so that the rest of the card stays cached."""

    def __init__(self, card: QGraphicsItem, area: QRectF) -> None:
        super().__init__(card)
        self._area = area
        self._stale: Callable[[], Picture | None] | None = None
        self.picture: Picture | None = None

    def show_next(self, stale: Callable[[], Picture | None] | None) -> None:
        """Take the way to the newest picture; it is gone once it is painted, so only by what can be seen."""
        self._stale = stale
        if stale is None:
            self.picture = None
        self.setVisible(stale is not None)
        self.update()

    def boundingRect(self) -> QRectF:
        return self._area

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._stale is not None:
            self.picture, self._stale = self._stale(), None
        if self.picture is not None:
            painter.save()
            self.picture.paint(painter, self._area)
            painter.restore()


class Maps:
    """One image, or feature maps side by side, in grey with one scale for all of them. `values` (H, W, C)."""

    def __init__(self, values: Array, area: QRectF) -> None:
        low, high = min(float(values.min()), 0.0), float(values.max())
        span = high - low or 1.0
        shown = values[:, :, :MOST_MAPS]
        grey = ((shown - low) * (255 / span)).astype(np.uint8)
        self._pixels = _mosaic(grey, area)
        rows, columns = self._pixels.shape
        self._image = QImage(self._pixels.data, columns, rows, columns, QImage.Format.Format_Indexed8)
        self._image.setColorTable(grey_table())
        n = values.shape[2]
        which = f"{shown.shape[2]} of {n} maps, " if n > MOST_MAPS else f"{n} maps, " if n > 1 else ""
        self.told = f"{which}black {number_text(low, 3)}, white {number_text(high, 3)}"

    def paint(self, painter: QPainter, area: QRectF) -> None:
        painter.fillRect(area, theme().picture)
        _paint_image(painter, area, self._image)


class Colours:
    """A colour image (H, W, 3) with values 0 … 1."""

    def __init__(self, values: Array) -> None:
        self._pixels = np.ascontiguousarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
        rows, columns, _ = self._pixels.shape
        self._image = QImage(self._pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
        self.told = "red, green and blue from 0 to 1"

    def paint(self, painter: QPainter, area: QRectF) -> None:
        painter.fillRect(area, theme().picture)
        _paint_image(painter, area, self._image)


class Heat:
    """A sequence (T, D): time to the right, one row a feature, blue positive, orange negative."""

    def __init__(self, values: Array) -> None:
        largest = float(np.abs(values).max()) or 1.0
        self._pixels = np.ascontiguousarray((128 + values.T * (127 / largest)).astype(np.uint8))
        self.told = f"full colour at ±{number_text(largest, 3)}"

    def paint(self, painter: QPainter, area: QRectF) -> None:
        rows, columns = self._pixels.shape
        image = QImage(self._pixels.data, columns, rows, columns, QImage.Format.Format_Indexed8)
        image.setColorTable(signed_table())
        painter.drawImage(area, image)


class Bars:
    """One bar a unit, blue up, orange down. Many units share a bar that shows the largest of them. `values` (D,)."""

    def __init__(self, values: Array, area: QRectF) -> None:
        self.size = values.size
        shown = _binned(values)
        self._top, self._bottom = max(float(shown.max()), 0.0), min(float(shown.min()), 0.0)
        self.told = f"{values.size} values from {number_text(values.min(), 3)} to {number_text(values.max(), 3)}"
        self.pitch = pitch = min(area.width() / len(shown), 18.0)
        gap = min(pitch * 0.25, 1.0)
        left = area.left() + (area.width() - pitch * len(shown)) / 2
        per_unit = area.height() / ((self._top - self._bottom) or 1.0)
        self._zero = area.top() + self._top * per_unit
        rects = [
            QRectF(left + i * pitch, self._zero - max(v, 0.0) * per_unit, pitch - gap, max(abs(v) * per_unit, 1.0))
            for i, v in enumerate(shown.tolist())
        ]
        signs = (shown >= 0).tolist()
        self._up = [rect for rect, sign in zip(rects, signs, strict=True) if sign]
        self._down = [rect for rect, sign in zip(rects, signs, strict=True) if not sign]

    def paint(self, painter: QPainter, area: QRectF) -> None:
        t = theme()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.positive)
        painter.drawRects(self._up)
        if self._down:
            painter.setBrush(t.negative)
            painter.drawRects(self._down)
        painter.fillRect(QRectF(area.left(), self._zero, area.width(), 1), t.faint)


class ClassBars:
    """The probability of every class, with the classes' names where there is room. `values` (K,)."""

    def __init__(self, values: Array, labels: Sequence[str], area: QRectF) -> None:
        self._values, self._labels = values.tolist(), list(labels)
        best = int(np.argmax(values))
        self._best = best
        self.told = f"{labels[best]}: {values[best]:.1%}"
        self._metrics = QFontMetricsF(ui_font(SMALL))
        self._pitch = area.width() / len(labels)
        self._all_fit = max(self._metrics.horizontalAdvance(name) for name in labels) <= self._pitch

    def paint(self, painter: QPainter, area: QRectF) -> None:
        t = theme()
        floor = area.bottom() - 14
        per_unit = floor - area.top()
        colour = t.families[Family.OUTPUT]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        width = min(self._pitch - 2, 16.0) if self._pitch > 4 else self._pitch
        inset = (self._pitch - width) / 2
        painter.drawRects([
            QRectF(area.left() + i * self._pitch + inset, floor - max(v * per_unit, 1), width, max(v * per_unit, 1))
            for i, v in enumerate(self._values)
        ])  # fmt: skip
        painter.setFont(ui_font(SMALL))
        painter.setPen(t.dim)
        for i, name in enumerate(self._labels):
            if self._all_fit:
                place = QRectF(area.left() + i * self._pitch, floor, self._pitch, 14)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, name)
        if not self._all_fit:
            middle = area.left() + (self._best + 0.5) * self._pitch
            wide = min(self._metrics.horizontalAdvance(self._labels[self._best]) + 2, area.width())
            left = min(max(middle - wide / 2, area.left()), area.right() - wide)
            name = self._metrics.elidedText(self._labels[self._best], Qt.TextElideMode.ElideRight, wide)
            painter.drawText(QRectF(left, floor, wide, 14), Qt.AlignmentFlag.AlignCenter, name)


class Dots:
    """Which units are on (filled) and which are turned off (hollow). `on` is a mask (D,)."""

    def __init__(self, on: Array) -> None:
        n = _DOTS[0] * _DOTS[1]
        self._on = on[:n].tolist()
        which = f"{len(self._on)} of {on.size} units shown, " if on.size > n else ""
        self.told = f"{which}{int(on.sum())} of {on.size} on"

    def paint(self, painter: QPainter, area: QRectF) -> None:
        colour = theme().families[Family.REGULARISE]
        columns = min(_DOTS[0], len(self._on))
        rows = -(-len(self._on) // columns)
        pitch = min(area.width() / _DOTS[0], area.height() / _DOTS[1])
        radius = pitch * 0.34
        left = area.center().x() - (columns - 1) * pitch / 2
        top = area.center().y() - (rows - 1) * pitch / 2
        places = [QPointF(left + i % columns * pitch, top + i // columns * pitch) for i in range(len(self._on))]
        hollow = [place for place, on in zip(places, self._on, strict=True) if not on]
        # Round points in three calls: every call into Qt may have to wait for the thread that trains.
        for points, size, ink in ((places, 2 * radius + 1, colour), (hollow, 2 * radius - 1, theme().card)):
            if points:
                painter.setPen(QPen(ink, size, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawPoints(points)


class Curve:
    """The loss of the steps so far; `means` (n,)."""

    def __init__(self, means: Array, area: QRectF) -> None:
        finite = means[np.isfinite(means)]
        shown = _averaged(finite, 128)
        self.told = f"loss {number_text(finite[-1], 4)}" if len(finite) else ""
        low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
        down = (area.height() - 8) / ((high - low) or 1.0)
        across = area.left() + area.width() / max(len(shown) - 1, 1) * np.arange(len(shown))
        upright = area.top() + 4 + (high - shown) * down
        self._line = QPolygonF(list(map(QPointF, across.tolist(), upright.tolist())))

    def paint(self, painter: QPainter, area: QRectF) -> None:
        t = theme()
        painter.setPen(QPen(mixed(t.faint, t.card, 0.2), 1))
        painter.drawLine(QLineF(area.bottomLeft(), area.bottomRight()))
        painter.setPen(QPen(t.families[Family.OUTPUT], 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(self._line)


def picture_of(values: Array, area: QRectF, labels: Sequence[str] = ()) -> Picture | None:
    """The picture that suits one example's values in users' layout; `labels` where they are classes."""
    values = np.nan_to_num(np.asarray(values, float))
    if values.size == 0:
        return None
    if values.ndim == 4:
        # Pictures one after the other are seen side by side.
        values = np.moveaxis(values, 0, 2).reshape(*values.shape[1:3], -1)
    if values.ndim == 3:
        return Maps(values, area)
    if values.ndim == 2 and values.shape[1] > 1:
        return Heat(values)
    values = values.reshape(-1)
    return ClassBars(values, labels, area) if len(labels) == values.size else Bars(values, area)


# Laying out ----------------------------------------------------------------------------------------------------------


def _mosaic(maps: Array, area: QRectF) -> Array:
    """Maps (H, W, C) of bytes in as many columns as make them largest, (rows, columns) with dark gaps."""
    height, width, n = maps.shape
    columns = max(range(1, n + 1), key=lambda c: min(area.width() / (c * width), area.height() / (-(-n // c) * height)))
    rows = -(-n // columns)
    gap = 2 if n > 1 else 0
    room = min(
        (area.width() - gap * (columns - 1)) / (columns * width), (area.height() - gap * (rows - 1)) / (rows * height)
    )
    # Whole multiples keep pixels sharp; larger maps are fitted when painted.
    times = int(room) if room >= 2 else 1
    tall, wide = height * times + gap, width * times + gap
    pixels = np.full((rows * tall - gap, columns * wide - gap), _GAP, np.uint8)
    for i in range(n):
        top, left = i // columns * tall, i % columns * wide
        tile = maps[:, :, i].repeat(times, 0).repeat(times, 1)
        pixels[top : top + height * times, left : left + width * times] = tile
    return pixels


def _paint_image(painter: QPainter, area: QRectF, image: QImage) -> None:
    """In the middle: as it is where it nearly fills the area, else as large as it fits."""
    scale = min(area.width() / image.width(), area.height() / image.height())
    if 1 <= scale < 1.5 and image.height() >= area.height() / 2:
        scale = 1.0
    width, height = image.width() * scale, image.height() * scale
    left, top = area.center().x() - width / 2, area.center().y() - height / 2
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale * painter.worldTransform().m11() < 1)
    painter.drawImage(QRectF(round(left), round(top), width, height), image)


def bins(n: int) -> Array:
    """Where the stretches begin that share a bar, of so many numbers."""
    return np.linspace(0, n, min(n, MOST_BARS), endpoint=False).astype(int)


def _binned(values: Array) -> Array:
    """At most as many numbers as there are bars: of every stretch the one that is largest in size."""
    starts = bins(len(values))
    if len(starts) == len(values):
        return values
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.where(high >= -low, high, low)


def _averaged(values: Array, most: int) -> Array:
    """At most `most` numbers: the means of stretches."""
    if len(values) <= most:
        return values
    starts = np.linspace(0, len(values), most, endpoint=False).astype(int)
    return np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
