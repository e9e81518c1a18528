"""Loss, accuracy and the size of the gradients: how training goes, live, and how it went."""

import math
from typing import Any

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.layers.losses import Loss
from annstudio.layers.names import node_of
from annstudio.session import Session
from annstudio.training.record import EPOCH_COLUMNS, Record
from annstudio.training.snapshot import Finished, Snapshot
from annstudio.ui.numbers import number_text
from annstudio.ui.panels.bars import Bar, Bars
from annstudio.ui.panels.base import Panel, quiet_label
from annstudio.ui.plots import Line, LinePlot, SaveButton
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

MAX_POINTS = 200
"""Points drawn of the loss; each stands for a block of steps with its least and largest."""
TRAINING, VALIDATION = "training", "validation"


class CurvesPanel(Panel):
    """Three charts side by side, each with its own button to save it."""

    title = "Loss and accuracy"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._gradients: tuple[int, dict[str, float]] = (-1, {})
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(6 * GRID)
        lines = (Line(TRAINING, 0), Line(VALIDATION, 1, dashed=True))
        self.loss = LinePlot("Loss", "epoch", "loss", lines, self.body)
        self.log = QCheckBox("log", self.loss)
        self.log.setToolTip("A logarithmic scale for the loss")
        self.log.toggled.connect(self.loss.set_log)
        self.loss.head.addWidget(self.log)
        self.accuracy = LinePlot("Accuracy", "epoch", "accuracy (%)", lines, self.body)
        self.accuracy.least_top = 100.0
        self.gradients = GradientChart(self.body)
        for chart, name in ((self.loss, "Loss"), (self.accuracy, "Accuracy"), (self.gradients, "Gradient sizes")):
            chart.head.addWidget(SaveButton(chart, name, chart.table, session.told.emit))
            row.addWidget(chart, 1)

    def refresh(self) -> None:
        record, steps_per_epoch = self._record()
        if record is None or not len(record.blocks):
            self.say("Nothing is trained yet. Press Train (or F5): loss and accuracy appear here while it runs.")
            return
        self.say("")
        x, low, mean, high = loss_blocks(record, steps_per_epoch)
        columns = dict(zip(EPOCH_COLUMNS, record.epochs.T, strict=True))
        epochs = columns["epoch"]
        self.loss.show_data({TRAINING: (x, mean), VALIDATION: (epochs, columns["val_loss"])}, (x, low, high))
        accuracies = {TRAINING: columns["accuracy"], VALIDATION: columns["val_accuracy"]}
        known = {name: (epochs, 100 * y) for name, y in accuracies.items() if len(y) and np.isfinite(y).any()}
        self.accuracy.setVisible(bool(known) or not len(epochs))
        self.accuracy.show_data(known)
        self.accuracy.name.setText(self._judged())
        self.gradients.show_sizes(self._sizes())

    def redress(self) -> None:
        for chart in (self.loss, self.accuracy):
            chart.redress()
        self.gradients.update()

    # What is shown ---------------------------------------------------------------------------------------------------

    def _snapshot(self, snapshot: object) -> None:
        # Kept also while hidden: a finished run has no gradients to be asked for later.
        if isinstance(snapshot, Snapshot | Finished) and snapshot.views is not None:
            step = snapshot.progress.step if isinstance(snapshot, Finished) else snapshot.step
            self._gradients = (step, dict(snapshot.views.gradients))
        super()._snapshot(snapshot)

    def _record(self) -> tuple[Record | None, float]:
        """The record of the run that is or was, and the steps of one epoch."""
        latest, progress = self.session.latest, self.session.project.progress
        if self.session.activity == "train" and latest is not None:
            done = latest.epoch + latest.position / max(latest.n_train, 1)
            return latest.record, latest.step / done if done else 1.0
        if progress is None:
            return None, 1.0
        share = self.session.project.settings.validation_share
        n = len(self.session.dataset) * (1 - share) if self.session.dataset is not None else 1.0
        done = progress.epoch + progress.position / max(n, 1.0)
        return progress.record, progress.step / done if done else 1.0

    def _judged(self) -> str:
        """The accuracy's title: where there are several losses, with the name of the one whose answers are counted."""
        graph = self.session.project.graph
        losses = [id for id in graph.order() if isinstance(graph.nodes[id].layer, Loss)]
        return self.accuracy.title if len(losses) < 2 else f"{self.accuracy.title} of {losses[0]}"

    def _sizes(self) -> dict[str, float]:
        """The size of every layer's gradient in the last batch: the root of the sum of its views' squares."""
        step, found = self._gradients
        progress = self.session.project.progress
        if self.session.activity != "train" and (progress is None or progress.step != step):
            return {}
        squares: dict[str, float] = {}
        for key, size in found.items():
            node = node_of(key)
            squares[node] = squares.get(node, 0.0) + size**2
        return {node: math.sqrt(square) for node, square in squares.items() if node in self.session.project.graph.nodes}


class GradientChart(QWidget):
    """The size of every layer's gradient, on a logarithmic axis: one glance tells which layers hardly learn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.head = QHBoxLayout()
        self.head.setSpacing(2 * GRID)
        name = QLabel("Gradient size per layer", self)
        name.setFont(ui_font(TEXT, bold=True))
        self.head.addWidget(name)
        unit = quiet_label("log₁₀ ‖∂E/∂w‖", self, SMALL)
        unit.setWordWrap(False)
        self.head.addWidget(unit)
        self.head.addStretch(1)
        column.addLayout(self.head)
        self.bars = Bars(_gradient_colour, self, ticks=True)
        self.bars.from_zero = False
        column.addWidget(self.bars, 1)
        self.words = quiet_label("", self, SMALL)
        column.addWidget(self.words)

    def show_sizes(self, sizes: dict[str, float]) -> None:
        """Sizes by layer; a layer without a gradient has an empty bar."""
        logs = {node: math.log10(size) if size > 0 else -math.inf for node, size in sizes.items()}
        finite = [value for value in logs.values() if math.isfinite(value)]
        low = math.floor(min(finite, default=-4.0)) - 1.0
        high = max(math.ceil(max(finite, default=0.0)), low + 3.0)
        self.bars.show_bars([Bar(node, value, _log_text(value)) for node, value in logs.items()], low, high)
        self.words.setText("" if sizes else "Known once a batch was trained while this is in view.")

    def table(self) -> tuple[list[str], list[list[Any]]]:
        rows = [[bar.name, 10**bar.value if math.isfinite(bar.value) else 0.0] for bar in self.bars.bars]
        return ["layer", "gradient size"], rows


def loss_blocks(record: Record, steps_per_epoch: float) -> tuple[Array, Array, Array, Array]:
    """The loss of at most MAX_POINTS blocks of steps: place (in epochs), least, mean and largest."""
    blocks = record.blocks
    group = math.ceil(len(blocks) / MAX_POINTS)
    starts = np.arange(0, len(blocks), group)
    ends = np.minimum((starts + group) * record.per_block, record.n_steps)
    counts = np.diff(np.append(starts, len(blocks)))
    low = np.minimum.reduceat(blocks[:, 0], starts)
    mean = np.add.reduceat(blocks[:, 1], starts) / counts
    high = np.maximum.reduceat(blocks[:, 2], starts)
    middles = (starts * record.per_block + ends) / 2
    return middles / max(steps_per_epoch, 1e-9), low, mean, high


def _gradient_colour(_: int) -> QColor:
    return theme().gradient


def _log_text(value: float) -> str:
    return number_text(round(value, 2), 3).replace("-", "−") if math.isfinite(value) else "none"
