"""Bound calls: what the fast reading runs in place of an op's methods.

For small arrays the cost of a step is that of calling NumPy. Results given by position, numbers as arrays without axes
and arguments bound beforehand halve it.
"""

from collections.abc import Iterable
from functools import partial

import numpy as np

from annstudio.engine.gemm import Call, Product
from annstudio.engine.op import Array


def bound(function: np.ufunc, *operands: Array | float) -> Call:
    """A ufunc's call, bound. The last operand is the result; numbers take on the format of the first array."""
    dtype = next(x.dtype for x in operands if isinstance(x, np.ndarray))
    *inputs, out = (_line(x) if isinstance(x, np.ndarray) else np.array(x, dtype) for x in operands)
    if function in (np.maximum, np.minimum):
        return partial(function, *inputs, out=out)
    return partial(function, *inputs, out)


def reduced(function: np.ufunc, x: Array, axis: int, out: Array) -> Call:
    """A reduction along one axis, bound. Sums over the first axis are products with ones, several times quicker."""
    if function is np.add and axis == 0 and x.ndim > 1 and x.flags.c_contiguous and out.flags.c_contiguous:
        return partial(np.ones(x.shape[0], x.dtype).dot, x.reshape(x.shape[0], -1), out.reshape(-1))
    return partial(function.reduce, x, axis, None, out)


def inner(x: Array, y: Array, out: Array) -> Call:
    """Σ x y over all elements, into an array without axes."""
    if x.flags.c_contiguous and y.flags.c_contiguous:
        return partial(x.reshape(-1).dot, y.reshape(-1), out)
    axes = tuple(range(x.ndim))
    return lambda: np.copyto(out, np.tensordot(x, y, (axes, axes)))


def do(calls: Iterable[Call | Product]) -> None:
    """Do them now."""
    for call in calls:
        for bound_call in call.bind() if isinstance(call, Product) else [call]:
            bound_call()


def _line(x: Array) -> Array:
    """An array without axes as one of length 1: as a result it costs half."""
    return x if x.ndim else x.reshape(1)
