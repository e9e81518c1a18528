"""Convolution as bound calls: patches laid side by side in one copy, one matrix product each way."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound
from annstudio.engine.gemm import Call, Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls, Shape
from annstudio.engine.twins import twin_of
from annstudio.layers.base import Padding
from annstudio.layers.conv import Correlate2D
from annstudio.layers.conv1d import Correlate1D
from annstudio.layers.fast.products import weight_gradient_calls


class FastCorrelate2D(Correlate2D):
    """net[f, i, j] = Σ w · patch + b. Rows and columns are worked out in multiples of `whole` only: pooling drops the
    others."""

    def __init__(
        self, kernel: tuple[int, int], strides: tuple[int, int], padding: Padding, *, bias: bool,
        whole: tuple[int, int] = (1, 1),
    ) -> None:  # fmt: skip
        super().__init__(kernel, strides, padding, bias=bias)
        self.whole = whole

    @classmethod
    def of(cls, op: Correlate2D, whole: tuple[int, int] = (1, 1)) -> "FastCorrelate2D":
        return cls(op.kernel, op.strides, op.padding, bias=op.bias, whole=whole)

    def shape(self, *inputs: Shape) -> Shape:
        filters, rows, columns = super().shape(*inputs)
        return (filters, rows - rows % self.whole[0], columns - columns % self.whole[1])

    def forward_calls(self, y: Array, x: Array, w: Array, patches: Array) -> Calls:
        k, (kh, kw) = w.shape[0] - self.bias, self.kernel
        side_by_side = patches[:k].reshape(kh, kw, x.shape[0], *y.shape[1:])
        calls = [partial(np.copyto, side_by_side, self.windows(x, y.shape[1], y.shape[2]))]
        columns = patches.reshape(w.shape[0], -1)
        if y.flags.c_contiguous:
            return [*calls, Product(w.T, columns, y.reshape(len(y), -1))]
        inside = empty(y.shape, y.dtype)
        return [*calls, Product(w.T, columns, inside.reshape(len(y), -1)), partial(np.copyto, y, inside)]

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> Calls:
        columns = dy.reshape(dy.shape[0], -1)
        calls: list[Call | Product] = []
        if dw is not None:
            calls.append(Product(patches.reshape(w.shape[0], -1), columns.T, dw))
        if dx is not None:
            calls += self._input_gradient(dx, dy, columns, w)
        return calls

    def _input_gradient(self, dx: Array, dy: Array, columns: Array, w: Array) -> Calls:
        """Every place of the kernel hands its share back to where it looked."""
        (kh, kw), k = self.kernel, w.shape[0] - self.bias
        shares = empty((kh, kw, dx.shape[0], *dy.shape[1:]), dx.dtype)
        border = self.border(dx.shape[:-1])
        shape = (*border.around(dx.shape[:-1]), dx.shape[-1])
        framed = dx if shape == dx.shape else empty(shape, dx.dtype)
        windows = self.windows(framed, dy.shape[1], dy.shape[2])
        places = [(u, v) for u in range(kh) for v in range(kw)]
        calls: list[Call | Product] = [Product(w[:k], columns, shares.reshape(k, -1)), partial(framed.fill, 0)]
        calls += [bound(np.add, windows[p], shares[p], windows[p]) for p in places]
        if framed is not dx:
            calls.append(partial(np.copyto, dx, framed[border.inside(dx.shape[:-1])]))
        return calls


class FastCorrelate1D(Correlate1D):
    """net[t, f] = Σ w · stretch + b: a small product for every place, which needs no packing."""

    def forward_calls(self, y: Array, x: Array, w: Array, patches: Array) -> Calls:
        windows = self._windows(x, len(y))
        side_by_side = patches[:, : len(w) - self.bias].reshape(windows.shape)
        assert np.shares_memory(side_by_side, patches)
        return [partial(np.copyto, side_by_side, windows), partial(np.matmul, w.T, patches, y)]

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> Calls:
        calls: list[Call | Product] = [*weight_gradient_calls(dw, patches, dy)] if dw is not None else []
        if dx is not None:
            calls += self._input_gradient(dx, dy, w)
        return calls

    def _input_gradient(self, dx: Array, dy: Array, w: Array) -> Calls:
        k = len(w) - self.bias
        frame = self.border(dx.shape[:-1])
        shape = (*frame.around(dx.shape[:-1]), dx.shape[-1])
        framed = dx if shape == dx.shape else empty(shape, dx.dtype)
        windows = self._windows(framed, len(dy))
        shares = empty(windows.shape, dx.dtype)
        calls: list[Call] = [partial(np.matmul, w[:k], dy, shares.reshape(len(dy), k, -1)), partial(framed.fill, 0)]
        calls += [bound(np.add, windows[:, u], shares[:, u], windows[:, u]) for u in range(self.kernel)]
        return calls if framed is dx else [*calls, partial(np.copyto, dx, framed[frame.inside(dx.shape[:-1])])]


twin_of(Correlate2D)(FastCorrelate2D.of)
twin_of(Correlate1D)(lambda op: FastCorrelate1D(op.kernel, op.stride, op.dilation, op.padding, bias=op.bias))
