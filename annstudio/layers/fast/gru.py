"""The gated recurrent unit as bound calls: one product a moment over the state, everything else in bulk.

Inside, the weights of the two gates are halved: σ(a) = ½ tanh(½a) + ½, so no sum need be halved. Sequences of different
length take the chapter's own way.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full, like
from annstudio.engine.op import Array, Buffer, Calls, Op, Shape
from annstudio.engine.twins import Ops, following, twin_of
from annstudio.layers.fast.products import weight_gradient_calls
from annstudio.layers.recurrent.gru import ResetAfter, ResetBefore
from annstudio.layers.recurrent.node import flowing
from annstudio.layers.recurrent.steps import Moment


class FastResetAfter(ResetAfter):
    """n = tanh(W x + b + r·(U h + c)). `sums` keeps U h + c of r, z and n; `states` what every moment ended with."""

    def __init__(self, *, backwards: bool, only: int | None = None) -> None:
        super().__init__(backwards=backwards)
        self.only = only

    def shape(self, *inputs: Shape) -> Shape:
        return super().shape(*inputs)[0 if self.only is None else 1 :]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        steps, units = super().shape(*inputs)
        more = {"sums": Buffer((steps, 3 * units), shown=False), "states": Buffer((steps, units), shown=False)}
        return {**super().buffers(*inputs), **more}

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, v: Array, lengths: Array, seen: Array, kept: Array, gates: Array,
        inner: Array, sums: Array, states: Array,
    ) -> None:  # fmt: skip
        do(self.forward_calls(y, x, w, v, lengths, seen, kept, gates, inner, sums, states))

    def forward_calls(self, y: Array, x: Array, w: Array, v: Array, lengths: Array, seen: Array, kept: Array,
                      gates: Array, inner: Array, sums: Array, states: Array) -> Calls:  # fmt: skip
        last = [partial(np.copyto, y, states if self.only is None else states[self.only])]
        if lengths.ndim:
            return [partial(super().forward, states, x, w, v, lengths, seen, kept, gates, inner), *last]
        u = states.shape[1]
        moments = _moments(len(x), self.only, backwards=self.backwards)
        from_input, from_state, moved = like(w), like(v), empty(states.shape[1:], w.dtype)
        part = slice(min(moments), max(moments) + 1)
        calls: list[Call] = [
            partial(np.copyto, seen[:, :-1], x),
            *_halved(w, from_input, u),
            *_halved(v, from_state, u),
            partial(np.matmul, from_input, seen[part], gates[part]),
        ]
        for t, h, new in zip(moments, *_line(kept[:, :-1], states, moments), strict=True):
            both, n = gates[t, : 2 * u], gates[t, 2 * u :]
            calls += [
                partial(from_state.dot, kept[t], sums[t]),
                bound(np.add, both, sums[t, : 2 * u], both),
                *_squeezed(both),
                bound(np.multiply, both[:u], sums[t, 2 * u :], moved),
                bound(np.add, n, moved, n),
                bound(np.tanh, n, n),
                *_mixed(both[u:], n, h, moved, new),
            ]
        return [*calls, *_gathered(states, kept[:, :-1], self.only, backwards=self.backwards), *last]

    def backward(  # type: ignore[override]
        self, dx: Array | None, dw: Array | None, dv: Array | None, dy: Array, w: Array, v: Array, lengths: Array,
        seen: Array, kept: Array, gates: Array, inner: Array, sums: Array,
    ) -> None:  # fmt: skip
        do(self.backward_calls(dx, dw, dv, dy, w, v, lengths, seen, kept, gates, inner, sums))

    def backward_calls(
        self, dx: Array | None, dw: Array | None, dv: Array | None, dy: Array, w: Array, v: Array, lengths: Array,
        seen: Array, kept: Array, gates: Array, inner: Array, sums: Array,
    ) -> Calls:  # fmt: skip
        if lengths.ndim:
            spread, spreading = _spread(dy, inner, self.only)
            return [*spreading, partial(super().backward, dx, dw, dv, spread, w, v, lengths, seen, kept, gates, inner)]
        steps, u, n = inner.shape
        moments = _moments(steps, self.only, backwards=self.backwards)
        part = slice(min(moments), max(moments) + 1)
        dnet, dstate, arrived = like(gates, 0), like(gates, 0), empty(inner.shape, w.dtype)
        back, later, held = empty((u, 3 * u), w.dtype), empty((u, n), w.dtype), empty((u, n), w.dtype)
        r, z, new = (gates[part, k * u : (k + 1) * u] for k in range(3))
        dr, dz, dn = (dstate[part, k * u : (k + 1) * u] for k in range(3))
        slope = dnet[part, 2 * u :]
        calls: list[Call] = [
            partial(np.copyto, back, v[:, :-1].T),
            *_slopes(z, new, kept[part, :-1], dz, slope),
            # What goes to r passes n's sum, and so does what goes to U h + c of n.
            bound(np.multiply, slope, r, dn),
            bound(np.subtract, 1, r, dr),
            bound(np.multiply, dr, dn, dr),
            bound(np.multiply, dr, sums[part, 2 * u :], dr),
        ]
        for i, t in enumerate(reversed(moments)):
            calls += _arriving(dy, t, later, arrived[t], first=i == 0, only=self.only)
            come = arrived[t]
            gate = dstate[t].reshape(3, u, n)
            calls += [
                bound(np.multiply, gate, come, gate),
                partial(back.dot, dstate[t], later),
                bound(np.multiply, come, gates[t, u : 2 * u], held),
                bound(np.add, later, held, later),
            ]
        calls = calls[:-3]
        calls += [
            partial(np.copyto, dnet[part, : 2 * u], dstate[part, : 2 * u]),
            bound(np.multiply, slope, arrived[part], slope),
        ]
        if dw is not None:
            calls += weight_gradient_calls(dw, dnet, seen)  # type: ignore[arg-type]
        if dv is not None:
            calls += weight_gradient_calls(dv, dstate, kept)  # type: ignore[arg-type]
        return calls if dx is None else [*calls, partial(np.matmul, w[:, :-1].T, dnet, dx)]


class FastResetBefore(ResetBefore):
    """n = tanh(W x + U (r·h) + b). `states` keeps what every moment ended with."""

    def __init__(self, *, backwards: bool, only: int | None = None) -> None:
        super().__init__(backwards=backwards)
        self.only = only

    def shape(self, *inputs: Shape) -> Shape:
        return super().shape(*inputs)[0 if self.only is None else 1 :]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {**super().buffers(*inputs), "states": Buffer(super().shape(*inputs), shown=False)}

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gated: Array, gates: Array, states: Array
    ) -> None:
        do(self.forward_calls(y, x, w, lengths, joined, gated, gates, states))

    def forward_calls(self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gated: Array, gates: Array,
                      states: Array) -> Calls:  # fmt: skip
        last = [partial(np.copyto, y, states if self.only is None else states[self.only])]
        if lengths.ndim:
            return [partial(super().forward, states, x, w, lengths, joined, gated, gates), *last]
        u, d = states.shape[1], x.shape[1]
        moments = _moments(len(x), self.only, backwards=self.backwards)
        halved, moved = like(w), empty(states.shape[1:], w.dtype)
        calls: list[Call] = [
            partial(np.copyto, joined[:, :d], x),
            partial(np.copyto, gated[:, :d], x),
            *_halved(w, halved, u),
        ]
        for t, h, new in zip(moments, *_line(joined[:, d:-1], states, moments), strict=True):
            both, n = gates[t, : 2 * u], gates[t, 2 * u :]
            calls += [
                partial(halved[: 2 * u].dot, joined[t], both),
                *_squeezed(both),
                bound(np.multiply, both[:u], h, gated[t, d:-1]),
                partial(halved[2 * u :].dot, gated[t], n),
                bound(np.tanh, n, n),
                *_mixed(both[u:], n, h, moved, new),
            ]
        return [*calls, *_gathered(states, joined[:, d:-1], self.only, backwards=self.backwards), *last]

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array,
                 gated: Array, gates: Array) -> None:  # fmt: skip
        do(self.backward_calls(dx, dw, dy, w, lengths, joined, gated, gates))

    def backward_calls(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array,
                       gated: Array, gates: Array) -> Calls:  # fmt: skip
        steps, u, n = len(gates), gates.shape[1] // 3, gates.shape[2]
        if lengths.ndim:
            spread, spreading = _spread(dy, gates[:, :u], self.only)
            return [*spreading, partial(super().backward, dx, dw, spread, w, lengths, joined, gated, gates)]
        d = joined.shape[1] - u - 1
        moments = _moments(steps, self.only, backwards=self.backwards)
        part = slice(min(moments), max(moments) + 1)
        dnet = like(gates, 0)
        later, come, share, through = (empty((u, n), w.dtype) for _ in range(4))
        back_new, back_gates = empty((u, u), w.dtype), empty((u, 2 * u), w.dtype)
        r, z, new = (gates[part, k * u : (k + 1) * u] for k in range(3))
        before = joined[:, d:-1]
        dr, dz, dn = (dnet[part, k * u : (k + 1) * u] for k in range(3))
        calls: list[Call] = [
            partial(np.copyto, back_new, w[2 * u :, d:-1].T),
            partial(np.copyto, back_gates, w[: 2 * u, d:-1].T),
            *_slopes(z, new, before[part], dz, dn),
            bound(np.subtract, 1, r, dr),
            bound(np.multiply, dr, r, dr),
            bound(np.multiply, dr, before[part], dr),
        ]
        for i, t in enumerate(reversed(moments)):
            calls += _arriving(dy, t, later, come, first=i == 0, only=self.only)
            rest, reset = dnet[t, u:].reshape(2, u, n), dnet[t, :u]
            calls += [
                bound(np.multiply, rest, come, rest),
                partial(back_new.dot, dnet[t, 2 * u :], through),
                bound(np.multiply, reset, through, reset),
                partial(back_gates.dot, dnet[t, : 2 * u], later),
                bound(np.multiply, come, gates[t, u : 2 * u], share),
                bound(np.add, later, share, later),
                bound(np.multiply, through, gates[t, :u], share),
                bound(np.add, later, share, later),
            ]
        calls = calls[:-5]
        if dw is not None:
            calls += weight_gradient_calls(dw[: 2 * u], dnet[:, : 2 * u], joined)  # type: ignore[arg-type]
            calls += weight_gradient_calls(dw[2 * u :], dnet[:, 2 * u :], gated)  # type: ignore[arg-type]
        return calls if dx is None else [*calls, partial(np.matmul, w[:, :d].T, dnet, dx)]


twin_of(ResetAfter)(lambda op: FastResetAfter(backwards=op.backwards))
twin_of(ResetBefore)(lambda op: FastResetBefore(backwards=op.backwards))


@following(Moment)
def _one_moment(op: Moment, before: Op) -> Ops | None:
    """Where one state counts, the others need not be gathered."""
    if type(before) is ResetAfter:
        return (FastResetAfter(backwards=before.backwards, only=op.t),)
    return (FastResetBefore(backwards=before.backwards, only=op.t),) if type(before) is ResetBefore else None


def _moments(steps: int, only: int | None, *, backwards: bool) -> Sequence[int]:
    """The moments that count for the result, as they are gone through."""
    order = list(flowing(steps, backwards=backwards))
    return order if only is None else order[: order.index(only) + 1]


def _halved(w: Array, out: Array, u: int) -> list[Call]:
    """The weights, those of the two gates halved."""
    return [bound(np.multiply, w[: 2 * u], 0.5, out[: 2 * u]), partial(np.copyto, out[2 * u :], w[2 * u :])]


def _squeezed(both: Array) -> list[Call]:
    """σ(2a) of halved sums."""
    return [bound(np.tanh, both, both), bound(np.multiply, both, 0.5, both), bound(np.add, both, 0.5, both)]


def _mixed(z: Array, n: Array, h: Array, moved: Array, new: Array) -> list[Call]:
    """(1 − z) n + z h, as n + z (h − n)."""
    return [bound(np.subtract, h, n, moved), bound(np.multiply, z, moved, moved), bound(np.add, n, moved, new)]


def _slopes(z: Array, n: Array, before: Array, dz: Array, dn: Array) -> list[Call]:
    """What a state's gradient is multiplied by on its way to the sums of z and n, in bulk."""
    open_ = empty(z.shape, z.dtype)
    return [
        bound(np.subtract, 1, z, open_),
        bound(np.multiply, n, n, dn),
        bound(np.subtract, 1, dn, dn),
        bound(np.multiply, dn, open_, dn),
        bound(np.subtract, before, n, dz),
        bound(np.multiply, dz, z, dz),
        bound(np.multiply, dz, open_, dz),
    ]


def _line(before: Array, states: Array, moments: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """The state that every moment begins with, and where its own is put: where the next one looks for it; of the last,
    in `states`."""
    before[moments[0]] = 0
    begins = [before[t] for t in moments]
    return begins, [*begins[1:], states[moments[-1]]]


def _gathered(states: Array, before: Array, only: int | None, *, backwards: bool) -> list[Call]:
    """All states but the last, from where they were put."""
    if only is not None:
        return []
    to, seen = (states[1:], before[:-1]) if backwards else (states[:-1], before[1:])
    return [partial(np.copyto, to, seen)]


def _arriving(dy: Array, t: int, later: Array, come: Array, *, first: bool, only: int | None) -> list[Call]:
    """The gradient of a state: what came back through time, and what its own result brings if it has one."""
    if first:
        return [partial(np.copyto, come, dy if only is not None else dy[t])]
    return [partial(np.copyto, come, later) if only is not None else bound(np.add, dy[t], later, come)]


def _spread(dy: Array, model: Array, only: int | None) -> tuple[Array, list[Call]]:
    """The gradient of all states, where only one of them has a result."""
    if only is None:
        return dy, []
    spread = full(model.shape, 0, dy.dtype)
    return spread, [partial(np.copyto, spread[only], dy)]
