"""The base of everything in a neuron drawing: an item shows a state, a value, and is painted anew only for another."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSceneHoverEvent, QGraphicsSceneMouseEvent

from annstudio.explain.told import Quantity
from annstudio.ui.theme import GRID, SMALL, Theme

if TYPE_CHECKING:
    from annstudio.ui.explain.neurons import NeuronScene

CENTRE = Qt.AlignmentFlag.AlignCenter


class Item(QGraphicsItem):
    """An item that shows a state and asks about `quantity` when it is clicked."""

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

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.quantity is not None:
            self.neuron_scene().asked.emit(self.quantity)
            event.accept()
        else:
            event.ignore()

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self.setToolTip(self.neuron_scene().tip(self))


def signed_text_colour(t: Theme, value: float) -> QColor:
    """The sign's colour for text; zero is neither."""
    return t.positive_text if value > 0 else t.negative_text if value < 0 else t.text


def on_ground(painter: QPainter, t: Theme, rect: QRectF, text: str) -> None:
    """Text in the middle of a rectangle, on a ground that keeps it legible where lines pass behind it."""
    wide = QFontMetricsF(painter.font()).horizontalAdvance(text) + GRID
    ground = QColor(t.canvas)
    ground.setAlpha(215)
    painter.fillRect(QRectF(rect.center().x() - wide / 2, rect.top() + 1, wide, rect.height() - 2), ground)
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
