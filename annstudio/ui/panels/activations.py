"""What every layer gives for one example: by unit, step or as a histogram, with the share that is zero or saturated."""

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.layers.base import Layer
from annstudio.ordinals import nth
from annstudio.session import Session
from annstudio.ui.numbers import count_text
from annstudio.ui.panels.base import Panel, SampleField, number_label
from annstudio.ui.panels.histogram import Histogram
from annstudio.ui.panels.pictures import Mosaic, Scale, signed_text
from annstudio.ui.plots import SaveButton, Table
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

MAX_UNITS = 64
"""Layers of more values than this are shown as a histogram."""
RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}
"""Axes of activations with ends, so that a small output looks small."""
WIDEST_BAR = 10 * GRID
SATURATED = 0.95
"""A sigmoid or tanh this near to an end of its range hardly learns."""


class ActivationsPanel(Panel):
    """One column a layer, in the network's order."""

    title = "Activations"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.columns: dict[str, LayerColumn] = {}
        outer = QVBoxLayout(self.body)
        outer.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 0)
        outer.setSpacing(2 * GRID)
        top = QHBoxLayout()
        self.sample = SampleField(session, self.body)
        top.addWidget(self.sample)
        top.addStretch(1)
        scroll = QScrollArea(self.body)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QWidget(scroll)
        self.row = QHBoxLayout(page)
        self.row.setContentsMargins(0, 0, 0, 2 * GRID)
        self.row.setSpacing(6 * GRID)
        self.row.addStretch(1)
        scroll.setWidget(page)
        outer.addLayout(top)
        outer.addWidget(scroll, 1)
        top.addWidget(SaveButton(self.body, "Activations", self.table, session.told.emit))

    def refresh(self) -> None:
        self.sample.update_now()
        views = self.session.views
        if views is None:
            self.say("Activations appear when the data is there and the network has no problem.")
            return
        self.say("")
        nodes = self.session.graph.nodes
        seen = {id: views.activations.get(self.session.path_of(id)) for id in self.session.graph.order()}
        shown = [id for id, values in seen.items() if values is not None and nodes[id].layer.gives]
        for id in [id for id in self.columns if id not in shown]:
            column = self.columns.pop(id)
            self.row.removeWidget(column)
            column.hide()
            column.deleteLater()
        for place, id in enumerate(shown):
            if id not in self.columns:
                self.columns[id] = LayerColumn(id)
            if self.row.indexOf(self.columns[id]) != place:
                self.row.insertWidget(place, self.columns[id])
            self.columns[id].show_values(views.activations[self.session.path_of(id)][0], nodes[id].layer)

    def table(self) -> Table:
        rows = [[id, *map(float, column.values.reshape(-1))] for id, column in self.columns.items()]
        longest = max((len(row) for row in rows), default=1) - 1
        return ["layer", *(nth("value", i) for i in range(longest))], rows


class LayerColumn(QWidget):
    """One layer: its name, its values, and a few numbers about them."""

    def __init__(self, id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: Array = np.zeros(0)
        self._facts = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        name = QLabel(id, self)
        name.setFont(ui_font(TEXT - 1, bold=True))
        self.units = UnitBars(self)
        self.steps = Mosaic(self, largest_cell=WIDEST_BAR)
        self.steps.setToolTip("Time to the right, one row a value; blue is positive, orange negative")
        self.steps.hovered.connect(self._tell)
        self.histogram = Histogram(self)
        self.facts = number_label("", self, SMALL)
        for part in (name, self.units, self.steps, self.histogram, self.facts):
            column.addWidget(part, 0 if part in (name, self.facts) else 1)
        self.setFixedWidth(46 * GRID)

    def show_values(self, values: Array, layer: Layer) -> None:
        """The values of one example."""
        self.values = values
        activation = str(getattr(layer, "activation", getattr(layer, "function", "")))
        few = values.size <= MAX_UNITS and (values.ndim == 1 or values.shape[1:] == (1,))
        sequence = values.ndim == 2 and not few
        self.units.setVisible(few)
        self.steps.setVisible(sequence)
        self.histogram.setVisible(not few and not sequence)
        if few:
            self.units.show_values(values.reshape(-1), RANGES.get(activation, (0.0, 0.0)))
        elif sequence:
            self.steps.show_maps(values.T[None], Scale.of([values], signed=True), [""], ("value", "step"))
        else:
            self.histogram.show_values(values)
        self._facts = facts_text(values, activation)
        self.facts.setText(self._facts)

    def _tell(self, place: str) -> None:
        """The number under the pointer in place of the facts."""
        self.facts.setText(place.replace(": ", "\n") or self._facts)


class UnitBars(QWidget):
    """One upright bar a unit from zero up or down, in the colour of its sign; the scale stands beside."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: Array = np.zeros(0)
        self.limits = (0.0, 0.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_values(self, values: Array, limits: tuple[float, float] = (0.0, 0.0)) -> None:
        """New values; the axis reaches at least from one limit to the other."""
        self.values, self.limits = np.nan_to_num(values), limits
        self.setAccessibleDescription(", ".join(signed_text(float(v), 3) for v in values[:20]))
        told = "\n".join(f"{nth('unit', i)}: {signed_text(float(v), 5)}" for i, v in enumerate(values[:24]))
        self.setToolTip(told + ("\n…" if len(values) > 24 else ""))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(46 * GRID, 24 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(20 * GRID, 10 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self.values):
            return
        t = theme()
        painter = QPainter(self)
        foot = 4 * GRID
        height = self.height() - foot
        low, high = min(float(self.values.min()), self.limits[0]), max(float(self.values.max()), self.limits[1])
        high = 1.0 if low == high == 0 else high
        span = high - low
        zero = height * high / span
        step = min(self.width() / len(self.values), WIDEST_BAR)
        for i, value in enumerate(self.values):
            tall = abs(float(value)) / span * height
            top = zero - tall if value > 0 else zero
            colour = t.positive if value > 0 else t.negative
            painter.fillRect(QRectF(i * step, top, max(step - min(2.0, step / 3), 1), max(tall, 1)), colour)
        painter.setPen(QPen(t.card_border, 1))
        painter.drawLine(0, round(zero), self.width(), round(zero))
        painter.setFont(ui_font(SMALL))
        painter.setPen(t.dim)
        words = f"{signed_text(low, 3, low < 0)} to {signed_text(high, 3, low < 0)}"
        below = QRectF(0, height, self.width(), foot)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, words)
        painter.end()


def facts_text(values: Array, activation: str) -> str:
    """Mean, and how many values are zero (a ReLU that is off) or saturated (a sigmoid or tanh at its end)."""
    if not np.isfinite(values).all():
        return "not all are finite numbers"
    shape = "×".join(map(str, values.shape))
    lines = [f"{shape} · mean {signed_text(float(values.mean()), 3, bool((values < 0).any()))}"]
    zero = int(np.count_nonzero(values == 0))
    if activation in ("sigmoid", "tanh"):
        ends = (values > SATURATED) | (values < (1 - SATURATED if activation == "sigmoid" else -SATURATED))
        n = int(np.count_nonzero(ends))
        lines.append(f"{100 * n / values.size:.0f}\u2009% saturated ({count_text(n)})")
    else:
        off = "off" if activation == "relu" else "zero"
        lines.append(f"{100 * zero / values.size:.0f}\u2009% {off} ({count_text(zero)})")
    return "\n".join(lines)
