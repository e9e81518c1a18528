"""Horizontal bars with names, exact values and an axis: gradients' sizes, a network's outputs, classes of the data."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annstudio.ui.numbers import number_text
from annstudio.ui.plots import Table
from annstudio.ui.theme import GRID, SMALL, TEXT, mono_font, theme, ui_font

ROW = 5 * GRID
"""The height of a bar's row; less where many bars have to find room."""
WANTED = 8
"""For so many bars room is asked for; more make do with what there is."""


@dataclass(frozen=True)
class Bar:
    """A name, a number, how the number is written, and whether the bar is brought out."""

    name: str
    value: float
    text: str = ""
    strong: bool = False


class Bars(QWidget):
    """Bars from `low` to their value. `colour(i)` gives the colour of bar i in the theme that is now."""

    def __init__(self, colour: Callable[[int], QColor], parent: QWidget | None = None, *, ticks: bool = False) -> None:
        super().__init__(parent)
        self.colour = colour
        self.ticks = ticks
        self.from_zero = True
        """Whether bars begin at zero where the axis has one; else at its left end."""
        self.bars: Sequence[Bar] = ()
        self.low, self.high = 0.0, 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_bars(self, bars: Sequence[Bar], low: float = 0.0, high: float = 1.0) -> None:
        """New bars on an axis from `low` to `high`."""
        self.bars, self.low, self.high = bars, low, high if high > low else low + 1.0
        self.setAccessibleDescription("; ".join(f"{bar.name} {bar.text}" for bar in bars[:20]))
        self.updateGeometry()
        self.update()

    def table(self) -> Table:
        return ["name", "value"], [[bar.name, bar.value] for bar in self.bars]

    def sizeHint(self) -> QSize:
        return QSize(60 * GRID, min(len(self.bars), WANTED) * ROW + (5 * GRID if self.ticks else 0))

    def minimumSizeHint(self) -> QSize:
        return QSize(40 * GRID, min(len(self.bars), 3) * ROW)

    def bar_at(self, y: float) -> int | None:
        """The bar at a height of the widget."""
        i = int(y // self._row)
        return i if 0 <= i < len(self.bars) else None

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            i = self.bar_at(event.pos().y())
            if i is not None:
                bar = self.bars[i]
                QToolTip.showText(event.globalPos(), f"{bar.name}: {number_text(bar.value)}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        left, right = self._room()
        width = max(self.width() - left - right, 1.0)
        row = self._row
        plain, strong, mono = ui_font(SMALL), ui_font(SMALL, bold=True), mono_font(SMALL)
        vertical = Qt.AlignmentFlag.AlignVCenter
        if self.ticks and self.bars:
            self._draw_ticks(painter, left, width)
        for i, bar in enumerate(self.bars):
            y = i * row
            painter.setFont(strong if bar.strong else plain)
            painter.setPen(t.text if bar.strong else t.dim)
            if row >= SMALL:
                painter.drawText(QRectF(0, y, left - 2 * GRID, row), vertical, bar.name)
            share = (bar.value - self.low) / (self.high - self.low) if math.isfinite(bar.value) else 0.0
            zero = max(-self.low / (self.high - self.low), 0.0) if self.from_zero and self.low < 0 < self.high else 0.0
            ends = sorted((min(max(share, 0.0), 1.0), zero))
            thick = min(0.62 * row, 3.5 * GRID)
            rect = QRectF(left + ends[0] * width, y + (row - thick) / 2, max((ends[1] - ends[0]) * width, 1), thick)
            painter.fillRect(rect, self.colour(i))
            if row >= SMALL:
                painter.setFont(mono)
                painter.setPen(t.text if bar.strong else t.dim)
                painter.drawText(QRectF(self.width() - right + GRID, y, right, row), vertical, bar.text)
        painter.end()

    @property
    def _row(self) -> float:
        room = self.height() - (5 * GRID if self.ticks else 0)
        return min(float(TEXT * 2), room / max(len(self.bars), 1))

    def _room(self) -> tuple[float, float]:
        """The widths kept for names and for numbers."""
        names, numbers = QFontMetricsF(ui_font(SMALL, bold=True)), QFontMetricsF(mono_font(SMALL))
        left = max((names.horizontalAdvance(bar.name) for bar in self.bars), default=0) + 3 * GRID
        right = max((numbers.horizontalAdvance(bar.text) for bar in self.bars), default=0) + 2 * GRID
        return min(left, 0.4 * self.width()), right

    def _draw_ticks(self, painter: QPainter, left: float, width: float) -> None:
        painter.setFont(ui_font(SMALL))
        top = len(self.bars) * self._row
        step = max(1, math.ceil((self.high - self.low) / 8))
        for value in range(math.ceil(self.low), math.floor(self.high) + 1, step):
            x = left + (value - self.low) / (self.high - self.low) * width
            painter.setPen(QPen(theme().faint, 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, top))
            painter.setPen(theme().dim)
            centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(QRectF(x - 20, top + 2, 40, 16), centre, number_text(value).replace("-", "−"))
