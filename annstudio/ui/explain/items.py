"""The base of everything in a neuron drawing: an item shows a state, a value, and is painted anew only for another."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSceneHoverEvent, QGraphicsSceneMouseEvent

from annstudio.explain.told import Quantity
from annstudio.ui.theme import GRID, SMALL, Theme

if TYPE_CHECKING:
    from annstudio.ui.explain.neurons import NeuronScene

CENTRE = Qt.AlignmentFlag.AlignCenter


class Item(QGraphicsItem):
    """An item that shows a state and asks about a number when it is clicked: `quantity`, or one written beside it."""

    state: Any = None
    quantity: Quantity | None = None

    def show_state(self, state: Any) -> None:
        if state != self.state:
            self.prepareGeometryChange()
            self.state = state
            self.update()

    def neuron_scene(self) -> "NeuronScene":
        scene: Any = self.scene()
        return scene

    def asked_at(self, at: QPointF) -> Quantity | None:
        """The number that stands at a place of the item, in its own measures."""
        return self.quantity

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        asked = self.asked_at(event.pos())
        if event.button() == Qt.MouseButton.LeftButton and asked is not None:
            self.neuron_scene().asked.emit(asked)
            event.accept()
        else:
            event.ignore()

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self.setToolTip(self.neuron_scene().tip(self.asked_at(event.pos())))

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self.setToolTip(self.neuron_scene().tip(self.asked_at(event.pos())))


Labels = list[tuple[QRectF, Quantity]]
"""Where an item has written which numbers."""


def label_at(labels: Labels, at: QPointF) -> Quantity | None:
    """The number that is written at a place."""
    return next((quantity for rect, quantity in labels if rect.contains(at)), None)


def with_labels(path: QPainterPath, labels: Labels) -> QPainterPath:
    """What can be hit of an item: a shape, and the numbers around it."""
    path.setFillRule(Qt.FillRule.WindingFill)
    for rect, _ in labels:
        path.addRect(rect)
    return path


def written_in(rect: QRectF, text: str, font: QFont) -> QRectF:
    """Where in a rectangle a text stands that is written in its middle."""
    wide = QFontMetricsF(font).horizontalAdvance(text) + GRID
    return QRectF(rect.center().x() - wide / 2, rect.top(), wide, rect.height())


def signed_text_colour(t: Theme, value: float) -> QColor:
    """The sign's colour for text; zero is neither."""
    return t.positive_text if value > 0 else t.negative_text if value < 0 else t.text


def on_ground(painter: QPainter, t: Theme, rect: QRectF, text: str) -> None:
    """Text in the middle of a rectangle, on a ground that keeps it legible where lines pass behind it."""
    ground = QColor(t.canvas)
    ground.setAlpha(215)
    painter.fillRect(written_in(rect, text, painter.font()).adjusted(0, 1, 0, -1), ground)
    painter.drawText(rect, CENTRE, text)


def draw_symbol(painter: QPainter, rect: QRectF, name: str) -> float:
    """A symbol such as E_o1 with its index lowered, at the left of a rectangle; gives back its width."""
    base, _, index = name.partition("_")
    font = painter.font()
    painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, base)
    width = QFontMetricsF(font).horizontalAdvance(base)
    if index:
        small = QFont(font)
        small.setPixelSize(max(SMALL, font.pixelSize() - 2))
        painter.setFont(small)
        painter.drawText(rect.adjusted(width, 4, 0, 4), Qt.AlignmentFlag.AlignVCenter, index)
        width += QFontMetricsF(small).horizontalAdvance(index)
        painter.setFont(font)
    return width
