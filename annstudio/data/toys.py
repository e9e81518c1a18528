"""Small generated problems, in one or two dimensions so that they can be drawn, each hard for a reason of its own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from annstudio.data.base import BuiltIn, Column, Dataset, Seed
from annstudio.data.lazy import Array

_LETTERS = tuple("ABCDEFGHIJ")
_AXES = ("x1", "x2")
_CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

Target: TypeAlias = Annotated[
    Literal["value", "classes"],
    Field(
        title="Target",
        description="“value”: one number, 0 or 1, for a loss such as squared error or binary cross-entropy. "
        "“classes”: a class of its own for each, for softmax with cross-entropy.",
    ),
]
Points: TypeAlias = Annotated[
    int, Field(ge=1, le=5000, title="Points per class", description="How many examples each class gets.")
]
Classes: TypeAlias = Annotated[
    int, Field(ge=2, le=len(_LETTERS), title="Classes", description="How many classes there are.")
]
Noise: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=2,
        allow_inf_nan=False,
        title="Noise",
        description="Standard deviation of the Gaussian noise that scatters the examples.",
    ),
]


class Toy(BuiltIn):
    """A problem that the program makes up: inputs `x` in the plane, and for each point the class it belongs to."""

    @abstractmethod
    def points_and_labels(self) -> tuple[Array, Array]:
        """The inputs (N, 2) and the class numbers (N,)."""

    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, by number."""
        return ("0", "1")

    def make(self) -> Dataset:
        """The generated examples, as numbers or as classes."""
        x, labels = self.points_and_labels()
        return _generated(self, Column(x, names=_AXES), self.labelled(labels))

    def labelled(self, labels: Array) -> Column:
        """The class numbers (N,) as the target the user chose: classes, or one number 0 or 1 (N, 1)."""
        if getattr(self, "target", "classes") == "value":
            return Column(labels[:, None].astype(np.float64), names=("y",))
        return Column(labels.astype(np.int64), classes=self.class_names())

    @model_validator(mode="after")
    def _value_needs_two(self) -> Self:
        n_classes = getattr(self, "classes", 2)
        if getattr(self, "target", "classes") == "value" and n_classes != 2:
            raise ValueError(
                f"A target that is one number, 0 or 1, tells 2 classes apart, not {n_classes}: "
                "set the target to “classes”, or the number of classes to 2."
            )
        return self


class Gates(Toy):
    """Two switches and a lamp: the truth table of a logic gate."""

    title: ClassVar = "Logic gate"
    note: ClassVar = "The four rows of a truth table: AND, OR, NAND and NOR need one neuron, XOR needs a hidden layer."
    stands_for: ClassVar = "Decisions by rule; the gates from which McCulloch and Pitts built their neurons in 1943."
    order: ClassVar = 10

    kind: Literal["gates"] = "gates"
    gate: Literal["AND", "OR", "NAND", "NOR", "XOR"] = Field("AND", title="Gate", description="Which truth table.")
    target: Target = "value"

    def points_and_labels(self) -> tuple[Array, Array]:
        """The corners of the unit square and what the gate says of each."""
        n_on = _CORNERS.sum(axis=1)
        table = {"AND": n_on == 2, "OR": n_on > 0, "NAND": n_on < 2, "NOR": n_on == 0, "XOR": n_on == 1}
        return _CORNERS.copy(), table[self.gate].astype(np.int64)


class Xor(Toy):
    """Either one or the other, but not both: the smallest problem that no single neuron can solve."""

    title: ClassVar = "XOR"
    note: ClassVar = "One if exactly one input is one: no straight line parts the classes, so a hidden layer is needed."
    stands_for: ClassVar = "Effects that two causes have only together; the limit of the perceptron (Minsky, Papert)."
    order: ClassVar = 20

    kind: Literal["xor"] = "xor"
    target: Target = "value"
    points: int = Field(
        1, ge=1, le=2500, title="Points per corner", description="1: the four corners alone; more: a cloud at each."
    )
    noise: Noise = 0.0
    seed: Seed = 0

    def points_and_labels(self) -> tuple[Array, Array]:
        """The corners of the unit square in turn, each scattered by the noise."""
        corners = np.tile(_CORNERS, (self.points, 1))
        return _scattered(corners, self.noise, self.seed), (corners.sum(axis=1) == 1).astype(np.int64)


class Blobs(Toy):
    """A round cloud of points for each class."""

    title: ClassVar = "Blobs"
    note: ClassVar = "One round cloud a class, the centres on a circle: with two classes a single neuron is enough."
    stands_for: ClassVar = "Groups that differ in their averages, such as customer segments."
    order: ClassVar = 30

    kind: Literal["blobs"] = "blobs"
    classes: Classes = 3
    points: Points = 100
    noise: Noise = 0.25
    target: Target = "classes"
    seed: Seed = 0

    def points_and_labels(self) -> tuple[Array, Array]:
        """Centres on the unit circle, and Gaussian clouds about them."""
        labels = _in_turn(self.classes, self.points)
        angle = 2 * np.pi * labels / self.classes
        return _scattered(np.column_stack([np.cos(angle), np.sin(angle)]), self.noise, self.seed), labels

    def class_names(self) -> tuple[str, ...]:
        """A, B, C, …"""
        return _LETTERS[: self.classes]


class Circles(Toy):
    """A ring around a ring."""

    title: ClassVar = "Circles"
    note: ClassVar = "A small ring inside a large one: the border between them has to close on itself."
    stands_for: ClassVar = "Normal inside, abnormal all around, as in anomaly detection."
    order: ClassVar = 40

    kind: Literal["circles"] = "circles"
    points: Points = 150
    inner: float = Field(0.5, ge=0.05, le=0.95, title="Inner radius", description="The outer radius is 1.")
    noise: Noise = 0.08
    target: Target = "classes"
    seed: Seed = 0

    def points_and_labels(self) -> tuple[Array, Array]:
        """Points at equal angles on each ring, scattered by the noise."""
        labels = _in_turn(2, self.points)
        angle = np.repeat(2 * np.pi * np.arange(self.points) / self.points, 2)
        radius = np.where(labels == 0, 1.0, self.inner)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return _scattered(x, self.noise, self.seed), labels

    def class_names(self) -> tuple[str, ...]:
        """Outer ring, inner ring."""
        return ("outer", "inner")


class Moons(Toy):
    """Two half moons that reach into each other."""

    title: ClassVar = "Moons"
    note: ClassVar = "Two half moons that reach into each other: a straight line gets most of them, a bend gets all."
    stands_for: ClassVar = "Groups with a curved border, as most real groups have."
    order: ClassVar = 50

    kind: Literal["moons"] = "moons"
    points: Points = 150
    noise: Noise = 0.12
    target: Target = "classes"
    seed: Seed = 0

    def points_and_labels(self) -> tuple[Array, Array]:
        """An upper half circle, and a lower one moved by (1, ½); scattered by the noise."""
        labels = _in_turn(2, self.points)
        angle = np.repeat(np.linspace(0, np.pi, self.points), 2)
        upper = np.column_stack([np.cos(angle), np.sin(angle)])
        x = np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
        return _scattered(x, self.noise, self.seed), labels

    def class_names(self) -> tuple[str, ...]:
        """Upper moon, lower moon."""
        return ("upper", "lower")


class Spiral(Toy):
    """Arms that wind around each other: the classic test of a hidden layer (Lang and Witbrock, 1988)."""

    title: ClassVar = "Spiral"
    note: ClassVar = "Arms that wind around each other: needs enough hidden units, or two hidden layers."
    stands_for: ClassVar = "Classes that are thoroughly entangled and must first be unwound."
    order: ClassVar = 60

    kind: Literal["spiral"] = "spiral"
    classes: Classes = 2
    points: Points = 150
    turns: float = Field(1.0, ge=0.1, le=4, title="Turns", description="How often each arm goes round.")
    noise: Noise = 0.02
    target: Target = "classes"
    seed: Seed = 0

    def points_and_labels(self) -> tuple[Array, Array]:
        """Arms from near the centre to radius 1, each begun at an angle of its own; scattered by the noise."""
        labels = _in_turn(self.classes, self.points)
        # The very centre belongs to every arm, so the arms begin a little outside it.
        radius = np.repeat(np.linspace(0.05, 1.0, self.points), self.classes)
        angle = 2 * np.pi * (self.turns * radius + labels / self.classes)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return _scattered(x, self.noise, self.seed), labels

    def class_names(self) -> tuple[str, ...]:
        """A, B, C, …"""
        return _LETTERS[: self.classes]


class Sine(BuiltIn):
    """A wave, to be drawn by a network that is given x and answers y."""

    title: ClassVar = "Sine wave"
    note: ClassVar = "y = sin x with noise: the network draws a curve through points instead of choosing a class."
    stands_for: ClassVar = "Regression: a quantity that depends on another, as temperature on the time of day."
    order: ClassVar = 70

    kind: Literal["sine"] = "sine"
    points: int = Field(200, ge=2, le=10000, title="Points", description="How many examples there are.")
    periods: float = Field(1.0, ge=0.25, le=8, title="Periods", description="How many waves, the middle one at x = 0.")
    noise: Noise = 0.1
    seed: Seed = 0

    def make(self) -> Dataset:
        """Evenly spaced x (N, 1) about zero, and y (N, 1)."""
        x = np.pi * self.periods * np.linspace(-1, 1, self.points)[:, None]
        y = _scattered(np.sin(x), self.noise, self.seed)
        return _generated(self, Column(x, names=("x",)), Column(y, names=("y",)))


def _in_turn(n_classes: int, n_each: int) -> Array:
    """Class numbers 0, 1, …, 0, 1, …: the first few examples then show every class."""
    return np.tile(np.arange(n_classes, dtype=np.int64), n_each)


def _scattered(x: Array, noise: float, seed: int) -> Array:
    scattered: Array = x + np.random.default_rng(seed).standard_normal(x.shape) * noise
    return scattered


def _generated(source: BuiltIn, x: Column, y: Column) -> Dataset:
    return Dataset(
        source.kind,
        {"x": x, "y": y},
        title=source.title,
        note=source.note,
        stands_for=source.stands_for,
        source="Generated by ANN Studio",
        licence="No rights reserved: generated",
        changes="None",
    )
