"""Normalising as bound calls, in its input's place: means are products with ones."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Buffer, Calls, Op, Shape
from annstudio.engine.twins import Ops, following, twin_of
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


class NormalScaledAndShifted(Normal):
    """γ (x − μ) / √(σ² + ε) + β over the examples, in one. `centred` keeps x − μ,`inverse`
    1 / √(σ² + ε)."""

    in_place = True

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        kept = super().buffers(*inputs)
        inverse = Buffer(kept["mean"].shape, batched=False, shown=False)
        return {**kept, "inverse": inverse, "centred": Buffer(inputs[0], shown=False)}

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, p: Array, mean: Array, variance: Array, inverse: Array, centred: Array
    ) -> None:
        do(self.forward_calls(y, x, p, mean, variance, inverse, centred))

    def forward_calls(
        self, y: Array, x: Array, p: Array, mean: Array, variance: Array, inverse: Array, centred: Array
    ) -> Calls:
        share = mean.size / x.size
        scale = empty(mean.shape, mean.dtype)
        return [
            *beside_features(x, mean, share),
            bound(np.subtract, x, _beside(mean, x), centred),
            *products_beside_features(centred, centred, variance, share),
            bound(np.add, variance, self.epsilon, inverse),
            bound(np.sqrt, inverse, inverse),
            bound(np.divide, 1, inverse, inverse),
            bound(np.multiply, inverse, p[0], scale),
            bound(np.multiply, centred, _beside(scale, x), y),
            bound(np.add, y, _beside(p[1], x), y),
        ]

    def backward(  # type: ignore[override]
        self, dx: Array | None, dp: Array | None, dy: Array, p: Array, inverse: Array, centred: Array
    ) -> None:
        do(self.backward_calls(dx, dp, dy, p, inverse, centred))

    def backward_calls(
        self, dx: Array | None, dp: Array | None, dy: Array, p: Array, inverse: Array, centred: Array
    ) -> Calls:
        total, along, scale = (empty(inverse.shape, dy.dtype) for _ in range(3))
        calls: list[Call] = [
            *beside_features(dy, total),
            *products_beside_features(dy, centred, along),
            bound(np.multiply, along, inverse, along),
        ]
        if dp is not None:
            calls += [partial(np.copyto, dp[1], total), partial(np.copyto, dp[0], along)]
        if dx is not None:
            part, share = empty(dy.shape, dy.dtype), total.size / dy.size
            calls += [
                bound(np.multiply, along, inverse, along),
                bound(np.multiply, along, share, along),
                bound(np.multiply, total, share, total),
                bound(np.multiply, inverse, p[0], scale),
                bound(np.multiply, centred, _beside(along, dy), part),
                bound(np.subtract, dy, part, part),
                bound(np.subtract, part, _beside(total, dy), part),
                bound(np.multiply, part, _beside(scale, dy), dx),
            ]
        return calls


@following(ScaledAndShifted)
def _in_one(op: ScaledAndShifted, before: Op) -> Ops | None:
    if type(before) is Normal and before.over == "examples":
        return (NormalScaledAndShifted(before.over, before.epsilon),)
    return None


def _beside(numbers: Array, x: Array) -> Array:
    """One number a feature, to reckon with x."""
    return numbers.reshape(-1, *(1,) * (x.ndim - 1 - feature_axis(x.ndim - 1)))


twin_of(Normal)(lambda op: FastNormal(op.over, op.epsilon))
twin_of(ScaledAndShifted)(lambda op: FastScaledAndShifted())
