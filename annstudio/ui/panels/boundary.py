"""How the network divides the plane: with two inputs its answers over a grid are shown behind the examples."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.session import Session
from annstudio.session.answers import answer_at
from annstudio.ui.panels.base import LIVE_SECONDS, Panel, SampleField, number_label
from annstudio.ui.panels.data import plane_classes
from annstudio.ui.panels.plane import Plane, class_colours
from annstudio.ui.plots import SaveButton
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

CELLS = 2300
"""About so many places has the grid; between them the colours are blended."""
WIDEST = 1.8
"""The plane is at most so much wider than high, however wide the panel is."""
STRENGTH = 0.55
"""How strong the field's colours are at most, so that the examples stay in front."""


class BoundaryPanel(Panel):
    """The examples in their classes' colours, and the network's answer everywhere else."""

    title = "Decision boundary"
    pace = LIVE_SECONDS

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        name = QLabel("What the network answers", self.body)
        name.setFont(ui_font(TEXT, bold=True))
        self.legend = QLabel(self.body)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setFont(ui_font(SMALL))
        self.sample = SampleField(session, self.body)
        self.place = number_label("", self.body, SMALL)
        self.plane = Plane(self.body)
        self.plane.hovered.connect(self._tell)
        self.plane.chosen.connect(self._watch)
        self.plane.moved.connect(self._moved)
        for part in (name, self.legend):
            head.addWidget(part)
        head.addStretch(1)
        head.addWidget(self.sample)
        head.addWidget(SaveButton(self.body, "Decision boundary", self.plane.table, session.told.emit))
        column.addLayout(head)
        row = QHBoxLayout()
        row.addWidget(self.plane, 100)
        row.addStretch(1)
        column.addLayout(row, 1)
        column.addWidget(self.place)

    def refresh(self) -> None:
        words = self._why_empty()
        self.say(words)
        if words:
            return
        dataset = self.session.dataset
        assert dataset is not None
        x = dataset.excerpt.columns["x"]
        classes, names = plane_classes(dataset.excerpt)
        axes = (x.names[0], x.names[1]) if x.names else ("x1", "x2")
        self.sample.update_now()
        watched = self.session.sample % len(dataset)
        self.plane.show_points(x.array, classes, names, axes, dataset.excerpted, watched)
        self.legend.setText(self.plane.legend())
        self._show_field()

    def redress(self) -> None:
        self.plane.redress()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.plane.setMaximumWidth(max(60 * GRID, round(WIDEST * (self.height() - 20 * GRID))))

    def _why_empty(self) -> str:
        dataset = self.session.dataset
        if dataset is None:
            return (
                self.session.data_problem
                or "Choose data with two inputs, such as the spiral, to see how it is divided."
            )
        x = dataset.columns.get("x")
        if x is None or x.is_classes or x.values.shape[1:] != (2,) or "y" not in dataset.columns:
            shape = "×".join(map(str, x.shape)) if x is not None else "no"
            return f"A plane shows two inputs and a target; this data has {shape} inputs. The spiral is made for it."
        return ""

    def _show_field(self) -> None:
        """Ask the network at every place of the grid."""
        left, right, bottom, top = self.plane.extent
        across, up = self.plane.grid_shape(CELLS)
        xs = left + (np.arange(across) + 0.5) / across * (right - left)
        ys = bottom + (np.arange(up) + 0.5) / up * (top - bottom)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        try:
            found = answer_at(self.session, grid)
        except StudioError as error:
            found = None
            self.place.setText(error.message)
        if found is None or found.ndim != 2:
            self.plane.show_field(None)
            return
        targets = None
        dataset = self.session.dataset
        if dataset is not None and not dataset.columns["y"].is_classes:
            targets = dataset.excerpt.columns["y"].array
        self.plane.show_field(field_colours(found, targets).reshape(up, across, 3))

    def _moved(self) -> None:
        self.touch(0.05)

    def _tell(self, words: str) -> None:
        self.place.setText(words)

    def _watch(self, i: int) -> None:
        self.session.watch(True, i)


def field_colours(found: Array, targets: Array | None) -> Array:
    """Colours (n, 3) in bytes for the network's answers (n, k): the classes' colours, the paler the less certain.

    One answer is told apart at the middle of the targets' range (½ without targets).
    """
    found = np.nan_to_num(np.asarray(found, float))
    ground = _bytes_of(theme().panel)
    if found.shape[1] <= 2:
        if found.shape[1] == 1:
            low, high = (0.0, 1.0) if targets is None or not targets.size else (targets.min(), targets.max())
            lean = (found[:, 0] - (low + high) / 2) / max((high - low) / 2, 1e-9)
        else:
            lean = found[:, 1] - found[:, 0]
        lean = np.clip(lean, -1, 1)[:, None]
        orange, blue = map(_bytes_of, class_colours(2))
        mixed = ground + STRENGTH * np.abs(lean) * (np.where(lean > 0, blue, orange) - ground)
        return np.asarray(np.rint(mixed), np.uint8)
    colours = np.array([_bytes_of(colour) for colour in class_colours(found.shape[1])])
    shares = np.maximum(found, 0)
    shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-9)
    best = shares.argmax(1)
    certain = (shares.max(1) - 1 / found.shape[1]) / (1 - 1 / found.shape[1])
    mixed = ground + STRENGTH * certain[:, None] * (colours[best] - ground)
    return np.asarray(np.rint(mixed), np.uint8)


def _bytes_of(colour: QColor) -> Array:
    return np.array([colour.red(), colour.green(), colour.blue()], float)
