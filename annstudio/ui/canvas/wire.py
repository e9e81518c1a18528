"""A link as a wire: a smooth curve that can be chosen and hovered."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from annstudio.document.graph import Link
from annstudio.ui.theme import theme


class WireItem(QGraphicsPathItem):
    """One link along the path that it was given. Qt paints it by itself: no call of ours in a frame of many."""

    def __init__(self, link: Link, path: QPainterPath) -> None:
        super().__init__(path)
        self.link = link
        self.chosen = False
        self.hovered = False
        self._near: tuple[float, QPainterPath] | None = None
        self.setPen(wire_pen())

    def set_path(self, path: QPainterPath) -> None:
        self.setPath(path)
        self._near = None

    def set_state(self, **states: bool) -> None:
        """Set `chosen` or `hovered`, and dress anew where that changes something."""
        changed = [name for name, value in states.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, states[name])
        if changed:
            self.dress()

    def dress(self) -> None:
        """Take the pen that suits the state and the theme."""
        self.setPen(wire_pen(self.chosen, self.hovered))
        self.setZValue(0.5 if self.chosen else 0)

    def is_near(self, place: QPointF, reach: float) -> bool:
        """Whether a place of the scene is within `reach` of the wire."""
        if not self.boundingRect().adjusted(-reach, -reach, reach, reach).contains(place):
            return False
        if self._near is None or self._near[0] != reach:
            stroker = QPainterPathStroker()
            stroker.setWidth(2 * reach)
            self._near = reach, stroker.createStroke(self.path())
        return self._near[1].contains(place)


def wire_pen(chosen: bool = False, hovered: bool = False) -> QPen:
    t = theme()
    pen = QPen(t.halo, 3 if chosen else 2.5) if chosen or hovered else QPen(t.wire, 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    return pen
