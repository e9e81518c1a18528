"""Icons painted as small signs among other things: drawn once for every colour, size and sharpness."""

from functools import cache

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPixmap

from annstudio.ui.theme import pixmap


def draw_glyph(painter: QPainter, place: QPointF, name: str, colour: QColor, size: int) -> None:
    """Paint an icon in one colour, its upper left corner at `place`."""
    painter.drawPixmap(place, _glyph(name, colour.name(), size, _ratio(painter)))


@cache
def _glyph(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    return pixmap(name, QColor(colour), size, ratio)


def _ratio(painter: QPainter) -> float:
    """How many pixels a unit takes, in steps so that few sizes are kept."""
    scale = painter.device().devicePixelRatioF() * painter.worldTransform().m11()
    return 1.0 if scale <= 1 else 2.0 if scale <= 2 else 4.0
