"""Dense: every unit sums all its inputs, each times a weight, adds its bias and applies an activation."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Sum, Term, uses
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Margin, Op, Shape
from annstudio.engine.program import View
from annstudio.engine.sight import ALL, SAME, Sight
from annstudio.layers.activation import activate, label
from annstudio.layers.base import Family, Layer
from annstudio.layers.framing import need_list
from annstudio.layers.restraint import Restrained, restrain
from annstudio.layers.starting import Summing
from annstudio.layers.trained import BiasTrainable


class WeightedSum(Op):
    """net = W·x + b. The bias is a unit that is always on: the last column of `w` meets a row of ones under `x`.

    `x` (D, N) or (T, D, N), `w` (units, D + 1), or (units, D) without a bias.
    """

    formula = r"\text{net}_j = \sum_i w_{ji}\, x_i + b_j"
    weighted_sum = True

    def __init__(self, *, bias: bool = True) -> None:
        self.bias = bias

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], inputs[1][0])

    def margin(self, name: str, shape: Shape) -> Margin | None:
        if name != "x" or not self.bias:
            return None
        return Margin((0,) * len(shape), (*(0,) * (len(shape) - 1), 1), 1.0)

    def forward(self, y: Array, x: Array, w: Array) -> None:
        np.matmul(w, x, y)

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array) -> None:
        if dw is not None:
            products = np.matmul(dy, x.swapaxes(-1, -2), dw if dy.ndim == 2 else None)
            if dy.ndim == 3:
                np.add.reduce(products, axis=0, out=dw)
        if dx is not None:
            np.matmul(w[:, :-1].T if self.bias else w.T, dy, dx)

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """At every step of a sequence all features; of the weights a unit's row."""
        result, steps = self.shape(*inputs), inputs[0][:-1]
        if which:
            return Sight((*result, 1), (*(1,) * len(steps), *inputs[1]), (*(ALL,) * len(steps), SAME, ALL))
        return Sight(result, inputs[0], (*(SAME,) * len(steps), ALL))

    def account(self, see: See, index: Index) -> Sequence[Term]:
        *t, j = index
        n_inputs = see.shape("w")[1] - self.bias

        def term(i: int) -> Term:
            return Term((see("w", j, i), see("x", *t, i)) if i < n_inputs else (see("w", j, i),))

        with np.errstate(all="ignore"):
            # Numbers that run away are told like any others. The bias is the weight of a unit that is 1.
            return Sum((see.row("w", j) * see.row("x", *t)).tolist(), term)

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        if name == "x":
            *t, i = index
            return [Term((see("w", j, i), see("dy", *t, j))) for j in range(see.shape("w")[0])]
        j, i = index
        is_bias = self.bias and i == see.shape("w")[1] - 1

        def factors(n: int, *t: int) -> tuple[Factor, ...]:
            dy = see("dy", *t, j, example=n)
            return (dy,) if is_bias else (dy, see("x", *t, i, example=n))

        return uses(see.arrays["dy"][..., j, :], None if is_bias else see.arrays["x"][..., i, :], factors)


class SharedBias(Op):
    """net + b with one bias for the whole layer, as introductory drawings have it."""

    formula = r"\text{net}_j = s_j + b"
    weighted_sum = True
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, b: Array) -> None:
        np.add(x, b[0], y)

    def backward(self, dx: Array | None, db: Array | None, dy: Array) -> None:
        if dx is not None:
            dx[...] = dy
        if db is not None:
            db[0] = dy.sum()

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("b", 0),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        places = np.ndindex(see.shape("dy"))
        return [Term((see("dy", *place, example=n),)) for place in places for n in range(see.n_examples)]


class UnitBias(BiasTrainable):
    """Which biases a dense layer has, and whether they learn."""

    share_bias: bool = Field(
        False,
        title="One bias a layer",
        description="All units use one and the same bias.",
        json_schema_extra={"needs": "bias"},
    )


class Dense(Layer, Summing, UnitBias, Restrained):
    """Every unit is connected to every input: weighted sum, bias, activation."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "dense"

    units: int = Field(8, ge=1, le=100_000, title="Units", description="How many outputs the layer has.")

    @classmethod
    def order(cls) -> int:
        return 10

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_list(net, x, most_axes=2)
        n_inputs = x.shape[-1]
        start = self.weights_start(n_inputs, self.units)
        own_bias = self.bias and not self.share_bias
        views = [View("W", (slice(None), slice(n_inputs)), start, axis_names=("unit", "input"))]
        if own_bias:
            views.append(View("b", (slice(None), n_inputs), self.biases_start(), axis_names=("unit",)))
        w = net.parameter((self.units, n_inputs + own_bias), views, trainable=self.trainable, frozen=self.frozen_views)
        shared_bias = self.bias and self.share_bias
        weighted = net.apply(WeightedSum(bias=own_bias), x, w, name="s" if shared_bias else "net")
        if shared_bias:
            view = View("b", (slice(None),), self.biases_start(), axis_names=("layer",))
            b = net.parameter((1,), [view], trainable=self.trainable, frozen=self.frozen_views)
            weighted = net.apply(SharedBias(), weighted, b, name="net")
        restrain(net, self)
        return activate(net, self.activation, weighted, self.slope)

    @property
    def summary(self) -> str:
        return f"Dense {self.units} · {label(self.activation)}"
