"""Softmax as bound calls, in its input's place; the sums over classes are products with ones."""

import numpy as np

from annstudio.engine.calls import bound, reduced
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.activation.softmax import Softmax, class_axis
from annstudio.layers.fast.sums import over_features


class FastSoftmax(Softmax):
    """eˣ / Σ eˣ, with the largest score taken off first."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        total = _one_a_place(y)
        places = total.squeeze(class_axis(y.ndim - 1))
        return [
            reduced(np.maximum, x, class_axis(y.ndim - 1), places),
            bound(np.subtract, x, total, y),
            bound(np.exp, y, y),
            *over_features(y, places),
            bound(np.divide, y, total, y),
        ]

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        total, shares = _one_a_place(y), empty(y.shape, y.dtype)
        return [
            bound(np.multiply, dy, y, shares),
            *over_features(shares, total.squeeze(class_axis(y.ndim - 1))),
            bound(np.subtract, dy, total, dx),
            bound(np.multiply, dx, y, dx),
        ]


def _one_a_place(x: Array) -> Array:
    """Room for one number for each place, to reckon with x."""
    classes = class_axis(x.ndim - 1)
    return empty((*x.shape[:classes], 1, *x.shape[classes + 1 :]), x.dtype)


twin_of(Softmax)(lambda op: FastSoftmax())
