"""The gated recurrent unit as bound calls: one product a moment over the state, everything else in bulk.

Inside, the weights of the two gates are halved: σ(a) = ½ tanh(½a) + ½, so no sum need be halved. Sequences of different
length take the chapter's own way.
"""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full, like
from annstudio.engine.op import Array, Buffer, Calls, Shape
from annstudio.layers.fast.products import weight_gradient_calls
from annstudio.layers.fast.through_time import ThroughTime, WayBack, line, quick, stretch
from annstudio.layers.recurrent.gru import ResetAfter, ResetBefore


class FastResetAfter(ThroughTime, ResetAfter):
    """n = tanh(W x + b + r·(U h + c)). `sums` keeps U h + c of r, z and n."""

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        found = super().buffers(*inputs)
        return {**found, "sums": Buffer(found["gates"].shape, shown=False)}

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, v: Array, lengths: Array, seen: Array, kept: Array, gates: Array,
        inner: Array, sums: Array, states: Array,
    ) -> None:  # fmt: skip
        do(self.forward_calls(y, x, w, v, lengths, seen, kept, gates, inner, sums, states))

    def forward_calls(self, y: Array, x: Array, w: Array, v: Array, lengths: Array, seen: Array, kept: Array,
                      gates: Array, inner: Array, sums: Array, states: Array) -> Calls:  # fmt: skip
        if lengths.ndim:
            chapter = partial(super().forward, states, x, w, v, lengths, seen, kept, gates, inner)
            return [chapter, self.given(y, states)]
        u, before = states.shape[1], kept[:, :-1]
        moments = self.moments(len(x))
        from_input, from_state, moved = like(w), like(v), empty(states.shape[1:], w.dtype)
        part = stretch(moments)
        calls: list[Call] = [
            partial(np.copyto, seen[:, :-1], x),
            *_halved(w, from_input, u),
            *_halved(v, from_state, u),
            partial(np.matmul, from_input, seen[part], gates[part]),
        ]
        for t, h, new in zip(moments, *line(before, states, moments), strict=True):
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
        whole = [self.gathered(states, before)] if self.only is None else []
        return [*calls, *whole, self.given(y, states)]

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
        moments = self.moments(steps)
        part = stretch(moments)
        dnet, dstate, arrived = like(gates, 0), like(gates, 0), empty(inner.shape, w.dtype)
        back, held = empty((u, 3 * u), w.dtype), empty((u, n), w.dtype)
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
        way = WayBack(dy, (u, n), self.only, arrived)
        for t in reversed(moments):
            gate = dstate[t].reshape(3, u, n)
            calls += [*way.arrive(t), bound(np.multiply, gate, way.come, gate)]
            if t != moments[0]:  # Nobody is there before the first moment.
                calls += [
                    partial(back.dot, dstate[t], way.left),
                    bound(np.multiply, way.come, gates[t, u : 2 * u], held),
                    bound(np.add, way.left, held, way.left),
                ]
        calls += [
            partial(np.copyto, dnet[part, : 2 * u], dstate[part, : 2 * u]),
            bound(np.multiply, slope, arrived[part], slope),
        ]
        if dw is not None:
            calls += weight_gradient_calls(dw, dnet, seen)  # type: ignore[arg-type]
        if dv is not None:
            calls += weight_gradient_calls(dv, dstate, kept)  # type: ignore[arg-type]
        return calls if dx is None else [*calls, partial(np.matmul, w[:, :-1].T, dnet, dx)]


class FastResetBefore(ThroughTime, ResetBefore):
    """n = tanh(W x + U (r·h) + b)."""

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gated: Array, gates: Array, states: Array
    ) -> None:
        do(self.forward_calls(y, x, w, lengths, joined, gated, gates, states))

    def forward_calls(self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gated: Array, gates: Array,
                      states: Array) -> Calls:  # fmt: skip
        if lengths.ndim:
            return [partial(super().forward, states, x, w, lengths, joined, gated, gates), self.given(y, states)]
        u, d = states.shape[1], x.shape[1]
        moments, before = self.moments(len(x)), joined[:, d:-1]
        halved, moved = like(w), empty(states.shape[1:], w.dtype)
        calls: list[Call] = [
            partial(np.copyto, joined[:, :d], x),
            partial(np.copyto, gated[:, :d], x),
            *_halved(w, halved, u),
        ]
        for t, h, new in zip(moments, *line(before, states, moments), strict=True):
            both, n = gates[t, : 2 * u], gates[t, 2 * u :]
            calls += [
                partial(halved[: 2 * u].dot, joined[t], both),
                *_squeezed(both),
                bound(np.multiply, both[:u], h, gated[t, d:-1]),
                partial(halved[2 * u :].dot, gated[t], n),
                bound(np.tanh, n, n),
                *_mixed(both[u:], n, h, moved, new),
            ]
        whole = [self.gathered(states, before)] if self.only is None else []
        return [*calls, *whole, self.given(y, states)]

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
        moments = self.moments(steps)
        part = stretch(moments)
        dnet = like(gates, 0)
        share, through = (empty((u, n), w.dtype) for _ in range(2))
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
        way = WayBack(dy, (u, n), self.only)
        for t in reversed(moments):
            rest, reset = dnet[t, u:].reshape(2, u, n), dnet[t, :u]
            calls += [
                *way.arrive(t),
                bound(np.multiply, rest, way.come, rest),
                partial(back_new.dot, dnet[t, 2 * u :], through),
                bound(np.multiply, reset, through, reset),
            ]
            if t != moments[0]:
                calls += [
                    partial(back_gates.dot, dnet[t, : 2 * u], way.left),
                    bound(np.multiply, way.come, gates[t, u : 2 * u], share),
                    bound(np.add, way.left, share, way.left),
                    bound(np.multiply, through, gates[t, :u], share),
                    bound(np.add, way.left, share, way.left),
                ]
        if dw is not None:
            calls += weight_gradient_calls(dw[: 2 * u], dnet[:, : 2 * u], joined)  # type: ignore[arg-type]
            calls += weight_gradient_calls(dw[2 * u :], dnet[:, 2 * u :], gated)  # type: ignore[arg-type]
        return calls if dx is None else [*calls, partial(np.matmul, w[:, :d].T, dnet, dx)]


quick(ResetAfter, lambda op, only: FastResetAfter(backwards=op.backwards, only=only))
quick(ResetBefore, lambda op, only: FastResetBefore(backwards=op.backwards, only=only))


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


def _spread(dy: Array, model: Array, only: int | None) -> tuple[Array, list[Call]]:
    """The gradient of all states, where only one of them has a result."""
    if only is None:
        return dy, []
    spread = full(model.shape, 0, dy.dtype)
    return spread, [partial(np.copyto, spread[only], dy)]
