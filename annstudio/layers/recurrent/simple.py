"""The simple recurrent network: what a layer says now depends on what it sees and on what it said a moment ago.

Source: Elman (1990).
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import suited_bias
from annstudio.engine.op import Array, Buffer, Op, Shape, signature
from annstudio.layers.activation import ACTIVATIONS, activate
from annstudio.layers.base import Family
from annstudio.layers.dense import WeightedSum
from annstudio.layers.merge import Join
from annstudio.layers.products import weight_gradient
from annstudio.layers.recurrent.node import Recurrent, flowing, joined_parameter
from annstudio.layers.recurrent.steps import Hold, Moment, Rest, Stack
from annstudio.ordinals import at_step

StateActivation = Literal["linear", "sigmoid", "tanh", "relu"]


class Elman(Op):
    """All moments at once: h_t = f(W x_t + U h_{t−1} + b). `x` (T, D, N), `w` (u, D + u + 1), columns [x; h; 1]."""

    formula = r"h_t = f(W x_t + U h_{t-1} + b)"
    without_gradient = frozenset({"lengths"})

    def __init__(self, activation: StateActivation, *, backwards: bool) -> None:
        self.activation = activation
        self.backwards = backwards

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][0])

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        (steps, d), units = inputs[0], inputs[1][0]
        return {"joined": Buffer((steps, d + units + 1), fill=1.0, shown=False)}

    def forward(self, y: Array, x: Array, w: Array, lengths: Array, joined: Array) -> None:
        d = x.shape[1]
        joined[:, :d] = x
        h = np.zeros_like(y[0])
        for t in flowing(len(y), backwards=self.backwards):
            joined[t, d:-1] = h
            np.matmul(w, joined[t], y[t])
            if self.activation != "linear":
                ACTIVATIONS[self.activation].forward(y[t], y[t])
            if lengths.ndim:
                np.copyto(y[t], h, where=t >= lengths)
            h = y[t]

    def backward(
        self, dx: Array | None, dw: Array | None, dy: Array, y: Array, w: Array, lengths: Array, joined: Array
    ) -> None:
        steps, u = dy.shape[:2]
        d = joined.shape[1] - u - 1
        dnet = self._slopes(y)
        later = np.zeros_like(dy[0])
        for t in flowing(steps, backwards=not self.backwards):
            dh = dy[t] + later
            held = dh * (t >= lengths) if lengths.ndim else None
            if held is not None:
                dh = dh - held
            np.multiply(dnet[t], dh, dnet[t])
            later = w[:, d:-1].T @ dnet[t]
            if held is not None:
                later = later + held
        if dw is not None:
            weight_gradient(dw, dnet, joined)
        if dx is not None:
            np.matmul(w[:, :d].T, dnet, dx)

    def _slopes(self, y: Array) -> Array:
        """f′ at every moment: all activations to choose from tell it by their result."""
        slopes = np.ones_like(y)
        if self.activation != "linear":
            op = ACTIVATIONS[self.activation]
            assert signature(op).backward == ("dx", "dy", "y")
            op.backward(slopes, np.ones_like(y), y)
        return slopes


class SimpleRNN(Recurrent):
    """Reads a sequence step by step; what it says depends on the step and on what it said before."""

    family: ClassVar[Family] = Family.RECURRENT
    prefix: ClassVar[str] = "rnn"

    activation: StateActivation = Field(
        "tanh", title="Activation", description="What every unit does with its weighted sum."
    )

    @classmethod
    def order(cls) -> int:
        return 10

    def one_way(self, net: Builder, x: Value, *, backwards: bool) -> Value:
        w = joined_parameter(self, net, x, bias=suited_bias(self.activation), suffix=self.suffix(backwards))
        lengths = net.lengths(x)

        def expand(net: Builder, x: Value, w: Value, _: Value) -> Value:
            return self._unrolled(net, x, w, lengths, backwards=backwards)

        given = lengths if lengths is not None else net.constant(x.shape[0])
        return net.composite(Elman(self.activation, backwards=backwards), expand, x, w, given)

    def _unrolled(self, net: Builder, x: Value, w: Value, lengths: Value | None, *, backwards: bool) -> Value:
        h = net.apply(Rest(self.units), name="h")
        moments: dict[int, Value] = {}
        for t in flowing(x.shape[0], backwards=backwards):
            with net.scope(at_step("t", t)):
                seen = net.apply(Join(), net.apply(Moment(t), x, name="x"), h, name="joined")
                new = activate(net, self.activation, net.apply(WeightedSum(), seen, w, name="net"))
                h = new if lengths is None else net.apply(Hold(t), new, h, lengths, name="h")
                moments[t] = h
        return net.apply(Stack(), *(moments[t] for t in range(x.shape[0])), name="states")
