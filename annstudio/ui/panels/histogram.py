"""A small histogram: how the numbers of an array are spread, with exact counts under the pointer."""

import math

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annstudio.engine.op import Array
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.panels.pictures import signed_text
from annstudio.ui.theme import GRID, SMALL, mono_font, theme

BINS = 41
MAX_COUNTED = 4000
"""Of larger arrays evenly spaced numbers are counted: the picture is the same and costs little."""


class Histogram(QWidget):
    """Bars over a signed axis whose middle is zero, or over 0 to the largest where nothing is negative."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = np.zeros(BINS, int)
        self.edges = np.linspace(0, 1, BINS + 1)
        self.signed = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_values(self, values: Array, largest: float | None = None) -> None:
        """Count these numbers; `largest` sets the end of the axis."""
        flat = values.reshape(-1)
        flat = flat[:: max(1, math.ceil(flat.size / MAX_COUNTED))]
        flat = flat[np.isfinite(flat)]
        end = largest or (float(np.abs(flat).max()) if flat.size else 0.0) or 1.0
        self.signed = bool(flat.size and flat.min() < 0)
        self.counts, self.edges = np.histogram(flat, BINS, (-end if self.signed else 0.0, end))
        self.setAccessibleDescription(
            f"Histogram from {number_text(self.edges[0], 3)} to {number_text(self.edges[-1], 3)}"
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(50 * GRID, 20 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(20 * GRID, 10 * GRID)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            i = min(max(int(event.pos().x() / max(self.width(), 1) * BINS), 0), BINS - 1)
            low, high = (signed_text(float(edge), 3) for edge in self.edges[i : i + 2])
            QToolTip.showText(event.globalPos(), f"{low} to {high}: {count_text(int(self.counts[i]))}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        foot = 4 * GRID
        height = self.height() - foot
        top = max(int(self.counts.max()), 1)
        step = self.width() / BINS
        for i, count in enumerate(self.counts):
            if count:
                middle = self.edges[i] + self.edges[i + 1]
                share = max(count / top * (height - 2), 1.0)
                colour = t.positive if middle > 0 or not self.signed else t.negative
                painter.fillRect(QRectF(i * step, height - share, max(step - 1, 1), share), colour)
        painter.setPen(QPen(t.card_border, 1))
        painter.drawLine(0, height, self.width(), height)
        painter.setFont(mono_font(SMALL))
        painter.setPen(t.dim)
        foot_rect = QRectF(0, height, self.width(), foot)
        ends = ((Qt.AlignmentFlag.AlignLeft, self.edges[0]), (Qt.AlignmentFlag.AlignRight, self.edges[-1]))
        for side, edge in ends:
            painter.drawText(foot_rect, side | Qt.AlignmentFlag.AlignBottom, signed_text(float(edge), 3, self.signed))
        if self.signed:
            painter.drawText(foot_rect, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, "0")
        painter.end()
