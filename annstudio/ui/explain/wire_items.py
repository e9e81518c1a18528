"""The lines of a neuron drawing: weights, their labels, and gradients on their way back."""

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPainterPathStroker, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsSceneHoverEvent

from annstudio.explain.told import Quantity
from annstudio.ui.explain.items import (
    CENTRE,
    Item,
    Labels,
    label_at,
    on_ground,
    signed_text_colour,
    with_labels,
    written_in,
)
from annstudio.ui.explain.neuron_plan import Wire
from annstudio.ui.glyphs import draw_glyph
from annstudio.ui.theme import GRID, SMALL, mono_font, theme, ui_font

LOCK = 15
"""The size of the sign on a weight that is locked."""


@dataclass(frozen=True)
class WireState:
    """All that a wire and its label show."""

    value: float = 0.0
    width: float = 1.0
    lit: bool = False
    asked: bool = False
    name: str = ""
    number: str = ""
    second: str = ""
    violet: bool = False
    labelled: bool = False
    locked: bool = False
    ahead: bool = False


@dataclass(frozen=True)
class Flow:
    """A gradient on its way back along a line, with what is written beside it."""

    line: QLineF
    text: str = ""
    share: float = 0.5
    """Where along the line it is written."""
    asks: Quantity | None = None
    """The gradient that is written."""


class WireItem(Item):
    """A weight as a line: its colour is its sign, its width its size."""

    state: WireState

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.quantity = wire.weight
        self.line = QLineF(wire.start, wire.end)
        self.state = WireState()
        if wire.weight is not None:
            self.setAcceptHoverEvents(True)
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def boundingRect(self) -> QRectF:
        return QRectF(self.line.p1(), self.line.p2()).normalized().adjusted(-12, -12, 12, 12)

    def shape(self) -> QPainterPath:
        path = QPainterPath(self.line.p1())
        path.lineTo(self.line.p2())
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        return stroker.createStroke(path)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t, state = theme(), self.state
        if state.lit or state.asked:
            halo = QColor(t.halo if state.asked else t.now)
            halo.setAlpha(110 if state.asked else 60)
            painter.setPen(QPen(halo, state.width + 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLine(self.line)
        if self.wire.weight is None:
            colour = QColor(t.wire)
        else:
            colour = QColor(t.positive if state.value >= 0 else t.negative)
        colour.setAlpha(255 if state.lit or state.asked else 150)
        painter.setPen(QPen(colour, state.width))
        painter.drawLine(self.line)
        if state.ahead:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.forward)
            painter.drawPolygon(arrow_head(self.line, 13 + state.width))
        if state.locked and not state.labelled:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.canvas)
            painter.drawEllipse(self.line.center(), LOCK * 0.75, LOCK * 0.75)
            draw_glyph(painter, self.line.center() - QPointF(LOCK, LOCK) / 2, "lock", t.text, LOCK)

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        super().hoverEnterEvent(event)
        self.neuron_scene().hover(self)

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self.neuron_scene().hover(None)


class PillItem(Item):
    """A weight's label: its name and value, below them its gradient or its new value."""

    state: WireState

    def __init__(self, wire: Wire, at: QPointF) -> None:
        super().__init__()
        self.setPos(at)
        self.setZValue(3)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAcceptHoverEvents(True)
        self.wire, self.quantity = wire, wire.weight
        self.state = WireState()

    def boundingRect(self) -> QRectF:
        width = max(self._first_width(), QFontMetricsF(mono_font(SMALL)).horizontalAdvance(self.state.second))
        width += 4 * GRID
        height = 36.0 if self.state.second else 21.0
        return QRectF(-width / 2 - 2, -height / 2 - 2, width + 4, height + 4)

    def _first_width(self) -> float:
        name = (
            QFontMetricsF(ui_font(SMALL, bold=True)).horizontalAdvance(self.state.name + "\u2002")
            if self.state.name
            else 0.0
        )
        return LOCK * self.state.locked + name + QFontMetricsF(mono_font(SMALL)).horizontalAdvance(self.state.number)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t, state = theme(), self.state
        outer = self.boundingRect().adjusted(2, 2, -2, -2)
        border = t.halo if state.asked else t.now if state.lit else t.card_border
        painter.setPen(QPen(border, 1.8 if state.lit or state.asked else 1))
        painter.setBrush(t.card)
        painter.drawRoundedRect(outer, 5, 5)
        left = outer.center().x() - self._first_width() / 2
        row = QRectF(left, outer.top() + 2, outer.right() - left, 17)
        if state.locked:
            draw_glyph(painter, QPointF(left, row.center().y() - LOCK / 2 + 1), "lock", t.text, LOCK - 2)
            left += LOCK
            row.setLeft(left)
        updated = bool(state.second) and not state.violet
        if state.name:
            painter.setFont(ui_font(SMALL, bold=True))
            painter.setPen(t.text)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, state.name)
            row.setLeft(left + QFontMetricsF(ui_font(SMALL, bold=True)).horizontalAdvance(state.name + "\u2002"))
        painter.setFont(mono_font(SMALL))
        painter.setPen(t.dim if updated else signed_text_colour(t, state.value))
        painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, state.number)
        if state.second:
            painter.setPen(t.gradient_text if state.violet else t.text)
            painter.drawText(QRectF(outer.left(), outer.top() + 17, outer.width(), 17), CENTRE, state.second)


class FlowItem(Item):
    """The gradient on its way back: dashed arrows beside the lines. `state` is a tuple of Flows."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(1)
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.state: tuple[Flow, ...] = ()

    def boundingRect(self) -> QRectF:
        whole = QRectF()
        for flow in self.state:
            whole = whole.united(QRectF(flow.line.p1(), flow.line.p2()).normalized().adjusted(-100, -40, 100, 40))
        return whole

    def shape(self) -> QPainterPath:
        return with_labels(QPainterPath(), self._labels())

    def asked_at(self, at: QPointF) -> Quantity | None:
        return label_at(self._labels(), at)

    def _labels(self) -> Labels:
        font = mono_font(SMALL + 1)
        told = (flow for flow in self.state if flow.text)
        return [(written_in(_beside(flow), flow.text, font), flow.asks) for flow in told if flow.asks is not None]

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        for flow in self.state:
            line = flow.line
            pen = QPen(t.gradient, 2.5)
            pen.setDashPattern([3, 2])
            painter.setPen(pen)
            painter.drawLine(line.p1(), line.p2() - (line.p2() - line.p1()) * 12 / max(line.length(), 1.0))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.gradient)
            painter.drawPolygon(arrow_head(line, 15))
        painter.setFont(mono_font(SMALL + 1))
        for flow in self.state:
            if flow.text:
                painter.setPen(t.gradient_text)
                on_ground(painter, t, _beside(flow), flow.text)


def arrow_head(line: QLineF, size: float) -> QPolygonF:
    """A head at the end of a line."""
    way = (line.p2() - line.p1()) / max(line.length(), 1.0)
    across, back = QPointF(-way.y(), way.x()) * size / 2, line.p2() - way * size
    return QPolygonF([line.p2(), back + across, back - across])


def _beside(flow: Flow) -> QRectF:
    """Where what flows is written: above its line."""
    middle = flow.line.pointAt(flow.share)
    return QRectF(middle.x() - 100, middle.y() - 25, 200, 18)
