"""The mark where stepping and playing stop: an octagon at the corner of a layer."""

import math
from collections.abc import Collection

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem

from annstudio.layers.names import is_of
from annstudio.ui.theme import theme

_RADIUS = 9.0


class StopMark(QGraphicsItem):
    """An octagon, as on the signs that say stop; its shape says so, not its colour."""

    def __init__(self, at: QPointF, words: str, parent: QGraphicsItem | None = None) -> None:
        super().__init__(parent)
        self.setPos(at)
        self.setZValue(5)
        self.setToolTip(words)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def boundingRect(self) -> QRectF:
        return QRectF(-_RADIUS - 2, -_RADIUS - 2, 2 * _RADIUS + 4, 2 * _RADIUS + 4)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        corners = [math.radians(22.5 + 45 * i) for i in range(8)]
        painter.setPen(QPen(t.canvas, 2))
        painter.setBrush(t.text)
        painter.drawPolygon(QPolygonF([QPointF(math.cos(a), math.sin(a)) * _RADIUS for a in corners]))
        painter.setPen(QPen(t.canvas, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(-0.5 * _RADIUS, 0), QPointF(0.5 * _RADIUS, 0))


def stop_words(node: str, nodes: Collection[str]) -> str:
    """What the mark of a layer says, given where stepping stops; empty where it is neither there nor inside."""
    stops = sorted(one for one in nodes if is_of(one, node))
    return f"Stepping stops at {', '.join(stops)} (F9)" if stops else ""
