"""What recurrent nodes have in common: settings, directions, and the weights of [x; h; 1]."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial, suited
from annstudio.engine.program import View
from annstudio.layers.base import Layer, TrainableField
from annstudio.layers.framing import need_sequence
from annstudio.layers.merge import Join
from annstudio.layers.recurrent.steps import Moment
from annstudio.layers.restraint import L1Field, L2Field, MaxNormField, restrain
from annstudio.layers.starting import (
    ConstantField,
    DeviationField,
    InputInitializerField,
    LimitField,
    StateInitializerField,
    drawn_start,
)

Direction = Literal["forward", "backward", "both"]


class Recurrent(Layer):
    """A layer that goes through a sequence (T, D). Sequences that end early hold their last state to the end."""

    units: int = Field(16, ge=1, le=10_000, title="Units", description="How many numbers the layer keeps in mind.")
    return_sequences: bool = Field(
        False, title="Every step", description="Whether it gives its state after every step, or after the last only."
    )
    direction: Direction = Field(
        "forward",
        title="Direction",
        description="From which end it reads; both (bidirectional): two layers, one from each end, their results side "
        "by side.",
    )
    initializer: InputInitializerField = "auto"
    constant: ConstantField = 0.1
    limit: LimitField = 0.5
    deviation: DeviationField = 0.05
    recurrent_initializer: StateInitializerField = "orthogonal"
    trainable: TrainableField = True
    l1: L1Field = 0.0
    l2: L2Field = 0.0
    max_norm: MaxNormField = 0.0

    @abstractmethod
    def one_way(self, net: Builder, x: Value, *, backwards: bool) -> Value:
        """The states after every step, (T, units), for one direction."""

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_sequence(net, x)
        ways = [way for way in ("forward", "backward") if self.direction in (way, "both")]
        results = []
        for way in ways:
            with net.scope("back") if len(ways) > 1 and way == "backward" else nullcontext():
                states = self.one_way(net, x, backwards=way == "backward")
                net.measure(states, net.lengths(x))
                if not self.return_sequences:
                    last = 0 if way == "backward" else x.shape[0] - 1
                    states = net.apply(Moment(last), states, name="last")
            results.append(states)
        restrain(net, self)
        return results[0] if len(results) == 1 else net.apply(Join(), *results, name="out")

    def inputs_start(self, n_inputs: int, gates: int) -> Initial:
        """Where the weights of the inputs begin."""
        return drawn_start(self, suited(self.initializer, "tanh"), n_inputs, gates * self.units)

    def state_start(self, gates: int) -> Initial:
        """Where the weights of the state before begin."""
        return Initial(self.recurrent_initializer, self.units, gates * self.units)

    def suffix(self, backwards: bool) -> str:
        """Behind the names of weights: those of the second direction are told apart."""
        return "_back" if backwards and self.direction == "both" else ""

    @property
    def summary(self) -> str:
        arrow = {"forward": "", "backward": " ←", "both": " ⇄"}[self.direction]
        return f"{type(self).__name__} {self.units}{arrow}" + (" · every step" if self.return_sequences else "")


def joined_parameter(
    layer: Recurrent, net: Builder, x: Value, *, bias: Initial, suffix: str, gates: str = ""
) -> Value:  # fmt: skip
    """One array (gates · units, D + units + 1) with the views W (of inputs), U (of the state before) and b; `gates`
    has a letter for each gate, and is empty where there are none."""
    d, u, n = x.shape[1], layer.units, max(len(gates), 1)
    parts: dict[str, tuple[slice | int, Initial]] = {
        "W": (slice(d), layer.inputs_start(d, n)),
        "U": (slice(d, d + u), layer.state_start(n)),
        "b": (d + u, bias),
    }
    views = [gate_view(f"{name}{suffix}", columns, start, gates) for name, (columns, start) in parts.items()]
    return net.parameter((n * u, d + u + 1), views, trainable=layer.trainable)


def gate_view(name: str, columns: slice | int, start: Initial, gates: str) -> View:
    """Some columns of an array whose rows are units, gate by gate."""
    names = ("gate and unit" if gates else "unit", "input")
    return View(
        name, (slice(None), columns), start, axis_names=names[: 1 + isinstance(columns, slice)], gates=gates
    )  # fmt: skip


def flowing(steps: int, *, backwards: bool) -> Sequence[int]:
    """The moments in the order in which they are gone through."""
    return range(steps - 1, -1, -1) if backwards else range(steps)
