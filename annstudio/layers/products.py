"""Matrix products over time, where one and the same array of weights is used at every moment."""

import numpy as np

from annstudio.engine.op import Array


def weight_gradient(dw: Array, left: Array, right: Array) -> None:
    """Σ over moments and examples of left · rightᵀ, as one matrix product. Both are (T, rows, N)."""
    one = np.ascontiguousarray(left.transpose(1, 0, 2)).reshape(left.shape[1], -1)
    other = np.ascontiguousarray(right.transpose(1, 0, 2)).reshape(right.shape[1], -1)
    np.matmul(one, other.T, dw)
