"""Formulas as drawings: ziamath sets the symbols, which is dear, so they are kept; fractions are put together here."""

import re
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QByteArray, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtSvg import QSvgRenderer

from annstudio.explain.drawn import INK, formula_svg

_AXIS, _BAR, _ROOM, _INDEX = 0.26, 0.055, 0.22, 0.72
"""Of the size: how high a fraction's bar lies above the line of writing, how thick it is, the room
on both sides; and how large an index is."""
_EDGE = 1.0
"""What the library leaves free around a drawing, in pixels: between two signs of a word it is too much."""
_SIGNS = r"(?:\\text\{[^{}]*\}|[A-Za-z0-9(),]| )+"
_INDEXED = re.compile(rf"(\\text\{{[^{{}}]+\}}|[A-Za-z])_\{{?({_SIGNS})\}}?(?:\^\{{({_SIGNS})\}})?")
"""A symbol with an index below, and perhaps its place above, which are made of words and of single signs."""


@dataclass(frozen=True)
class Set:
    """Something that has been set: what to draw where, and how far it reaches right, above and below the line."""

    drawings: tuple[tuple[QSvgRenderer, QPointF], ...]
    bars: tuple[QRectF, ...]
    width: float
    above: float
    below: float

    def draw(self, painter: QPainter, at: QPointF, colour: QColor, scale: float = 1.0) -> None:
        """Draw with the upper left corner at a point."""
        painter.save()
        painter.translate(at)
        painter.scale(scale, scale)
        for drawing, place in self.drawings:
            drawing.render(painter, QRectF(place, drawing.viewBoxF().size()))
        for bar in self.bars:
            painter.fillRect(bar, colour)
        painter.restore()


@lru_cache(maxsize=1024)
def typeset(latex: str, size: int, colour: str) -> Set:
    """A piece of LaTeX as a drawing in a colour."""
    found = _fraction_of(latex)
    return _symbol(latex, size, colour) if found is None else _fraction(*found, size, colour)


@lru_cache(maxsize=2048)
def _symbol(latex: str, size: int, colour: str) -> Set:
    """A symbol; its index is put together sign by sign, as there are thousands of places but few signs."""
    indexed = _INDEXED.fullmatch(latex)
    if indexed is None:
        return _plain(latex, size, colour)
    base, small = _plain(indexed[1], size, colour), round(_INDEX * size)
    index = _index(indexed[2], small, colour)
    lowered, x = 0.22 * size, base.width - _EDGE
    above, below, width = max(base.above, index.above - lowered), max(base.below, index.below + lowered), index.width
    placed = [(base, 0.0, 0.0), (index, x, lowered)]
    if indexed[3]:
        place = _index(indexed[3], small, colour)
        raised = 0.42 * size
        above, width = max(above, place.above + raised), max(width, place.width)
        placed.append((place, x, -raised))
    drawings = [
        (drawing, at + QPointF(right, above - part.above + down))
        for part, right, down in placed
        for drawing, at in part.drawings
    ]
    return Set(tuple(drawings), (), x + width, above, below)


def _index(latex: str, size: int, colour: str) -> Set:
    """Words and single signs on one line."""
    signs = re.sub(r"\\text\{([^{}]*) ([\w(),]*)\}", r"\\text{\1} \2", latex)
    tokens = re.findall(r"\\text\{[^{}]*\}|\S|(?<=\}) (?=\S)", signs)
    parts = [_gap(size) if token == " " else _plain(token, size, colour) for token in tokens]
    above, below = max(part.above for part in parts), max(part.below for part in parts)
    drawings, x = [], 0.0
    for part in parts:
        drawings += [(drawing, place + QPointF(x, above - part.above)) for drawing, place in part.drawings]
        x += part.width - _EDGE
    return Set(tuple(drawings), (), x + _EDGE, above, below)


def _gap(size: int) -> Set:
    """What stands between a layer's name and a number."""
    return Set((), (), 0.28 * size + _EDGE, 0.0, 0.0)


@lru_cache(maxsize=2048)
def _plain(latex: str, size: int, colour: str) -> Set:
    drawing = QSvgRenderer(QByteArray(formula_svg(latex, size).replace(INK, colour).encode()))
    box = drawing.viewBoxF()
    return Set(((drawing, QPointF()),), (), box.width(), -box.top(), box.bottom())


def _fraction(above: str, below: str, size: int, colour: str) -> Set:
    """∂a over ∂b: the ∂ and the symbols are set each by themselves, as they come again and again."""
    top, bottom = _partial(above, size, colour), _partial(below, size, colour)
    width = max(top.width, bottom.width) + 0.2 * size
    axis, thick, room = _AXIS * size, max(_BAR * size, 1.0), _ROOM * size
    height_above = axis + room + top.above + top.below
    bar = QRectF(0, height_above - axis - thick / 2, width, thick)
    upper = QPointF((width - top.width) / 2, 0)
    lower = QPointF((width - bottom.width) / 2, height_above - axis + room)
    drawings = [(d, p + upper) for d, p in top.drawings] + [(d, p + lower) for d, p in bottom.drawings]
    return Set(tuple(drawings), (bar,), width, height_above, room - axis + bottom.above + bottom.below)


def _partial(symbol: str, size: int, colour: str) -> Set:
    """∂ and a symbol on one line."""
    sign, told = _symbol(r"\partial", size, colour), _symbol(symbol, size, colour)
    above, below = max(sign.above, told.above), max(sign.below, told.below)
    gap = 0.06 * size
    drawings = (
        *((d, p + QPointF(0, above - sign.above)) for d, p in sign.drawings),
        *((d, p + QPointF(sign.width + gap, above - told.above)) for d, p in told.drawings),
    )
    return Set(drawings, (), sign.width + gap + told.width, above, below)


def _fraction_of(latex: str) -> tuple[str, str] | None:
    r"""The symbols of \frac{\partial a}{\partial b}; None for anything else."""
    found = re.fullmatch(r"\\frac\{\\partial (.+)\}\{\\partial (.+)\}", latex)
    if found is None or not (_balanced(found[1]) and _balanced(found[2])):
        return None
    return found[1], found[2]


def _balanced(latex: str) -> bool:
    depth = 0
    for sign in latex:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0
