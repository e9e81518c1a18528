"""Sums over features, or over everything but the features, as products with ones: BLAS reads memory far quicker than a
reduction along a short axis."""

from functools import partial

import numpy as np

from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full
from annstudio.engine.op import Array
from annstudio.layers.normal import feature_axis


def over_features(x: Array, out: Array, scale: float = 1.0) -> list[Call]:
    """`scale` · Σ x over the features of every place; `out` has the shape of x without them."""
    axis = feature_axis(x.ndim - 1)
    if not (x.flags.c_contiguous and out.flags.c_contiguous):
        return _reduced(x, (axis,), out, scale)
    ones = full(x.shape[axis], scale, x.dtype)
    if axis == 0:
        return [partial(ones.dot, x.reshape(len(x), -1), out.reshape(-1))]
    return [partial(np.matmul, ones[None], x, out.reshape(len(x), 1, -1))]


def beside_features(x: Array, out: Array, scale: float = 1.0) -> list[Call]:
    """`scale` · Σ x over all places and examples; `out` has one number for each feature."""
    axis = feature_axis(x.ndim - 1)
    if not x.flags.c_contiguous:
        return _reduced(x, tuple(a for a in range(x.ndim) if a != axis), out, scale)
    if axis == 0:
        return [partial(x.reshape(len(x), -1).dot, full(x.size // len(x), scale, x.dtype), out)]
    moments = empty(x.shape[:2], x.dtype)
    return [
        partial(x.reshape(-1, x.shape[-1]).dot, full(x.shape[-1], scale, x.dtype), moments.reshape(-1)),
        partial(np.ones(len(x), x.dtype).dot, moments, out),
    ]


def products_beside_features(x: Array, y: Array, out: Array, scale: float = 1.0) -> list[Call]:
    """`scale` · Σ x y over all places and examples; `out` has one number for each feature."""
    axis = feature_axis(x.ndim - 1)
    if axis == 0 and x.flags.c_contiguous and y.flags.c_contiguous:
        rows = (x.reshape(len(x), -1), y.reshape(len(x), -1))
        calls: list[Call] = [partial(np.vecdot, *rows, out)]
        return calls if scale == 1 else [*calls, partial(np.multiply, out, np.array(scale, out.dtype), out)]
    product = empty(x.shape, x.dtype)
    return [partial(np.multiply, x, y, product), *beside_features(product, out, scale)]


def products_over_features(x: Array, y: Array, out: Array, scale: float = 1.0) -> list[Call]:
    """`scale` · Σ x y over the features of every place; `out` has the shape of x without them."""
    product = empty(x.shape, x.dtype)
    return [partial(np.multiply, x, y, product), *over_features(product, out, scale)]


def _reduced(x: Array, axes: tuple[int, ...], out: Array, scale: float) -> list[Call]:
    return [partial(np.add.reduce, x, axes, None, out), partial(np.multiply, out, np.array(scale, out.dtype), out)]
