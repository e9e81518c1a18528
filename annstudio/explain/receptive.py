"""Receptive fields: which numbers one number can have been made of, and which it can reach, layer by layer.

They follow from what the ops say they see (`Op.sight`), whatever the numbers are: a window's pixels belong to its
field although only the largest was handed on, and a unit that is off still sees what it sees.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from annstudio.engine.program import Program, Role, Step
from annstudio.engine.sight import Bools
from annstudio.explain.derivation import Quantity

SEEN = (Role.FEED, Role.NOISE, Role.STATE, Role.VALUE)
"""What belongs to fields. Weights are seen by every place that shares them, which says nothing."""

Fields = Mapping[int, Bools]
"""By slot the elements that belong to a field, in the shape of one example; slots without any are not there."""


def field(program: Program, quantity: Quantity) -> Fields:
    """The numbers that a number was made of, itself included, back to the data."""
    found = {quantity.slot: _alone(program, quantity)}
    for step, inputs in reversed(list(_forward(program))):
        lit = found.get(step.output)
        if lit is None:
            continue
        shapes = [program.slots[slot].shape for slot in step.inputs]
        for which, slot in inputs:
            seen = step.op.sight(which, *shapes).seen(lit, shapes[which])
            _add(found, slot, seen)
    return found


def reached(program: Program, quantity: Quantity) -> Fields:
    """The numbers that a number has a part in, itself included, on to the loss."""
    found = {quantity.slot: _alone(program, quantity)}
    for step, inputs in _forward(program):
        shapes = [program.slots[slot].shape for slot in step.inputs]
        for which, slot in inputs:
            if slot in found:
                seeing = step.op.sight(which, *shapes).seeing(found[slot], program.slots[step.output].shape)
                _add(found, step.output, seeing)
    return found


def _forward(program: Program) -> Iterator[tuple[Step, list[tuple[int, int]]]]:
    """The steps on the way to the loss, with those of their inputs that count, by position and slot."""
    for step in program.steps:
        if not isinstance(step, Step) or step.backward or program.slots[step.output].role is not Role.VALUE:
            continue
        yield step, [(k, slot) for k, slot in enumerate(step.inputs) if program.slots[slot].role in SEEN]


def _alone(program: Program, quantity: Quantity) -> Bools:
    lit = np.zeros(program.slots[quantity.slot].shape, bool)
    lit[quantity.index] = True
    return lit


def _add(found: dict[int, Bools], slot: int, more: Bools) -> None:
    if more.any():
        found[slot] = found[slot] | more if slot in found else more
