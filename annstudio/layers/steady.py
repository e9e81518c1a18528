"""Layers that keep training steady: they behave differently while training and while predicting."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Remark, See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.noise import Gaussian, KeepMask
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.engine.sight import ALL, SAME, Sight, in_place
from annstudio.layers.base import Family, Layer
from annstudio.layers.normal import feature_axis


class Masked(Op):
    """y = x · mask. The mask counts on the way back, too: a unit that was off learns nothing from this batch."""

    formula = r"y = x \cdot m"
    without_gradient = frozenset({"mask"})
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, x: Array, mask: Array) -> None:
        np.multiply(x, mask, y)

    def backward(self, dx: Array, dy: Array, mask: Array) -> None:
        np.multiply(dy, mask, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index), see("mask", *index)))]

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return masked(see("mask", *index).value)

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index), see("mask", *index)))]


def masked(mask: float) -> list[Remark]:
    """What there is to say of a number that a mask was laid on."""
    told = "It is off in this batch" if mask == 0 else f"It is on in this batch, and {mask:.6g} times as large"
    return [Remark(f"{told}; the way back goes through the same mask. Prediction uses no mask: every unit is on.")]


class MaskedFeatures(Op):
    """y = x · mask, with one number for all places of a feature: a whole map is off, or none of it."""

    formula = r"y_{i,j,c} = x_{i,j,c} \cdot m_c"
    without_gradient = frozenset({"mask"})

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, mask: Array) -> None:
        np.multiply(x, self._beside(mask, x), y)

    def backward(self, dx: Array, dy: Array, mask: Array) -> None:
        np.multiply(dy, self._beside(mask, dy), dx)

    def _beside(self, mask: Array, x: Array) -> Array:
        return mask if x.ndim < 4 else mask[:, None, None]

    def sight(self, which: int, *inputs: Shape) -> Sight:
        if not which:
            return in_place(inputs[0])
        own = feature_axis(len(inputs[0]))
        mask = tuple(size if k == own else 1 for k, size in enumerate(inputs[0]))
        return Sight(inputs[0], mask, tuple(SAME if k == own else ALL for k in range(len(mask))))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index), see("mask", index[feature_axis(len(index))])))]

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return masked(see("mask", index[feature_axis(len(index))]).value)

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index), see("mask", index[feature_axis(len(index))])))]


class Disturbed(Op):
    """y = x + noise."""

    formula = r"y = x + \text{noise}"
    without_gradient = frozenset({"noise"})
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, x: Array, noise: Array) -> None:
        np.add(x, noise, y)

    def backward(self, dx: Array, dy: Array) -> None:
        np.copyto(dx, dy)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("noise", *index),))]

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return [Remark("The noise is drawn anew for every batch. Prediction adds none.")]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index),))]


class Dropout(Layer):
    """Turns random units off while training, so that none relies on another; in prediction all are on."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "dropout"

    rate: float = Field(0.3, ge=0, lt=1, title="Rate", description="The probability that a unit is turned off.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        if not net.training or self.rate == 0:
            return x
        return net.apply(Masked(), x, net.noise(KeepMask(self.rate), x.shape, "mask"))

    @property
    def summary(self) -> str:
        return f"Dropout · {self.rate:g}"


class SpatialDropout(Layer):
    """Turns whole feature maps off while training: neighbours tell the same, so single pixels would not be missed."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "dropout"

    rate: float = Field(0.3, ge=0, lt=1, title="Rate", description="The probability that a map is turned off.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        net.need(len(x.shape) > 1, x, "an image or a sequence", "For a list of values use Dropout.")
        if not net.training or self.rate == 0:
            return x
        features = (x.shape[feature_axis(len(x.shape))],)
        return net.apply(MaskedFeatures(), x, net.noise(KeepMask(self.rate), features, "mask"))

    @property
    def summary(self) -> str:
        return f"SpatialDropout · {self.rate:g}"


class GaussianNoise(Layer):
    """Adds random numbers while training, so that small differences are not learned by heart."""

    family: ClassVar[Family] = Family.REGULARISE
    prefix: ClassVar[str] = "noise"

    deviation: float = Field(
        0.1, ge=0, le=1000, title="Deviation", description="The standard deviation of what is added."
    )

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        if not net.training or self.deviation == 0:
            return x
        return net.apply(Disturbed(), x, net.noise(Gaussian(self.deviation), x.shape))

    @property
    def summary(self) -> str:
        return f"GaussianNoise · {self.deviation:g}"
