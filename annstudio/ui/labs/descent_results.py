"""What came of descent: the loss of every way over its steps, where each ended, and mini-batches in figures."""

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from annstudio.training.minibatches import Comparison
from annstudio.ui.labs.descent_look import LOOKS, DrawnWay
from annstudio.ui.labs.descent_words import batch_rows, batch_words
from annstudio.ui.panels.base import heading, quiet_label
from annstudio.ui.plots import Line, LinePlot, Table
from annstudio.ui.theme import GRID, SMALL, mono_font, ui_font

TIPS = {
    "angle": "Between its gradient and the full one, over all weights that learn",
    "length": "How long its gradient is, as a share of the full one",
    "error": "How long the difference of both is, as a share of the full one",
    "loss": "The mean loss over its examples",
    "µs": "What it took, loading its examples included",
    "rate": "The learning rate",
    "end loss": "The loss at the way's end, over the examples of the surface",
}
WAY_COLUMNS = ("optimiser", "rate", "steps", "end loss")
BATCH_COLUMNS = ("batch", "angle", "length", "error", "loss", "µs")


class Results(QWidget):
    """Beside the surface; what there is nothing of yet takes no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ways: tuple[DrawnWay, ...] = ()
        self.names = ("", "")
        self.comparison: Comparison | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.losses = LinePlot("Loss of each batch", "step", "loss", _lines(), self)
        self.losses.legend.hide()
        self.log = QCheckBox("log", self.losses)
        self.log.setToolTip("A logarithmic scale for the loss")
        self.log.toggled.connect(self.losses.set_log)
        self.losses.head.addWidget(self.log)
        self.way_table = _table(WAY_COLUMNS, "Where each optimiser ended", self)
        self.way_words = quiet_label("", self, SMALL)
        self.batches = QWidget(self)
        self.batch_head = QHBoxLayout()
        self.batch_head.addWidget(heading("Beside the gradient of all examples", self.batches))
        self.batch_head.addStretch(1)
        self.batch_words = QLabel(self.batches)
        self.batch_words.setWordWrap(True)
        self.batch_words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.batch_table = _table(BATCH_COLUMNS, "Gradients of mini-batches", self.batches)
        inside = QVBoxLayout(self.batches)
        inside.setContentsMargins(0, 2 * GRID, 0, 0)
        inside.setSpacing(GRID)
        inside.addLayout(self.batch_head)
        inside.addWidget(self.batch_words)
        inside.addWidget(self.batch_table, 1)
        ways = QWidget(self)
        down = QVBoxLayout(ways)
        down.setContentsMargins(0, 2 * GRID, 0, 0)
        down.setSpacing(GRID)
        for part, stretch in ((self.losses, 3), (self.way_table, 2), (self.way_words, 0)):
            down.addWidget(part, stretch)
        self.pages = QTabWidget(self)
        self.pages.setDocumentMode(True)
        self.pages.addTab(ways, "Ways")
        self.pages.addTab(self.batches, "Mini-batches")
        column.addWidget(self.pages)
        self._show_what_there_is()

    def turn_to(self, *, batches: bool) -> None:
        """Bring the page to the front that something new was written on."""
        self.pages.setCurrentIndex(int(batches))

    def show_ways(
        self, ways: tuple[DrawnWay, ...], names: tuple[str, str], rows: Sequence[tuple[str, ...]], words: str
    ) -> None:
        """The ways, the two weights' names, a table's row for each, and what is to be said about them."""
        self.ways, self.names = ways, names
        known = {way.name: (way.track.steps[:-1], way.track.losses[:-1]) for way in ways if len(way.track.steps) > 1}
        known = {name: points for name, points in known.items() if np.isfinite(points[1]).any()}
        self.losses.show_data(known)
        # Of a run that was only looked at now and then no batch's loss is known.
        self.losses.setVisible(bool(known))
        _fill(self.way_table, rows, [f"{LOOKS[way.name].sign} " for way in ways], [way.name for way in ways])
        self.way_words.setText(words)
        self._show_what_there_is()

    def show_batches(self, comparison: Comparison | None) -> None:
        """The gradients that were compared; None for none."""
        self.comparison = comparison
        if comparison is not None:
            self.batch_words.setText(batch_words(comparison))
            _fill(self.batch_table, batch_rows(comparison))
        self._show_what_there_is()

    def redress(self) -> None:
        self.losses.redress()

    def ways_table(self) -> Table:
        """Every point of every way, for a CSV file."""
        rows = [
            [way.name, int(step), *map(float, point), "" if math.isnan(loss) else float(loss)]
            for way in self.ways
            for step, point, loss in zip(way.track.steps, way.track.points, way.track.losses, strict=True)
        ]
        return ["way", "step", *self.names, "loss of the batch"], rows

    def batches_table(self) -> Table:
        """Every gradient, for a CSV file; the full one first."""
        if self.comparison is None:
            return [], []
        names = [f"∂E/∂{name}" for name in self.names]
        full = self.comparison.full
        rows: list[list[object]] = [["all", full.n, *map(float, full.plane), 0.0, 1.0, 0.0, full.loss, full.seconds]]
        rows += [
            [k, one.gradient.n, *map(float, one.gradient.plane), one.angle, one.length, one.error, one.gradient.loss,
             one.gradient.seconds]
            for k, one in enumerate(self.comparison.drawn, 1)
        ]  # fmt: skip
        return ["batch", "examples", *names, "angle (°)", "length", "error", "loss", "seconds"], rows

    def _show_what_there_is(self) -> None:
        ways, batches = bool(self.ways), self.comparison is not None
        self.pages.setTabVisible(0, ways)
        self.pages.setTabVisible(1, batches)
        self.way_words.setVisible(bool(self.way_words.text()))
        self.setVisible(ways or batches)


def _lines() -> list[Line]:
    """The run has no colour of its own among the theme's lines: in the chart it wears the last one."""
    return [Line(name, -1 if look.colour is None else look.colour, look.dashed) for name, look in LOOKS.items()]


def _table(columns: Sequence[str], name: str, parent: QWidget) -> QTableWidget:
    table = QTableWidget(0, len(columns), parent)
    for i, column in enumerate(columns):
        head = QTableWidgetItem(column)
        head.setToolTip(TIPS.get(column, ""))
        table.setHorizontalHeaderItem(i, head)
    table.setAccessibleName(name)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setTabKeyNavigation(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setFont(ui_font(SMALL))
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.verticalHeader().setDefaultSectionSize(6 * GRID)
    table.setMinimumHeight(20 * GRID)
    return table


def _fill(
    table: QTableWidget, rows: Sequence[tuple[str, ...]], signs: Sequence[str] = (), inks: Sequence[str] = ()
) -> None:
    table.setRowCount(len(rows))
    for i, row in enumerate(rows):
        for j, words in enumerate(row):
            item = table.item(i, j)
            if item is None:
                item = QTableWidgetItem()
                table.setItem(i, j, item)
            text = f"{signs[i]}{words}" if signs and j == 0 else words
            if item.text() != text:
                item.setText(text)
                item.setFont(mono_font(SMALL))
            if inks and j == 0:
                item.setForeground(LOOKS[inks[i]].ink)
