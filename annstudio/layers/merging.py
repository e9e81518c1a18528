"""More ways for branches to meet: difference, product, mean, the largest, and how much two vectors agree."""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Term, derived
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape, same_shape, shape_text
from annstudio.errors import ShapeError
from annstudio.layers.base import Family, Layer

_LENGTH = r"\lVert x \rVert"


class Difference(Op):
    """y = a − b, place by place."""

    formula = "y = a - b"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, a: Array, b: Array) -> None:
        np.subtract(a, b, y)

    def backward(self, da: Array | None, db: Array | None, dy: Array) -> None:
        if da is not None:
            np.copyto(da, dy)
        if db is not None:
            np.negative(dy, db)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("a", *index),)), Term((see("b", *index),), "-«0»", lambda b: -b)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        dy = (see("dy", *index),)
        return [Term(dy) if name == "a" else Term(dy, "-«0»", lambda dy: -dy)]


class Product(Op):
    """y = x₁ · x₂ · …, place by place."""

    formula = r"y = x_1 \cdot x_2 \cdots"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, xs[0])
        for x in xs[1:]:
            np.multiply(y, x, y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array, xs: tuple[Array, ...]) -> None:
        for i, dx in enumerate(dxs):
            if dx is not None:
                np.copyto(dx, dy)
                for other in (*xs[:i], *xs[i + 1 :]):
                    np.multiply(dx, other, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term(tuple(see(name, *index) for name in names(see)))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        others = (see(other, *index) for other in names(see) if other != name)
        return [Term((see("dy", *index), *others))]


class Mean(Op):
    """y = (x₁ + x₂ + …) / n, place by place."""

    formula = r"y = \frac{1}{n} (x_1 + x_2 + \dots)"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, xs[0])
        for x in xs[1:]:
            np.add(y, x, y)
        np.divide(y, len(xs), y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for dx in dxs:
            if dx is not None:
                np.divide(dy, len(dxs), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        n = len(names(see))
        return [Term((see(name, *index),), rf"\tfrac{{1}}{{{n}}}«0»", lambda x: x / n) for name in names(see)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        n = len(names(see))
        return [Term((see("dy", *index),), rf"\tfrac{{1}}{{{n}}}«0»", lambda dy: dy / n)]


class Largest(Op):
    """y = max(x₁, x₂, …), place by place; the gradient goes to the first input that is the largest."""

    formula = r"y = \max(x_1, x_2, \dots)"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, xs[0])
        for x in xs[1:]:
            np.maximum(y, x, out=y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array, y: Array, xs: tuple[Array, ...]) -> None:
        free = np.ones(y.shape, bool)
        for dx, x in zip(dxs, xs, strict=True):
            wins = (x == y) & free
            if dx is not None:
                np.multiply(dy, wins, dx)
            free &= ~wins

    def account(self, see: See, index: Index) -> list[Term]:
        numbers = tuple(see(name, *index) for name in names(see))
        return [Term(numbers, _max_of(len(numbers)), lambda *xs: max(xs))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        numbers = tuple(see(other, *index) for other in names(see))
        place = names(see).index(name)
        template = rf"[\,«{place}» = {_max_of(len(numbers))}\,]"
        wins = Term(numbers, template, lambda *xs: float(xs.index(max(xs)) == place))
        return [Term((see("dy", *index), derived("wins", index, wins, see.example)))]


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

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term(self._numbers(see, index), rf"\frac{{«0»}}{{{_LENGTH}}}", self._direction)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        *before, i = index
        numbers = self._numbers(see, index)[1:]
        length = Term(numbers, _LENGTH, lambda *xs: max(math.hypot(*xs), self.least))
        norm = derived("length", index, length, see.example)
        terms = [Term((see("dy", *index), norm), r"\frac{«0»}{«1»}", lambda dy, norm: dy / norm)]
        if length.value <= self.least:
            return terms
        for j in range(see.shape("x")[-1]):
            factors = (see("dy", *before, j), see("y", *before, j), see("y", *index), norm)
            template = r"-\frac{«0» · «1» · «2»}{«3»}"
            terms.append(Term(factors, template, lambda dy, yj, yi, norm: -dy * yj * yi / norm))
        return terms

    def _numbers(self, see: See, index: Index) -> tuple[Factor, ...]:
        *before, i = index
        return (see("x", *index), *(see("x", *before, j) for j in range(see.shape("x")[-1])))

    def _direction(self, x: float, *xs: float) -> float:
        return x / max(math.hypot(*xs), self.least)


def _max_of(n: int) -> str:
    return r"\max(" + ",\\; ".join(f"«{i}»" for i in range(n)) + ")"


def names(see: See) -> list[str]:
    """The inputs of an op with any number of them, in order."""
    return sorted((name for name in see.arrays if name.startswith("xs[")), key=lambda name: int(name[3:-1]))


class Subtract(Layer):
    """Takes its second input off its first, place by place."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "subtract"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Difference(), *xs)


class Multiply(Layer):
    """Multiplies its inputs, place by place: one branch says how much of another passes."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "multiply"
    arity: ClassVar[tuple[int, int | None]] = (2, None)

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Product(), *xs)


class Average(Layer):
    """Takes the mean of its inputs, place by place."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "average"
    arity: ClassVar[tuple[int, int | None]] = (2, None)

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Mean(), *xs)


class Maximum(Layer):
    """Keeps the largest of its inputs, place by place."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "maximum"
    arity: ClassVar[tuple[int, int | None]] = (2, None)

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Largest(), *xs)


class Dot(Layer):
    """Tells how much two inputs agree: the sum of their products, for sequences of every pair of steps."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "dot"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    normalize: bool = Field(
        False, title="Only directions", description="Whether lengths are divided out first: the cosine of the angle."
    )

    def lower(self, net: Builder, *xs: Value) -> Value:
        a, b = xs
        net.need(len(a.shape) < 3, a, "lists or sequences", "Insert a Flatten layer between them.")
        if self.normalize:
            a, b = (net.apply(UnitLength(), x, name="direction") for x in (a, b))
        return net.apply(InnerProduct(), a, b)
