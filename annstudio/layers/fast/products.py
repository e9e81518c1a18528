"""Matrix products over time, as bound calls."""

from functools import partial

import numpy as np

from annstudio.engine.gemm import Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls


def weight_gradient_calls(dw: Array, left: Array, right: Array) -> Calls:
    """Σ over moments and examples of left · rightᵀ, as one matrix product. Both are (T, rows, N)."""
    steps, _, n = left.shape
    one = empty((left.shape[1], steps, n), left.dtype)
    other = empty((steps, n, right.shape[1]), right.dtype)
    return [
        partial(np.copyto, one, left.transpose(1, 0, 2)),
        partial(np.copyto, other, right.transpose(0, 2, 1)),
        Product(one.reshape(len(one), -1), other.reshape(steps * n, -1), dw),
    ]
