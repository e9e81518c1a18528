"""The activations' laboratory: two curves with their slopes, one unit to turn, and where a layer's own sums lie."""

from time import perf_counter
from typing import get_args

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.layers.activation import SLOPE, ActivationName, label
from annstudio.session import Session
from annstudio.session.answers import weights_of_now
from annstudio.session.labs.activations import (
    Collapsed,
    Curve,
    Sums,
    collapsed,
    curve,
    flat_stretches,
    range_text,
    sum_of_sigmoids,
    sums,
)
from annstudio.ui.actions import by_id
from annstudio.ui.choices import ChoiceField, ElidedBox
from annstudio.ui.fields import NumberField
from annstudio.ui.labs.activation_plot import ActivationPlot
from annstudio.ui.labs.sliders import SlidingNumber
from annstudio.ui.numbers import Limits, count_text, number_text, places_text
from annstudio.ui.panels.base import LIVE_SECONDS, Panel, heading, number_label, quiet_label
from annstudio.ui.plots import Line, Points, SaveButton
from annstudio.ui.theme import GRID

X = np.linspace(-10, 10, 801)
DIGITS = 9
MOST_TICKS = 400
"""So many of a layer's sums are ticked at most; the share that is flat counts all."""
MOST_SHOWN = 4
"""A collapsed matrix is written out up to so many rows and columns."""
NONE = ""
CONTROLS_WIDTH = 84 * GRID


class ActivationLab(Panel):
    """See what activations do: f and f′ of any two, weight and bias to turn, and your own layers' sums on them."""

    title = by_id("activation_curves").text
    pace = LIVE_SECONDS

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        names = {name: label(name) for name in get_args(ActivationName)}
        self.sums: dict[str, Sums] = {}
        self._why_none = ""
        self._cost = 0.0
        self.first = self._choice(names, "sigmoid", "Activation", "The activation whose curve is blue")
        self.second = self._choice({NONE: "none", **names}, "relu", "Beside it", "A second one, orange")
        self.leak = NumberField(Limits(0, 1), self.body)
        self.leak.set_value(SLOPE)
        self.leak.setToolTip("At which share of their size a leaky ReLU lets negative numbers pass")
        self.leak.edited.connect(self._leaked)
        self.weight = SlidingNumber(
            "w", "The weight: how steep the curve is, and which way it rises", 1.0, 10, self.body
        )
        self.bias = SlidingNumber("b", "The bias: shifts the curve to the left or right", 0.0, 10, self.body)
        self.at = SlidingNumber("x", "The input at which the numbers below are read", 2.0, 10, self.body)
        self.readout = number_label("", self.body)
        self.layer = ElidedBox(self.body)
        self.layer.setAccessibleName("Sums of a layer")
        self.layer.setToolTip("Which layer's sums are ticked on the axis")
        self.told = quiet_label("", self.body)
        self.terms = NumberField(Limits(1, 1000, whole=True), self.body)
        self.terms.set_value(200)
        self.terms.setToolTip("How many sigmoids are summed")
        self.terms.edited.connect(self._counted)
        self.softplus = quiet_label("", self.body)
        self.linear = number_label("", self.body)
        self.linear.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.linear_head = heading("Layers without activation", self.body)
        self.linear_words = quiet_label("", self.body)
        self.plot = ActivationPlot(self.body)
        self._lay_out()
        for part in (self.weight, self.bias, self.at):
            part.changed.connect(self._redraw)
        self.layer.activated.connect(self._layer_chosen)

    def _choice(self, names: dict[str, str], value: str, name: str, tip: str) -> ChoiceField:
        field = ChoiceField(names, self.body)
        field.set_value(value)
        field.setAccessibleName(name)
        field.setToolTip(tip)
        field.edited.connect(lambda chosen: self._activation_chosen(field, chosen))
        return field

    def _lay_out(self) -> None:
        controls = QWidget(self.body)
        column = QVBoxLayout(controls)
        column.setContentsMargins(0, 0, 3 * GRID, 0)
        column.setSpacing(2 * GRID)
        self.rows = QFormLayout()
        self.rows.setHorizontalSpacing(3 * GRID)
        for words, field in (("Activation", self.first), ("Beside it", self.second), ("Leak", self.leak)):
            self.rows.addRow(words, field)
        column.addLayout(self.rows)
        column.addWidget(heading("One unit: f(w · x + b)", controls))
        for part in (self.weight, self.bias, self.at, self.readout):
            column.addWidget(part)
        column.addWidget(heading("A layer's own sums", controls))
        column.addWidget(self.layer)
        column.addWidget(self.told)
        self.softplus_rows = QFormLayout()
        self.softplus_rows.addRow("Sigmoids summed", self.terms)
        self.softplus_head = heading("Softplus is a sum of sigmoids", controls)
        column.addWidget(self.softplus_head)
        column.addLayout(self.softplus_rows)
        column.addWidget(self.softplus)
        for part in (self.linear_head, self.linear_words, self.linear):
            column.addWidget(part)
        column.addStretch(1)
        area = QScrollArea(self.body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(controls)
        area.setFixedWidth(CONTROLS_WIDTH)
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(4 * GRID)
        row.addWidget(area)
        row.addWidget(self.plot, 1)
        self.plot.head.addWidget(SaveButton(self.plot, "Activations", self.plot.table, self.session.told.emit))

    # Showing ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.say("")
        start = perf_counter()
        weights = weights_of_now(self.session)
        try:
            self.sums = sums(self.session.network, weights)
            words = "" if self.sums else "No layer of this network has an activation of its own."
        except StudioError as error:
            self.sums, words = {}, f"A network without problems and its data are needed: {error}"
        self._fill_layers(words)
        self._show_linear(collapsed(self.session.network, weights) if not words or self.sums else [])
        self._redraw()
        self._cost = perf_counter() - start

    def touch(self, least: float | None = None, *, in_turn: bool = False) -> None:
        # Large networks are asked less often while they train.
        super().touch(max(self.pace if least is None else least, 8 * self._cost), in_turn=in_turn)

    def redress(self) -> None:
        self.plot.redress()

    def _fill_layers(self, words: str) -> None:
        chosen = self.layer.currentData()
        titles = list(self.sums)
        if [self.layer.itemData(i) for i in range(1, self.layer.count())] != titles:
            self.layer.clear()
            self.layer.addItem("none", NONE)
            for title in titles:
                self.layer.addItem(f"{title} · {label(self.sums[title].activation)}", title)
            self.layer.setCurrentIndex(max(self.layer.findData(chosen), 0))
        self.layer.setEnabled(bool(titles))
        self._why_none = words

    def _redraw(self, *_: object) -> None:
        leaky = "leaky_relu" in (self.first.value(), self.second.value())
        self.rows.setRowVisible(self.leak, leaky)
        shown = [name for name in dict.fromkeys((self.first.value(), self.second.value())) if name]
        lines: list[Line] = []
        data: dict[str, Points] = {}
        read: list[str] = []
        for colour, name in enumerate(shown):
            made = self._curve(name, X)
            lines += [Line(label(name), colour), Line(f"{label(name)}′", colour, dashed=True)]
            data |= {label(name): (X, made.y), f"{label(name)}′": (X, made.slope)}
            read.append(self._read(name))
        net = f"net = {self._text(self.weight.value)} · {self._text(self.at.value)} + {self._text(self.bias.value)}"
        sum_text = places_text(self.weight.value * self.at.value + self.bias.value, DIGITS)
        self.readout.setText("\n".join([net, f"    = {sum_text}", *read]))
        self._show_sigmoids(shown, lines, data)
        self.plot.show_lines(lines, data)
        self.plot.y_name = "f and f′ at w · x + b"
        self.plot.redress()
        chosen = self.sums.get(self.layer.currentData() or NONE)
        first = self._curve(shown[0], X)
        self.plot.mark(flat_stretches(shown[0], first, self.leak.value()), self._ticks(chosen), self.at.value)
        self._tell(chosen, shown[0])

    def _curve(self, name: str, x: Array) -> Curve:
        return curve(name, x, self.weight.value, self.bias.value, self.leak.value())

    def _read(self, name: str) -> str:
        """The numbers of one activation at the chosen x."""
        made = self._curve(name, np.array([self.at.value]))
        y, slope = places_text(float(made.y[0]), DIGITS), places_text(float(made.slope[0]), DIGITS)
        return f"{label(name)} {y}\n  f′ {slope}   range {range_text(name)}"

    def _text(self, value: float) -> str:
        text = number_text(value, 6).replace("-", "−")
        return f"({text})" if value < 0 else text

    def _show_sigmoids(self, shown: list[str], lines: list[Line], data: dict[str, Points]) -> None:
        summed = "softplus" in shown
        for part in (self.softplus_head, self.softplus):
            part.setVisible(summed)
        self.softplus_rows.setRowVisible(self.terms, summed)
        if not summed:
            return
        n = self.terms.value()
        net = self.weight.value * X + self.bias.value
        total = sum_of_sigmoids(net, n)
        apart = np.abs(total - self._curve("softplus", X).y)
        at = int(apart.argmax())
        name = f"sum of {n} sigmoids"
        lines.append(Line(name, 2, dashed=True))
        data[name] = (X, total)
        self.softplus.setText(
            f"Units with one weight and biases a step apart: Σ σ(net − i + ½), i = 1 … {n}. The largest difference "
            f"from softplus is {places_text(float(apart[at]), 5)}, at x = {self._text(float(X[at]))}. It is softplus "
            "that comes out, a ReLU with a round corner, not ReLU itself."
        )

    def _ticks(self, chosen: Sums | None) -> Array:
        if chosen is None or self.weight.value == 0:
            return np.zeros(0)
        net = chosen.net[:: max(1, len(chosen.net) // MOST_TICKS)]
        x = (net - self.bias.value) / self.weight.value
        return x[(x >= X[0]) & (x <= X[-1])]

    def _tell(self, chosen: Sums | None, first: str) -> None:
        grey = f"Grey: {label(first)} is flat there, its slope is below 5 % of its largest. What is flat hardly learns."
        if chosen is None:
            self.told.setText(f"{self._why_none} {grey}".strip())
            return
        examples = f"{count_text(chosen.n_examples)} example{'s' if chosen.n_examples != 1 else ''}"
        share = f"{100 * chosen.saturated:.0f}\u202f%"
        low, high = (float(chosen.net.min()), float(chosen.net.max())) if chosen.net.size else (0.0, 0.0)
        self.told.setText(
            f"{count_text(chosen.net.size)} sums of {examples}, from {places_text(low, 4)} to {places_text(high, 4)}. "
            f"{share} of them lie where {label(chosen.activation)} is flat. {grey}"
        )

    def _show_linear(self, found: list[Collapsed]) -> None:
        for part in (self.linear_head, self.linear_words, self.linear):
            part.setVisible(bool(found))
        if found:
            each = found[0]
            shape = f"{each.W.shape[0]}×{each.W.shape[1]}"
            names = ", ".join(each.nodes)
            self.linear_words.setText(
                f"{names}: nothing but sums. Together they do what one layer does, with W {shape}:"
            )
            self.linear.setText(matrix_text(each.W, each.b))

    # Choosing --------------------------------------------------------------------------------------------------------

    def _activation_chosen(self, field: ChoiceField, name: str) -> None:
        field.set_value(name)
        self._redraw()

    def _layer_chosen(self, *_: object) -> None:
        """The layer's own activation comes to the front, with its sums as they are."""
        chosen = self.sums.get(self.layer.currentData() or NONE)
        if chosen is not None:
            self.first.set_value(chosen.activation)
            self.leak.set_value(chosen.leak)
            self.weight.set_value(1.0)
            self.bias.set_value(0.0)
        self._redraw()

    def _leaked(self, value: float) -> None:
        self.leak.set_value(value)
        self._redraw()

    def _counted(self, n: int) -> None:
        self.terms.set_value(n)
        self._redraw()


def matrix_text(W: Array, b: Array) -> str:
    """A matrix and behind a bar its bias, as lines of numbers; of large ones the first rows and columns."""
    beyond = ["…"] if W.shape[1] > MOST_SHOWN else []
    rows = [[*(places_text(float(v), 4) for v in row[:MOST_SHOWN]), *beyond] for row in W[:MOST_SHOWN]]
    told = [
        " ".join(f"{cell:>8}" for cell in row) + f"  | {places_text(float(bias), 4)}"
        for row, bias in zip(rows, b, strict=False)
    ]
    return "\n".join([*told, *(["…"] if len(W) > MOST_SHOWN else [])])
