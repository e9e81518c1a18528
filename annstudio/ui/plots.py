"""Line plots with exact values under the pointer, and saving of any chart as PNG, SVG or CSV."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QAction, QColor, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QGraphicsPathItem,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.op import Array
from annstudio.ui.axes import dress_plot, sharp_symbols
from annstudio.ui.late_plot import LatePlot
from annstudio.ui.numbers import number_text
from annstudio.ui.theme import GRID, SMALL, TEXT, mono_font, theme, ui_font, wear

MOST_POINTS = 1000
"""More points than this are not drawn of a curve."""

Points = tuple[Array, Array]
Table = tuple[Sequence[str], Sequence[Sequence[object]]]
"""Column names and rows."""


@dataclass(frozen=True)
class Line:
    """One curve: its name, which of the theme's line colours it has, and whether it is dashed."""

    name: str
    colour: int = 0
    dashed: bool = False


class LinePlot(LatePlot):
    """Curves over one x axis. Ranges follow the data whenever new data is shown, not at every frame."""

    def __init__(
        self, title: str, x_name: str, y_name: str, lines: Sequence[Line], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.title, self.x_name, self.y_name, self.lines = title, x_name, y_name, lines
        self.log = False
        self.least_top: float | None = None
        """Where given, the y axis begins at 0 and reaches at least this far."""
        self.whole_x = False
        """Whether the x axis is as wide as the data, rather than from 0 on."""
        self._data: dict[str, Points] = {}
        self._band: tuple[Array, Array, Array] | None = None
        self._curves: dict[str, Any] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID)
        self.head = QHBoxLayout()
        self.head.setSpacing(2 * GRID)
        self.name = QLabel(title, self)
        self.name.setFont(ui_font(TEXT, bold=True))
        self.legend = QLabel(self)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setFont(ui_font(SMALL))
        self.values = QLabel(self)
        self.values.setFont(mono_font(SMALL))
        # However long it gets, the chart does not grow.
        self.values.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.head.addWidget(self.name)
        self.head.addWidget(self.legend)
        self.head.addStretch(1)
        self._column.addLayout(self.head)
        self._column.addStretch(1)
        self._column.addWidget(self.values)
        self.setMinimumSize(QSize(50 * GRID, 30 * GRID))

    # What the owner calls ----------------------------------------------------------------------------------------

    def show_data(self, data: Mapping[str, Points], band: tuple[Array, Array, Array] | None = None) -> None:
        """New points by the lines' names, and a band (x, low, high) behind the first."""
        before = {**self._data, "": self._band or ()}
        self._data, self._band = dict(data), band
        if self._plot is not None and not _same(before, {**self._data, "": band or ()}):
            self._draw()

    def show_lines(self, lines: Sequence[Line], data: Mapping[str, Points]) -> None:
        """Other curves than before, with their points."""
        changed = tuple(lines) != tuple(self.lines)
        self.lines = tuple(lines)
        if changed and self._plot is not None:
            for curve in self._curves.values():
                self._plot.removeItem(curve)
            self._curves = {}
            self._add_curves()
            self._dress()
            self._data = {}
        self.show_data(data)

    def set_log(self, log: bool) -> None:
        """A logarithmic y axis, or an ordinary one."""
        self.log = log
        if self._plot is not None:
            self._plot.getAxis("left").setLogMode(False, log)
            self._draw()

    def redress(self) -> None:
        """Take over the colours of the theme that is now."""
        if self._plot is not None:
            self._dress()
            self._draw()

    def table(self) -> Table:
        """All points for a CSV file: one row for every x of any line."""
        names = [line.name for line in self.lines if line.name in self._data]
        places = sorted({float(x) for name in names for x in self._data[name][0]})
        columns = [dict(zip(map(float, x), map(float, y), strict=True)) for x, y in (self._data[n] for n in names)]
        rows = [[x, *("" if np.isnan(c.get(x, np.nan)) else c[x] for c in columns)] for x in places]
        return [self.x_name, *(f"{self.title} {name}".strip() for name in names)], rows

    def values_at(self, x: float) -> str:
        """The exact values next to a place on the x axis."""
        told: list[str] = []
        at = x
        for line in self.lines:
            xs, ys = self._data.get(line.name, (np.zeros(0), np.zeros(0)))
            known = np.isfinite(ys)
            if known.any():
                i = int(np.abs(np.where(known, xs, np.inf) - x).argmin())
                told.append(f"{line.name} {number_text(float(ys[i]), 4)}")
                at = float(xs[i])
        return f"{self.x_name} {number_text(at, 4)} · {' · '.join(told)}" if told else ""

    # Drawing -------------------------------------------------------------------------------------------------------

    def _make(self) -> None:
        import pyqtgraph as pg

        self._plot.viewport().installEventFilter(self)
        self._fill = QGraphicsPathItem()
        self._fill.setPen(Qt.PenStyle.NoPen)
        self._plot.addItem(self._fill, ignoreBounds=True)
        self._add_curves()
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._plot.addItem(self._cross)
        self._plot.scene().sigMouseMoved.connect(self._pointed)
        self._column.takeAt(1)
        self._column.insertWidget(1, self._plot, 1)
        self._dress()
        self.set_log(self.log)

    def _add_curves(self) -> None:
        for line in self.lines:
            self._curves[line.name] = self._plot.plot([], [], antialias=True)

    def _dress(self) -> None:
        import pyqtgraph as pg

        t = theme()
        dress_plot(self._plot, self.x_name, self.y_name)
        self._plot.showGrid(y=True, alpha=0.12)
        self._cross.setPen(pg.mkPen(t.dim, style=Qt.PenStyle.DotLine))
        band = QColor(t.plot_lines[0])
        band.setAlpha(45)
        self._fill.setBrush(band)
        told = []
        for line in self.lines:
            colour = t.plot_lines[line.colour]
            style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
            self._curves[line.name].setPen(pg.mkPen(colour, width=1, style=style))
            told.append(f'<span style="color:{colour.name()}">{"- -" if line.dashed else "—"}</span> {line.name}')
        self.legend.setText(f'<span style="color:{t.dim.name()}">{"&nbsp;&nbsp;".join(told)}</span>')

    def _draw(self) -> None:
        self._fit()
        for line in self.lines:
            x, y = self._data.get(line.name, (np.zeros(0), np.zeros(0)))
            few, (x, shown) = len(x) <= 40, thinned(x, self._scaled(y))
            # In one go: pyqtgraph works everything out anew whenever anything is set.
            self._curves[line.name].setData(
                x,
                shown,
                # Of symbols none of which has a place pyqtgraph would ask for the least.
                symbol="o" if few and np.isfinite(shown).any() else None,
                symbolSize=4,
                symbolPen=None,
                symbolBrush=theme().plot_lines[line.colour],
            )
        self._draw_band()
        # Else the axes are placed while the plot is painted, and it is painted again.
        self._plot.scene().prepareForPaint()

    def _draw_band(self) -> None:
        import pyqtgraph as pg

        self._fill.setVisible(self._band is not None and len(self._band[0]) > 1)
        if self._band is not None:
            x, low, high = self._band[0], *map(self._scaled, self._band[1:])
            known = np.isfinite(low) & np.isfinite(high)
            x, low, high = x[known], low[known], high[known]
            self._fill.setPath(pg.arrayToQPath(np.append(x, x[::-1]), np.append(low, high[::-1])))

    def _scaled(self, y: Array) -> Array:
        if not self.log:
            return y
        return np.log10(np.where(y > 0, y, np.nan))

    def _fit(self) -> None:
        xs = [x for x, _ in self._data.values() if len(x)]
        ys = [self._scaled(y) for _, y in self._data.values()] + ([self._scaled(self._band[2])] if self._band else [])
        finite = [y[np.isfinite(y)] for y in ys]
        finite = [y for y in finite if len(y)]
        right = max((float(x.max()) for x in xs), default=1.0)
        left = min(float(x.min()) for x in xs) if self.whole_x and xs else 0.0
        right = right if self.whole_x and xs else max(right, 1.0) * 1.02
        low = min((float(y.min()) for y in finite), default=0.0)
        high = max((float(y.max()) for y in finite), default=1.0)
        if not self.log:
            low, high = min(low, 0.0), max(high, self.least_top or 0.0)
        span = (high - low) or 1.0
        low, high = low - (0.03 * span if self.log else 0), high + 0.05 * span
        self._plot.getViewBox().setRange(xRange=(left, right), yRange=(low, high), padding=0)

    def _pointed(self, place: QPointF) -> None:
        box = self._plot.getViewBox()
        inside = box.sceneBoundingRect().contains(place)
        x = float(box.mapSceneToView(place).x())
        told = self.values_at(x) if inside else ""
        self.values.setText(told)
        self._cross.setVisible(bool(told))
        if told:
            self._cross.setValue(x)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == event.Type.Leave and self._plot is not None:
            self.values.clear()
            self._cross.hide()
        return super().eventFilter(watched, event)


def _same(before: Mapping[str, Sequence[Array]], after: Mapping[str, Sequence[Array]]) -> bool:
    """Whether curves are the same to the point."""
    return before.keys() == after.keys() and all(
        len(before[name]) == len(after[name]) and all(map(_equal, before[name], after[name])) for name in after
    )


def _equal(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def thinned(x: Array, y: Array) -> Points:
    """As many points as can be told apart: of every stretch of a longer curve its least and its largest."""
    if len(x) <= MOST_POINTS:
        return x, y
    starts = np.arange(0, len(x), -(-2 * len(x) // MOST_POINTS))
    ends = np.stack([np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)], 1)
    return np.repeat(x[starts], 2), ends.reshape(-1)


# ---------------------------------------------------------------------------------------------------------- saving


class SaveButton(QToolButton):
    """A small button whose menu saves a chart as a picture or as numbers; right-clicking the chart opens it too."""

    def __init__(
        self, chart: QWidget, name: str, table: Callable[[], Table], tell: Callable[[str, str], object]
    ) -> None:
        super().__init__(chart)
        self.chart, self.name, self.table, self.tell = chart, name, table, tell
        wear(self, "export", "dim")
        self.setToolTip(f"Save {name} as PNG, SVG or CSV")
        self.setAccessibleName(f"Save {name}")
        self.setAutoRaise(True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for kind in ("PNG", "SVG", "CSV"):
            action = QAction(f"Save as {kind}…", menu)
            action.setData(kind.lower())
            action.triggered.connect(self._save)
            menu.addAction(action)
        self.setMenu(menu)
        chart.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        chart.customContextMenuRequested.connect(self._open)

    def save(self, file: Path) -> None:
        """Write the chart, as its suffix says; what goes wrong is told in words."""
        try:
            save_chart(self.chart, file, self.table())
        except OSError as error:
            self.tell("error", f"{file.name} could not be written: {error.strerror or error}.")
        else:
            self.tell("info", f"Saved {file.name}.")

    def _save(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        kind = str(action.data())
        suggested = f"{self.name.lower().replace(' ', '-')}.{kind}"
        path, _ = QFileDialog.getSaveFileName(self.window(), f"Save {self.name}", suggested, f"*.{kind}")
        if path:
            file = Path(path)
            self.save(file if file.suffix.lower() == f".{kind}" else file.with_name(f"{file.name}.{kind}"))

    def _open(self, place: QPoint) -> None:
        self.menu().popup(self.chart.mapToGlobal(place))


def save_chart(chart: QWidget, file: Path, table: Table) -> None:
    """Write a chart as it is seen (`.png`, `.svg`) or its numbers (`.csv`). Raises OSError."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        names, rows = table
        with file.open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(names)
            writer.writerows(rows)
        return
    # What is there to be pressed is no part of the picture.
    pressed = [button for button in chart.findChildren(QAbstractButton) if button.isVisible()]
    for button in pressed:
        button.hide()
    try:
        with sharp_symbols(chart):
            _save_svg(chart, file) if suffix == ".svg" else _save_png(chart, file)
    finally:
        for button in pressed:
            button.show()


def _save_png(chart: QWidget, file: Path) -> None:
    picture = QPixmap(chart.size() * 2)
    picture.setDevicePixelRatio(2)
    picture.fill(theme().panel)
    chart.render(picture, QPoint(), chart.rect(), QWidget.RenderFlag.DrawChildren)
    if not picture.save(str(file), "PNG"):
        raise OSError(f"the folder {file.parent} cannot be written to")


def _save_svg(chart: QWidget, file: Path) -> None:
    file.touch()
    drawing = QSvgGenerator()
    drawing.setFileName(str(file))
    drawing.setSize(chart.size())
    drawing.setViewBox(QRect(QPoint(), chart.size()))
    drawing.setTitle(chart.windowTitle() or "Chart")
    painter = QPainter(drawing)
    painter.fillRect(QRect(QPoint(), chart.size()), theme().panel)
    chart.render(painter, QPoint(), chart.rect(), QWidget.RenderFlag.DrawChildren)
    painter.end()
