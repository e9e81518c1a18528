"""Max-pooling by pairwise maxima over whole slices, for windows side by side.

`pairs` keeps the winners of all rounds but the last. On the way back each round gives its gradient to the winner, to
the first of two equals, so that it ends up in exactly one place.
"""

from functools import partial
from math import prod

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Buffer, Calls, Op, Shape
from annstudio.engine.twins import Ops, following, twin_of
from annstudio.layers.activation.elementwise import Elementwise
from annstudio.layers.windows import WindowMax


class FastWindowMax(WindowMax):
    """The largest of every window of an image or a sequence, where windows lie side by side."""

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return _pairs(self.size, self.shape(*inputs))

    def forward(self, y: Array, x: Array, pairs: Array) -> None:  # type: ignore[override]
        do(self.forward_calls(y, x, pairs))

    def forward_calls(self, y: Array, x: Array, pairs: Array) -> Calls:
        return largest(self.parts(x, y.shape[:-1]), list(pairs), y)

    def backward(self, dx: Array, dy: Array, x: Array, pairs: Array) -> None:
        do(self.backward_calls(dx, dy, x, pairs))

    def backward_calls(self, dx: Array, dy: Array, x: Array, pairs: Array) -> Calls:
        shape = dy.shape[:-1]
        return given_back(dx, dy, self.parts(x, shape), self.parts(dx, shape), pairs)


@twin_of(WindowMax)
def _fast_window(op: WindowMax) -> Op:
    return FastWindowMax(op.size, op.strides, op.frame) if op.side_by_side else op


@following(WindowMax)
def _pool_before_bending(op: Op, before: Op) -> Ops | None:
    """The largest stays the largest: pool first, and bend fewer values."""
    return (op, before) if isinstance(before, Elementwise) and before.rising else None


def _pairs(size: Shape, results: Shape) -> dict[str, Buffer]:
    return {"pairs": Buffer((max(prod(size) - 2, 0), *results), shown=False)}


def largest(parts: list[Array], pairs: list[Array], out: Array) -> list[Call]:
    """The largest of some parts into `out`, by way of the halves."""
    if len(parts) == 1:
        return [partial(np.copyto, out, parts[0])]
    calls: list[Call] = []
    winners = [_winner(half, pairs) for half in _halves(parts)]
    for half, winner in zip(_halves(parts), winners, strict=True):
        if len(half) > 1:
            calls += largest(half, pairs, winner)
    return [*calls, bound(np.maximum, *winners, out)]


def given_back(dx: Array, dy: Array, parts: list[Array], shares: list[Array], pairs: Array) -> list[Call]:
    """`dy` to the place of every window that won; places that lie in no window get none."""
    calls: list[Call] = [] if dx.size == dy.size * len(parts) else [partial(dx.fill, 0)]
    if len(parts) == 1:
        return [*calls, partial(np.copyto, shares[0], dy)]
    return calls + _shared_out(parts, shares, list(pairs), dy, empty(dy.shape, bool))


def _shared_out(
    parts: list[Array], shares: list[Array], pairs: list[Array], dy: Array, won: Array
) -> list[Call]:  # fmt: skip
    """`dy` to the half that won, and so on down to one part."""
    halves, back = _halves(parts), _halves(shares)
    winners = [_winner(half, pairs) for half in halves]
    first, second = (b[0] if len(b) == 1 else empty(dy.shape, dy.dtype) for b in back)
    calls = [
        bound(np.greater_equal, *winners, won),
        bound(np.multiply, dy, won, first),
        bound(np.subtract, dy, first, second),
    ]
    for half, share, gradient in zip(halves, back, (first, second), strict=True):
        if len(half) > 1:
            calls += _shared_out(half, share, pairs, gradient, won)
    return calls


def _halves(parts: list[Array]) -> tuple[list[Array], list[Array]]:
    middle = (len(parts) + 1) // 2
    return parts[:middle], parts[middle:]


def _winner(parts: list[Array], pairs: list[Array]) -> Array:
    """Where the largest of these parts is kept: the part itself if it is alone."""
    return parts[0] if len(parts) == 1 else pairs.pop(0)
