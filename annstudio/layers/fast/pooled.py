"""A convolution with the pooling behind it as one step, so that windows can lie in memory as pooling wants them.

Pooling takes the first, second, … value of every window. Where a picture lies row by row these are apart; laid out
window place by window place, all first values, then all second ones, each pass is over one piece of memory.
"""

from functools import partial

import numpy as np

from annstudio.engine.calls import do
from annstudio.engine.gemm import Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Buffer, Calls, Margin, Op, Shape
from annstudio.engine.twins import Ops, following
from annstudio.layers.conv import Correlate2D
from annstudio.layers.fast.conv import FastCorrelate2D
from annstudio.layers.fast.pool import FastWindowMax, given_back, largest
from annstudio.layers.windows import WindowMax


class PooledCorrelate2D(Op):
    """y[f, i, j] = max over a window of Σ w · patch + b, for windows side by side. `sums` keeps the convolution's
    results, `pairs` the winners of all rounds of pooling but the last."""

    def __init__(self, conv: FastCorrelate2D, pool: FastWindowMax) -> None:
        self.conv = conv
        self.pool = pool

    def shape(self, *inputs: Shape) -> Shape:
        return self.pool.shape(self.conv.shape(*inputs))

    def margin(self, name: str, shape: Shape) -> Margin | None:
        return self.conv.margin(name, shape)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        sums = self.conv.shape(*inputs)
        return {**self.conv.buffers(*inputs), "sums": Buffer(sums, shown=False), **self.pool.buffers(sums)}

    def forward(self, y: Array, x: Array, w: Array, patches: Array, sums: Array, pairs: Array) -> None:
        do(self.forward_calls(y, x, w, patches, sums, pairs))

    def forward_calls(self, y: Array, x: Array, w: Array, patches: Array, sums: Array, pairs: Array) -> Calls:
        if not self._by_place(w):
            return [
                *self.conv.forward_calls(sums, x, w, patches),
                *largest(self.pool.parts(sums, y.shape[:-1]), list(pairs), y),
            ]
        (kh, kw), (ph, pw) = self.conv.kernel, self.pool.size
        _, rows, columns, n = sums.shape
        windows = self.conv.windows(x, rows, columns).reshape(kh, kw, len(x), rows // ph, ph, columns // pw, pw, n)
        seen = patches[: kh * kw * len(x)].reshape(kh, kw, len(x), ph, pw, rows // ph, columns // pw, n)
        return [
            partial(np.copyto, seen, windows.transpose(0, 1, 2, 4, 6, 3, 5, 7)),
            Product(w.T, patches.reshape(len(w), -1), sums.reshape(len(sums), -1)),
            *largest(self._places(sums), list(pairs), y),
        ]

    def backward(
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array, sums: Array, pairs: Array
    ) -> None:
        do(self.backward_calls(dx, dw, dy, w, patches, sums, pairs))

    def backward_calls(
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array, sums: Array, pairs: Array
    ) -> Calls:
        dsums = empty(sums.shape, sums.dtype)
        if not self._by_place(w):
            looked_at, back = (self.pool.parts(array, dy.shape[:-1]) for array in (sums, dsums))
            shared_out = given_back(dsums, dy, looked_at, back, pairs)
            return [*shared_out, *self.conv.backward_calls(dx, dw, dsums, w, patches)]
        shared_out = given_back(dsums, dy, self._places(sums), self._places(dsums), pairs)
        calls = [*shared_out, *self.conv.backward_calls(None, dw, dsums, w, patches)]
        if dx is None:
            return calls
        # The way back to the picture is by rows and columns.
        (_, rows, columns, n), (ph, pw) = sums.shape, self.pool.size
        by_place = dsums.reshape(len(sums), ph, pw, rows // ph, columns // pw, n)
        in_rows = empty(sums.shape, sums.dtype)
        there = in_rows.reshape(len(sums), rows // ph, ph, columns // pw, pw, n)
        laid = partial(np.copyto, there, by_place.transpose(0, 3, 1, 4, 2, 5))
        return [*calls, laid, *self.conv.backward_calls(dx, None, in_rows, w, patches)]

    def _by_place(self, w: Array) -> bool:
        """Whether windows are laid out place by place: patches are then gathered in shorter pieces, which pays where
        a patch is small beside the number of filters, as in a first layer."""
        return bool(len(w) <= w.shape[1])

    def _places(self, sums: Array) -> list[Array]:
        """All first values of the windows, all second ones, …"""
        filters, rows, columns, n = sums.shape
        ph, pw = self.pool.size
        return list(sums.reshape(filters, ph * pw, rows // ph, columns // pw, n).swapaxes(0, 1))


@following(WindowMax)
def _convolved(op: WindowMax, before: Op) -> Ops | None:
    """A convolution need not work out what the windows leave over, nor lay its results in rows."""
    if type(before) is not Correlate2D or not op.side_by_side:
        return None
    height, width = op.size
    pool = FastWindowMax(op.size, op.strides, op.frame)
    return (PooledCorrelate2D(FastCorrelate2D.of(before, whole=(height, width)), pool),)
