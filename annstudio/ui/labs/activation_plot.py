"""Curves of activations over x, with grey stretches where they are flat and a tick for every sum of a layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from annstudio.engine.op import Array
from annstudio.ui.numbers import number_text
from annstudio.ui.plots import LinePlot
from annstudio.ui.theme import theme

TICK = 0.06
"""How much of the height the ticks take."""
CUT = (-3.0, 4.0)
"""Where a curve with an end stands beside one without, the axis shows so much: else the first would be a flat line."""


class ActivationPlot(LinePlot):
    """A line plot with marks on its x axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "x", "", (), parent)
        self.whole_x = True
        self.flat: Sequence[tuple[float, float]] = ()
        self.marks: Array = np.zeros(0)
        self.at = 0.0
        self._shades: list[Any] = []
        self._ticks: Any = None
        self._here: Any = None
        self.setAccessibleName("Curves of the activations")

    def mark(self, flat: Sequence[tuple[float, float]], marks: Array, at: float) -> None:
        """Shade stretches of x, tick the places of `marks`, and draw a line at the x that is read."""
        self.flat, self.marks, self.at = flat, marks, at
        if self._plot is not None:
            self._draw_marks()

    def values_at(self, x: float) -> str:
        return super().values_at(x).replace("-", "−")

    def _make(self) -> None:
        import pyqtgraph as pg

        super()._make()
        self._ticks = pg.PlotCurveItem()
        self._here = pg.InfiniteLine(angle=90, movable=False)
        self._plot.addItem(self._ticks)
        self._plot.addItem(self._here)
        self._draw_marks()

    def _draw(self) -> None:
        super()._draw()
        if self._ticks is not None:
            self._draw_marks()

    def _fit(self) -> None:
        super()._fit()
        tops = [float(np.abs(y).max()) for line in self.lines if not line.dashed for y in [self._data[line.name][1]]]
        if tops and min(tops) < CUT[1] < max(tops):
            low, high = self._plot.getViewBox().viewRange()[1]
            self._plot.setYRange(max(low, CUT[0]), min(high, CUT[1]), padding=0)

    def _dress(self) -> None:
        import pyqtgraph as pg

        super()._dress()
        for line in self.lines:
            style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
            self._curves[line.name].setPen(pg.mkPen(theme().plot_lines[line.colour], width=2, style=style))

    def _draw_marks(self) -> None:
        import pyqtgraph as pg

        t = theme()
        shade = QColor(t.dim)
        shade.setAlpha(34 if t.dark else 26)
        for item in self._shades:
            self._plot.removeItem(item)
        self._shades = []
        for stretch in self.flat:
            item = pg.LinearRegionItem(stretch, movable=False, brush=shade, pen=pg.mkPen(None))
            item.setZValue(-20)
            self._plot.addItem(item)
            self._shades.append(item)
        low, high = self._plot.getViewBox().viewRange()[1]
        x = np.repeat(self.marks, 2)
        y = np.tile([low, low + TICK * (high - low)], len(self.marks))
        tick = QColor(t.text)
        tick.setAlpha(120)
        self._ticks.setData(x, y, connect="pairs", pen=pg.mkPen(tick, width=1))
        self._here.setPen(pg.mkPen(t.dim, width=1, style=Qt.PenStyle.DashLine))
        self._here.setValue(self.at)
        told = ", ".join(f"{number_text(a, 3)} to {number_text(b, 3)}" for a, b in self.flat) or "nowhere"
        self.setAccessibleDescription(f"Flat: {told}. {len(self.marks)} sums are marked.")
