"""Normalising: bring values to mean 0 and variance 1, then let the network choose another scale and offset.

Over the examples of a batch (Ioffe & Szegedy, 2015), or over the features of every place (Ba et al., 2016).
"""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Buffer, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.layers.base import Family, Layer, TrainableField

Over = Literal["examples", "features"]
"""What is averaged over: for every feature all places of all examples, or at every place all features."""


def feature_axis(n_axes: int) -> int:
    """Where the features of an example of so many axes are: channels of images first, values of sequences last."""
    return 1 if n_axes == 2 else 0


def _axes(over: Over, x: Array) -> tuple[int, ...]:
    features = feature_axis(x.ndim - 1)
    return (features,) if over == "features" else tuple(axis for axis in range(x.ndim) if axis != features)


def _beside(m: Array, x: Array, over: Over) -> Array:
    """A mean, with the axes back that were averaged over, to reckon with x."""
    axes = _axes(over, x)
    return m.reshape(tuple(1 if axis in axes else size for axis, size in enumerate(x.shape)))


def _mean_place(index: Index, over: Over) -> Index:
    """Where the mean stands that belongs to a value."""
    features = feature_axis(len(index))
    return (index[features],) if over == "examples" else (*index[:features], *index[features + 1 :])


def _values(see: See, name: str, place: Index, over: Over) -> list[Factor]:
    """All values that belong to the mean at `place`."""
    shape = see.shape(name)
    features = feature_axis(len(shape))
    if over == "features":
        return [see(name, *place[:features], k, *place[features:]) for k in range(shape[features])]
    rest = (*shape[:features], *shape[features + 1 :])
    return [
        see(name, *at[:features], *place, *at[features:], example=n)
        for at in np.ndindex(rest)
        for n in range(see.n_examples)
    ]


class _Averaging(Op):
    """Something averaged over the examples, or over the features."""

    def __init__(self, over: Over) -> None:
        self.over = over

    @property
    def couples_examples(self) -> bool:  # type: ignore[override]
        return self.over == "examples"

    def shape(self, *inputs: Shape) -> Shape:
        return _mean_place(inputs[0], self.over)

    def batched(self, *inputs: bool) -> bool:
        return self.over == "features"

    def _count(self, x: Array) -> int:
        return math.prod(x.shape[axis] for axis in _axes(self.over, x))


class MeanOf(_Averaging):
    """The mean."""

    formula = r"\mu = \frac{1}{n} \sum x"

    def forward(self, y: Array, x: Array) -> None:
        np.mean(x, _axes(self.over, x), out=y)

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = _beside(dy / self._count(dx), dx, self.over)

    def account(self, see: See, index: Index) -> list[Term]:
        values = _values(see, "x", index, self.over)
        return [Term((x,), rf"\tfrac{{1}}{{{len(values)}}}«0»", lambda x: x / len(values)) for x in values]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        place = _mean_place(index, self.over)
        n = len(_values(see, "dx", place, self.over))
        return [Term((see("dy", *place),), rf"\tfrac{{1}}{{{n}}}«0»", lambda dy: dy / n)]


class MeanSquareOf(_Averaging):
    """The mean of the squares: of values without their mean it is the variance."""

    formula = r"\sigma^2 = \frac{1}{n} \sum x^2"

    def forward(self, y: Array, x: Array) -> None:
        np.mean(np.square(x), _axes(self.over, x), out=y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        np.multiply(x, _beside(2 / self._count(x) * dy, x, self.over), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        values = _values(see, "x", index, self.over)
        return [Term((x,), rf"\tfrac{{1}}{{{len(values)}}}«0»^2", lambda x: x * x / len(values)) for x in values]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        place = _mean_place(index, self.over)
        n = len(_values(see, "x", place, self.over))
        factors = (see("dy", *place), see("x", *index))
        return [Term(factors, rf"\tfrac{{2}}{{{n}}}«0» · «1»", lambda dy, x: 2 / n * dy * x)]


class Centred(Op):
    """y = x − μ."""

    formula = r"y = x - \mu"

    def __init__(self, over: Over) -> None:
        self.over = over

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, mean: Array) -> None:
        np.subtract(x, _beside(mean, x, self.over), y)

    def backward(self, dx: Array | None, dmean: Array | None, dy: Array) -> None:
        if dx is not None:
            np.copyto(dx, dy)
        if dmean is not None:
            np.negative(dy.sum(_axes(self.over, dy)), dmean)

    def account(self, see: See, index: Index) -> list[Term]:
        mean = see("mean", *_mean_place(index, self.over))
        return [Term((see("x", *index),)), Term((mean,), "-«0»", lambda m: -m)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        return [Term((dy,), "-«0»", lambda dy: -dy) for dy in _values(see, "dy", index, self.over)]


class Standardised(Op):
    """y = x / √(σ² + ε)."""

    formula = r"y = \frac{x}{\sqrt{\sigma^2 + \epsilon}}"

    def __init__(self, over: Over, epsilon: float) -> None:
        self.over = over
        self.epsilon = epsilon

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, variance: Array) -> None:
        np.divide(x, _beside(np.sqrt(variance + self.epsilon), x, self.over), y)

    def backward(self, dx: Array | None, dvariance: Array | None, dy: Array, x: Array, variance: Array) -> None:
        deviation = np.sqrt(variance + self.epsilon)
        if dx is not None:
            np.divide(dy, _beside(deviation, x, self.over), dx)
        if dvariance is not None:
            dvariance[...] = -0.5 * (dy * x).sum(_axes(self.over, x)) / deviation**3

    def account(self, see: See, index: Index) -> list[Term]:
        factors = (see("x", *index), see("variance", *_mean_place(index, self.over)))
        return [Term(factors, rf"\frac{{«0»}}{{{self._root}}}", self._scaled)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            factors = (see("dy", *index), see("variance", *_mean_place(index, self.over)))
            return [Term(factors, rf"\frac{{«0»}}{{{self._root}}}", self._scaled)]
        variance = see("variance", *index)
        pairs = zip(_values(see, "dy", index, self.over), _values(see, "x", index, self.over), strict=True)
        template = rf"-\frac{{«0» · «2»}}{{2 {self._root}^3}}"
        return [
            Term((dy, variance, x), template, lambda dy, v, x: -0.5 * dy * x / math.sqrt(v + self.epsilon) ** 3)
            for dy, x in pairs
        ]

    @property
    def _root(self) -> str:
        return rf"\sqrt{{«1» + {self.epsilon:g}}}"

    def _scaled(self, x: float, variance: float) -> float:
        return x / math.sqrt(variance + self.epsilon)


class ScaledAndShifted(Op):
    """y = γ x + β, with numbers of its own for every feature. `p` (2, features) holds γ and β."""

    formula = r"y = \gamma x + \beta"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, p: Array) -> None:
        np.multiply(x, _beside(p[0], x, "examples"), y)
        np.add(y, _beside(p[1], x, "examples"), y)

    def backward(self, dx: Array | None, dp: Array | None, dy: Array, x: Array, p: Array) -> None:
        if dx is not None:
            np.multiply(dy, _beside(p[0], dy, "examples"), dx)
        if dp is not None:
            axes = _axes("examples", dy)
            dp[0] = (dy * x).sum(axes)
            dp[1] = dy.sum(axes)

    def account(self, see: See, index: Index) -> list[Term]:
        (k,) = _mean_place(index, "examples")
        return [Term((see("p", 0, k), see("x", *index))), Term((see("p", 1, k),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            (k,) = _mean_place(index, "examples")
            return [Term((see("dy", *index), see("p", 0, k)))]
        which, k = index
        dys, xs = (_values(see, values, (k,), "examples") for values in ("dy", "x"))
        return [Term((dy,) if which else (dy, x)) for dy, x in zip(dys, xs, strict=True)]


class Normal(Op):
    """Mean, variance and division in one. `mean` and `variance` are kept for the running ones."""

    formula = r"y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}"
    looked_at = frozenset({"mean", "variance"})

    def __init__(self, over: Over, epsilon: float) -> None:
        self.over = over
        self.epsilon = epsilon

    @property
    def couples_examples(self) -> bool:  # type: ignore[override]
        return self.over == "examples"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        kept = Buffer(_mean_place(inputs[0], self.over), batched=self.over == "features")
        return {"mean": kept, "variance": kept}

    def forward(self, y: Array, x: Array, mean: Array, variance: Array) -> None:
        axes = _axes(self.over, x)
        np.mean(x, axes, out=mean)
        np.subtract(x, _beside(mean, x, self.over), y)
        np.mean(np.square(y), axes, out=variance)
        np.divide(y, _beside(np.sqrt(variance + self.epsilon), x, self.over), y)

    def backward(self, dx: Array, dy: Array, y: Array, variance: Array) -> None:
        axes = _axes(self.over, y)
        np.multiply(y, (dy * y).mean(axes, keepdims=True), dx)
        np.add(dx, dy.mean(axes, keepdims=True), dx)
        np.subtract(dy, dx, dx)
        np.divide(dx, _beside(np.sqrt(variance + self.epsilon), y, self.over), dx)


class Blend(Op):
    """new = share · old + (1 − share) · x: a mean that forgets slowly."""

    formula = r"m^{+} = \alpha\, m + (1 - \alpha)\, x"

    def __init__(self, share: float) -> None:
        self.share = share

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, old: Array, new: Array) -> None:
        np.copyto(y, self.share * old + (1 - self.share) * new)

    def backward(self) -> None:
        raise AssertionError("nothing is learned through a running mean")

    def account(self, see: See, index: Index) -> list[Term]:
        return [
            Term((see("old", *index),), f"{self.share:g} · «0»", lambda old: self.share * old),
            Term((see("new", *index),), f"{1 - self.share:g} · «0»", lambda new: (1 - self.share) * new),
        ]


class Same(Op):
    """Hands its input on."""

    formula = "y = x"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x)

    def backward(self, dx: Array, dy: Array) -> None:
        np.copyto(dx, dy)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index),))]


class BatchNorm(Layer):
    """Brings every feature to mean 0 and variance 1 over the batch; predictions use the running mean and variance."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "batchnorm"

    momentum: float = Field(
        0.99,
        ge=0,
        le=1,
        title="Momentum",
        description="How much of the running mean and variance stays at every batch.",
    )
    epsilon: float = Field(1e-3, gt=0, le=1, title="ε", description="Added to the variance, so that none is too small.")
    affine: bool = Field(
        True,
        title="Scale and shift",
        description="Whether every feature then gets a scale γ and an offset β of its own.",
    )
    trainable: TrainableField = True

    @classmethod
    def order(cls) -> int:
        return 60

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        features = (x.shape[feature_axis(len(x.shape))],)
        running_mean = net.state(features, "running_mean")
        running_variance = net.state(features, "running_var", start=1.0)
        if not net.training:
            centred = net.apply(Centred("examples"), x, running_mean, name="centred")
            normal = net.apply(Standardised("examples", self.epsilon), centred, running_variance, name="normal")
            return self._result(net, normal)
        normal, mean, variance = normalised(net, x, "examples", self.epsilon)
        result = self._result(net, normal)
        for state, new in ((running_mean, mean), (running_variance, variance)):
            blended = net.apply(Blend(self.momentum), state, new, name=f"new {net.slots[state.slot].name}")
            net.carry(state, blended, Same())
        return result

    def _result(self, net: Builder, normal: Value) -> Value:
        return scaled(net, normal, trainable=self.trainable) if self.affine else normal


class LayerNorm(Layer):
    """Brings the features of every example (at every place) to mean 0 and variance 1, alone and in prediction alike."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "layernorm"

    epsilon: float = Field(1e-3, gt=0, le=1, title="ε", description="Added to the variance, so that none is too small.")
    affine: bool = Field(
        True,
        title="Scale and shift",
        description="Whether every feature then gets a scale γ and an offset β of its own.",
    )
    trainable: TrainableField = True

    @classmethod
    def order(cls) -> int:
        return 70

    def lower(self, net: Builder, *xs: Value) -> Value:
        normal, _, _ = normalised(net, xs[0], "features", self.epsilon)
        return scaled(net, normal, trainable=self.trainable) if self.affine else normal


def normalised(net: Builder, x: Value, over: Over, epsilon: float) -> tuple[Value, Value, Value]:
    """Values of mean 0 and variance 1, and the mean and variance they had."""
    if not net.plain:
        fused = net.apply(Normal(over, epsilon), x, name="normal")
        return fused, net.kept(fused, "mean"), net.kept(fused, "variance")
    mean = net.apply(MeanOf(over), x, name="mean")
    centred = net.apply(Centred(over), x, mean, name="centred")
    variance = net.apply(MeanSquareOf(over), centred, name="variance")
    return net.apply(Standardised(over, epsilon), centred, variance, name="normal"), mean, variance


def scaled(net: Builder, x: Value, *, trainable: bool) -> Value:
    """With a scale γ and an offset β for every feature: 1 and 0 at first."""
    views = [
        View("gamma", (0,), Initial(constant=1.0), axis_names=("feature",)),
        View("beta", (1,), Initial(constant=0.0), axis_names=("feature",)),
    ]
    p = net.parameter((2, x.shape[feature_axis(len(x.shape))]), views, trainable=trainable)
    return net.apply(ScaledAndShifted(), x, p, name="out")
