"""Batch and layer normalisation: the running mean and variance, and the nodes."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term, setting
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.layers.base import Family, Layer, Settings
from annstudio.layers.normal.fused import CountedNormal, Normal
from annstudio.layers.normal.steps import (
    Centred,
    CountedMeanOf,
    CountedMeanSquareOf,
    MeanOf,
    MeanSquareOf,
    Over,
    ScaledAndShifted,
    Standardised,
    feature_axis,
)
from annstudio.layers.trained import Trainable


class Blend(Op):
    """new = share · old + (1 − share) · x: a mean that forgets slowly."""

    formula = r"m^{+} = \alpha\, m + (1 - \alpha)\, x"
    place_by_place = True

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
            Term((see("old", *index),), f"{setting(self.share)} · «0»", lambda old: self.share * old),
            Term((see("new", *index),), f"(1 - {setting(self.share)}) · «0»", lambda new: (1 - self.share) * new),
        ]


class Same(Op):
    """Hands its input on."""

    formula = "y = x"
    place_by_place = True

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


class Normalising(Settings):
    """How values are brought to mean 0 and variance 1, and what comes after."""

    epsilon: float = Field(1e-3, gt=0, le=1, title="ε", description="Added to the variance, so that none is too small.")
    affine: bool = Field(
        True,
        title="Scale and shift",
        description="Whether every feature then gets a scale γ and an offset β of its own.",
    )


class BatchNorm(Layer, Normalising, Trainable):
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


class LayerNorm(Layer, Normalising, Trainable):
    """Brings the features of every example (at every place) to mean 0 and variance 1, alone and in prediction alike."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "layernorm"

    @classmethod
    def order(cls) -> int:
        return 70

    def lower(self, net: Builder, *xs: Value) -> Value:
        normal, _, _ = normalised(net, xs[0], "features", self.epsilon)
        return scaled(net, normal, trainable=self.trainable) if self.affine else normal


def normalised(net: Builder, x: Value, over: Over, epsilon: float) -> tuple[Value, Value, Value]:
    """Values of mean 0 and variance 1, and the mean and variance they had.

    Steps behind a sequence's end have no part in either.
    """
    lengths = net.lengths(x) if over == "examples" else None
    given = (x,) if lengths is None else (x, lengths)
    if not net.plain:
        fused = net.apply(Normal(over, epsilon) if lengths is None else CountedNormal(epsilon), *given, name="normal")
        return fused, net.kept(fused, "mean"), net.kept(fused, "variance")
    mean = net.apply(MeanOf(over) if lengths is None else CountedMeanOf(), *given, name="mean")
    centred = net.apply(Centred(over), x, mean, name="centred")
    squares = MeanSquareOf(over) if lengths is None else CountedMeanSquareOf()
    variance = net.apply(squares, centred, *given[1:], name="variance")
    return net.apply(Standardised(over, epsilon), centred, variance, name="normal"), mean, variance


def scaled(net: Builder, x: Value, *, trainable: bool) -> Value:
    """With a scale γ and an offset β for every feature: 1 and 0 at first."""
    views = [
        View("gamma", (0,), Initial(constant=1.0), axis_names=("feature",)),
        View("beta", (1,), Initial(constant=0.0), axis_names=("feature",)),
    ]
    p = net.parameter((2, x.shape[feature_axis(len(x.shape))]), views, trainable=trainable)
    return net.apply(ScaledAndShifted(), x, p, name="out")
