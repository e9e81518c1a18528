"""Convolution with one filter a channel, as bound calls.

The gradient of the input is a convolution, too, of the results' gradient with the window turned round. Patches are laid
out for as much of the picture at a time as fits the cache: all of them would cost more to fetch than to lay out again.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full
from annstudio.engine.op import Array, Buffer, Calls, Shape
from annstudio.engine.twins import twin_of
from annstudio.layers.conv import GroupedCorrelate2D

ROOM = 1 << 17
"""How many numbers may be laid out at a time."""


class FastGroupedCorrelate2D(GroupedCorrelate2D):
    """net[f, i, j] = Σ w · patch + b. Where groups have several channels or filters the chapter's way is as quick; only
    that keeps patches, in `kept`."""

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        alone = inputs[0][0] == inputs[1][1] == self.groups
        return {"kept": Buffer((0,), shown=False) if alone else super().buffers(*inputs)["patches"]}

    def forward(self, y: Array, x: Array, w: Array, kept: Array) -> None:
        do(self.forward_calls(y, x, w, kept))

    def forward_calls(self, y: Array, x: Array, w: Array, kept: Array) -> Calls:
        if not self._alone(x, y):
            return [partial(super().forward, y, x, w, kept)]
        filters = empty((len(y), 1, len(w)), w.dtype)
        calls: list[Call] = [partial(np.copyto, filters[:, 0], w.T)]
        for laid, channels, rows, laying in self._laid(self._windows(x, *y.shape[1:3]), ones=self.bias):
            # One channel's rows lie in one piece unless they are inside a frame.
            part = y[channels, rows]
            out = part if part[0].flags.c_contiguous else empty(part.shape, y.dtype)
            calls += [*laying, partial(np.matmul, filters[channels], laid, _flat(out))]
            calls += [] if out is part else [partial(np.copyto, part, out)]
        return calls

    def backward(  # type: ignore[override]
        self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array, kept: Array
    ) -> None:
        do(self.backward_calls(dx, dw, dy, x, w, kept))

    def backward_calls(
        self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array, kept: Array
    ) -> Calls:  # fmt: skip
        if not self._alone(x, dy):
            return [partial(super().backward, dx, dw, dy, w, kept)]
        calls: list[Call] = [] if dw is None else self._weight_gradient(dw, dy, x)
        if dx is not None:
            calls += self._turned(dx, dy, w) if self.strides == (1, 1) else self._stamped(dx, dy, w)
        return calls

    def _alone(self, x: Array, y: Array) -> bool:
        """Whether every channel has one filter, to itself."""
        return len(x) == len(y) == self.groups

    def _weight_gradient(self, dw: Array, dy: Array, x: Array) -> list[Call]:
        total, share = full((len(dy), len(dw), 1), 0, dw.dtype), empty((len(dy), len(dw), 1), dw.dtype)
        calls: list[Call] = [partial(total.fill, 0)]
        for laid, channels, rows, laying in self._laid(self._windows(x, *dy.shape[1:3]), ones=self.bias):
            gradients = dy[channels, rows]
            calls += [
                *laying,
                partial(np.matmul, laid, _flat(gradients).swapaxes(1, 2), share[channels]),
                bound(np.add, total[channels], share[channels], total[channels]),
            ]
        return [*calls, partial(np.copyto, dw, total[:, :, 0].T)]

    def _turned(self, dx: Array, dy: Array, w: Array) -> list[Call]:
        """Every place of the input looks back at the results that saw it."""
        (kh, kw), reach = self.kernel, [k - 1 for k in self.reach]
        _, top, left = self.border(dx.shape[:-1]).before
        framed = empty((len(dy), dx.shape[1] + reach[0], dx.shape[2] + reach[1], dy.shape[-1]), dy.dtype)
        first = (reach[0] - top, reach[1] - left)
        inside = framed[:, first[0] : first[0] + dy.shape[1], first[1] : first[1] + dy.shape[2]]
        filters = empty((len(dy), 1, kh * kw), w.dtype)
        calls: list[Call] = [partial(np.copyto, inside, dy), partial(np.copyto, filters[:, 0], w[: kh * kw][::-1].T)]
        for laid, channels, rows, laying in self._laid(self._windows(framed, *dx.shape[1:3]), ones=False):
            calls += [*laying, partial(np.matmul, filters[channels], laid, _flat(dx[channels, rows]))]
        return calls

    def _stamped(self, dx: Array, dy: Array, w: Array) -> list[Call]:
        """With strides every place of the window hands its share back to where it looked."""
        frame = self.border(dx.shape[:-1])
        shape = (*frame.around(dx.shape[:-1]), dx.shape[-1])
        framed = dx if shape == dx.shape else empty(shape, dx.dtype)
        windows, share = self._windows(framed, *dy.shape[1:3])[:, :, :, 0], empty(dy.shape, dx.dtype)
        calls: list[Call] = [partial(framed.fill, 0)]
        for place, (u, v) in enumerate(np.ndindex(self.kernel)):
            part = windows[:, u, v]
            calls += [
                bound(np.multiply, dy, w[place][:, None, None, None], share),
                bound(np.add, part, share, part),
            ]
        return calls if framed is dx else [*calls, partial(np.copyto, dx, framed[frame.inside(dx.shape[:-1])])]

    def _laid(self, windows: Array, *, ones: bool) -> Iterator[tuple[Array, slice, slice, list[Call]]]:
        """Patches (channels, K, …) of some channels and rows after the others, and the calls that lay them out."""
        n_channels, kh, kw, _, n_rows, *rest = windows.shape
        row = (kh * kw + ones) * int(np.prod(rest))
        rows = max(1, min(n_rows, ROOM // row))
        channels = max(1, min(n_channels, ROOM // (row * rows))) if rows == n_rows else 1
        room = full(channels * rows * row, 1, windows.dtype)
        for c in range(0, n_channels, channels):
            for r in range(0, n_rows, rows):
                some, few = slice(c, min(c + channels, n_channels)), slice(r, min(r + rows, n_rows))
                shape = (some.stop - c, kh * kw + ones, few.stop - r, *rest)
                laid = room[: int(np.prod(shape))].reshape(shape)
                seen = laid[:, : kh * kw].reshape(shape[0], kh, kw, *shape[2:])
                laying: list[Call] = [partial(np.copyto, seen, windows[some, :, :, 0, few])]
                if ones:
                    # Blocks of other sizes use the same room.
                    laying.append(partial(laid[:, -1].fill, 1))
                yield laid.reshape(*shape[:2], -1), some, few, laying


def _flat(x: Array) -> Array:
    """(C, rows, columns, N) as one row for each channel."""
    flat = x.reshape(len(x), 1, -1)
    assert np.shares_memory(flat, x)
    return flat


twin_of(GroupedCorrelate2D)(
    lambda op: FastGroupedCorrelate2D(op.kernel, op.strides, op.dilation, op.padding, op.groups, bias=op.bias)
)
