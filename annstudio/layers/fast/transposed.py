"""Transposed convolution as bound calls: one product for all stamps, then each place of them at once."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound
from annstudio.engine.gemm import Call, Product
from annstudio.engine.memory import empty
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.fast.sums import beside_features
from annstudio.layers.transposed import ChannelBias, Stamp2D


class FastStamp2D(Stamp2D):
    """s[f, i·s + u − p, j·s + v − q] += w · x. Places of stamps that lie side by side are laid down, not added."""

    def forward_calls(self, y: Array, x: Array, w: Array) -> Calls:
        pixels, calls = _in_one_piece(x)
        shares = empty((*self.kernel, len(y), *x.shape[1:]), y.dtype)
        shape = self._whole_shape(y.shape, x.shape)
        whole = y if shape == y.shape else empty(shape, y.dtype)
        calls.append(Product(w.T, pixels.reshape(len(x), -1), shares.reshape(w.shape[1], -1)))
        (kh, kw), (sh, sw) = self.kernel, self.strides
        rows, columns = x.shape[1] * sh, x.shape[2] * sw
        tiled = kh >= sh and kw >= sw
        # The first sh × sw places of all stamps tile the picture, so they need no zeros to be added to.
        bare = [whole[:, rows:], whole[:, :, columns:]] if tiled else [whole]
        calls += [partial(part.fill, 0) for part in bare if part.size]
        for u, v in np.ndindex(self.kernel):
            part = self._stamped(whole, x.shape, u, v)
            first = tiled and u < sh and v < sw
            calls.append(partial(np.copyto, part, shares[u, v]) if first else bound(np.add, part, shares[u, v], part))
        return calls if whole is y else [*calls, partial(np.copyto, y, whole[self._inside(y)])]

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array) -> Calls:
        pixels, calls = _in_one_piece(x) if dw is not None else (x, [])
        shape = self._whole_shape(dy.shape, x.shape)
        whole = dy if shape == dy.shape else empty(shape, dy.dtype)
        if whole is not dy:
            calls.append(partial(np.copyto, whole[self._inside(dy)], dy))
        parts = empty((*self.kernel, len(dy), *x.shape[1:]), dy.dtype)
        calls += [
            partial(np.copyto, parts[u, v], self._stamped(whole, x.shape, u, v)) for u, v in np.ndindex(self.kernel)
        ]
        shares = parts.reshape(w.shape[1], -1)
        if dw is not None:
            calls.append(Product(pixels.reshape(len(x), -1), shares.T, dw))
        return calls if dx is None else [*calls, Product(w, shares, dx.reshape(len(x), -1))]


class FastChannelBias(ChannelBias):
    """s + b."""

    in_place = True

    def forward_calls(self, y: Array, x: Array, b: Array) -> Calls:
        return [bound(np.add, x, b[:, None, None, None], y)]

    def backward_calls(self, dx: Array | None, db: Array | None, dy: Array) -> Calls:
        calls = [] if db is None else beside_features(dy, db)
        return calls if dx is None or dx is dy else [*calls, partial(np.copyto, dx, dy)]


def _in_one_piece(x: Array) -> tuple[Array, list[Call | Product]]:
    """The array itself, or where it lies inside a frame a copy and the call that makes it."""
    if x.flags.c_contiguous:
        return x, []
    copy = empty(x.shape, x.dtype)
    return copy, [partial(np.copyto, copy, x)]


twin_of(Stamp2D)(lambda op: FastStamp2D(op.kernel, op.strides, op.padding))
twin_of(ChannelBias)(lambda op: FastChannelBias())
