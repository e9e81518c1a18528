"""Branches that meet, as bound calls: no copy of the first input, and where it may be a result in its place."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound, reduced
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.merge import Difference, InnerProduct, Largest, Mean, Product, Sum

Gradients = tuple[Array | None, ...]


class FastSum(Sum):
    """x₁ + x₂ + …"""

    in_place = True

    def forward_calls(self, y: Array, *xs: Array) -> Calls:
        return _folded(np.add, y, xs)

    def backward_calls(self, dxs: Gradients, dy: Array) -> Calls:
        return [partial(np.copyto, dx, dy) for dx in dxs if dx is not None and dx is not dy]


class FastDifference(Difference):
    """a − b."""

    in_place = True

    def forward_calls(self, y: Array, a: Array, b: Array) -> Calls:
        return [bound(np.subtract, a, b, y)]

    def backward_calls(self, da: Array | None, db: Array | None, dy: Array) -> Calls:
        calls: list[Call] = [] if da is None or da is dy else [partial(np.copyto, da, dy)]
        return calls if db is None else [*calls, bound(np.negative, dy, db)]


class FastProduct(Product):
    """x₁ · x₂ · …"""

    def forward_calls(self, y: Array, *xs: Array) -> Calls:
        return _folded(np.multiply, y, xs)

    def backward_calls(self, dxs: Gradients, dy: Array, xs: tuple[Array, ...]) -> Calls:
        calls: list[Call] = []
        for i, dx in enumerate(dxs):
            if dx is not None:
                first, *others = (*xs[:i], *xs[i + 1 :])
                calls.append(bound(np.multiply, dy, first, dx))
                calls += [bound(np.multiply, dx, other, dx) for other in others]
        return calls


class FastMean(Mean):
    """(x₁ + x₂ + …) / n."""

    in_place = True

    def forward_calls(self, y: Array, *xs: Array) -> Calls:
        return [*_folded(np.add, y, xs), bound(np.multiply, y, 1 / len(xs), y)]

    def backward_calls(self, dxs: Gradients, dy: Array) -> Calls:
        wanted = [dx for dx in dxs if dx is not None]
        share = bound(np.multiply, dy, 1 / len(dxs), wanted[0])
        return [share, *(partial(np.copyto, dx, wanted[0]) for dx in wanted[1:])]


class FastLargest(Largest):
    """max(x₁, x₂, …)."""

    def forward_calls(self, y: Array, *xs: Array) -> Calls:
        return _folded(np.maximum, y, xs)

    def backward_calls(self, dxs: Gradients, dy: Array, y: Array, xs: tuple[Array, ...]) -> Calls:
        wins = empty(y.shape, bool)
        if len(xs) == 2 and dxs[0] is not None:
            first = [bound(np.greater_equal, *xs, wins), bound(np.multiply, dy, wins, dxs[0])]
            return first if dxs[1] is None else [*first, bound(np.subtract, dy, dxs[0], dxs[1])]
        free = empty(y.shape, bool)
        calls: list[Call] = [partial(free.fill, True)]
        for dx, x in zip(dxs, xs, strict=True):
            calls += [bound(np.equal, x, y, wins), bound(np.logical_and, wins, free, wins)]
            calls += [] if dx is None else [bound(np.multiply, dy, wins, dx)]
            calls.append(bound(np.greater, free, wins, free))
        return calls


class FastInnerProduct(InnerProduct):
    """Σ a · b; of sequences as one matrix product for every example, which wants the examples in front."""

    def forward_calls(self, y: Array, a: Array, b: Array) -> Calls:
        if a.ndim == 2:
            products = empty(a.shape, a.dtype)
            return [bound(np.multiply, a, b, products), reduced(np.add, products, 0, y[0])]
        a_first, b_first, y_first = (_examples_first(x) for x in (a, b, y))
        return [
            partial(np.copyto, a_first, a.transpose(2, 0, 1)),
            partial(np.copyto, b_first, b.transpose(2, 0, 1)),
            partial(np.matmul, a_first, b_first.swapaxes(1, 2), y_first),
            partial(np.copyto, y, y_first.transpose(1, 2, 0)),
        ]

    def backward_calls(self, da: Array | None, db: Array | None, dy: Array, a: Array, b: Array) -> Calls:
        if a.ndim == 2:
            pairs = ((da, b), (db, a))
            return [bound(np.multiply, dy, other, one) for one, other in pairs if one is not None]
        dy_first = _examples_first(dy)
        calls: list[Call] = [partial(np.copyto, dy_first, dy.transpose(2, 0, 1))]
        for one, other, left in ((da, b, dy_first), (db, a, dy_first.swapaxes(1, 2))):
            if one is not None:
                one_first, other_first = _examples_first(one), _examples_first(other)
                calls += [
                    partial(np.copyto, other_first, other.transpose(2, 0, 1)),
                    partial(np.matmul, left, other_first, one_first),
                    partial(np.copyto, one, one_first.transpose(1, 2, 0)),
                ]
        return calls


def _folded(function: np.ufunc, y: Array, xs: tuple[Array, ...]) -> list[Call]:
    """The inputs put together one after the other."""
    if len(xs) == 1:
        return [partial(np.copyto, y, xs[0])]
    return [bound(function, *xs[:2], y), *(bound(function, y, x, y) for x in xs[2:])]


def _examples_first(x: Array) -> Array:
    """Room for an array (S, T, N) as (N, S, T)."""
    return empty((x.shape[2], *x.shape[:2]), x.dtype)


twin_of(Sum)(lambda op: FastSum())
twin_of(Difference)(lambda op: FastDifference())
twin_of(Product)(lambda op: FastProduct())
twin_of(Mean)(lambda op: FastMean())
twin_of(Largest)(lambda op: FastLargest())
twin_of(InnerProduct)(lambda op: FastInnerProduct())
