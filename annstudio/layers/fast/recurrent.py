"""Recurrent layers as bound calls: one product a moment over [x; h; 1], everything else in bulk.

A sequence that has ended keeps its state, and its gradient passes the moment by.
"""

from functools import partial
from typing import Any

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full, like
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import fast
from annstudio.layers.activation import ACTIVATIONS
from annstudio.layers.fast.products import weight_gradient_calls
from annstudio.layers.fast.through_time import ThroughTime, WayBack, line, quick, stretch
from annstudio.layers.recurrent.lstm import LongShortTerm
from annstudio.layers.recurrent.simple import Elman


class FastElman(ThroughTime, Elman):
    """h_t = f(W x_t + U h_{t−1} + b)."""

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, states: Array
    ) -> None:
        do(self.forward_calls(y, x, w, lengths, joined, states))

    def forward_calls(self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, states: Array) -> Calls:
        ended, looking = _ended(lengths, len(x))
        d, moments = x.shape[1], self.moments(len(x))
        before = joined[:, d:-1]
        calls: list[Call] = [partial(np.copyto, joined[:, :d], x), *looking]
        for t, old, h in zip(moments, *line(before, states, moments), strict=True):
            calls.append(partial(w.dot, joined[t], h))
            if self.activation != "linear":
                calls += fast(ACTIVATIONS[self.activation]).forward_calls(h, h)  # type: ignore[arg-type]
            calls += _held(h, old, ended, t)
        return [*calls, self.gathered(states, before), self.given(y, states)]

    def backward(  # type: ignore[override]
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array, states: Array
    ) -> None:
        do(self.backward_calls(dx, dw, dy, w, lengths, joined, states))

    def backward_calls(
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array, states: Array
    ) -> Calls:
        steps, u, n = states.shape
        d = joined.shape[1] - u - 1
        dnet, back = like(states, 0), empty((u, u), w.dtype)
        moments = self.moments(steps)
        ended, looking = _ended(lengths, steps)
        calls: list[Any] = [
            *looking,
            partial(np.copyto, back, w[:, d:-1].T),
            *self._slope_calls(dnet[stretch(moments)], states[stretch(moments)]),
            *([] if ended is None else [partial(np.copyto, dnet, 0, "same_kind", ended[:, None])]),
        ]
        way = WayBack(dy, (u, n), self.only)
        for t in reversed(moments):
            calls += way.arrive(t)
            calls.append(bound(np.multiply, dnet[t], way.come, dnet[t]))
            if t != moments[0]:  # Nobody is there before the first moment.
                calls += [partial(back.dot, dnet[t], way.left), *_held(way.left, way.come, ended, t)]
        return [*calls, *_given_back(dx, dw, dnet, joined, w[:, :d].T)]

    def _slope_calls(self, slopes: Array, states: Array) -> Calls:
        if self.activation == "linear":
            return [partial(slopes.fill, 1)]
        op = fast(ACTIVATIONS[self.activation])
        return op.backward_calls(slopes, np.ones_like(slopes), states)


class FastLongShortTerm(ThroughTime, LongShortTerm):
    """c_t = f c + i g, h_t = o tanh c_t. Inside the gates are in the order o, i, f, g: those with a sigmoid side by
    side, and those that the cell's gradient goes to."""

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gates: Array, cells: Array, squashed: Array,
        states: Array,
    ) -> None:  # fmt: skip
        do(self.forward_calls(y, x, w, lengths, joined, gates, cells, squashed, states))

    def forward_calls(self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gates: Array, cells: Array,
                      squashed: Array, states: Array) -> Calls:  # fmt: skip
        u, d = states.shape[1], x.shape[1]
        ended, looking = _ended(lengths, len(x))
        # σ(a) = ½ tanh(½a) + ½: with three gates' weights halved, one tanh serves all four.
        halved, taken = like(w), empty(states.shape[1:], w.dtype)
        calls: list[Call] = [
            partial(np.copyto, joined[:, :d], x),
            bound(np.multiply, w[3 * u :], 0.5, halved[:u]),
            bound(np.multiply, w[: 2 * u], 0.5, halved[u : 3 * u]),
            partial(np.copyto, halved[3 * u :], w[2 * u : 3 * u]),
            *looking,
        ]
        before, kept = joined[:, d:-1], like(taken, 0)
        # What has ended shows nothing new, takes nothing in and forgets nothing: its gradients are right by themselves.
        closed = np.repeat(np.array([0, 0, 1], w.dtype), u)[:, None]
        moments = self.moments(len(x))
        for t, old, h in zip(moments, *line(before, states, moments), strict=True):
            gate, cell, shown = gates[t], cells[t], squashed[t]
            o, i, f, g = gate.reshape(4, u, -1)
            calls += [
                partial(halved.dot, joined[t], gate),
                bound(np.tanh, gate, gate),
                bound(np.multiply, gate[: 3 * u], 0.5, gate[: 3 * u]),
                bound(np.add, gate[: 3 * u], 0.5, gate[: 3 * u]),
                *_held(gate[: 3 * u], closed, ended, t),
                bound(np.multiply, f, kept, cell),
                bound(np.multiply, i, g, taken),
                bound(np.add, cell, taken, cell),
                bound(np.tanh, cell, shown),
                bound(np.multiply, o, shown, h),
                *_held(h, old, ended, t),
            ]
            kept = cell
        whole = [self.gathered(states, before)] if self.only is None else []
        return [*calls, *whole, self.given(y, states)]

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array,
                 gates: Array, cells: Array, squashed: Array) -> None:  # fmt: skip
        do(self.backward_calls(dx, dw, dy, w, lengths, joined, gates, cells, squashed))

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array,
                       gates: Array, cells: Array, squashed: Array) -> Calls:  # fmt: skip
        steps, u, n = cells.shape
        d = joined.shape[1] - u - 1
        dnet, dcell = like(gates, 0), like(cells)
        dc, share = (full((u, n), 0, w.dtype) for _ in range(2))
        back = empty((u + d, 4 * u), w.dtype)
        moments = self.moments(steps)
        ended, looking = _ended(lengths, steps)
        calls: list[Any] = [
            *looking,
            partial(np.copyto, back[:, :u], w[3 * u :, :-1].T),
            partial(np.copyto, back[:, u:], w[: 3 * u, :-1].T),
            *self._bulk(dnet, dcell, gates, cells, squashed),
            partial(dc.fill, 0),
        ]
        way = WayBack(dy, (u, n), self.only)
        for t in reversed(moments):
            net = dnet[t].reshape(4, u, n)
            calls += way.arrive(t)
            calls += [
                bound(np.multiply, way.come, dcell[t], share),
                bound(np.add, dc, share, dc),
                bound(np.multiply, net[0], way.come, net[0]),
                bound(np.multiply, net[1:], dc, net[1:]),
                bound(np.multiply, dc, gates[t, 2 * u : 3 * u], dc),
            ]
            if t != moments[0]:
                calls += [partial(back[d:].dot, dnet[t], way.left), *_held(way.left, way.come, ended, t)]
        idle = [t for t in range(steps) if t not in moments]
        calls += [partial(dnet[t].fill, 0) for t in idle]
        return [*calls, *self._weights_back(dx, dw, dnet, joined, back[:d])]

    def _bulk(self, dnet: Array, dcell: Array, gates: Array, cells: Array, squashed: Array) -> Calls:
        """What the gradients of state and cell are multiplied by on their way to every gate's sum."""
        u = cells.shape[1]
        o, i, f, g = (gates[:, k * u : (k + 1) * u] for k in range(4))
        do_, di, df, dg = (dnet[:, k * u : (k + 1) * u] for k in range(4))
        sigmoids, slopes = gates[:, : 3 * u], dnet[:, : 3 * u]
        later, sooner = (slice(1, None), slice(None, -1)) if not self.backwards else (slice(None, -1), slice(1, None))
        first = -1 if self.backwards else 0
        return [
            bound(np.subtract, 1, sigmoids, slopes),
            bound(np.multiply, slopes, sigmoids, slopes),
            bound(np.multiply, do_, squashed, do_),
            bound(np.multiply, di, g, di),
            bound(np.multiply, df[later], cells[sooner], df[later]),
            partial(df[first].fill, 0),
            bound(np.multiply, g, g, dg),
            bound(np.subtract, 1, dg, dg),
            bound(np.multiply, dg, i, dg),
            bound(np.multiply, squashed, squashed, dcell),
            bound(np.subtract, 1, dcell, dcell),
            bound(np.multiply, dcell, o, dcell),
        ]

    def _weights_back(self, dx: Array | None, dw: Array | None, dnet: Array, joined: Array, back: Array) -> Calls:
        """The gradient of the weights, its gates in the chapter's order, and that of the inputs."""
        u = dnet.shape[1] // 4
        order = (slice(u, None), slice(u))
        calls: list[Any] = [] if dw is None else [*weight_gradient_calls(dw, dnet, joined, order)]
        return calls if dx is None else [*calls, partial(np.matmul, back, dnet, dx)]


quick(Elman, lambda op, only: FastElman(op.activation, backwards=op.backwards, only=only))
quick(LongShortTerm, lambda op, only: FastLongShortTerm(backwards=op.backwards, only=only))


def _ended(lengths: Array, steps: int) -> tuple[Array | None, list[Call]]:
    """Which sequences have ended at every moment (T, N), and the calls that find out; None where all go to the end."""
    if not lengths.ndim:
        return None, []
    ended = empty((steps, len(lengths)), bool)
    return ended, [partial(np.greater_equal, np.arange(steps)[:, None], lengths, ended)]


def _held(new: Array, old: Array, ended: Array | None, t: int) -> list[Call]:
    """The old numbers in the place of the new ones where a sequence has ended."""
    return [] if ended is None else [partial(np.copyto, new, old, "same_kind", ended[t])]


def _given_back(dx: Array | None, dw: Array | None, dnet: Array, joined: Array, back: Array) -> Calls:
    calls: list[Any] = [] if dw is None else [*weight_gradient_calls(dw, dnet, joined)]
    return calls if dx is None else [*calls, partial(np.matmul, back, dnet, dx)]
