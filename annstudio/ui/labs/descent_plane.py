"""The loss over two weights from above: colours, lines of one height, ways down, and gradients as arrows."""

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QPixmap, QTransform
from PySide6.QtWidgets import QHBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.ui.axes import dress_plot
from annstudio.ui.labs.descent_look import DrawnWay, ScaleBar, Scene, shades, told
from annstudio.ui.labs.isolines import isolines
from annstudio.ui.late_plot import LatePlot
from annstudio.ui.plots import Table
from annstudio.ui.theme import GRID, mixed, theme

MARKS = 8
"""About so many marks along every way."""
REACH = 80
"""How long the full gradient's arrow is, in pixels."""
NEAR = 9
"""A way's point within so many pixels of the pointer is told."""
KEYS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Down: (0, -1), Qt.Key.Key_Up: (0, 1),
}  # fmt: skip


class DescentPlane(LatePlot):
    """`hovered(text)` tells what is under the pointer, `chosen(x, y)` the place that was clicked.

    By keys: arrows move a cross from one measured place to the next, Enter chooses it.
    """

    hovered = Signal(str)
    chosen = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = Scene()
        self._ways: list[Any] = []
        self._cell: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Loss over two weights, from above")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.bar = ScaleBar(self)
        row.addStretch(1)
        row.addWidget(self.bar)
        self.setMinimumSize(50 * GRID, 30 * GRID)

    # What the owner calls -------------------------------------------------------------------------------------------

    def show_scene(self, scene: Scene) -> None:
        """Show this; what did not change is not drawn anew."""
        before, self.scene = self.scene, scene
        self.bar.show_scale(scene.scale)
        self.bar.setVisible(scene.surface is not None)
        if self._plot is None:
            return
        if before.surface is not scene.surface or before.names != scene.names or before.plane != scene.plane:
            self._cell = None
            self._draw_ground()
        if before.ways != scene.ways:
            self._draw_ways()
        self._draw_rest()

    def redress(self) -> None:
        """Take over the colours of the theme that is now."""
        self.bar.update()
        if self._plot is not None:
            self._draw_ground()
            self._draw_ways()
            self._draw_rest()

    def table(self) -> Table:
        """Every measured place with its loss."""
        surface = self.scene.surface
        if surface is None:
            return [*self.scene.names, "loss"], []
        rows = [
            [float(x), float(y), float(surface.losses[i, j])]
            for i, y in enumerate(surface.ys)
            for j, x in enumerate(surface.xs)
        ]
        return [*self.scene.names, "loss"], rows

    def place_of(self, x: float, y: float) -> QPointF:
        """Where a place of the plane is seen in this widget."""
        seen = self._plot.mapFromScene(self._plot.getViewBox().mapViewToScene(QPointF(x, y)))
        return QPointF(self._plot.viewport().mapTo(self, seen))

    # Drawing --------------------------------------------------------------------------------------------------------

    def _make(self) -> None:
        import pyqtgraph as pg

        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Room for half of the topmost number, too.
        self._plot.getPlotItem().layout.setContentsMargins(1, 2 * GRID, 5 * GRID, 1)
        self._ground = self._picture_behind()
        self._lines = pg.PlotCurveItem(connect="pairs", antialias=True)
        self._arrows = pg.PlotCurveItem(connect="pairs", antialias=True)
        self._full = pg.PlotCurveItem(connect="pairs", antialias=True)
        self._tips = pg.ScatterPlotItem(pxMode=True, useCache=False)
        self._spots = pg.ScatterPlotItem(pxMode=True, useCache=False)
        self._cross = pg.ScatterPlotItem(pxMode=True, useCache=False)
        for z, item in enumerate((self._lines, self._arrows, self._tips, self._full, self._spots, self._cross)):
            item.setZValue(-5 if not z else 5 + z)
            self._plot.addItem(item)
        self._plot.scene().sigMouseMoved.connect(self._pointed)
        self._plot.scene().sigMouseClicked.connect(self._clicked)
        self._plot.getViewBox().sigResized.connect(self._draw_rest)
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.takeAt(0)
        layout.insertWidget(0, self._plot, 1)
        self.redress()

    def _draw_ground(self) -> None:
        import pyqtgraph as pg

        dress_plot(self._plot, *self.scene.names)
        if self.scene.plane is not None:
            self._plot.setXRange(*self.scene.plane.x, padding=0)
            self._plot.setYRange(*self.scene.plane.y, padding=0)
        surface, scale = self.scene.surface, self.scene.scale
        if surface is None or not len(surface.xs):
            self._ground.setPixmap(QPixmap())
            self._lines.setData([], [])
            return
        picture = np.ascontiguousarray(shades(scale.shares(surface.losses)))
        rows, columns, _ = picture.shape
        image = QImage(picture.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()
        self._ground.setPixmap(QPixmap.fromImage(image))
        dx, dy = float(surface.xs[1] - surface.xs[0]), float(surface.ys[1] - surface.ys[0])
        # A pixel's middle is where its loss was measured.
        corner = float(surface.xs[0]) - dx / 2, float(surface.ys[0]) - dy / 2
        self._ground.setTransform(QTransform.fromTranslate(*corner).scale(dx, dy))
        x, y = isolines(surface.losses, surface.xs, surface.ys, scale.levels)
        self._lines.setPen(pg.mkPen(mixed(theme().panel, theme().text, 0.55), width=1))
        self._lines.setData(x, y)

    def _draw_ways(self) -> None:
        for item in self._ways:
            self._plot.removeItem(item)
        self._ways = [item for way in self.scene.ways for item in self._items_of(way)]
        for item in self._ways:
            self._plot.addItem(item)

    def _items_of(self, way: DrawnWay) -> list[Any]:
        import pyqtgraph as pg

        points, ink, ground = way.thinned(), way.look.ink, theme().panel
        style = Qt.PenStyle.DashLine if way.look.dashed else Qt.PenStyle.SolidLine
        # A rim in the ground's colour keeps ways apart from the lines of one height, and from each other.
        rim = pg.PlotCurveItem(points[:, 0], points[:, 1], pen=pg.mkPen(ground, width=4), antialias=True)
        line = pg.PlotCurveItem(points[:, 0], points[:, 1], pen=pg.mkPen(ink, width=2, style=style), antialias=True)
        some = points[_spread(len(points))]
        sizes = [8] * max(len(some) - 1, 0) + [13] * min(len(some), 1)
        marks = pg.ScatterPlotItem(
            pos=some, symbol=way.look.mark, size=sizes, brush=pg.mkBrush(ink), pen=pg.mkPen(ground, width=1),
            pxMode=True, useCache=False,
        )  # fmt: skip
        for z, item in ((1, rim), (2, line), (3, marks)):
            item.setZValue(z)
        return [rim, line, marks]

    def _draw_rest(self, *_: object) -> None:
        """The weights of now, the start, and the gradients as arrows downhill."""
        import pyqtgraph as pg

        t, scene = theme(), self.scene
        spots = []
        if scene.start is not None:
            spots.append({"pos": scene.start, "symbol": "+", "size": 15, "brush": t.now, "pen": pg.mkPen(t.panel)})
        if scene.here is not None:
            spots.append({"pos": scene.here, "symbol": "o", "size": 14, "brush": None, "pen": pg.mkPen(t.now, width=2)})
        self._spots.setData(spots)
        found = scene.gradients
        if found is None or not self._stretch():
            for item in (self._arrows, self._full, self._tips):
                item.setData([], [])
            return
        at, stretch = np.array(scene.at), self._stretch()
        ends = at - stretch * np.array([one.gradient.plane for one in found.drawn]).reshape(-1, 2)
        lines = np.stack([np.broadcast_to(at, ends.shape), ends], 1).reshape(-1, 2)
        self._arrows.setPen(pg.mkPen(t.gradient, width=1))
        self._arrows.setData(lines[:, 0], lines[:, 1])
        self._tips.setData(pos=ends, symbol="o", size=5, brush=pg.mkBrush(t.gradient), pen=pg.mkPen(t.panel))
        full = self._arrow(at, at - stretch * found.full.plane)
        self._full.setPen(pg.mkPen(t.now, width=3))
        self._full.setData(full[:, 0], full[:, 1])

    def _stretch(self) -> float:
        """How far an arrow reaches for a gradient of 1: the full one's is REACH pixels long."""
        found = self.scene.gradients
        if found is None or self._plot is None:
            return 0.0
        wide, high = self._plot.getViewBox().viewPixelSize()
        length = math.hypot(found.full.plane[0] / wide, found.full.plane[1] / high)
        return REACH / length if length > 0 and math.isfinite(length) else 0.0

    def _arrow(self, start: Array, end: Array) -> Array:
        """A line with two barbs, as pairs of points; the barbs are as long on the screen whatever the axes."""
        pixel = np.array(self._plot.getViewBox().viewPixelSize())
        along = (start - end) / pixel
        along = along / (np.linalg.norm(along) or 1.0) * 11
        barbs = [end + pixel * (turn @ along) for turn in _TURNS]
        return np.array([start, end, end, barbs[0], end, barbs[1]])

    # Hands ----------------------------------------------------------------------------------------------------------

    def _pointed(self, place: QPointF) -> None:
        box = self._plot.getViewBox()
        if not box.sceneBoundingRect().contains(place):
            self._show_cell(None)
            self.hovered.emit("")
            return
        at = box.mapSceneToView(place)
        words = self._words_of_way(at.x(), at.y())
        self._show_cell(None if words else self._nearest(at.x(), at.y()))
        self.hovered.emit(words or self._words_of_cell())

    def _clicked(self, event: Any) -> None:
        box = self._plot.getViewBox()
        if event.button() is Qt.MouseButton.LeftButton and box.sceneBoundingRect().contains(event.scenePos()):
            at = box.mapSceneToView(event.scenePos())
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.chosen.emit(at.x(), at.y())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._plot is not None and self._cell is None and self.scene.here is not None:
            self._show_cell(self._nearest(*self.scene.here))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self._plot is not None:
            self._show_cell(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        surface, key = self.scene.surface, Qt.Key(event.key())
        if surface is None or not len(surface.xs):
            super().keyPressEvent(event)
            return
        if key in KEYS:
            i, j = self._cell or self._nearest(*(self.scene.here or (0.0, 0.0))) or (0, 0)
            right, up = KEYS[key]
            i, j = min(max(i + up, 0), len(surface.ys) - 1), min(max(j + right, 0), len(surface.xs) - 1)
            self._show_cell((i, j))
            self.hovered.emit(self._words_of_cell())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cell is not None:
            i, j = self._cell
            self.chosen.emit(float(surface.xs[j]), float(surface.ys[i]))
        else:
            super().keyPressEvent(event)

    def _show_cell(self, cell: tuple[int, int] | None) -> None:
        import pyqtgraph as pg

        self._cell = cell
        surface = self.scene.surface
        if cell is None or surface is None:
            self._cross.setData([])
            return
        place = (float(surface.xs[cell[1]]), float(surface.ys[cell[0]]))
        self._cross.setData(pos=[place], symbol="x", size=9, brush=pg.mkBrush(theme().dim), pen=pg.mkPen(theme().panel))

    def _nearest(self, x: float, y: float) -> tuple[int, int] | None:
        surface = self.scene.surface
        if surface is None or not len(surface.xs):
            return None
        return int(np.abs(surface.ys - y).argmin()), int(np.abs(surface.xs - x).argmin())

    def _words_of_cell(self) -> str:
        surface = self.scene.surface
        if self._cell is None or surface is None:
            return ""
        i, j = self._cell
        return place_words(self.scene.names, float(surface.xs[j]), float(surface.ys[i]), float(surface.losses[i, j]))

    def _words_of_way(self, x: float, y: float) -> str:
        """The point of a way under the pointer: whose, after how many steps, where, and with which loss."""
        wide, high = self._plot.getViewBox().viewPixelSize()
        for way in self.scene.ways:
            points = way.track.points
            if not len(points):
                continue
            away = np.hypot((points[:, 0] - x) / wide, (points[:, 1] - y) / high)
            k = int(away.argmin())
            if away[k] < NEAR:
                loss = float(way.track.losses[k])
                words = place_words(
                    self.scene.names, float(points[k, 0]), float(points[k, 1]), loss, "its batch's loss"
                )
                return f"{way.name}, {int(way.track.steps[k])} steps: {words}"
        return ""


def place_words(names: tuple[str, str], x: float, y: float, loss: float, what: str = "loss") -> str:
    """A place of the plane and its loss in words."""
    known = f"{what} {told(loss, 6)} · " if math.isfinite(loss) else ""
    return f"{known}{names[0]} {told(x)} · {names[1]} {told(y)}"


def _spread(n: int) -> Array:
    """Places of marks along `n` points: the last one always, the first never (there is the start's own mark)."""
    if n < 2:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, min(MARKS, n)).round().astype(int))[1:]


_SIDE = math.radians(26)
_TURNS = tuple(
    np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in (_SIDE, -_SIDE)
)  # fmt: skip
