"""Receptive fields: which numbers one number can have been made of, and which it can reach, layer by layer.

They follow from what the ops say they see (`Op.sight`), whatever the numbers are: a window's pixels belong to its
field although only the largest was handed on, and a unit that is off still sees what it sees.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from annstudio.engine.program import AnyStep, Program, Role, Step
from annstudio.engine.sight import Bools, Sight
from annstudio.explain.told import Quantity

SEEN = (Role.FEED, Role.NOISE, Role.STATE, Role.VALUE)
"""What belongs to fields. Weights are seen by every place that shares them, which says nothing."""

Fields = Mapping[int, Bools]
"""By slot the elements that belong to a field, in the shape of one example; slots without any are not there."""


class Receptive:
    """Finds the fields of one program's numbers. What every step sees is worked out once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._sights: dict[tuple[int, int], Sight] = {}

    def field(self, quantity: Quantity) -> Fields:
        """The numbers that a number was made of, itself included, back to the data."""
        found = {quantity.slot: self._alone(quantity)}
        slots = self.program.slots
        for i, step, inputs in reversed(self._steps):
            lit = found.get(step.output)
            if lit is not None:
                for which, slot in inputs:
                    _add(found, slot, self._sight(i, step, which).seen(lit, slots[slot].shape))
        return found

    def reached(self, quantity: Quantity) -> Fields:
        """The numbers that a number has a part in, itself included, on to the loss."""
        found = {quantity.slot: self._alone(quantity)}
        slots = self.program.slots
        for i, step, inputs in self._steps:
            for which, slot in inputs:
                lit = found.get(slot)
                if lit is not None:
                    _add(found, step.output, self._sight(i, step, which).seeing(lit, slots[step.output].shape))
        return found

    def of_moment(self, step: AnyStep) -> Fields:
        """What a time step takes from outside, and what it hands on: the numbers of its moment in whole sequences."""
        found: dict[int, Bools] = {}
        slots = self.program.slots
        if not step.scope:
            return found
        moment = _moment(step)
        own = [one for one in self._steps if _moment(one[1]) == moment]
        written = {inner.output for _, inner, _ in own}
        for i, inner, inputs in own:
            for which, slot in inputs:
                if not slots[slot].scope:
                    whole = np.ones(slots[inner.output].shape, bool)
                    _add(found, slot, self._sight(i, inner, which).seen(whole, slots[slot].shape))
        for i, outer, inputs in self._steps:
            for which, slot in inputs if not outer.scope else ():
                if slot in written:
                    whole = np.ones(slots[slot].shape, bool)
                    shape = slots[outer.output].shape
                    _add(found, outer.output, self._sight(i, outer, which).seeing(whole, shape))
        return found

    def _sight(self, i: int, step: Step, which: int) -> Sight:
        if (i, which) not in self._sights:
            shapes = [self.program.slots[slot].shape for slot in step.inputs]
            self._sights[i, which] = step.op.sight(which, *shapes)
        return self._sights[i, which]

    @cached_property
    def _steps(self) -> list[tuple[int, Step, list[tuple[int, int]]]]:
        """The steps on the way to the loss, with those of their inputs that count, by position and slot."""
        slots = self.program.slots
        return [
            (i, step, [(k, slot) for k, slot in enumerate(step.inputs) if slots[slot].role in SEEN])
            for i, step in enumerate(self.program.steps)
            if isinstance(step, Step) and not step.backward and slots[step.output].role is Role.VALUE
        ]

    def _alone(self, quantity: Quantity) -> Bools:
        lit = np.zeros(self.program.slots[quantity.slot].shape, bool)
        lit[quantity.index] = True
        return lit


def _moment(step: AnyStep) -> tuple[str, str]:
    """The layer on the outermost drawing, and the time step in it."""
    return step.node.partition("/")[0], step.scope


def _add(found: dict[int, Bools], slot: int, more: Bools) -> None:
    if more.any():
        found[slot] = found[slot] | more if slot in found else more
