"""The weighted sum as matrix products that a Plan may cut up."""

from functools import partial

import numpy as np

from annstudio.engine.calls import reduced
from annstudio.engine.gemm import Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.dense import WeightedSum


class FastWeightedSum(WeightedSum):
    """net = W·x + b. Lists are one product each way; a sequence is one for every step, and one for the weights."""

    any_order = frozenset({"x"})

    def forward_calls(self, y: Array, x: Array, w: Array) -> Calls:
        return [Product(w, x, y)] if x.ndim == 2 else [partial(np.matmul, w, x, y)]

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array) -> Calls:
        calls = list(self._weight_gradient(dw, dy, x)) if dw is not None else []
        if dx is not None:
            back = w[:, :-1].T if self.bias else w.T
            calls.append(Product(back, dy, dx) if dx.ndim == 2 else partial(np.matmul, back, dy, dx))
        return calls

    def _weight_gradient(self, dw: Array, dy: Array, x: Array) -> Calls:
        if x.ndim == 2:
            return [Product(dy, x.T, dw)]
        products = empty((len(x), *dw.shape), dw.dtype)
        return [partial(np.matmul, dy, x.swapaxes(1, 2), products), reduced(np.add, products, 0, dw)]


twin_of(WeightedSum)(lambda op: FastWeightedSum(bias=op.bias))
