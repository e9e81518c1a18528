"""Which elements of an input each element of a result sees, whatever the numbers are.

An op says it once, axis by axis; read one way it is the receptive field, read the other way what an input reaches.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Shape = tuple[int, ...]
Axis = Literal["same", "all"] | Bools
"""What the places along an axis of the result see along the input's: the same place, all places, or what is True in
an array (places of the result, places of the input)."""
SAME: Axis = "same"
ALL: Axis = "all"


@dataclass(frozen=True, eq=False)
class Sight:
    """An element of the result sees one of the input where it does so along every axis.

    `result` and `given` are the shapes, folded so that both have the same axes: what only one of the two has, the other
    has with size 1. `order` says which axes of the result come first, where they have to change places for that.
    """

    result: Shape
    given: Shape
    axes: tuple[Axis, ...]
    order: tuple[int, ...] = ()

    def seen(self, lit: Bools, shape: Shape) -> Bools:
        """The elements of the input, which has this shape, that are seen by those of the result that are True."""
        folded = (lit.transpose(self.order) if self.order else lit).reshape(self.result)
        for k, axis in enumerate(self.axes):
            folded = _across(folded, axis, k, self.given[k])
        return folded.reshape(shape)

    def seeing(self, lit: Bools, shape: Shape) -> Bools:
        """The elements of the result, which has this shape, that see those of the input that are True."""
        folded = lit.reshape(self.given)
        for k, axis in enumerate(self.axes):
            folded = _across(folded, axis if isinstance(axis, str) else axis.T, k, self.result[k])
        if not self.order:
            return folded.reshape(shape)
        moved = folded.reshape(tuple(shape[axis] for axis in self.order))
        return moved.transpose(tuple(int(i) for i in np.argsort(self.order)))


def _across(lit: Bools, axis: Axis, k: int, size: int) -> Bools:
    """What is lit along axis `k`, carried over to the other side, which has `size` places there."""
    if isinstance(axis, str):
        if axis == "same":
            return lit
        shape = (*lit.shape[:k], size, *lit.shape[k + 1 :])
        return np.broadcast_to(lit.any(k, keepdims=True), shape)
    if 1 in axis.shape:
        # One place on one side, as with a moment of a sequence: nothing has to be multiplied out.
        met: Bools = lit & axis.reshape(-1, *(1,) * (lit.ndim - 1 - k))
        return met if len(axis) == 1 else np.logical_or.reduce(met, k, keepdims=True)
    if lit.ndim == 1:
        # A list alone: its rows are taken, which is quicker than multiplying.
        alone: Bools = np.logical_or.reduce(axis[lit], axis=0)
        return alone
    # Counted in floats: products of truth values would not go through the fast multiplication.
    counts: npt.NDArray[Any] = np.tensordot(lit.astype(np.float32), axis.astype(np.float32), (k, 0))
    return np.moveaxis(counts > 0, -1, k)


# Kinds ---------------------------------------------------------------------------------------------------------------


def in_place(shape: Shape) -> Sight:
    """Every element of the result sees the one in its place."""
    return Sight(shape, shape, (SAME,) * len(shape))


def everything(result: Shape, given: Shape) -> Sight:
    """Every element of the result sees the whole input."""
    return Sight((prod(result),), (prod(given),), (ALL,))


def relaid(shape: Shape) -> Sight:
    """The same elements in another shape."""
    return Sight((prod(shape),), (prod(shape),), (SAME,))


def along(shape: Shape, *axes: int) -> Sight:
    """Every element sees what shares its place but for these axes, along which it sees all."""
    return Sight(shape, shape, tuple(ALL if k in axes else SAME for k in range(len(shape))))


@lru_cache(maxsize=512)
def windows(results: int, given: int, size: int = 1, stride: int = 1, dilation: int = 1, before: int = 0) -> Bools:
    """The axis of sliding windows: place i sees i · stride + u · dilation − before for u = 0, 1, …, size − 1."""
    first = np.arange(results)[:, None] * stride - before
    seen = np.zeros((results, given), bool)
    for u in range(size):
        inside = (first[:, 0] + u * dilation >= 0) & (first[:, 0] + u * dilation < given)
        seen[inside, first[inside, 0] + u * dilation] = True
    seen.setflags(write=False)
    return seen


def grouped(results: int, given: int, groups: int) -> Axis:
    """The axis of channels in groups: those of the result see those of the input that are in the same group."""
    if groups == 1:
        return ALL
    return np.kron(np.eye(groups, dtype=bool), np.ones((results // groups, given // groups), bool))
