"""What can be chosen in the descent laboratory: the two weights, the optimisers that are tried, and mini-batches."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import (
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, Momentum, Nesterov, Optimizer
from annstudio.ui.choices import CheckField
from annstudio.ui.fields import NumberField
from annstudio.ui.forms import Cell, Form
from annstudio.ui.labs.descent_look import LOOKS
from annstudio.ui.numbers import Limits
from annstudio.ui.panels.base import quiet_label
from annstudio.ui.theme import GRID, SMALL

LABEL = 17 * GRID
FARTHEST = 1e6
"""Weights are varied at most so far from 0."""
FIRST_CHOICE = (SGD, Momentum, Adam)
OWN_STEP = 0.05
"""The first rate of optimisers whose rate is the length of a step: their usual ones are for thousands of steps."""


class Cutting(BaseModel):
    """Which surface is looked at."""

    model_config = ConfigDict(frozen=True)
    across: str = Field("", title="Across", description="The weight along the horizontal axis, such as hidden.W[0,1].")
    x: tuple[float, ...] = Field((), title="from, to", description="Where that axis begins and ends.")
    up: str = Field("", title="Up", description="The weight along the vertical axis, such as output.b[0].")
    y: tuple[float, ...] = Field((), title="from, to ", description="Where that axis begins and ends.")
    intervals: Literal[8, 16, 32, 64, 128] = Field(
        32,
        title="Grid",
        description="How many steps along each axis the loss is measured at: coarse first, then finer.",
    )
    examples: int = Field(
        1000, ge=1, le=1_000_000, title="Examples",
        description="With how many of the examples that are learned from the loss is measured.",
    )  # fmt: skip


class Going(BaseModel):
    """How the optimisers go."""

    model_config = ConfigDict(frozen=True)
    start: tuple[float, ...] = Field(
        (), title="Start", description="Where all begin, across and up: type it, or click into the picture."
    )
    steps: int = Field(100, ge=1, le=100_000, title="Steps", description="How many batches each of them gets.")
    batch_size: int = Field(
        32, ge=1, le=100_000, title="Batch size", description="Examples per batch, the same batches for all."
    )
    alone: bool = Field(
        True, title="Only these two",
        description="All other weights are locked meanwhile, so that the ways lie on the surface. Without it all "
        "weights learn, and the ways are only seen above it.",
    )  # fmt: skip


class Drawing(BaseModel):
    """How mini-batches are drawn."""

    model_config = ConfigDict(frozen=True)
    size: int = Field(32, ge=1, le=100_000, title="Batch size", description="Examples per mini-batch.")
    batches: int = Field(24, ge=1, le=1000, title="Batches", description="How many mini-batches are drawn.")


class OptimizerRows(QWidget):
    """The seven optimisers: which are tried, and at which rate."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.addWidget(quiet_label("Learning rate", self, SMALL), 0, 2)
        self.ticks: dict[str, CheckField] = {}
        self.rates: dict[str, NumberField] = {}
        self.signs: dict[str, QLabel] = {}
        for row, kind in enumerate(OPTIMIZERS, 1):
            title = kind.title
            tick, sign = CheckField(self), QLabel(LOOKS[title].sign, self)
            tick.setText(title)
            tick.set_value(kind in FIRST_CHOICE)
            tick.setToolTip((kind.__doc__ or "").partition("\n")[0])
            tick.edited.connect(self._ticked)
            rate = NumberField(Limits(0.0, 1000.0, above=True), self)
            rate.set_value(first_rate(kind, SGD()))
            rate.setAccessibleName(f"Learning rate of {title}")
            rate.setToolTip(rate.accessibleName())
            rate.edited.connect(self._rated)
            cell = Cell(rate, self)
            rate.refused.connect(lambda words, cell=cell: cell.say(f"Learning rate {words}"))
            self.ticks[title], self.rates[title], self.signs[title] = tick, rate, sign
            grid.addWidget(sign, row, 0)
            grid.addWidget(tick, row, 1)
            grid.addWidget(cell, row, 2)
        grid.setColumnStretch(2, 1)
        self.redress()

    def show_own(self, own: Optimizer) -> None:
        """Begin with the project's own rate where it means the same."""
        for kind in OPTIMIZERS:
            self.rates[kind.title].set_value(first_rate(kind, own))

    def redress(self) -> None:
        for title, sign in self.signs.items():
            sign.setStyleSheet(f"color: {LOOKS[title].ink.name()}")

    @property
    def chosen(self) -> tuple[Optimizer, ...]:
        """Those that are ticked, each at its rate, its other settings as usual."""
        return tuple(
            kind(learning_rate=float(self.rates[kind.title].value()))
            for kind in OPTIMIZERS
            if self.ticks[kind.title].value()
        )

    def _ticked(self, value: bool) -> None:
        tick = self.sender()
        assert isinstance(tick, CheckField)
        tick.set_value(value)

    def _rated(self, value: float) -> None:
        rate = self.sender()
        assert isinstance(rate, NumberField)
        rate.set_value(value)


def first_rate(kind: type[Optimizer], own: Optimizer) -> float:
    """With which rate an optimiser is tried at first, beside a project that uses `own`."""
    if type(own) is kind:
        return own.learning_rate
    if issubclass(kind, SGD | Momentum | Nesterov):
        plain = isinstance(own, SGD | Momentum | Nesterov)
        return own.learning_rate if plain else 0.1
    return 0.1 if kind is Adagrad else OWN_STEP


class Controls(QWidget):
    """The laboratory's settings. The owner reads `cutting`, `going`, `drawing`, and sets them with `show_values`."""

    cut_edited = Signal(str, object)
    start_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cutting, self.going, self.drawing = Cutting(), Going(), Drawing()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.pages = QTabWidget(self)
        self.pages.setDocumentMode(True)
        column.addWidget(self.pages)
        self.cut_form = Form(Cutting, label_width=LABEL)
        self.steepest = _button("Steepest", "Take the two weights with the largest gradients")
        self.around = _button("Around now", "Put the weights of now into the middle")
        self.optimizers = OptimizerRows()
        self.go_form = Form(Going, label_width=LABEL)
        self.go = _button("Let them go", "Run the ticked optimisers side by side from the start", primary=True)
        self.again = _button(
            "The run's way", "Do the project's own run again from its start, and note where these two weights went"
        )
        self.draw_form = Form(Drawing, label_width=LABEL)
        self.draw = _button("Draw mini-batches", "Compare their gradients with that of all examples", primary=True)
        self.draw_words = quiet_label(
            "Their gradients are taken at the start (✚), else at the weights of now (○), and drawn downhill beside the "
            "full one: the thick arrow.",
            None, SMALL,
        )  # fmt: skip
        self._page("Weights", _row(self.steepest, self.around), self.cut_form)
        self._page("Optimisers", _row(self.go, self.again), self.optimizers, self.go_form)
        self._page("Batches", _row(self.draw), self.draw_form, self.draw_words)
        self._names = QStringListModel(self)
        for name in ("across", "up"):
            field = self.cut_form.field(name)
            assert isinstance(field, QLineEdit)
            completer = QCompleter(self._names, field)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            field.setCompleter(completer)
        self.cut_form.edited.connect(self._cut_edited)
        self.go_form.edited.connect(self._go_edited)
        self.draw_form.edited.connect(self._draw_edited)
        self.show_values()

    def _page(self, title: str, buttons: QWidget, *parts: QWidget) -> None:
        """A page of settings that can be scrolled, and below them what to do with them, always in reach."""
        page, inside, frame = QWidget(), QWidget(), QScrollArea()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 2 * GRID, 2 * GRID, 0)
        column.setSpacing(GRID)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        frame.setWidgetResizable(True)
        frame.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame.setWidget(inside)
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(frame, 1)
        whole.addWidget(buttons)
        self.pages.addTab(page, title)

    def show_names(self, names: Sequence[str]) -> None:
        """The weights that can be chosen."""
        if names != self._names.stringList():
            self._names.setStringList(list(names))

    def show_values(
        self, cutting: Cutting | None = None, going: Going | None = None, drawing: Drawing | None = None
    ) -> None:
        """Show these settings without a sound."""
        self.cutting, self.going = cutting or self.cutting, going or self.going
        self.drawing = drawing or self.drawing
        self.cut_form.set_values({**dict(self.cutting), **_rounded(self.cutting, "x", "y")})
        self.go_form.set_values({**dict(self.going), **_rounded(self.going, "start")})
        self.draw_form.set_values(dict(self.drawing))

    def settle(self) -> None:
        """Take what is being typed."""
        for form in (self.cut_form, self.go_form, self.draw_form):
            form.settle()

    def _cut_edited(self, name: str, value: Any) -> None:
        if name in ("x", "y") and (words := _range_trouble(value)):
            self.cut_form.refuse(name, words)
        else:
            self.cut_edited.emit(name, value)

    def _go_edited(self, name: str, value: Any) -> None:
        if name == "start" and (len(value) != 2 or max(map(abs, value)) > FARTHEST):
            self.go_form.refuse(name, "Give two numbers, across and up, such as 0.5, -1.")
            return
        self.show_values(going=self.going.model_copy(update={name: value}))
        if name == "start":
            self.start_changed.emit()

    def _draw_edited(self, name: str, value: Any) -> None:
        self.show_values(drawing=self.drawing.model_copy(update={name: value}))


def _range_trouble(ends: Sequence[float]) -> str:
    """Why two numbers are no range; empty where they are one."""
    if len(ends) != 2 or not all(map(math.isfinite, ends)):
        return "Give two numbers, where it begins and ends, such as -2, 2."
    if max(map(abs, ends)) > FARTHEST:
        return "Weights are varied up to 1 000 000 on both sides of 0."
    if ends[1] - ends[0] < 1e-6 * max(1.0, *map(abs, ends)):
        return "The second number must be larger than the first."
    return ""


def _rounded(model: BaseModel, *names: str) -> dict[str, tuple[float, ...]]:
    """Numbers as they are shown: with as many digits as are of use here."""
    return {name: tuple(float(f"{value:.4g}") for value in getattr(model, name)) for name in names}


def _button(words: str, tip: str, *, primary: bool = False) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    button.setProperty("primary", primary)
    return button


def _row(*buttons: QPushButton) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, GRID, 0, GRID)
    layout.setSpacing(GRID)
    for button in buttons:
        layout.addWidget(button)
    layout.addStretch(1)
    return row
