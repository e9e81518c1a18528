"""The learning rate over the epochs as a small picture, drawn from the schedule itself, and what it is now."""

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annstudio.engine.schedules import Moment
from annstudio.training.settings import TrainingSettings
from annstudio.ui.numbers import number_text
from annstudio.ui.panels.hovered import HoveredCurve
from annstudio.ui.theme import GRID, SMALL, theme, ui_font

POINTS = 241
DIGITS = 4


class RatePicture(HoveredCurve):
    """The curve; a dot marks where training stands. Under the pointer its value is told."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(POINTS, 26 * GRID, parent)
        self.rates: list[float] = []
        self.epochs = 1
        self.done = 0.0
        self.now = 0.0

    def show_settings(self, settings: TrainingSettings, losses: tuple[float, ...], done: float, now: float) -> None:
        """`losses` are those of past epochs, `done` epochs are over, and the rate is `now`."""
        self.epochs, self.done, self.now = max(settings.epochs, math.ceil(done)), done, now
        self.rates = course(settings, self.epochs, losses)
        self.setAccessibleName("Learning rate over the epochs")
        self.setAccessibleDescription(self._summary())
        self.update()

    def words(self) -> str:
        """What is said below the curve: the place under the pointer, else what is now."""
        if self.at is None:
            return self._summary()
        epoch = self.at / (POINTS - 1) * self.epochs
        return f"epoch {_short(epoch, 3)}: rate {_short(self.rates[self.at])}"

    def _summary(self) -> str:
        return f"epoch {_short(self.done, 3)} of {self.epochs}: rate {_short(self.now)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        self.paint_ground(painter)
        inner = self.inner()
        painter.setPen(QPen(t.card_border, 1))
        painter.drawLine(inner.bottomLeft(), inner.bottomRight())
        painter.drawLine(inner.topLeft(), inner.bottomLeft())
        if self.rates:
            self._paint_curve(painter, inner)
        painter.setFont(ui_font(SMALL))
        painter.setPen(t.dim)
        area = QRectF(self.rect()).adjusted(2 * GRID, GRID, -2 * GRID, -GRID)
        most = f"up to {_short(max(self.rates, default=0))}"
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, self.words())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, most)
        painter.end()

    def _paint_curve(self, painter: QPainter, inner: QRectF) -> None:
        t = theme()
        path = QPainterPath()
        for i, rate in enumerate(self.rates):
            point = self._point(i / (POINTS - 1), rate, inner)
            path.lineTo(point) if i else path.moveTo(point)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(t.plot_lines[0], 1.8))
        painter.drawPath(path)
        painter.setPen(QPen(t.canvas, 1.5))
        painter.setBrush(t.plot_lines[0])
        painter.drawEllipse(self._point(min(self.done / self.epochs, 1.0), self.now, inner), 4, 4)
        if self.at is not None:
            painter.setBrush(t.plot_lines[1])
            painter.drawEllipse(self._point(self.at / (POINTS - 1), self.rates[self.at], inner), 3.5, 3.5)

    def inner(self) -> QRectF:
        return QRectF(self.rect()).adjusted(2 * GRID, 5 * GRID, -2 * GRID, -5.5 * GRID)

    def _point(self, share: float, rate: float, inner: QRectF) -> QPointF:
        high = max(*self.rates, self.now) or 1.0
        return QPointF(inner.left() + share * inner.width(), inner.bottom() - rate / high * inner.height())


def course(settings: TrainingSettings, epochs: int, losses: tuple[float, ...]) -> list[float]:
    """The rate at places evenly spread over all epochs; a plateau that has not come yet is not foreseen."""
    rate, schedule = settings.optimizer.learning_rate, settings.schedule
    places = [i / (POINTS - 1) * epochs for i in range(POINTS)]
    return [rate * schedule.factor(Moment(at, epochs, losses[: int(at)])) for at in places]


def _short(number: float, digits: int = DIGITS) -> str:
    return number_text(number, digits).replace("-", "−")
