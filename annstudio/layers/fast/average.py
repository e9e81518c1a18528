"""Average pooling as bound calls; a mean over everything is a product with a row of shares."""

from functools import partial
from math import prod

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.windows import WindowMean


class FastWindowMean(WindowMean):
    """The mean of every window of an image or a sequence."""

    def forward_calls(self, y: Array, x: Array) -> Calls:
        if self._whole(x) and x.flags.c_contiguous and y.flags.c_contiguous:
            shares = full(prod(self.size), 1 / prod(self.size), y.dtype)
            if len(self.size) == 1:
                return [partial(shares.dot, x.reshape(len(x), -1), y.reshape(-1))]
            places = x.reshape(len(x), -1, x.shape[-1])
            return [partial(np.matmul, shares[None], places, y.reshape(len(x), 1, -1))]
        parts = self.parts(x, y.shape[:-1])
        first = [partial(np.copyto, y, parts[0])] if len(parts) == 1 else [bound(np.add, *parts[:2], y)]
        sums = [bound(np.add, y, part, y) for part in parts[2:]]
        return [*first, *sums, bound(np.multiply, y, self._shares(self.unframed(x.shape[:-1]), y), y)]

    def backward(self, dx: Array, dy: Array) -> None:  # type: ignore[override]
        do(self.backward_calls(dx, dy))

    def backward_calls(self, dx: Array, dy: Array) -> Calls:
        shares = self._shares(dx.shape[:-1], dy)
        if self._whole(dx):
            return [bound(np.multiply, dy, shares, dx)]
        shape = (*self.frame.around(dx.shape[:-1]), dx.shape[-1])
        framed = dx if shape == dx.shape else empty(shape, dx.dtype)
        parts = self.parts(framed, dy.shape[:-1])
        share = empty(dy.shape, dy.dtype)
        calls: list[Call] = [bound(np.multiply, dy, shares, share)]
        if self.strides == self.size:
            calls += [] if framed.size == dy.size * len(parts) else [partial(framed.fill, 0)]
            calls += [partial(np.copyto, part, share) for part in parts]
        else:
            calls += [partial(framed.fill, 0), *(bound(np.add, part, share, part) for part in parts)]
        return calls if framed is dx else [*calls, partial(np.copyto, dx, framed[self.frame.inside(dx.shape[:-1])])]

    def _whole(self, x: Array) -> bool:
        """Whether one window covers everything."""
        sizes = x.shape[1:-1] if x.ndim == 4 else x.shape[:1]
        return sizes == self.size and not any(self.frame.before + self.frame.after)

    def _shares(self, shape: tuple[int, ...], y: Array) -> Array | float:
        """What a sum is multiplied by: one number, unless windows reach over the edge."""
        counts = self._counts(shape, y)
        return 1 / prod(self.size) if counts.min() == prod(self.size) else np.reciprocal(counts)


twin_of(WindowMean)(lambda op: FastWindowMean(op.size, op.strides, op.frame))
