"""A link as a wire: a smooth curve that can be chosen, hovered, and along which values or gradients flow."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPainterPathStroker, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsPolygonItem

from annstudio.layers.graph import Link
from annstudio.ui.theme import theme

FORWARD, GRADIENT = "forward", "gradient"
_ARROW = QPolygonF([QPointF(7, 0), QPointF(-5, -6), QPointF(-5, 6)])


class WireItem(QGraphicsPathItem):
    """One link along the path that it was given. Qt paints it by itself: no call of ours in a frame of many."""

    def __init__(self, link: Link, path: QPainterPath) -> None:
        super().__init__(path)
        self.link = link
        self.chosen = False
        self.hovered = False
        self.flow = ""
        self._arrow: QGraphicsPolygonItem | None = None
        self._near: tuple[float, QPainterPath] | None = None
        self.setPen(wire_pen())

    def set_path(self, path: QPainterPath) -> None:
        self.setPath(path)
        self._near = None
        if self._arrow is not None:
            self._place_arrow(self._arrow)

    def set_state(self, **states: bool | str) -> None:
        """Set `chosen`, `hovered` or `flow`, and dress anew where that changes something."""
        changed = [name for name, value in states.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, states[name])
        if changed:
            self.dress()

    def dress(self) -> None:
        """Take the pen that suits the state and the theme."""
        self.setPen(wire_pen(self.chosen, self.hovered, self.flow))
        self.setZValue(0.5 if self.chosen or self.flow else 0)
        if self.flow:
            self._arrow = self._arrow or QGraphicsPolygonItem(_ARROW, self)
            self._arrow.setPen(QPen(Qt.PenStyle.NoPen))
            self._arrow.setBrush(_colour(self.flow))
            self._place_arrow(self._arrow)
        if self._arrow is not None:
            self._arrow.setVisible(bool(self.flow))

    def is_near(self, place: QPointF, reach: float) -> bool:
        """Whether a place of the scene is within `reach` of the wire."""
        if not self.boundingRect().adjusted(-reach, -reach, reach, reach).contains(place):
            return False
        if self._near is None or self._near[0] != reach:
            stroker = QPainterPathStroker()
            stroker.setWidth(2 * reach)
            self._near = reach, stroker.createStroke(self.path())
        return self._near[1].contains(place)

    def _place_arrow(self, arrow: QGraphicsPolygonItem) -> None:
        """An arrowhead in the middle, the way that the values run."""
        path = self.path()
        arrow.setPos(path.pointAtPercent(0.5))
        arrow.setScale(0.7 if path.length() < 60 else 1.0)
        arrow.setRotation(-path.angleAtPercent(0.5) + (180 if self.flow == GRADIENT else 0))


def wire_pen(chosen: bool = False, hovered: bool = False, flow: str = "") -> QPen:
    t = theme()
    if flow:
        pen = QPen(_colour(flow), 2.5)
        if flow == GRADIENT:
            pen.setDashPattern([2, 1.6])
    elif chosen or hovered:
        pen = QPen(t.halo, 3 if chosen else 2.5)
    else:
        pen = QPen(t.wire, 2)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap if flow == GRADIENT else Qt.PenCapStyle.RoundCap)
    return pen


def _colour(flow: str) -> QColor:
    return theme().gradient if flow == GRADIENT else theme().forward
