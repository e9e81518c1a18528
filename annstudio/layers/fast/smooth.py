"""The rarer activations as bound calls. No array is chosen from place by place: that costs ten times a pass of
arithmetic, and maxima and products come to the same."""

import math
from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.memory import empty, row
from annstudio.engine.op import Array, Buffer, Calls, Shape
from annstudio.engine.twins import twin_of
from annstudio.layers.activation.rectifying import Elu, Gelu, LeakyRelu, Selu, Silu, Softplus
from annstudio.layers.activation.squashing import Softsign


class FastLeakyRelu(LeakyRelu):
    """max(x, αx): the result has the sign of x, so the slope can be told by it."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        leaked = empty(y.shape, y.dtype)
        return [bound(np.multiply, x, self.leak, leaked), bound(np.maximum, x, leaked, y)]

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        do(self.backward_calls(dx, dy, y))

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        open_, slope = empty(y.shape, bool), empty(y.shape, y.dtype)
        return [
            bound(np.greater, y, 0, open_),
            bound(np.multiply, open_, np.array(1 - self.leak, y.dtype), slope),
            bound(np.add, slope, self.leak, slope),
            bound(np.multiply, slope, dy, dx),
        ]


class FastElu(Elu):
    """max(x, e^min(x, 0) − 1): the curve never lies below the line."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        return [*_bent(x, curve := empty(y.shape, y.dtype)), bound(np.maximum, x, curve, y)]

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        slope = empty(y.shape, y.dtype)
        return [
            bound(np.add, y, 1, slope),
            bound(np.minimum, slope, row(y, 1), slope),
            bound(np.multiply, slope, dy, dx),
        ]


class FastSelu(Selu):
    """λ max(x, 0) + λα (e^min(x, 0) − 1)."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        curve = empty(y.shape, y.dtype)
        return [
            *_bent(x, curve),
            bound(np.multiply, curve, self.floor, curve),
            bound(np.multiply, x, self.scale, y),
            bound(np.maximum, y, row(y, 0), y),
            bound(np.add, y, curve, y),
        ]

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        open_, less, slope = empty(y.shape, bool), empty(y.shape, y.dtype), empty(y.shape, y.dtype)
        return [
            bound(np.minimum, y, row(y, 0), slope),
            bound(np.add, slope, self.floor, slope),
            bound(np.greater, y, 0, open_),
            bound(np.multiply, open_, np.array(self.floor - self.scale, y.dtype), less),
            bound(np.subtract, slope, less, slope),
            bound(np.multiply, slope, dy, dx),
        ]


class FastSoftplus(Softplus):
    """max(x, 0) + ln(1 + e^−|x|)."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        rounding = empty(y.shape, y.dtype)
        return [
            bound(np.absolute, x, rounding),
            bound(np.negative, rounding, rounding),
            bound(np.exp, rounding, rounding),
            bound(np.log1p, rounding, rounding),
            bound(np.maximum, x, row(y, 0), y),
            bound(np.add, y, rounding, y),
        ]

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        slope = empty(y.shape, y.dtype)
        return [
            bound(np.negative, y, slope),
            bound(np.expm1, slope, slope),
            bound(np.multiply, slope, dy, dx),
            bound(np.negative, dx, dx),
        ]


class FastSoftsign(Softsign):
    """x / (1 + |x|)."""

    in_place = True

    def forward_calls(self, y: Array, x: Array) -> Calls:
        below = empty(y.shape, y.dtype)
        return [bound(np.absolute, x, below), bound(np.add, below, 1, below), bound(np.divide, x, below, y)]

    def backward_calls(self, dx: Array, dy: Array, y: Array) -> Calls:
        root = empty(y.shape, y.dtype)
        return [
            bound(np.absolute, y, root),
            bound(np.subtract, 1, root, root),
            bound(np.multiply, root, root, root),
            bound(np.multiply, root, dy, dx),
        ]


class FastSilu(Silu):
    """x σ(x). `gate` keeps σ(x), from which with the result the slope is σ + y (1 − σ)."""

    in_place = True

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"gate": Buffer(inputs[0], shown=False)}

    def forward(self, y: Array, x: Array, gate: Array) -> None:  # type: ignore[override]
        do(self.forward_calls(y, x, gate))

    def forward_calls(self, y: Array, x: Array, gate: Array) -> Calls:
        return [
            bound(np.multiply, x, 0.5, gate),
            bound(np.tanh, gate, gate),
            bound(np.multiply, gate, 0.5, gate),
            bound(np.add, gate, 0.5, gate),
            bound(np.multiply, x, gate, y),
        ]

    def backward(self, dx: Array, dy: Array, y: Array, gate: Array) -> None:  # type: ignore[override]
        do(self.backward_calls(dx, dy, y, gate))

    def backward_calls(self, dx: Array, dy: Array, y: Array, gate: Array) -> Calls:
        slope = empty(y.shape, y.dtype)
        return [
            bound(np.subtract, 1, gate, slope),
            bound(np.multiply, slope, y, slope),
            bound(np.add, slope, gate, slope),
            bound(np.multiply, slope, dy, dx),
        ]


class FastGelu(Gelu):
    """x Φ(x) in float32, with Hastings's approximation of the error function, right to 1.5e-7 (Abramowitz & Stegun,
    1964, 7.1.26). float64 is for exactness and takes the chapter's way.

    `bell` keeps e^(−x²/2), `tail` the share of the bell curve that lies beyond |x|.
    """

    in_place = False

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {name: Buffer(inputs[0], shown=False) for name in ("bell", "tail")}

    def forward(self, y: Array, x: Array, bell: Array, tail: Array) -> None:  # type: ignore[override]
        do(self.forward_calls(y, x, bell, tail))

    def forward_calls(self, y: Array, x: Array, bell: Array, tail: Array) -> Calls:
        if y.dtype != np.float32:
            return [partial(super().forward, y, x)]
        size, t = empty(y.shape, y.dtype), empty(y.shape, y.dtype)
        highest, *others = _HASTINGS
        horner = [
            call for c in others for call in (bound(np.add, tail, c / 2, tail), bound(np.multiply, tail, t, tail))
        ]
        return [
            bound(np.absolute, x, size),
            bound(np.multiply, size, _HASTINGS_PACE / math.sqrt(2), t),
            bound(np.add, t, 1, t),
            bound(np.divide, 1, t, t),
            bound(np.multiply, x, x, bell),
            bound(np.multiply, bell, -0.5, bell),
            bound(np.exp, bell, bell),
            bound(np.multiply, t, highest / 2, tail),
            *horner,
            bound(np.multiply, tail, bell, tail),
            bound(np.multiply, size, tail, size),
            bound(np.maximum, x, row(y, 0), y),
            bound(np.subtract, y, size, y),
        ]

    def backward(self, dx: Array, dy: Array, x: Array, bell: Array, tail: Array) -> None:  # type: ignore[override]
        do(self.backward_calls(dx, dy, x, bell, tail))

    def backward_calls(self, dx: Array, dy: Array, x: Array, bell: Array, tail: Array) -> Calls:
        if x.dtype != np.float32:
            return [partial(super().backward, dx, dy, x)]
        open_, below, slope = empty(x.shape, bool), empty(x.shape, x.dtype), empty(x.shape, x.dtype)
        return [
            # Φ is 1 − tail on the right and tail on the left.
            bound(np.greater, x, 0, open_),
            bound(np.subtract, open_, tail, below),
            bound(np.absolute, below, below),
            bound(np.multiply, x, 1 / math.sqrt(2 * math.pi), slope),
            bound(np.multiply, slope, bell, slope),
            bound(np.add, slope, below, slope),
            bound(np.multiply, slope, dy, dx),
        ]


_HASTINGS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
"""Highest power first; the constant is 0."""
_HASTINGS_PACE = 0.3275911


def _bent(x: Array, out: Array) -> Calls:
    """e^min(x, 0) − 1."""
    return [bound(np.minimum, x, row(out, 0), out), bound(np.expm1, out, out)]


twin_of(LeakyRelu)(lambda op: FastLeakyRelu(op.leak))
twin_of(Elu)(lambda op: FastElu())
twin_of(Selu)(lambda op: FastSelu())
twin_of(Softplus)(lambda op: FastSoftplus())
twin_of(Softsign)(lambda op: FastSoftsign())
twin_of(Silu)(lambda op: FastSilu())
twin_of(Gelu)(lambda op: FastGelu())
