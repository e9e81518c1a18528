"""Embedding: words, items and other things that are only numbered get places in a space, and the places are learned."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.errors import Remedy
from annstudio.layers.base import Family, Layer, TrainableField


class Lookup(Op):
    """y_t = row x_t of w. `x` (T, N) holds whole numbers, `w` (vocabulary, D); numbers beyond the ends are the ends.

    A row number is not something to move a little: no gradient gets through to it.
    """

    formula = r"y_t = w_{x_t}"

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][1])

    def forward(self, y: Array, x: Array, w: Array) -> None:
        y[...] = w[self._rows(x, len(w))].swapaxes(1, 2)

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array) -> None:
        if dx is not None:
            dx.fill(0)
        if dw is not None:
            dw.fill(0)
            np.add.at(dw, self._rows(x, len(w)), dy.swapaxes(1, 2))

    def _rows(self, x: Array, size: int) -> Array:
        return np.clip(x, 0, size - 1).astype(np.intp)

    def account(self, see: See, index: Index) -> list[Term]:
        t, d = index
        row = min(max(int(see("x", t).value), 0), see.shape("w")[0] - 1)
        return [Term((see("w", row, d),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return []
        row, d = index
        last = see.shape("w")[0] - 1
        return [
            Term((see("dy", t, d, example=n),))
            for n in range(see.n_examples)
            for t in range(see.shape("x")[0])
            if min(max(int(see("x", t, example=n).value), 0), last) == row
        ]


class Embedding(Layer):
    """Gives every number of a list a learned place: a list of word numbers becomes a sequence of vectors."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "embedding"

    vocabulary: int = Field(
        1000,
        ge=1,
        le=10_000_000,
        title="Vocabulary",
        description="How many numbers there are, from 0; more share the last.",
    )
    units: int = Field(16, ge=1, le=100_000, title="Units", description="How many values a place has.")
    trainable: TrainableField = True

    @classmethod
    def order(cls) -> int:
        return 30

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        flatten = Remedy("insert", "Insert Flatten", net.current, "Flatten")
        net.need(len(x.shape) == 1, x, "a list of whole numbers", "Insert a Flatten layer between them.", [flatten])
        start = Initial("uniform", scale=0.05)
        view = View("W", (slice(None), slice(None)), start, axis_names=("number", "unit"))
        w = net.parameter((self.vocabulary, self.units), [view], trainable=self.trainable)
        return net.apply(Lookup(), x, w, name="out")

    @property
    def summary(self) -> str:
        return f"Embedding {self.vocabulary} → {self.units}"
