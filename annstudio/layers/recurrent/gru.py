"""The gated recurrent unit: two gates, and no cell beside the state (Cho et al., 2014).

There are two of them. In the first paper's the reset gate acts on the state, before the weights; in the later one it
acts on the state's weighted sum, which has a bias of its own (`reset_after`, as in PyTorch and in Keras by default).
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Buffer, Op, Shape
from annstudio.layers.activation import Sigmoid, Tanh
from annstudio.layers.base import Family
from annstudio.layers.dense import WeightedSum
from annstudio.layers.merge import Join, Sum
from annstudio.layers.products import weight_gradient
from annstudio.layers.recurrent.node import Recurrent, flowing, gate_view, joined_parameter
from annstudio.layers.recurrent.steps import Gated, Hold, Mix, Moment, Part, Rest, Stack
from annstudio.ordinals import at_step

GATES = "rzn"
"""Reset, update and new, in the order of the weights' rows."""


class ResetBefore(Op):
    """All moments at once, n = tanh(W x + U (r·h) + b). `w` (3u, D + u + 1): r, z, n by rows, [x; h; 1] by columns.

    `joined` holds [x; h; 1] and `gated` [x; r·h; 1] of every moment, `gates` what r, z and n came to.
    """

    formula = r"h_t = (1 - z_t) n_t + z_t h_{t-1}"
    without_gradient = frozenset({"lengths"})

    def __init__(self, *, backwards: bool) -> None:
        self.backwards = backwards

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][0] // 3)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        (steps, d), units = inputs[0], inputs[1][0] // 3
        seen = Buffer((steps, d + units + 1), fill=1.0, shown=False)
        return {"joined": seen, "gated": seen, "gates": Buffer((steps, 3 * units))}

    def forward(
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gated: Array, gates: Array
    ) -> None:  # fmt: skip
        d, u = x.shape[1], y.shape[1]
        joined[:, :d] = x
        gated[:, :d] = x
        h = np.zeros_like(y[0])
        for t in flowing(len(y), backwards=self.backwards):
            joined[t, d:-1] = h
            both, n = gates[t, : 2 * u], gates[t, 2 * u :]
            np.matmul(w[: 2 * u], joined[t], both)
            Sigmoid().forward(both, both)
            np.multiply(both[:u], h, gated[t, d:-1])
            np.matmul(w[2 * u :], gated[t], n)
            np.tanh(n, n)
            _mix(y[t], both[u:], n, h, t, lengths)
            h = y[t]

    def backward(
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array, gated: Array,
        gates: Array,
    ) -> None:  # fmt: skip
        u = dy.shape[1]
        d = joined.shape[1] - u - 1
        r, z, n = gates[:, :u], gates[:, u : 2 * u], gates[:, 2 * u :]
        before = joined[:, d:-1]
        dnet = _slopes(r, z, n, before)
        later = np.zeros_like(dy[0])
        for t in flowing(len(dy), backwards=not self.backwards):
            dh, held = _going(dy[t] + later, t, lengths)
            np.multiply(dnet[t, u : 2 * u], dh, dnet[t, u : 2 * u])
            np.multiply(dnet[t, 2 * u :], dh, dnet[t, 2 * u :])
            through = w[2 * u :, d:-1].T @ dnet[t, 2 * u :]
            # r·h: what came through it goes to the gate and to the state.
            np.multiply(dnet[t, :u], through * before[t], dnet[t, :u])
            later = dh * z[t] + through * r[t] + w[: 2 * u, d:-1].T @ dnet[t, : 2 * u] + held
        if dw is not None:
            weight_gradient(dw[: 2 * u], dnet[:, : 2 * u], joined)
            weight_gradient(dw[2 * u :], dnet[:, 2 * u :], gated)
        if dx is not None:
            np.matmul(w[:, :d].T, dnet, dx)


class ResetAfter(Op):
    """All moments at once, n = tanh(W x + b + r·(U h + c)). `w` (3u, D + 1) holds W and b, `v` (3u, u + 1) U and c.

    `seen` holds [x; 1] and `kept` [h; 1] of every moment, `gates` what r, z and n came to, `inner` U h + c for n.
    """

    formula = r"h_t = (1 - z_t) n_t + z_t h_{t-1}"
    without_gradient = frozenset({"lengths"})

    def __init__(self, *, backwards: bool) -> None:
        self.backwards = backwards

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][0] // 3)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        (steps, d), units = inputs[0], inputs[1][0] // 3
        return {
            "seen": Buffer((steps, d + 1), fill=1.0, shown=False),
            "kept": Buffer((steps, units + 1), fill=1.0, shown=False),
            "gates": Buffer((steps, 3 * units)),
            "inner": Buffer((steps, units), shown=False),
        }

    def forward(
        self, y: Array, x: Array, w: Array, v: Array, lengths: Array, seen: Array, kept: Array, gates: Array,
        inner: Array,
    ) -> None:  # fmt: skip
        u = y.shape[1]
        seen[:, :-1] = x
        np.matmul(w, seen, gates)
        h = np.zeros_like(y[0])
        for t in flowing(len(y), backwards=self.backwards):
            kept[t, :-1] = h
            state = v @ kept[t]
            both, n = gates[t, : 2 * u], gates[t, 2 * u :]
            np.add(both, state[: 2 * u], both)
            Sigmoid().forward(both, both)
            inner[t] = state[2 * u :]
            np.add(n, both[:u] * inner[t], n)
            np.tanh(n, n)
            _mix(y[t], both[u:], n, h, t, lengths)
            h = y[t]

    def backward(
        self, dx: Array | None, dw: Array | None, dv: Array | None, dy: Array, w: Array, v: Array, lengths: Array,
        seen: Array, kept: Array, gates: Array, inner: Array,
    ) -> None:  # fmt: skip
        u = dy.shape[1]
        r, z, n = gates[:, :u], gates[:, u : 2 * u], gates[:, 2 * u :]
        dnet = _slopes(r, z, n, kept[:, :-1])
        dnet[:, :u] *= dnet[:, 2 * u :] * inner
        dstate = np.empty_like(dnet)
        later = np.zeros_like(dy[0])
        for t in flowing(len(dy), backwards=not self.backwards):
            dh, held = _going(dy[t] + later, t, lengths)
            for gate in range(3):
                np.multiply(dnet[t, gate * u : (gate + 1) * u], dh, dnet[t, gate * u : (gate + 1) * u])
            dstate[t, : 2 * u] = dnet[t, : 2 * u]
            np.multiply(dnet[t, 2 * u :], r[t], dstate[t, 2 * u :])
            later = dh * z[t] + v[:, :-1].T @ dstate[t] + held
        if dw is not None:
            weight_gradient(dw, dnet, seen)
        if dv is not None:
            weight_gradient(dv, dstate, kept)
        if dx is not None:
            np.matmul(w[:, :-1].T, dnet, dx)


def _mix(y: Array, z: Array, n: Array, h: Array, t: int, lengths: Array) -> None:
    Mix().forward(y, z, n, h)
    if lengths.ndim:
        np.copyto(y, h, where=t >= lengths)


def _going(dh: Array, t: int, lengths: Array) -> tuple[Array, Array | float]:
    """A state's gradient parted into what goes through the moment and what passes a sequence that has ended."""
    if not lengths.ndim:
        return dh, 0.0
    held = dh * (t >= lengths)
    return dh - held, held


def _slopes(r: Array, z: Array, n: Array, before: Array) -> Array:
    """What gradients are multiplied by on their way to the sums of r, z and n, in bulk (for r: from r on)."""
    return np.concatenate([r * (1 - r), (before - n) * z * (1 - z), (1 - z) * (1 - n * n)], 1)


class GRU(Recurrent):
    """Two gates decide how much of the state stays and how much of it counts for what is new."""

    family: ClassVar[Family] = Family.RECURRENT
    prefix: ClassVar[str] = "gru"

    reset_after: bool = Field(
        True,
        title="Reset after",
        description="The reset gate acts on the state's weighted sum (as in PyTorch), not on the state itself.",
    )

    @classmethod
    def order(cls) -> int:
        return 30

    def one_way(self, net: Builder, x: Value, *, backwards: bool) -> Value:
        lengths, suffix, u = net.lengths(x), self.suffix(backwards), self.units
        given = lengths if lengths is not None else net.constant(x.shape[0])
        if not self.reset_after:
            w = joined_parameter(self, net, x, bias=Initial(constant=0.0), suffix=suffix, gates=GATES)

            def before(net: Builder, x: Value, w: Value, _: Value) -> Value:
                return _reset_before(net, x, w, lengths, u, backwards=backwards)

            return net.composite(ResetBefore(backwards=backwards), before, x, w, given)

        def after(net: Builder, x: Value, w: Value, v: Value, _: Value) -> Value:
            return _reset_after(net, x, w, v, lengths, u, backwards=backwards)

        w, v = self._two_parameters(net, x, suffix)
        return net.composite(ResetAfter(backwards=backwards), after, x, w, v, given)

    def _two_parameters(self, net: Builder, x: Value, suffix: str) -> tuple[Value, Value]:
        """W and b for what is seen, U and c for the state: each sum has a bias of its own."""
        d, u = x.shape[1], self.units
        seen = [
            gate_view(f"W{suffix}", slice(d), self.inputs_start(d, 3), GATES),
            gate_view(f"b{suffix}", d, Initial(constant=0.0), GATES),
        ]
        kept = [
            gate_view(f"U{suffix}", slice(u), self.state_start(3), GATES),
            gate_view(f"c{suffix}", u, Initial(constant=0.0), GATES),
        ]
        w = net.parameter((3 * u, d + 1), seen, trainable=self.trainable)
        return w, net.parameter((3 * u, u + 1), kept, trainable=self.trainable)


def _reset_before(net: Builder, x: Value, w: Value, lengths: Value | None, u: int, *, backwards: bool) -> Value:
    both_rows = net.apply(Part(0, 2 * u), w, name="W of r and z")
    new_rows = net.apply(Part(2 * u, 3 * u), w, name="W of n")
    h = net.apply(Rest(u), name="h")
    moments: dict[int, Value] = {}
    for t in flowing(x.shape[0], backwards=backwards):
        with net.scope(at_step("t", t)):
            now = net.apply(Moment(t), x, name="x")
            seen = net.apply(Join(), now, h, name="joined")
            both = net.apply(Sigmoid(), net.apply(WeightedSum(), seen, both_rows, name="net r, z"), name="r, z")
            r, z = net.apply(Part(0, u), both, name="r"), net.apply(Part(u, 2 * u), both, name="z")
            reset = net.apply(Join(), now, net.apply(Gated(), r, h, name="r·h"), name="joined n")
            n = net.apply(Tanh(), net.apply(WeightedSum(), reset, new_rows, name="net n"), name="n")
            new = net.apply(Mix(), z, n, h, name="h" if lengths is None else "new h")
            h = new if lengths is None else net.apply(Hold(t), new, h, lengths, name="h")
            moments[t] = h
    return net.apply(Stack(), *(moments[t] for t in range(x.shape[0])), name="states")


def _reset_after(
    net: Builder, x: Value, w: Value, v: Value, lengths: Value | None, u: int, *, backwards: bool
) -> Value:  # fmt: skip
    h = net.apply(Rest(u), name="h")
    moments: dict[int, Value] = {}
    for t in flowing(x.shape[0], backwards=backwards):
        with net.scope(at_step("t", t)):
            seen = net.apply(WeightedSum(), net.apply(Moment(t), x, name="x"), w, name="net of x")
            kept = net.apply(WeightedSum(), h, v, name="net of h")
            parts = [
                [net.apply(Part(k * u, (k + 1) * u), sums, name=f"{name} from {of}") for k, name in enumerate(GATES)]
                for sums, of in ((seen, "x"), (kept, "h"))
            ]
            r, z = (
                net.apply(Sigmoid(), net.apply(Sum(), parts[0][k], parts[1][k], name=f"net {name}"), name=name)
                for k, name in enumerate("rz")
            )
            reset = net.apply(Gated(), r, parts[1][2], name="r·h")
            n = net.apply(Tanh(), net.apply(Sum(), parts[0][2], reset, name="net n"), name="n")
            new = net.apply(Mix(), z, n, h, name="h" if lengths is None else "new h")
            h = new if lengths is None else net.apply(Hold(t), new, h, lengths, name="h")
            moments[t] = h
    return net.apply(Stack(), *(moments[t] for t in range(x.shape[0])), name="states")
