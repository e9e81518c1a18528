"""The units of a neuron drawing, and what stands around them: bias units, frames, targets and errors."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsSceneMouseEvent

from annstudio.explain.told import Quantity
from annstudio.ui.explain.items import (
    CENTRE,
    Item,
    Labels,
    draw_symbol,
    label_at,
    on_ground,
    signed_text_colour,
    with_labels,
    written_in,
)
from annstudio.ui.explain.neuron_plan import BIAS_RADIUS, RADIUS
from annstudio.ui.theme import GRID, SMALL, TEXT, TITLE, Theme, mono_font, theme, ui_font

DONE, NOW, TO_COME = "done", "now", "to come"


@dataclass(frozen=True)
class UnitState:
    """All that a unit shows. `sign` colours the value; `above` are its gradients, `below` its weighted sum, and
    `above_asks` and `below_asks` the numbers that these are."""

    status: str = TO_COME
    value: str = ""
    sign: float = 0.0
    word: str = ""
    above: tuple[str, ...] = ()
    below: str = ""
    asked: bool = False
    off: bool = False
    above_asks: tuple[Quantity, ...] = ()
    below_asks: Quantity | None = None


class UnitItem(Item):
    """A neuron: its name and value inside, gradients above, weighted sum below."""

    state: UnitState

    def __init__(self, at: QPointF, name: str, quantity: Quantity, key: tuple[str, int]) -> None:
        super().__init__()
        self.setPos(at)
        self.setZValue(2)
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.name, self.quantity, self.key = name, quantity, key
        self.state = UnitState()

    def boundingRect(self) -> QRectF:
        return QRectF(-90, -RADIUS - 44, 180, 2 * RADIUS + 68)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addEllipse(QPointF(), RADIUS + 2, RADIUS + 2)
        return with_labels(path, self._labels())

    def asked_at(self, at: QPointF) -> Quantity | None:
        return label_at(self._labels(), at) or self.quantity

    def _labels(self) -> Labels:
        state, font = self.state, mono_font(SMALL)
        told = zip(reversed(state.above), reversed(state.above_asks), strict=True)
        found = [(written_in(_above(i), text, font), asks) for i, (text, asks) in enumerate(told)]
        if state.below and state.below_asks is not None:
            found.append((written_in(_BELOW, state.below, font), state.below_asks))
        return found

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t, state = theme(), self.state
        _circle(painter, t, RADIUS, state.status, state.asked)
        coming = state.status == TO_COME
        painter.setPen(t.dim if coming else t.text)
        painter.setFont(ui_font(TITLE, bold=True))
        named = QRectF(-RADIUS, -28 if state.value else -12, 2 * RADIUS, 24)
        painter.drawText(named, CENTRE, self.name)
        if state.off:
            painter.setPen(QPen(t.dim, 1.5))
            painter.drawLine(QPointF(-0.7 * RADIUS, 0.7 * RADIUS), QPointF(0.7 * RADIUS, -0.7 * RADIUS))
        if state.value:
            self._value(painter, t)
        painter.setFont(mono_font(SMALL))
        painter.setPen(t.gradient_text)
        for i, line in enumerate(reversed(state.above)):
            on_ground(painter, t, _above(i), line)
        painter.setPen(t.dim)
        if state.below:
            on_ground(painter, t, _BELOW, state.below)

    def _value(self, painter: QPainter, t: Theme) -> None:
        font = mono_font(SMALL)
        rect = QRectF(-RADIUS, 0, 2 * RADIUS, 18)
        wide = QFontMetricsF(font).horizontalAdvance(self.state.value) + 2 * GRID
        if wide > 2 * RADIUS - 8:
            # More digits than the circle is wide: a strip of their own.
            rect = QRectF(-wide / 2, 0, wide, 18)
            painter.setPen(QPen(t.card_border, 1))
            painter.setBrush(t.card)
            painter.drawRoundedRect(rect, 4, 4)
        painter.setFont(font)
        painter.setPen(signed_text_colour(t, self.state.sign))
        painter.drawText(rect, CENTRE, self.state.value)
        if self.state.word:
            painter.setPen(t.dim)
            painter.drawText(QRectF(-RADIUS, 17, 2 * RADIUS, 14), CENTRE, self.state.word)


_BELOW = QRectF(-90, RADIUS + 5, 180, 15)


def _above(line: int) -> QRectF:
    """Where a unit's gradients are written, the lowest first."""
    return QRectF(-90, -RADIUS - 21 - 15 * line, 180, 15)


class FoldItem(Item):
    """Stands for units that are not drawn; a click unfolds them."""

    def __init__(self, at: QPointF, node: str, n: int) -> None:
        super().__init__()
        self.setPos(at)
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.node, self.n = node, n

    def boundingRect(self) -> QRectF:
        return QRectF(-RADIUS, -RADIUS, 2 * RADIUS, 2 * RADIUS)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        painter.setPen(theme().dim)
        painter.setFont(ui_font(2 * TITLE, bold=True))
        painter.drawText(self.boundingRect().adjusted(0, -24, 0, 0), CENTRE, "…")
        painter.setFont(ui_font(SMALL))
        painter.drawText(self.boundingRect().adjusted(0, 24, 0, 0), CENTRE, f"{self.n} more")

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        self.neuron_scene().unfold(self.node)


class BiasItem(Item):
    """The unit that is always on."""

    def __init__(self, at: QPointF) -> None:
        super().__init__()
        self.setPos(at)
        self.setZValue(2)
        self.setToolTip("Always 1: each of its wires adds its weight, b.\nClick a wire to ask about it")

    def boundingRect(self) -> QRectF:
        return QRectF(-60, -BIAS_RADIUS - 4, 120, 2 * BIAS_RADIUS + 28)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        painter.setPen(QPen(t.wire, 1.5))
        painter.setBrush(t.card)
        painter.drawEllipse(QPointF(), BIAS_RADIUS, BIAS_RADIUS)
        painter.setPen(t.text)
        painter.setFont(ui_font(TITLE, bold=True))
        painter.drawText(QRectF(-BIAS_RADIUS, -BIAS_RADIUS, 2 * BIAS_RADIUS, 2 * BIAS_RADIUS), CENTRE, "1")
        painter.setPen(t.dim)
        painter.setFont(ui_font(SMALL))
        painter.drawText(QRectF(-60, BIAS_RADIUS + 5, 120, 16), CENTRE, "bias · always on")


class FrameItem(Item):
    """The frame around a layer, with its caption; `state` is the colour's name where it is the layer at hand."""

    def __init__(self, rect: QRectF, title: str, *, framed: bool) -> None:
        super().__init__()
        self.rect, self.title, self.framed = rect, title, framed
        self.setZValue(-2)
        self.state = ""

    def boundingRect(self) -> QRectF:
        return self.rect.adjusted(-80, -40, 80, 4)

    def shape(self) -> QPainterPath:
        return QPainterPath()

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        colour = getattr(t, self.state) if self.state else t.card_border
        if self.framed:
            painter.setPen(QPen(colour, 2 if self.state else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect, 10, 10)
        painter.setPen(t.text if self.state else t.dim)
        painter.setFont(ui_font(TEXT, bold=bool(self.state)))
        painter.drawText(QRectF(self.rect.left() - 80, self.rect.top() - 30, self.rect.width() + 160, 20),
                         CENTRE, self.title)  # fmt: skip


_ERROR_WIDTH = 260.0
"""Room for an error with as many digits as there are."""


def error_width(digits: int) -> float:
    """How wide an output's error is with so many digits."""
    font = mono_font(TEXT)
    font.setBold(True)
    return 8 + QFontMetricsF(font).horizontalAdvance("E" + "0" * (digits + 6))


class ErrorItem(Item):
    """Beside an output: the target and this output's share of the error. `state` is (target, name, error, lit)."""

    def __init__(self, at: QPointF) -> None:
        super().__init__()
        self.setPos(at)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAcceptHoverEvents(True)
        self.state = ("", "", "", False)

    def boundingRect(self) -> QRectF:
        return QRectF(0, -24, 8 + _ERROR_WIDTH, 48)

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        target, name, error, lit = self.state
        painter.setFont(ui_font(TEXT))
        painter.setPen(t.dim)
        painter.drawText(QRectF(8, -22, _ERROR_WIDTH, 20), Qt.AlignmentFlag.AlignVCenter, target)
        if error:
            font = mono_font(TEXT)
            font.setBold(lit)
            painter.setFont(font)
            painter.setPen(t.problem)
            left = 8 + draw_symbol(painter, QRectF(8, 0, _ERROR_WIDTH, 20), name) + 2 * GRID
            painter.drawText(QRectF(left, 0, 8 + _ERROR_WIDTH - left, 20), Qt.AlignmentFlag.AlignVCenter, error)


def _circle(painter: QPainter, t: Theme, radius: float, status: str, asked: bool) -> None:
    if status == NOW or asked:
        halo = QColor(t.halo if asked else t.now)
        halo.setAlpha(90 if asked else 50)
        painter.setPen(QPen(halo, 9))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(), radius + 3, radius + 3)
    pen = {
        NOW: QPen(t.now, 3),
        DONE: QPen(t.forward, 1.8),
        TO_COME: QPen(t.wire, 1.6, Qt.PenStyle.DotLine),
    }[status]
    painter.setPen(pen)
    painter.setBrush(t.card)
    painter.drawEllipse(QPointF(), radius, radius)
