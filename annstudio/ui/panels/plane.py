"""Examples with two inputs as points in the plane, coloured by class; behind them, if wanted, a coloured field."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPixmap, QShowEvent, QTransform
from PySide6.QtWidgets import QGraphicsPixmapItem, QVBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.ordinals import nth
from annstudio.ui.numbers import number_text
from annstudio.ui.plots import Table, bare_plot, dress_plot
from annstudio.ui.theme import GRID, mixed, theme

MAX_RATIO = 3.0
"""Axes whose ranges differ by more than this have scales of their own."""
MAX_POINTS = 2000
"""Of larger sets evenly spaced examples are drawn."""


def class_colours(n: int) -> list[QColor]:
    """One colour a class in the theme that is now; of two, the first orange and the second blue."""
    t = theme()
    if n <= 2:
        return [t.plot_lines[1], t.plot_lines[0]]
    lines = t.plot_lines
    return [lines[k % len(lines)] if k < len(lines) else mixed(lines[k % len(lines)], t.text, 0.4) for k in range(n)]


class Plane(QWidget):
    """A square look at the plane. `hovered(text)` tells the example under the pointer, `chosen(i)` the one clicked."""

    hovered = Signal(str)
    chosen = Signal(int)
    moved = Signal()
    """What part of the plane is seen has changed: a field has to be worked out anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points: Array = np.zeros((0, 2))
        self.classes: Array = np.zeros(0, int)
        self.class_names: Sequence[str] = ()
        self.names: tuple[str, str] = ("x1", "x2")
        self.numbers: Array = np.zeros(0, int)
        self.watched = -1
        self._field: Array | None = None
        self._plot: Any = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.setMinimumSize(40 * GRID, 36 * GRID)

    # What the owner calls ----------------------------------------------------------------------------------------

    def show_points(
        self, points: Array, classes: Array, class_names: Sequence[str], names: tuple[str, str], numbers: Array,
        watched: int = -1,
    ) -> None:  # fmt: skip
        """Points (N, 2), their class numbers (N,), which examples they are (N, ascending), and the one that is being
        watched."""
        same = points is self.points and classes is self.classes and class_names == self.class_names
        self.points, self.classes, self.class_names, self.names = points, classes, class_names, names
        self.numbers = numbers
        self.watched = watched
        if self._plot is not None:
            if not same:
                self._draw_points()
            self._draw_watched()

    def show_field(self, colours: Array | None) -> None:
        """A picture (rows from below, columns, 3) of bytes behind the points, over `extent`."""
        self._field = colours
        if self._plot is not None:
            self._draw_field()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """What part of the plane is seen: x from, to, y from, to. Both axes have one scale where that is wise."""
        if not len(self.points):
            return 0.0, 1.0, 0.0, 1.0
        low, high = self.points.min(0).astype(float), self.points.max(0).astype(float)
        middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
        if max(half) / min(half) < MAX_RATIO:
            half[:] = max(half)
        half = half * 1.15
        if self._plot is not None and max(half) / min(half) < MAX_RATIO:
            box = self._plot.getViewBox()
            shape = max(box.width(), 1) / max(box.height(), 1)
            half = half * (max(shape, 1.0), max(1 / shape, 1.0))
        return middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1]

    def grid_shape(self, n: int) -> tuple[int, int]:
        """Columns and rows of a grid of about `n` places that are as wide as high on the screen."""
        if self._plot is None:
            side = round(n**0.5)
            return side, side
        box = self._plot.getViewBox()
        shape = max(box.width(), 1) / max(box.height(), 1)
        return max(round((n * shape) ** 0.5), 2), max(round((n / shape) ** 0.5), 2)

    def redress(self) -> None:
        """Take over the colours of the theme that is now."""
        if self._plot is not None:
            self._dress()
            self._draw_points()
            self._draw_watched()

    def legend(self) -> str:
        """The classes and their colours, as rich text."""
        colours = class_colours(max(len(self.class_names), 2))
        shown = [
            f'<span style="color:{colours[k % len(colours)].name()}">●</span>&nbsp;{escape(name)}'
            for k, name in enumerate(self.class_names)
        ]
        return "&nbsp;&nbsp; ".join(shown)

    def table(self) -> Table:
        named = len(self.class_names) > 0
        rows = [
            [*map(float, point), self.class_names[k] if named else int(k)]
            for point, k in zip(self.points, self.classes, strict=True)
        ]
        return [*self.names, "class"], rows

    # Drawing -------------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._plot is None:
            self._make()

    def _make(self) -> None:
        import pyqtgraph as pg

        self._plot = bare_plot(self)
        self._pixmap = QGraphicsPixmapItem()
        self._pixmap.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        self._pixmap.setZValue(-10)
        self._plot.addItem(self._pixmap, ignoreBounds=True)
        self._dots = pg.ScatterPlotItem(size=7, pxMode=True, useCache=False)
        self._ring = pg.ScatterPlotItem(size=13, pxMode=True, useCache=False)
        self._plot.addItem(self._dots)
        self._plot.addItem(self._ring)
        self._plot.getViewBox().sigResized.connect(self._resized)
        self._plot.scene().sigMouseMoved.connect(self._pointed)
        self._plot.scene().sigMouseClicked.connect(self._clicked)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self._plot)
        self._dress()
        self._draw_points()
        self._draw_watched()
        self._draw_field()

    def _dress(self) -> None:
        dress_plot(self._plot, *self.names)

    def _draw_points(self) -> None:
        import pyqtgraph as pg

        self._dress()
        step = max(1, -(-len(self.points) // MAX_POINTS))
        points, classes = self.points[::step], self.classes[::step]
        brushes = [pg.mkBrush(colour) for colour in class_colours(max(len(self.class_names), 2))]
        edge = pg.mkPen(theme().panel, width=1)
        self._dots.setData(
            pos=points, brush=[brushes[int(k) % len(brushes)] for k in classes], pen=edge, size=7 if step == 1 else 5
        )
        self._fit()

    def _fit(self) -> None:
        left, right, bottom, top = self.extent
        self._plot.setXRange(left, right, padding=0)
        self._plot.setYRange(bottom, top, padding=0)

    def _resized(self, _: object) -> None:
        self._fit()
        self.moved.emit()

    def _draw_watched(self) -> None:
        import pyqtgraph as pg

        at = int(np.searchsorted(self.numbers, self.watched))
        shown = at < len(self.points) and self.numbers[at] == self.watched
        self._ring.setData(
            pos=self.points[at : at + 1] if shown else [],
            brush=None,
            pen=pg.mkPen(theme().now, width=2),
        )

    def _draw_field(self) -> None:
        if self._field is None:
            self._pixmap.setPixmap(QPixmap())
            return
        picture = np.ascontiguousarray(self._field)
        rows, columns, _ = picture.shape
        image = QImage(picture.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
        self._pixmap.setPixmap(QPixmap.fromImage(image))
        left, right, bottom, top = self.extent
        self._pixmap.setTransform(
            QTransform.fromTranslate(left, bottom).scale((right - left) / columns, (top - bottom) / rows)
        )

    def nearest(self, place: QPointF) -> int | None:
        """The example drawn within a few pixels of a place of the scene."""
        if not len(self.points):
            return None
        box = self._plot.getViewBox()
        wide, high = box.viewPixelSize()
        x = box.mapSceneToView(place)
        away = np.hypot((self.points[:, 0] - x.x()) / wide, (self.points[:, 1] - x.y()) / high)
        i = int(away.argmin())
        return i if away[i] < 8 else None

    def _pointed(self, place: QPointF) -> None:
        box = self._plot.getViewBox()
        if not box.sceneBoundingRect().contains(place):
            self.hovered.emit("")
            return
        i, at = self.nearest(place), box.mapSceneToView(place)
        x, y = (at.x(), at.y()) if i is None else map(float, self.points[i])
        told = f"{self.names[0]} {number_text(x, 4)}, {self.names[1]} {number_text(y, 4)}"
        if i is not None:
            k = int(self.classes[i])
            named = self.class_names[k] if k < len(self.class_names) else str(k)
            told = f"{nth('sample', self.numbers[i])}: {told}, {named}"
        self.hovered.emit(told.replace("-", "−"))

    def _clicked(self, event: Any) -> None:
        i = self.nearest(event.scenePos())
        if i is not None:
            self.chosen.emit(int(self.numbers[i]))
