"""How much two branches agree: their inner product, or the cosine of the angle between them."""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Term, constant, derived, setting
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape, shape_text
from annstudio.engine.sight import ALL, SAME, Sight, along, everything
from annstudio.errors import ShapeError
from annstudio.layers.merge.node import Merge
from annstudio.layers.padded import blanked


class InnerProduct(Op):
    """Σ a · b over the features: one number for two lists; for sequences one for every pair of steps."""

    formula = r"y_{s,t} = \sum_i a_{s,i}\, b_{t,i}"

    def shape(self, *inputs: Shape) -> Shape:
        a, b = inputs
        if len(a) != len(b) or len(a) > 2 or a[-1] != b[-1]:
            told = " and ".join(shape_text(shape) for shape in inputs)
            raise ShapeError(
                f"needs two lists, or two sequences, with as many values each; got {told}.",
                "Bring both branches to one size.",
            )
        return (1,) if len(a) == 1 else (a[0], b[0])

    def forward(self, y: Array, a: Array, b: Array) -> None:
        if a.ndim == 2:
            y[0] = (a * b).sum(0)
        else:
            y[...] = (a[:, None] * b[None]).sum(2)

    def backward(self, da: Array | None, db: Array | None, dy: Array, a: Array, b: Array) -> None:
        for one, other, mine in ((da, b, True), (db, a, False)):
            if one is None:
                continue
            if a.ndim == 2:
                np.multiply(dy, other, one)
            else:
                gradient = dy if mine else dy.swapaxes(0, 1)
                one[...] = (gradient[:, :, None] * other[None]).sum(1)

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """A step of the one sequence with all steps of the other."""
        given, result = inputs[which], self.shape(*inputs)
        if len(given) == 1:
            return everything(result, given)
        order = (1, 0) if which else ()
        return Sight((given[0], inputs[1 - which][0]), given, (SAME, ALL), order)

    def account(self, see: See, index: Index) -> list[Term]:
        lists = len(see.shape("a")) == 1
        s, t = ((), ()) if lists else ((index[0],), (index[1],))
        return [Term((see("a", *s, i), see("b", *t, i))) for i in range(see.shape("a")[-1])]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        other = "b" if name == "a" else "a"
        if len(index) == 1:
            return [Term((see("dy", 0), see(other, *index)))]
        step, i = index
        pairs = [((step, t) if name == "a" else (t, step), t) for t in range(see.shape(other)[0])]
        return [Term((see("dy", *at), see(other, t, i))) for at, t in pairs]


class UnitLength(Op):
    """y = x / ‖x‖: only the direction counts. Lengths below 10⁻⁶ count as 10⁻⁶."""

    formula = r"y_i = x_i / \sqrt{\sum_j x_j^2}"
    least: ClassVar[float] = 1e-6

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        np.divide(x, self._norm(x), y)

    def backward(self, dx: Array, dy: Array, x: Array, y: Array) -> None:
        norm = self._norm(x)
        # Where the length was too small to divide by, it is a constant.
        along = (dy * y).sum(-2, keepdims=True) * (norm > self.least)
        np.divide(dy - y * along, norm, dx)

    def _norm(self, x: Array) -> Array:
        norm: Array = np.maximum(np.sqrt((x * x).sum(-2, keepdims=True)), self.least)
        return norm

    def sight(self, which: int, *inputs: Shape) -> Sight:
        return along(inputs[0], len(inputs[0]) - 1)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index), self._length(see, index)), r"\frac{«0»}{«1»}", lambda x, norm: x / norm)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        *before, i = index
        norm = self._length(see, index)
        terms = [Term((see("dy", *index), norm), r"\frac{«0»}{«1»}", lambda dy, norm: dy / norm)]
        if norm.value <= self.least:
            return terms
        for j in range(see.shape("x")[-1]):
            factors = (see("dy", *before, j), see("y", *before, j), see("y", *index), norm)
            template = r"-\frac{«0» · «1» · «2»}{«3»}"
            terms.append(Term(factors, template, lambda dy, yj, yi, norm: -dy * yj * yi / norm))
        return terms

    def _length(self, see: See, index: Index) -> Factor:
        """The length of the list that a value belongs to, the root of the sum of its squares."""
        *before, _ = index
        numbers = tuple(see("x", *before, j) for j in range(see.shape("x")[-1]))
        length = math.hypot(*(x.value for x in numbers))
        if length <= self.least:
            return constant(f"{setting(self.least)}", self.least)
        squares = derived("squares", *(Term((x,), "«0»^2", lambda x: x * x) for x in numbers))
        return derived("length", Term((squares,), r"\sqrt{«0»}", math.sqrt))


class Dot(Merge):
    """Tells how much two inputs agree: the sum of their products, for sequences of every pair of steps."""

    prefix: ClassVar[str] = "dot"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    op: ClassVar[type[Op]] = InnerProduct

    normalize: bool = Field(
        False, title="Only directions", description="Whether lengths are divided out first: the cosine of the angle."
    )

    def lower(self, net: Builder, *xs: Value) -> Value:
        a, b = xs
        net.need(len(a.shape) < 3, a, "lists or sequences", "Insert a Flatten layer between them.")
        if self.normalize:
            a, b = (net.apply(UnitLength(), x, name="direction") for x in (a, b))
        # The steps of the result are those of the first; those of the second become values.
        y = super().lower(net, a, blanked(net, b))
        net.measure(y, net.lengths(a) if len(a.shape) == 2 else None)
        return y
