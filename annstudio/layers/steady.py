"""Layers that keep training steady: they behave differently while training and while predicting."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.noise import KeepMask
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.layers.base import Family, Layer


class Masked(Op):
    """y = x · mask. The mask counts on the way back, too: a unit that was off learns nothing from this batch."""

    formula = r"y = x \cdot m"
    without_gradient = frozenset({"mask"})

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, x: Array, mask: Array) -> None:
        np.multiply(x, mask, y)

    def backward(self, dx: Array, dy: Array, mask: Array) -> None:
        np.multiply(dy, mask, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index), see("mask", *index)))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index), see("mask", *index)))]


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
