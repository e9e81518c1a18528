"""The marks on a drawing where stepping and playing stop: an octagon at the corner of a layer."""

import math
from collections.abc import Collection, Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from annstudio.layers.names import is_of
from annstudio.ui.theme import theme

_RADIUS = 9.0


class StopMark(QGraphicsItem):
    """An octagon, as on the signs that say stop; its shape says so, not its colour."""

    def __init__(self, at: QPointF, words: str) -> None:
        super().__init__()
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


class StopMarks:
    """The marks of one scene."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self.marks: dict[str, StopMark] = {}

    def show(self, places: Mapping[str, QPointF], nodes: Collection[str]) -> None:
        """Mark which of the layers at these places are stopped at, or have something in them that is."""
        present = set(self._scene.items())
        for mark in self.marks.values():
            # A scene that was cleared has taken its marks along.
            if mark in present:
                self._scene.removeItem(mark)
        self.marks = {}
        for node, at in places.items():
            stops = sorted(one for one in nodes if is_of(one, node))
            if stops:
                self.marks[node] = StopMark(at, f"Stops at {', '.join(stops)} (F9)")
                self._scene.addItem(self.marks[node])
