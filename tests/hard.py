"""Layers that nobody has asked for yet and that are hard on the engine: they find walls in the wrong place early.

`Centre` couples examples and keeps running statistics; `Loop` unrolls over time and hands its state to the next batch.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Buffer, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.errors import ShapeError
from annstudio.layers.activation import Tanh
from annstudio.layers.base import Family, Layer
from annstudio.layers.dense import WeightedSum
from annstudio.layers.merge import Join
from annstudio.ordinals import at_step


class Copy(Op):
    """Hands its input on."""

    formula = "y = x"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x)

    def backward(self, dx: Array, dy: Array) -> None:
        np.copyto(dx, dy)


# Couples examples ------------------------------------------------------------------------------------------------


class BatchMean(Op):
    """m = (1/N) Σ x over the examples of the batch."""

    formula = r"m = \frac{1}{N} \sum_n x_n"
    couples_examples = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def batched(self, *inputs: bool) -> bool:
        return False

    def forward(self, y: Array, x: Array) -> None:
        np.mean(x, axis=-1, out=y)

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = (dy / dx.shape[-1])[..., None]

    def account(self, see: See, index: Index) -> list[Term]:
        n = see.n_examples
        return [Term((see("x", *index, example=i),), rf"\tfrac{{1}}{{{n}}} · «0»", lambda x: x / n) for i in range(n)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        n = see.n_examples
        return [Term((see("dy", *index),), rf"\tfrac{{1}}{{{n}}} · «0»", lambda dy: dy / n)]


class Without(Op):
    """y = x − m, the mean being one for all examples."""

    formula = "y = x - m"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, m: Array) -> None:
        np.subtract(x, m[..., None], y)

    def backward(self, dx: Array | None, dm: Array | None, dy: Array) -> None:
        if dx is not None:
            np.copyto(dx, dy)
        if dm is not None:
            np.negative(dy.sum(-1), dm)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("m", *index),), "-«0»", lambda m: -m)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        return [Term((see("dy", *index, example=n),), "-«0»", lambda dy: -dy) for n in range(see.n_examples)]


class Centred(Op):
    """The two in one: y = x − mean. The mean is kept for the running one."""

    couples_examples = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"mean": Buffer(inputs[0], batched=False)}

    def forward(self, y: Array, x: Array, mean: Array) -> None:
        np.mean(x, axis=-1, out=mean)
        np.subtract(x, mean[..., None], y)

    def backward(self, dx: Array, dy: Array) -> None:
        np.subtract(dy, dy.mean(-1, keepdims=True), dx)


class Blend(Op):
    """y = (1 − share) old + share new."""

    formula = r"y = (1 - \eta)\, m + \eta\, x"

    def __init__(self, share: float) -> None:
        self.share = share

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, old: Array, new: Array) -> None:
        y[...] = (1 - self.share) * old + self.share * new

    def backward(self, dold: Array | None, dnew: Array | None, dy: Array) -> None:
        raise AssertionError("nothing is learned through the running mean")

    def account(self, see: See, index: Index) -> list[Term]:
        old, new = (see("old", *index),), (see("new", *index),)
        return [
            Term(old, f"(1 - {self.share}) · «0»", lambda m: (1 - self.share) * m),
            Term(new, f"{self.share} · «0»", lambda m: self.share * m),
        ]


class Centre(Layer):
    """Takes the batch's mean off every value; in prediction the running mean of training."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "centre"

    share: float = Field(0.5, ge=0, le=1, title="Share", description="How much of it a batch's mean makes up.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        running = net.state(x.shape, "running_mean", start=0.25)
        if not net.training:
            return net.apply(Without(), x, running)
        if net.plain:
            mean = net.apply(BatchMean(), x, name="mean")
            y = net.apply(Without(), x, mean)
        else:
            y = net.apply(Centred(), x)
            mean = net.kept(y, "mean")
        net.carry(running, net.apply(Blend(self.share), running, mean, name="new_mean"), Copy())
        return y


# Time ------------------------------------------------------------------------------------------------------------


class At(Op):
    """One moment of a sequence: (T, D) → (D,)."""

    formula = "y = x_t"

    def __init__(self, t: int) -> None:
        self.t = t

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0][1:]

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x[self.t])

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)
        dx[self.t] = dy

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", self.t, *index),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index[1:]),))] if index[0] == self.t else []


class Stacked(Op):
    """The moments one after the other: T times (D,) → (T, D)."""

    formula = r"y = (x_1, x_2, \dots)"

    def shape(self, *inputs: Shape) -> Shape:
        return (len(inputs), *inputs[0])

    def forward(self, y: Array, *xs: Array) -> None:
        np.stack(xs, out=y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for t, dx in enumerate(dxs):
            if dx is not None:
                np.copyto(dx, dy[t])

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see(f"xs[{index[0]}]", *index[1:]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", int(name[3:-1]), *index),))]


class FusedLoop(Op):
    """h_t = tanh(W·[x_t; h_{t−1}] + b) for all moments at once; `h` is the state before the first."""

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[2][0])

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        (steps, d), (units,), _ = inputs
        return {"joined": Buffer((steps, d + units + 1), fill=1.0)}

    def forward(self, y: Array, x: Array, h: Array, w: Array, joined: Array) -> None:
        d = x.shape[1]
        for t in range(len(x)):
            joined[t, :d], joined[t, d:-1] = x[t], h if t == 0 else y[t - 1]
            np.tanh(w @ joined[t], y[t])

    def backward(
        self, dx: Array | None, dh: Array | None, dw: Array | None, dy: Array, y: Array, w: Array, joined: Array
    ) -> None:
        d = joined.shape[1] - len(w) - 1
        later = np.zeros_like(dy[0])
        total = np.zeros_like(w)
        for t in reversed(range(len(y))):
            dnet = (dy[t] + later) * (1 - y[t] ** 2)
            total += dnet @ joined[t].T
            if dx is not None:
                dx[t] = w[:, :d].T @ dnet
            later = w[:, d:-1].T @ dnet
        if dh is not None:
            dh[...] = later
        if dw is not None:
            dw[...] = total


class Loop(Layer):
    """A simple recurrent layer: every moment sees what the last one came to, the first that of the batch before."""

    family: ClassVar[Family] = Family.RECURRENT
    prefix: ClassVar[str] = "loop"

    units: int = Field(3, ge=1, le=100, title="Units", description="How many outputs a moment has.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        if len(x.shape) != 2:
            raise ShapeError("needs a sequence.")
        w = net.parameter((self.units, x.shape[1] + self.units + 1), [_all("W")])
        h = net.state((self.units,), "h", batched=True)
        y = net.composite(FusedLoop(), _unrolled, x, h, w)
        if net.training:
            net.carry(h, net.apply(At(x.shape[0] - 1), y, name="last"), Copy())
        return y


def _unrolled(net: Builder, x: Value, h: Value, w: Value) -> Value:
    moments = []
    for t in range(x.shape[0]):
        with net.scope(at_step("t", t)):
            joined = net.apply(Join(), net.apply(At(t), x), h)
            h = net.apply(Tanh(), net.apply(WeightedSum(), joined, w, name="net"), name="out")
            moments.append(h)
    return net.apply(Stacked(), *moments)


def _all(name: str) -> View:
    return View(name, (slice(None), slice(None)), Initial("normal"), axis_names=("unit", "input"))


HARD_LAYERS: tuple[type[Layer], ...] = (Centre, Loop)
