"""Going through a sequence moment by moment: at once in one op, or written out, as the plain reading has it."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Op, Shape
from annstudio.layers.recurrent.steps import Hold, Moment, Rest, Stack
from annstudio.ordinals import at_step

States = tuple[Value, ...]
"""What a moment hands on to the next: first its state h, which is also its result."""
Turn = Callable[[Value, States, str], States]
"""From what is seen now and the states before to the states after, whose names begin with the word given."""


class AllMoments(Op):
    """All moments at once: `x` (T, D, N) and weights with `gates_per_unit` rows for every unit → (T, units, N).

    `lengths` says where every sequence ends, and has no axis where all go to the end.
    """

    without_gradient = frozenset({"lengths"})
    gates_per_unit: ClassVar[int] = 1

    def __init__(self, *, backwards: bool) -> None:
        self.backwards = backwards

    def shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], inputs[1][0] // self.gates_per_unit)


def flowing(steps: int, *, backwards: bool) -> Sequence[int]:
    """The moments in the order in which they are gone through."""
    return range(steps - 1, -1, -1) if backwards else range(steps)


def all_states(
    net: Builder, x: Value, op: AllMoments, turning: Callable[..., Turn], *weights: Value, names: str = "h"
) -> Value:
    """The states after every moment, (T, units): by `op`, or written out by the turn that `turning(net, *weights)`
    gives. `names` has a letter for each state; of the op's inputs the lengths are the last."""
    lengths = net.lengths(x)

    def expand(net: Builder, x: Value, *given: Value) -> Value:
        turn, units = turning(net, *given[:-1]), op.shape(x.shape, given[0].shape)[1]
        states: States = tuple(net.apply(Rest(units), name=name) for name in names)
        results: dict[int, Value] = {}
        for t in flowing(x.shape[0], backwards=op.backwards):
            with net.scope(at_step("t", t)):
                after = turn(net.apply(Moment(t), x, name="x"), states, "" if lengths is None else "new ")
                states = after if lengths is None else _held(net, t, after, states, lengths, names)
                results[t] = states[0]
        return net.apply(Stack(), *(results[t] for t in range(x.shape[0])), name="states")

    return net.composite(op, expand, x, *weights, net.constant(x.shape[0]) if lengths is None else lengths)


def _held(net: Builder, t: int, new: States, old: States, lengths: Value, names: str) -> States:
    """The old states where a sequence has ended; what h comes from before h."""
    pairs = reversed([*zip(new, old, names, strict=True)])
    held = [net.apply(Hold(t), after, before, lengths, name=name) for after, before, name in pairs]
    return tuple(reversed(held))
