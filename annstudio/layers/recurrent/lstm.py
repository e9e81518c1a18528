"""Long short-term memory: gates decide what a cell takes in, keeps and shows (Hochreiter & Schmidhuber, 1997).

The forget gate came with Gers et al. (2000), its bias of 1 at the start with Jozefowicz et al. (2015).
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
from annstudio.layers.recurrent.node import Recurrent, flowing, joined_parameter
from annstudio.layers.recurrent.steps import Gated, Hold, Moment, Part, Rest, Stack
from annstudio.ordinals import at_step


class LongShortTerm(Op):
    """All moments at once. `x` (T, D, N), `w` (4u, D + u + 1): the gates i, f, g, o by rows, [x; h; 1] by columns.

    `joined` holds what every moment saw, `gates` what its gates came to, `cells` and `squashed` c and tanh(c).
    """

    formula = r"c_t = f_t c_{t-1} + i_t g_t, \quad h_t = o_t \tanh c_t"
    without_gradient = frozenset({"lengths"})

    def __init__(self, *, backwards: bool) -> None:
        self.backwards = backwards

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][0] // 4)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        (steps, d), units = inputs[0], inputs[1][0] // 4
        return {
            "joined": Buffer((steps, d + units + 1), fill=1.0, shown=False),
            "gates": Buffer((steps, 4 * units)),
            "cells": Buffer((steps, units)),
            "squashed": Buffer((steps, units), shown=False),
        }

    def forward(
        self, y: Array, x: Array, w: Array, lengths: Array, joined: Array, gates: Array, cells: Array, squashed: Array
    ) -> None:  # fmt: skip
        u, d = y.shape[1], x.shape[1]
        joined[:, :d] = x
        # σ(a) = ½ tanh(½a) + ½: with three gates' weights halved, one tanh serves all four.
        halved = w.copy()
        halved[: 2 * u] *= 0.5
        halved[3 * u :] *= 0.5
        h = c = np.zeros_like(y[0])
        for t in flowing(len(y), backwards=self.backwards):
            joined[t, d:-1] = h
            gate = gates[t]
            np.matmul(halved, joined[t], gate)
            np.tanh(gate, gate)
            for part in (gate[: 2 * u], gate[3 * u :]):
                np.multiply(part, 0.5, part)
                np.add(part, 0.5, part)
            i, f, g, o = gate.reshape(4, u, -1)
            np.multiply(f, c, cells[t])
            np.add(cells[t], i * g, cells[t])
            np.tanh(cells[t], squashed[t])
            np.multiply(o, squashed[t], y[t])
            if lengths.ndim:
                np.copyto(cells[t], c, where=t >= lengths)
                np.copyto(y[t], h, where=t >= lengths)
            h, c = y[t], cells[t]

    def backward(
        self, dx: Array | None, dw: Array | None, dy: Array, w: Array, lengths: Array, joined: Array, gates: Array,
        cells: Array, squashed: Array,
    ) -> None:  # fmt: skip
        steps, u, n = dy.shape
        d = joined.shape[1] - u - 1
        dnet, dcell = self._slopes(gates, cells, squashed, u)
        forget = gates[:, u : 2 * u]
        later_h = later_c = np.zeros_like(dy[0])
        for t in flowing(steps, backwards=not self.backwards):
            dh, dc = dy[t] + later_h, later_c
            held_h = held_c = None
            if lengths.ndim:
                going = t < lengths
                held_h, held_c = dh * ~going, dc * ~going
                dh, dc = dh * going, dc * going
            dc = dc + dh * dcell[t]
            net = dnet[t].reshape(4, u, n)
            np.multiply(net[:3], dc, net[:3])
            np.multiply(net[3], dh, net[3])
            later_c = dc * forget[t]
            later_h = w[:, d:-1].T @ dnet[t]
            if held_h is not None and held_c is not None:
                later_h, later_c = later_h + held_h, later_c + held_c
        if dw is not None:
            weight_gradient(dw, dnet, joined)
        if dx is not None:
            np.matmul(w[:, :d].T, dnet, dx)

    def _slopes(self, gates: Array, cells: Array, squashed: Array, u: int) -> tuple[Array, Array]:
        """What ∂E/∂c (for o: ∂E/∂h) is multiplied by on its way to every gate's sum; and from h to c. In bulk."""
        i, f, g, o = (gates[:, k * u : (k + 1) * u] for k in range(4))
        before = np.zeros_like(cells)
        if self.backwards:
            before[:-1] = cells[1:]
        else:
            before[1:] = cells[:-1]
        slopes = np.empty_like(gates)
        slopes[:, :u] = g * i * (1 - i)
        slopes[:, u : 2 * u] = before * f * (1 - f)
        slopes[:, 2 * u : 3 * u] = i * (1 - g * g)
        slopes[:, 3 * u :] = squashed * o * (1 - o)
        dcell: Array = o * (1 - squashed * squashed)
        return slopes, dcell


class LSTM(Recurrent):
    """Gates decide what each cell takes in, keeps and shows, so that it can remember for long."""

    family: ClassVar[Family] = Family.RECURRENT
    prefix: ClassVar[str] = "lstm"

    forget_bias: float = Field(
        1.0,
        ge=-100,
        le=100,
        title="Forget bias",
        description="Where the forget gates' biases start: at 1 cells keep what they have. The others start at 0.",
    )

    @classmethod
    def order(cls) -> int:
        return 20

    def one_way(self, net: Builder, x: Value, *, backwards: bool) -> Value:
        bias = Initial(parts=(0.0, self.forget_bias, 0.0, 0.0))
        w = joined_parameter(self, net, x, bias=bias, suffix=self.suffix(backwards), gates="ifgo")
        lengths = net.lengths(x)

        def expand(net: Builder, x: Value, w: Value, _: Value) -> Value:
            return _unrolled(net, x, w, lengths, self.units, backwards=backwards)

        given = lengths if lengths is not None else net.constant(x.shape[0])
        return net.composite(LongShortTerm(backwards=backwards), expand, x, w, given)


def _unrolled(net: Builder, x: Value, w: Value, lengths: Value | None, u: int, *, backwards: bool) -> Value:
    h, c = net.apply(Rest(u), name="h"), net.apply(Rest(u), name="c")
    moments: dict[int, Value] = {}
    new = "" if lengths is None else "new "
    for t in flowing(x.shape[0], backwards=backwards):
        with net.scope(at_step("t", t)):
            seen = net.apply(Join(), net.apply(Moment(t), x, name="x"), h, name="joined")
            sums = net.apply(WeightedSum(), seen, w, name="net")
            ops = {"i": Sigmoid(), "f": Sigmoid(), "g": Tanh(), "o": Sigmoid()}
            i, f, g, o = (
                net.apply(op, net.apply(Part(k * u, (k + 1) * u), sums, name=f"net {name}"), name=name)
                for k, (name, op) in enumerate(ops.items())
            )
            kept, taken = net.apply(Gated(), f, c, name="f·c"), net.apply(Gated(), i, g, name="i·g")
            cell = net.apply(Sum(), kept, taken, name=f"{new}c")
            shown = net.apply(Gated(), o, net.apply(Tanh(), cell, name="tanh c"), name=f"{new}h")
            if lengths is not None:
                cell = net.apply(Hold(t), cell, c, lengths, name="c")
                shown = net.apply(Hold(t), shown, h, lengths, name="h")
            c, h = cell, shown
            moments[t] = h
    return net.apply(Stack(), *(moments[t] for t in range(x.shape[0])), name="states")
