"""Layers that only lay values out anew: every number stays what it is.

Where steps become something else, those behind a sequence's end become 0: from there on every value counts.
"""

from math import prod
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.layout import engine_shape
from annstudio.engine.op import Array, Index, Op, Shape, shape_text
from annstudio.engine.sight import ALL, SAME, Sight, relaid
from annstudio.errors import Remedy
from annstudio.layers.base import Family, Layer
from annstudio.layers.framing import need_list
from annstudio.layers.padded import blanked


class Lay(Op):
    """The same values in another shape, read in channel-row-column order."""

    formula = r"y = x \text{ in another shape}"
    relays = True

    def __init__(self, target: Shape) -> None:
        self.target = target

    def shape(self, *inputs: Shape) -> Shape:
        return self.target

    def forward(self, y: Array, x: Array) -> None:
        y[...] = x.reshape(y.shape)

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = dy.reshape(dx.shape)

    def sight(self, which: int, *inputs: Shape) -> Sight:
        return relaid(inputs[0])

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *_same_place(index, see.shape("y"), see.shape("x"))),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *_same_place(index, see.shape("x"), see.shape("y"))),))]


class Exchanged(Op):
    """The axes of every example in another order."""

    formula = r"y = x \text{ with its axes in another order}"

    def __init__(self, axes: Shape) -> None:
        self.axes = axes

    def shape(self, *inputs: Shape) -> Shape:
        return tuple(inputs[0][axis] for axis in self.axes)

    def forward(self, y: Array, x: Array) -> None:
        y[...] = x.transpose(*self.axes, -1)

    def backward(self, dx: Array, dy: Array) -> None:
        dx.transpose(*self.axes, -1)[...] = dy

    def sight(self, which: int, *inputs: Shape) -> Sight:
        shape = inputs[0]
        return Sight(shape, shape, (SAME,) * len(shape), tuple(self.axes.index(axis) for axis in range(len(shape))))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *(index[self.axes.index(axis)] for axis in range(len(index)))),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *(index[axis] for axis in self.axes)),))]


class Repeated(Op):
    """The same list of values at every step."""

    formula = r"y_t = x"

    def __init__(self, times: int) -> None:
        self.times = times

    def shape(self, *inputs: Shape) -> Shape:
        return (self.times, *inputs[0])

    def forward(self, y: Array, x: Array) -> None:
        y[...] = x

    def backward(self, dx: Array, dy: Array) -> None:
        np.sum(dy, 0, out=dx)

    def sight(self, which: int, *inputs: Shape) -> Sight:
        rest = (SAME,) * len(inputs[0])
        return Sight((self.times, *inputs[0]), (1, *inputs[0]), (ALL, *rest))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index[1:]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", t, *index),)) for t in range(self.times)]


def _same_place(index: Index, shape: Shape, other: Shape) -> Index:
    """Where the value at `index` of one shape stands in the other."""
    flat = 0
    for i, size in zip(index, shape, strict=True):
        flat = flat * size + i
    place = []
    for size in reversed(other):
        flat, rest = divmod(flat, size)
        place.append(rest)
    return tuple(reversed(place))


class Flatten(Layer):
    """Lays an image out as one list of values, channel by channel and row by row."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "flatten"
    films: ClassVar[bool] = True

    @classmethod
    def order(cls) -> int:
        return 10

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Lay((prod(xs[0].shape),)), blanked(net, xs[0]))


class Reshape(Layer):
    """Folds values into another shape of equal size."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "reshape"

    target: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (1, 1, 1),
        min_length=1,
        max_length=3,
        title="Target shape",
        description="A number of values, time × values, or height × width × channels.",
    )

    @classmethod
    def order(cls) -> int:
        return 20

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        target = engine_shape(self.target)
        remedy = Remedy("set", f"Set target to {prod(x.shape)}", net.current, settings={"target": (prod(x.shape),)})
        wanted = f"{prod(target)} values for {shape_text(target)}"
        net.need(prod(target) == prod(x.shape), x, wanted, "Choose a target of equal size.", [remedy])
        return _anew(net, Lay(target), x)

    @property
    def summary(self) -> str:
        return f"Reshape · {shape_text(engine_shape(self.target))}"


class Permute(Layer):
    """Puts the axes in another order, such as features × time in place of time × features."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "permute"

    order_of_axes: tuple[Annotated[int, Field(ge=1, le=3)], ...] = Field(
        (2, 1),
        min_length=2,
        max_length=3,
        title="Order",
        description="Which axis comes first, second, third: 2×1 swaps time and values; 3×1×2 puts channels first.",
    )

    @classmethod
    def order(cls) -> int:
        return 30

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        n = len(self.order_of_axes)
        told = "×".join(map(str, self.order_of_axes))
        wanted = f"as many axes as its order {told} names, each once"
        standard = {2: (2, 1), 3: (2, 1, 3)}.get(len(x.shape))
        remedies = []
        if standard is not None:
            remedies = [Remedy("set", "Swap the first two axes", net.current, settings={"order_of_axes": standard})]
        fits = len(x.shape) == n and sorted(self.order_of_axes) == list(range(1, n + 1))
        net.need(fits, x, wanted, "Choose another order.", remedies)
        return _anew(net, Exchanged(_engine_order(self.order_of_axes)), x)

    @property
    def summary(self) -> str:
        return f"Permute · {'×'.join(map(str, self.order_of_axes))}"


class RepeatVector(Layer):
    """Makes a sequence that says the same list of values at every step."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "repeat"

    times: int = Field(2, ge=1, le=100_000, title="Times", description="How many steps the sequence has.")

    @classmethod
    def order(cls) -> int:
        return 40

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_list(net, x)
        return net.apply(Repeated(self.times), x)

    @property
    def summary(self) -> str:
        return f"RepeatVector · {self.times}"


def _anew(net: Builder, op: Op, x: Value) -> Value:
    """Values in another order: what was a step is none any more."""
    y = net.apply(op, blanked(net, x))
    net.measure(y, None)
    return y


def _engine_order(order: tuple[int, ...]) -> Shape:
    """Axes as users count them (images height, width, channels), from 1 → the engine's, from 0."""
    if len(order) == 2:
        return tuple(axis - 1 for axis in order)
    inside, seen = (1, 2, 0), (2, 0, 1)
    return tuple(inside[order[axis] - 1] for axis in seen)
