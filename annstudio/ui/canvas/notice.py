"""A problem in plain words near its node, with a button for every known mend."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from annstudio.document.compile import Problem
from annstudio.ui.theme import CARD_RADIUS, GRID, SMALL, TEXT, mixed, theme, ui_font

_WIDTH = 300.0
_PADDING = 10.0
_BUTTON_HEIGHT = 24.0


class Notice(QGraphicsItem):
    """A box with what is wrong, what to do, and buttons; milder where something is merely unfinished."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem
        self.hovered: int | None = None
        self._title = ui_font(TEXT - 1, bold=True)
        self._body = ui_font(SMALL)
        self._lines: list[tuple[QPointF, str, QFont]] = []
        bottom = self._lay_out(problem.message, self._title, _PADDING)
        if problem.hint:
            bottom = self._lay_out(problem.hint, self._body, bottom + 2)
        self.buttons = self._placed_buttons(bottom + 2 * GRID)
        if self.buttons:
            bottom = self.buttons[-1].bottom()
        self.area = QRectF(0, 0, _WIDTH, bottom + _PADDING)
        self.setZValue(3)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    @property
    def labels(self) -> Sequence[str]:
        return [remedy.label for remedy in self.problem.remedies]

    def button_at(self, place: QPointF) -> int | None:
        """The number of the button at a place of the scene."""
        own = self.mapFromScene(place)
        return next((i for i, rect in enumerate(self.buttons) if rect.contains(own)), None)

    def button_place(self, number: int) -> QPointF:
        """The middle of a button in the scene."""
        return self.mapToScene(self.buttons[number].center())

    def hover(self, number: int | None) -> None:
        if number != self.hovered:
            self.hovered = number
            self.update()

    def boundingRect(self) -> QRectF:
        return self.area.adjusted(-2, -2, 2, 2)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        t = theme()
        mild = self.problem.mild
        ink, fill, border = (
            (t.hint, t.hint_fill, t.hint_border) if mild else (t.problem, t.problem_fill, t.problem_border)
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(border, 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(self.area, CARD_RADIUS - 1, CARD_RADIUS - 1)
        painter.setPen(ink)
        for place, line, font in self._lines:
            painter.setFont(font)
            painter.drawText(place, line)
        painter.setFont(self._title)
        for i, (rect, label) in enumerate(zip(self.buttons, self.labels, strict=True)):
            painter.setBrush(mixed(fill, ink, 0.16) if i == self.hovered else t.card)
            painter.setPen(QPen(ink, 1))
            painter.drawRoundedRect(rect, 5, 5)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, label)

    def _lay_out(self, words: str, font: QFont, top: float) -> float:
        """Break words into lines below `top`; returns where they end."""
        layout = QTextLayout(words, font)
        layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
        metrics = QFontMetricsF(font)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(_WIDTH - 2 * _PADDING)
            text = words[line.textStart() : line.textStart() + line.textLength()]
            self._lines.append((QPointF(_PADDING, top + metrics.ascent()), text, font))
            top += metrics.height() + 1
        layout.endLayout()
        return top

    def _placed_buttons(self, top: float) -> list[QRectF]:
        metrics = QFontMetricsF(self._title)
        rects: list[QRectF] = []
        left = _PADDING
        for label in self.labels:
            width = min(metrics.horizontalAdvance(label) + 20, _WIDTH - 2 * _PADDING)
            if left > _PADDING and left + width > _WIDTH - _PADDING:
                left, top = _PADDING, top + _BUTTON_HEIGHT + GRID
            rects.append(QRectF(left, top, width, _BUTTON_HEIGHT))
            left += width + 2 * GRID
        return rects
