"""Matrix products over time, as bound calls."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from annstudio.engine.calls import reduced
from annstudio.engine.gemm import Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls


def weight_gradient_calls(dw: Array, left: Array, right: Array, order: Sequence[slice] = (slice(None),)) -> Calls:
    """Σ over moments and examples of left · rightᵀ. Both are (T, rows, N); `order` are the rows of `left` as they come
    in `dw`, in pieces.

    A product for every moment and then their sum, where that takes little memory: small products need no packing, and
    `left` stays where it is. Else one product over copies in which the moments lie side by side.
    """
    steps, rows, n = left.shape
    turned = empty((steps, n, right.shape[1]), right.dtype)
    turning = partial(np.copyto, turned, right.transpose(0, 2, 1))
    if dw.size <= 2 * n * (rows + right.shape[1]):
        products = empty((steps, *dw.shape), dw.dtype)
        each = [partial(np.matmul, left[:, piece], turned, products[:, to]) for piece, to in _placed(order, rows)]
        return [turning, *each, reduced(np.add, products, 0, dw)]
    one = empty((rows, steps, n), left.dtype)
    copied = [partial(np.copyto, one[to], left[:, piece].transpose(1, 0, 2)) for piece, to in _placed(order, rows)]
    return [*copied, turning, Product(one.reshape(rows, -1), turned.reshape(steps * n, -1), dw)]


def _placed(order: Sequence[slice], rows: int) -> Iterator[tuple[slice, slice]]:
    """Rows in pieces, and where they come when the pieces are put together."""
    start = 0
    for piece in order:
        size = len(range(*piece.indices(rows)))
        yield piece, slice(start, start + size)
        start += size
