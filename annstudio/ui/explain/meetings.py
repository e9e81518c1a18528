"""Where paths meet on the way back: the shares of a gradient on their wires, and the sign that adds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem

from annstudio.engine.differentiate import AddGradients
from annstudio.engine.program import Step
from annstudio.layers.graph import Link
from annstudio.ui.canvas.thumbnail import Picture
from annstudio.ui.explain.items import on_ground
from annstudio.ui.explain.tour import Tour
from annstudio.ui.theme import SMALL, TITLE, mono_font, theme, ui_font

CHIP = QRectF(-26, -17, 52, 34)
"""A share's picture, around the middle of its wire."""
_RADIUS = 12.0


@dataclass(frozen=True)
class Meeting:
    """The gradients that are added for one layer's result: their slots by wire, and the slot of the sum."""

    node: str
    shares: Mapping[Link, int]
    total: int


def meeting_at_hand(
    tour: Tour, links: Mapping[Link, object], slots: Mapping[str, int], card_of: Callable[[str], str]
) -> Meeting | None:
    """The adding that the moment does, where its shares come by wires of the drawing. `slots` are the gradients of the
    layers' results, `card_of` says which card a step's node belongs to."""
    walk = tour.walk
    assert walk is not None
    nodes = {slot: node for node, slot in slots.items()}
    for i in walk.span:
        step = tour.program.steps[i]
        if not isinstance(step, Step) or not isinstance(step.op, AddGradients) or step.output not in nodes:
            continue
        node = nodes[step.output]
        shares: dict[Link, int] = {}
        for slot in step.inputs:
            writer = card_of(tour.program.steps[tour.stepper.written_by[slot]].node)
            shares |= {link: slot for link in links if (link.source, link.target) == (node, writer)}
        if len(shares) > 1:
            return Meeting(node, shares, step.output)
    return None


class ShareItem(QGraphicsItem):
    """One share of a gradient, as a small picture on its wire."""

    def __init__(self, path: QPainterPath, picture: Picture, largest: str) -> None:
        super().__init__()
        self.picture, self.largest = picture, largest
        self.setPos(path.pointAtPercent(0.5))
        self.setZValue(1)
        self.setToolTip(f"This path's share of the gradient: {picture.told}")

    def boundingRect(self) -> QRectF:
        return CHIP.adjusted(-8, -2, 8, 18)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        pen = QPen(t.gradient, 1.8)
        pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.setBrush(t.card)
        painter.drawRoundedRect(CHIP, 5, 5)
        painter.setFont(mono_font(SMALL))
        painter.setPen(t.gradient_text)
        on_ground(painter, t, QRectF(CHIP.left() - 8, CHIP.bottom(), CHIP.width() + 16, 16), self.largest)
        inside = CHIP.adjusted(4, 4, -4, -4)
        painter.setClipRect(inside)
        self.picture.paint(painter, inside)


class PlusItem(QGraphicsItem):
    """The sign that adds, at the port where the wires begin."""

    def __init__(self, at: QPointF, shares: int) -> None:
        super().__init__()
        self.setPos(at)
        self.setZValue(2)
        self.setToolTip(f"{shares} paths meet here: their gradients add")

    def boundingRect(self) -> QRectF:
        return QRectF(-_RADIUS - 2, -_RADIUS - 2, 2 * _RADIUS + 4, 2 * _RADIUS + 4)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        painter.setPen(QPen(t.gradient, 2.2))
        painter.setBrush(t.card)
        painter.drawEllipse(QPointF(), _RADIUS, _RADIUS)
        painter.setPen(t.gradient_text)
        painter.setFont(ui_font(TITLE + 3, bold=True))
        painter.drawText(self.boundingRect(), Qt.AlignmentFlag.AlignCenter, "+")
