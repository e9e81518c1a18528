"""Arrays of one example as small pictures: values as on the canvas, gradients in the colours of their signs."""

import math

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from annstudio.engine.layout import to_user
from annstudio.engine.op import Array
from annstudio.ui.canvas.thumbnail import MOST_MAPS, Picture, picture_of
from annstudio.ui.numbers import number_text
from annstudio.ui.panels.pictures import Scale, image_of
from annstudio.ui.theme import theme

_GAP = 2


class SignedMaps:
    """Maps (H, W, C) side by side, blue positive and orange negative, in one scale."""

    def __init__(self, values: Array) -> None:
        shown = values[:, :, :MOST_MAPS]
        scale = Scale.of([shown], signed=True)
        table = scale.table
        self._images: list[QImage] = [image_of(shown[:, :, i], scale, table) for i in range(shown.shape[2])]
        n = values.shape[2]
        which = f"{shown.shape[2]} of {n} maps, " if n > MOST_MAPS else ""
        self.told = f"{which}full colour at ±{number_text(scale.high, 3)}"

    def paint(self, painter: QPainter, area: QRectF) -> None:
        height, width, n = self._images[0].height(), self._images[0].width(), len(self._images)

        def cell(across: int) -> float:
            down = -(-n // across)
            return min((area.width() - _GAP * (across - 1)) / (across * width),
                       (area.height() - _GAP * (down - 1)) / (down * height))  # fmt: skip

        across = max(range(1, n + 1), key=cell)
        side, down = cell(across), -(-n // across)
        left = area.center().x() - (across * width * side + _GAP * (across - 1)) / 2
        top = area.center().y() - (down * height * side + _GAP * (down - 1)) / 2
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for i, image in enumerate(self._images):
            x = left + (i % across) * (width * side + _GAP)
            y = top + (i // across) * (height * side + _GAP)
            painter.drawImage(QRectF(x, y, width * side, height * side), image)


class Text:
    """A single number, written out."""

    def __init__(self, text: str) -> None:
        self.told = text

    def paint(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(theme().text)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.told)


def picture(array: Array, area: QRectF, text: str, *, signed: bool = False) -> Picture | None:
    """The picture of what a slot holds for the one example, the examples last; of a single number `text`."""
    values = to_user(np.asarray(array, float))[0] if array.ndim else np.asarray(array, float)
    if values.size == 1 and values.ndim < 2:
        return Text(text)
    if signed and values.ndim == 3 and math.prod(values.shape):
        return SignedMaps(np.nan_to_num(values))
    return picture_of(values, area)
