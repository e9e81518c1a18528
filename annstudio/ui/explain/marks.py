"""How marks are drawn on a picture's cells: what is lit keeps its light and has an outline, winners a dot, what is off
a cross."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from annstudio.engine.layout import to_user
from annstudio.engine.op import Array
from annstudio.ui.canvas.thumbnail import Picture
from annstudio.ui.explain.lights import Marks
from annstudio.ui.theme import theme

_DIM = 175
"""How far what is not lit stands back, of 255."""
_FAINT = 90
"""How strong the hatching of what is to come is, of 255."""
_SEEN = 5.0
"""In cells smaller than this a dot is not seen: those that did not win stand back instead. Bars that are thinner are
underlined, not framed."""


Frame = tuple[QRectF, Callable[[Array], Array]]
"""A rectangle of a picture, and which part (rows, columns) of an array in the users' layout stands there."""


class Cells(Picture, Protocol):
    """A picture that knows where the numbers of an array stand in it."""

    @property
    def ground(self) -> QColor:
        """What stands back fades into this."""

    def frames(self, area: QRectF) -> list[Frame]:
        """The rectangles that it is made of."""


class Marked:
    """A picture with marks on its cells."""

    def __init__(self, picture: Cells, marks: Marks) -> None:
        self.picture, self.marks = picture, marks
        self.told = picture.told + "".join(f", {words}" for words in told(marks))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marked) and self.picture is other.picture and self.marks.say_the_same(other.marks)

    __hash__ = None  # type: ignore[assignment]

    def paint(self, painter: QPainter, area: QRectF) -> None:
        painter.save()
        self.picture.paint(painter, area)
        painter.restore()
        for rect, part in self.picture.frames(area):
            paint_marks(painter, rect, self.marks.as_seen(partial(_part, part)), self.picture.ground)


def _part(part: Callable[[Array], Array], mask: Array) -> Array:
    """The part of an engine's array that stands in one rectangle."""
    return part(to_user(mask[..., None])[0])


def told(marks: Marks) -> list[str]:
    """The marks in words."""
    masks = ((marks.lit, "lit"), (marks.won, "won"), (marks.off, "off"), (marks.coming, "to come"))
    return [f"{int(mask.sum())} of {mask.size} {word}" for mask, word in masks if mask is not None]


def paint_marks(painter: QPainter, rect: QRectF, marks: Marks, ground: QColor) -> None:
    """Marks (rows, columns) on the cells of one rectangle. `ground` is what the picture's zero looks like, nearly."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    if marks.coming is not None:
        _cover(painter, rect, marks.coming)
    if marks.off is not None:
        _crosses(painter, rect, marks.off)
    if marks.lit is not None and not marks.lit.all():
        _dim(painter, rect, marks.lit, ground)
        # Where all is lit there is no edge to show.
        painter.setPen(QPen(theme().halo, 2))
        painter.drawLines(_outline(rect, marks.lit))
    if marks.won is not None and rect.width() < _SEEN * marks.won.shape[1]:
        _dim(painter, rect, marks.won, ground)
    elif marks.won is not None:
        _dots(painter, rect, marks.won)


def _cover(painter: QPainter, rect: QRectF, coming: Array) -> None:
    """Nothing is there yet: the ground, and what is to come hatched as on the timeline."""
    rows, columns = coming.shape
    wide, high = rect.width() / columns, rect.height() / rows
    ink = QColor(theme().dim)
    ink.setAlpha(_FAINT)
    for i in range(rows):
        # Numbers are told row by row: what is left of a row lies side by side, but for locked ones.
        for first, end in _runs(coming[i]):
            cells = QRectF(rect.left() + first * wide, rect.top() + i * high, (end - first) * wide, high)
            painter.fillRect(cells, theme().card)
            painter.fillRect(cells, QBrush(ink, Qt.BrushStyle.BDiagPattern))


def _runs(row: Array) -> list[tuple[int, int]]:
    """From where to where a row is true."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _dim(painter: QPainter, rect: QRectF, lit: Array, ground: QColor) -> None:
    rows, columns = lit.shape
    veil = QColor(ground)
    veil.setAlpha(_DIM)
    pixels = np.where(lit, np.uint32(0), np.uint32(veil.rgba()))
    # Colours with alpha are premultiplied only by Qt itself.
    image = QImage(pixels.astype(np.uint32).tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()
    painter.drawImage(rect, image)


def _outline(rect: QRectF, lit: Array) -> list[QLineF]:
    """The lines between what is lit and what is not."""
    rows, columns = lit.shape
    wide, high = rect.width() / columns, rect.height() / rows
    if rows == 1 and wide < _SEEN:
        # Frames around bars that thin would hide them.
        foot = rect.bottom() - 1
        return [QLineF(rect.left() + i * wide, foot, rect.left() + j * wide, foot) for i, j in _runs(lit[0])]
    framed = np.pad(lit, 1)
    across, down = framed[1:, 1:-1] != framed[:-1, 1:-1], framed[1:-1, 1:] != framed[1:-1, :-1]

    def line(i: int, j: int, n_down: int, n_right: int) -> QLineF:
        left, top = rect.left() + j * wide, rect.top() + i * high
        return QLineF(left, top, left + n_right * wide, top + n_down * high)

    return [*(line(i, j, 0, 1) for i, j in np.argwhere(across)), *(line(i, j, 1, 0) for i, j in np.argwhere(down))]


def _dots(painter: QPainter, rect: QRectF, won: Array) -> None:
    """A dot with a rim, seen on black as on white."""
    places, side = _middles(rect, won)
    for size, ink in ((0.55, theme().card), (0.35, theme().halo)):
        painter.setPen(QPen(ink, max(side * size, 2.5 * size / 0.55), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPoints(places)


def _crosses(painter: QPainter, rect: QRectF, off: Array) -> None:
    places, side = _middles(rect, off)
    half = QPointF(side, side) * 0.3
    other = QPointF(half.x(), -half.y())
    lines = [QLineF(at - arm, at + arm) for at in places for arm in (half, other)]
    for width, ink in ((3.0, theme().card), (1.4, theme().text)):
        painter.setPen(QPen(ink, width))
        painter.drawLines(lines)


def _middles(rect: QRectF, mask: Array) -> tuple[list[QPointF], float]:
    rows, columns = mask.shape
    wide, high = rect.width() / columns, rect.height() / rows
    return [rect.topLeft() + QPointF((j + 0.5) * wide, (i + 0.5) * high) for i, j in np.argwhere(mask)], min(wide, high)
