"""Normalising as bound calls, in its input's place: means are products with ones."""

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Buffer, Calls, Shape
from annstudio.engine.twins import twin_of
from annstudio.layers.fast.sums import (
    beside_features,
    over_features,
    products_beside_features,
    products_over_features,
)
from annstudio.layers.normal import Normal, ScaledAndShifted, feature_axis


class FastNormal(Normal):
    """Mean 0 and variance 1. `inverse` keeps 1 / √(σ² + ε)."""

    in_place = True

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        kept = super().buffers(*inputs)
        return {**kept, "inverse": Buffer(kept["mean"].shape, batched=kept["mean"].batched, shown=False)}

    def forward(self, y: Array, x: Array, mean: Array, variance: Array, inverse: Array) -> None:  # type: ignore[override]
        do(self.forward_calls(y, x, mean, variance, inverse))

    def forward_calls(self, y: Array, x: Array, mean: Array, variance: Array, inverse: Array) -> Calls:
        share = mean.size / x.size
        means = over_features if self.over == "features" else beside_features
        products = products_over_features if self.over == "features" else products_beside_features
        return [
            *means(x, mean, share),
            bound(np.subtract, x, self._spread(mean, y), y),
            *products(y, y, variance, share),
            bound(np.add, variance, self.epsilon, inverse),
            bound(np.sqrt, inverse, inverse),
            bound(np.divide, 1, inverse, inverse),
            bound(np.multiply, y, self._spread(inverse, y), y),
        ]

    def backward(self, dx: Array, dy: Array, y: Array, inverse: Array) -> None:
        do(self.backward_calls(dx, dy, y, inverse))

    def backward_calls(self, dx: Array, dy: Array, y: Array, inverse: Array) -> Calls:
        share = inverse.size / y.size
        means = over_features if self.over == "features" else beside_features
        products = products_over_features if self.over == "features" else products_beside_features
        mean, along, part = empty(inverse.shape, y.dtype), empty(inverse.shape, y.dtype), empty(y.shape, y.dtype)
        return [
            *means(dy, mean, share),
            *products(dy, y, along, share),
            bound(np.multiply, y, self._spread(along, y), part),
            bound(np.subtract, dy, part, dx),
            bound(np.subtract, dx, self._spread(mean, y), dx),
            bound(np.multiply, dx, self._spread(inverse, y), dx),
        ]

    def _spread(self, m: Array, x: Array) -> Array:
        """A mean, to reckon with all that it is the mean of."""
        axis = feature_axis(x.ndim - 1)
        if self.over == "features":
            return np.expand_dims(m, axis)
        return m.reshape(tuple(size if a == axis else 1 for a, size in enumerate(x.shape)))


class FastScaledAndShifted(ScaledAndShifted):
    """γ x + β."""

    def forward_calls(self, y: Array, x: Array, p: Array) -> Calls:
        gamma, beta = (_beside(numbers, x) for numbers in p)
        return [bound(np.multiply, x, gamma, y), bound(np.add, y, beta, y)]

    def backward_calls(self, dx: Array | None, dp: Array | None, dy: Array, x: Array, p: Array) -> Calls:
        calls: list[Call] = []
        if dp is not None:
            calls += [*products_beside_features(dy, x, dp[0]), *beside_features(dy, dp[1])]
        if dx is not None:
            calls.append(bound(np.multiply, dy, _beside(p[0], dy), dx))
        return calls


def _beside(numbers: Array, x: Array) -> Array:
    """One number a feature, to reckon with x."""
    return numbers.reshape(-1, *(1,) * (x.ndim - 1 - feature_axis(x.ndim - 1)))


twin_of(Normal)(lambda op: FastNormal(op.over, op.epsilon))
twin_of(ScaledAndShifted)(lambda op: FastScaledAndShifted())
