"""Branches of one shape meet place by place: their sum, difference, product, mean, or the largest."""

from typing import ClassVar

import numpy as np

from annstudio.engine.account import See, Term, listed, local_slope, share, won
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.layers.merge.node import Merge


class PlaceByPlace(Op):
    """Each value of the result comes from the values in its place."""

    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)


class Sum(PlaceByPlace):
    """y = x₁ + x₂ + …, place by place."""

    formula = r"y = x_1 + x_2 + \dots"

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, xs[0])
        for x in xs[1:]:
            np.add(y, x, y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for dx in dxs:
            if dx is not None:
                np.copyto(dx, dy)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see(name, *index),)) for name in see.branches]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index),))]


class Difference(PlaceByPlace):
    """y = a − b, place by place."""

    formula = "y = a - b"

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


class Product(PlaceByPlace):
    """y = x₁ · x₂ · …, place by place."""

    formula = r"y = x_1 \cdot x_2 \cdots"

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
        return [Term(tuple(see(name, *index) for name in see.branches))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        others = (see(other, *index) for other in see.branches if other != name)
        return [Term((see("dy", *index), *others))]


class Mean(PlaceByPlace):
    """y = (x₁ + x₂ + …) / n, place by place."""

    formula = r"y = \frac{1}{n} (x_1 + x_2 + \dots)"

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
        return [share(see(name, *index), len(see.branches)) for name in see.branches]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [share(see("dy", *index), len(see.branches))]


class Largest(PlaceByPlace):
    """y = max(x₁, x₂, …), place by place; the gradient goes to the first input that is the largest."""

    formula = r"y = \max(x_1, x_2, \dots)"
    chooses = True

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
        numbers = tuple(see(name, *index) for name in see.branches)
        largest = max(range(len(numbers)), key=lambda n: numbers[n].value)
        return [Term(numbers, rf"\max({listed(len(numbers), largest)})", lambda *xs: max(xs))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        numbers = tuple(see(other, *index) for other in see.branches)
        wins = won(see.branches.index(name), numbers, every=see.every)
        return [Term((see("dy", *index), local_slope(index, wins)))]


class Add(Merge):
    """Adds its inputs, place by place: the heart of a residual connection."""

    prefix: ClassVar[str] = "add"
    op: ClassVar[type[Op]] = Sum


class Subtract(Merge):
    """Takes its second input off its first, place by place."""

    prefix: ClassVar[str] = "subtract"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    op: ClassVar[type[Op]] = Difference


class Multiply(Merge):
    """Multiplies its inputs, place by place: one branch says how much of another passes."""

    prefix: ClassVar[str] = "multiply"
    op: ClassVar[type[Op]] = Product


class Average(Merge):
    """Takes the mean of its inputs, place by place."""

    prefix: ClassVar[str] = "average"
    op: ClassVar[type[Op]] = Mean


class Maximum(Merge):
    """Keeps the largest of its inputs, place by place."""

    prefix: ClassVar[str] = "maximum"
    op: ClassVar[type[Op]] = Largest
