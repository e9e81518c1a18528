"""Embedding: words, items and other things that are only numbered get places in a space, and the places are learned."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Remark, See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.engine.sight import ALL, SAME, Sight, everything
from annstudio.errors import Remedy, ShapeError
from annstudio.layers.base import Family, Layer, TrainableField
from annstudio.layers.padded import IdsCounted
from annstudio.layers.restraint import L1Field, L2Field, MaxNormField, restrain
from annstudio.layers.starting import (
    ConstantField,
    DeviationField,
    LimitField,
    PlacesInitializerField,
    drawn_start,
)
from annstudio.ordinals import nth

LARGEST = 10_000_000
"""The largest vocabulary."""
USUAL_LIMIT = 0.05


class Lookup(Op):
    """y_t = row x_t of w. `x` (T, N) holds whole numbers, `w` (vocabulary, D).

    Data is refused where it holds other numbers; those that a layer computed are rounded down, and beyond the ends they
    are the ends.

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

    def sight(self, which: int, *inputs: Shape) -> Sight:
        steps, values = self.shape(*inputs)
        if which:
            return everything((steps, values), inputs[which])
        return Sight((steps, values), (steps, 1), (SAME, ALL))

    def account(self, see: See, index: Index) -> list[Term]:
        t, d = index
        row = min(max(int(see("x", t).value), 0), see.shape("w")[0] - 1)
        return [Term((see("w", row, d),))]

    def remarks(self, see: See, index: Index) -> list[Remark]:
        number, rows = see("x", index[0]).value, see.shape("w")[0]
        row = min(max(int(number), 0), rows - 1)
        told = f"The id of {nth('step', index[0])} is {number:g}. Ids begin with 0, so that"
        return [Remark(f"{told} {nth('row', row)} of W is looked up.")]

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
        le=LARGEST,
        title="Vocabulary",
        description="How many ids there are, counted from 0.",
    )
    units: int = Field(16, ge=1, le=100_000, title="Units", description="How many values a place has.")
    mask_zero: bool = Field(
        False,
        title="0 is padding",
        description="Whether zeros behind the last other id only fill the list up: those steps do not count (masking).",
    )
    initializer: PlacesInitializerField = "auto"
    constant: ConstantField = 0.1
    limit: LimitField = 0.5
    deviation: DeviationField = 0.05
    trainable: TrainableField = True
    l1: L1Field = 0.0
    l2: L2Field = 0.0
    max_norm: MaxNormField = 0.0

    @classmethod
    def order(cls) -> int:
        return 30

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        flatten = Remedy("insert", "Insert Flatten", net.current, "Flatten")
        net.need(len(x.shape) == 1, x, "a list of whole numbers", "Insert a Flatten layer between them.", [flatten])
        self._need_ids(net, x)
        usual = Initial("uniform", scale=USUAL_LIMIT)
        drawn = drawn_start(self, self.initializer, self.vocabulary, self.units)
        start = usual if self.initializer == "auto" else drawn
        view = View("W", (slice(None), slice(None)), start, axis_names=("row", "unit"))
        w = net.parameter((self.vocabulary, self.units), [view], trainable=self.trainable)
        restrain(net, self)
        y = net.apply(Lookup(), x, w, name="out")
        given = net.apply(IdsCounted(), x, name="length") if self.mask_zero else None
        net.measure(y, net.shortest(net.lengths(x), given))
        return y

    def _need_ids(self, net: Builder, x: Value) -> None:
        """Raise ShapeError where the data holds a number that is no id."""
        column, stray = net.count(x, self.vocabulary)
        if stray is None:
            return
        hint = "Ids are whole numbers, counted from 0."
        remedies: tuple[Remedy, ...] = ()
        if stray >= self.vocabulary and stray.is_integer() and stray < LARGEST:
            enough = int(stray) + 1
            hint = f"Set the vocabulary to {enough}."
            remedies = (Remedy("set", hint[:-1], net.current, settings={"vocabulary": enough}),)
        raise ShapeError(
            f"{net.current} knows the ids 0 to {self.vocabulary - 1}; the column {column!r} holds {stray:.12g}.",
            hint,
            remedies,
        )

    @property
    def summary(self) -> str:
        return f"Embedding {self.vocabulary} → {self.units}"
