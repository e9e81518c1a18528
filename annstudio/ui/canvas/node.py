"""A layer as a card: one item a node, its ports painted, so that a thousand of them stay quick."""

from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QStaticText, QTextOption
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from annstudio.document.compile import Fact
from annstudio.engine.op import shape_text
from annstudio.layers.graph import Node
from annstudio.layers.lowering import Problem
from annstudio.places import RESOURCES
from annstudio.ui.canvas.geometry import CARD, FOOTER, PICTURE, SUMMARY, TITLE, input_offset, output_offset
from annstudio.ui.canvas.thumbnail import Picture, Screen
from annstudio.ui.glyphs import draw_glyph
from annstudio.ui.stop_mark import StopMark
from annstudio.ui.theme import (
    CARD_RADIUS,
    CARD_WIDTH,
    GRID,
    PORT_DIAMETER,
    SMALL,
    STRIPE,
    TEXT,
    mixed,
    mono_font,
    theme,
    ui_font,
)

OUTPUT = -1
"""The first output's number where the inputs are 0, 1, …; the outputs are −1, −2, …"""
_BOUNDS = CARD.adjusted(-14, -14, 14, 14)
_NARROW = 88


def port_of(out: int) -> int:
    """The number of an output's port."""
    return OUTPUT - out


def out_of(port: int) -> int:
    """Which output a port with a number below 0 is."""
    return OUTPUT - port


class NodeItem(QGraphicsItem):
    """Paints one node. It holds what is to be shown, never what is true: that is in the session's graph."""

    def __init__(self, node: Node, n_ports: int) -> None:
        super().__init__()
        self.id = node.id
        self.layer = node.layer
        self.n_ports = n_ports
        self.fact: Fact | None = None
        self.problem: Problem | None = None
        self.stop: StopMark | None = None
        self.chosen = False
        self.hot_port: int | None = None
        """The port under the pointer or under a wire's loose end."""
        self._screen: Screen | None = None
        self.value = ""
        """A number for the footer in the place of the shape, as the loss has."""
        self._texts: list[tuple[QPointF, QStaticText, QFont, str]] | None = None
        self.setPos(node.x, node.y)
        self.setZValue(1)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    # What is shown ---------------------------------------------------------------------------------------------------

    def show_node(self, node: Node, n_ports: int) -> None:
        """Follow the node's settings and place."""
        if node.layer is not self.layer or n_ports != self.n_ports:
            self.layer, self.n_ports = node.layer, n_ports
            self.refresh()
        if (node.x, node.y) != (self.x(), self.y()):
            self.setPos(node.x, node.y)

    def show_stop(self, words: str) -> None:
        """Mark that stepping stops here, and say so; without words it does not."""
        if words != (self.stop.toolTip() if self.stop is not None else ""):
            if self.stop is not None:
                self.scene().removeItem(self.stop)
            self.stop = StopMark(CARD.topLeft() + QPointF(1, 1), words, self) if words else None

    def show_check(self, fact: Fact | None, problem: Problem | None) -> None:
        """Follow the outcome of a check."""
        if fact != self.fact or problem != self.problem:
            self.fact, self.problem = fact, problem
            if fact is None:
                self.show_live(None)
            self.refresh()

    def show_live(self, stale: Callable[[], Picture | None] | None, value: str = "") -> None:
        """Begin or end showing newest values: `stale` makes the picture once it is seen."""
        if (stale is None) != (self._screen is None or not self._screen.isVisible()):
            self.update()
        if self._screen is None and stale is not None:
            self._screen = Screen(self, PICTURE)
        if self._screen is not None:
            self._screen.show_next(stale)
        if value != self.value:
            self.value = value
            self.refresh()

    @property
    def picture(self) -> Picture | None:
        """What is shown of the newest values, once it was seen."""
        return self._screen.picture if self._screen is not None and self._screen.isVisible() else None

    def refresh(self) -> None:
        """Lay the texts out anew and paint."""
        self._texts = None
        self.update()

    def set_state(self, **states: Any) -> None:
        """Set `chosen` or `hot_port`, and paint where that changes something."""
        for name, value in states.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                self.update()

    # Ports -----------------------------------------------------------------------------------------------------------

    def port_offset(self, port: int) -> QPointF:
        return output_offset(out_of(port), self.layer.gives) if port < 0 else input_offset(port, self.n_ports)

    def port_place(self, port: int) -> QPointF:
        """Where a port is in the scene."""
        return self.pos() + self.port_offset(port)

    def ports(self) -> list[int]:
        return [*range(self.n_ports), *(port_of(out) for out in range(self.layer.gives))]

    # Painting --------------------------------------------------------------------------------------------------------

    def boundingRect(self) -> QRectF:
        return _BOUNDS

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(CARD)
        return path

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_body(painter)
        self._paint_texts(painter)
        self._paint_icon(painter)
        if self.problem is not None:
            _paint_mark(painter, self.problem.mild)
        self._paint_ports(painter)

    def _paint_body(self, painter: QPainter) -> None:
        t = theme()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.shadow)
        painter.drawRoundedRect(CARD.adjusted(-1, 1, 1, 2.5), CARD_RADIUS + 1, CARD_RADIUS + 1)
        border, width = t.card_border, 1.0
        if self.problem is not None:
            border, width = (t.hint_border, 1.5) if self.problem.mild else (t.problem, 1.5)
        painter.setBrush(t.card)
        painter.setPen(QPen(border, width))
        painter.drawRoundedRect(CARD, CARD_RADIUS, CARD_RADIUS)
        painter.fillPath(_stripe(), t.families[self.layer.family])
        painter.fillRect(QRectF(0.5, FOOTER.top() - 1, CARD_WIDTH - 1, 1), mixed(t.faint, t.card, 0.35))
        if self.chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(t.halo, 2))
            painter.drawRoundedRect(CARD.adjusted(-3, -3, 3, 3), CARD_RADIUS + 3, CARD_RADIUS + 3)

    def _paint_texts(self, painter: QPainter) -> None:
        t = theme()
        if self._texts is None:
            self._texts = self._laid_out()
        for place, text, font, colour in self._texts:
            painter.setFont(font)
            painter.setPen(getattr(t, colour))
            painter.drawStaticText(place, text)
        if self.problem is None and getattr(self.layer, "trainable", True) is False:
            draw_glyph(painter, QPointF(CARD_WIDTH - 24, 9), "lock", t.dim, 14)

    def _laid_out(self) -> list[tuple[QPointF, QStaticText, QFont, str]]:
        crowded = self.problem is not None or getattr(self.layer, "trainable", True) is False
        title, kind, small, mono = ui_font(TEXT, bold=True), ui_font(SMALL), ui_font(SMALL), mono_font(SMALL)
        texts = [
            (TITLE.topLeft(), _static(self.id, title, TITLE.width() - 20 * crowded), title, "text"),
            (SUMMARY.topLeft(), _static(self.layer.summary, kind, SUMMARY.width()), kind, "dim"),
        ]
        shape = shape_text(self.fact.shape) if self.fact is not None and self.fact.shape else ""
        n = self.fact.n_parameters if self.fact is not None else 0
        foot = FOOTER.top() + (FOOTER.height() - QFontMetricsF(mono).height()) / 2
        room = FOOTER.width()
        if n:
            count = f"{n:,} p".replace(",", " ")
            wide = QFontMetricsF(mono).horizontalAdvance(count)
            texts.append((QPointF(FOOTER.right() - wide, foot), _static(count, mono, wide + 1), mono, "dim"))
            room -= wide + GRID
        if self.value or shape:
            texts.append((QPointF(FOOTER.left(), foot), _static(self.value or shape, mono, room), mono, "dim"))
        if self.problem is not None and self.problem.open and not self.problem.remedies:
            wish = _wrapped(self.problem.hint or self.problem.message, small, PICTURE.width())
            height = wish.size().height()
            place = QPointF(PICTURE.left(), PICTURE.top() + max((PICTURE.height() - height) / 2, 0))
            texts.append((place, wish, small, "hint"))
        return texts

    def _paint_icon(self, painter: QPainter) -> None:
        """What stands in the place of a picture as long as there is none."""
        waits = self.problem is not None and self.problem.open and not self.problem.remedies
        if not waits and (self._screen is None or not self._screen.isVisible()):
            t = theme()
            middle = QPointF(PICTURE.center().x() - 17, PICTURE.center().y() - 17)
            draw_glyph(painter, middle, icon_of(self.layer.kind()), mixed(t.dim, t.card, 0.62), 34)

    def _paint_ports(self, painter: QPainter) -> None:
        t = theme()
        radius = PORT_DIAMETER / 2 - 1
        painter.setPen(QPen(t.wire, 2))
        painter.setBrush(t.card)
        for port in self.ports():
            if port != self.hot_port:
                painter.drawEllipse(self.port_offset(port), radius, radius)
        if self.hot_port is not None:
            painter.setPen(QPen(t.accent, 2))
            painter.setBrush(mixed(t.accent, t.card, 0.65))
            painter.drawEllipse(self.port_offset(self.hot_port), radius + 2, radius + 2)


def _paint_mark(painter: QPainter, unfinished: bool) -> None:
    """A round badge with an exclamation mark in the upper right corner."""
    t = theme()
    middle = QPointF(CARD_WIDTH - 15, 17)
    painter.setPen(QPen(t.hint if unfinished else t.problem, 1.5))
    painter.setBrush(t.hint_fill if unfinished else t.problem_fill)
    painter.drawEllipse(middle, 7.5, 7.5)
    painter.setFont(ui_font(SMALL, bold=True))
    painter.drawText(QRectF(middle.x() - 8, middle.y() - 8, 16, 16), Qt.AlignmentFlag.AlignCenter, "!")


def paint_outline(painter: QPainter, area: QRectF, colour: Any) -> None:
    """The ghost of a card that is about to be placed."""
    t = theme()
    fill = mixed(colour, t.card, 0.85)
    fill.setAlphaF(0.8)
    painter.setBrush(fill)
    painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
    painter.drawRoundedRect(area, CARD_RADIUS, CARD_RADIUS)


def icon_of(kind: str) -> str:
    """The icon of a layer kind; a plain card for kinds that have none of their own."""
    name = f"layer-{kind.lower()}"
    return name if (RESOURCES / "icons" / f"{name}.svg").is_file() else "layer"


@cache
def _stripe() -> QPainterPath:
    whole, top = QPainterPath(), QPainterPath()
    whole.addRoundedRect(CARD.adjusted(-0.5, -0.5, 0.5, 0.5), CARD_RADIUS, CARD_RADIUS)
    top.addRect(QRectF(-1, -1, CARD_WIDTH + 2, STRIPE + 0.5))
    return whole.intersected(top)


def _static(words: str, font: QFont, width: float) -> QStaticText:
    """One line, never read as rich text; where it is too long the letters are set closer, then it is shortened."""
    if QFontMetricsF(font).horizontalAdvance(words) > width:
        font.setStretch(_NARROW)
    text = QStaticText(QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, width))
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.prepare(font=font)
    return text


def _wrapped(words: str, font: QFont, width: float) -> QStaticText:
    text = QStaticText(words)
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setTextOption(QTextOption(Qt.AlignmentFlag.AlignHCenter))
    text.setTextWidth(width)
    text.prepare(font=font)
    return text
