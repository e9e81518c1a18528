"""Arrays that begin where a cache line does: the processor's widest loads then never straddle two, which saves a tenth
and more of every pass over memory."""

import math

import numpy as np

from annstudio.engine.op import Array, Shape

LINE = 64
STRETCH = 4096
"""So many numbers go by before an operation turns to the next stretch: enough for the turn not to count."""


def empty(shape: Shape | int, dtype: np.dtype | type) -> Array:
    """An array to be written; zeros at first."""
    shape = (shape,) if isinstance(shape, int) else shape
    size = math.prod(shape) * np.dtype(dtype).itemsize
    # Zeros, and a line more of them behind: BLAS may look past the end, and must not take what lies there for a fault.
    bytes_ = np.zeros(size + 2 * LINE, np.uint8)
    start = -bytes_.ctypes.data % LINE
    return bytes_[start : start + size].view(dtype).reshape(shape)


def full(shape: Shape | int, number: float, dtype: np.dtype | type) -> Array:
    """An array of one number."""
    array = empty(shape, dtype)
    array.fill(number)
    return array


def like(array: Array, number: float | None = None) -> Array:
    """Another array of the same shape and format, of one number."""
    return empty(array.shape, array.dtype) if number is None else full(array.shape, number, array.dtype)


def row(array: Array, number: float) -> Array:
    """One number to be compared with every element: as many of the last axes as make a long stretch. That is quicker
    than a lone number, and unlike a whole array it stays in the cache."""
    axes = 1
    while axes < array.ndim and math.prod(array.shape[-axes:]) < STRETCH:
        axes += 1
    return full(array.shape[-axes:], number, array.dtype)
