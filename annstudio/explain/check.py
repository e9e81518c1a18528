"""A finite difference beside a gradient: the loss really run again with one number a little larger and smaller.

The step is fitted to the number: where the loss bends within it, a smaller one is tried, and a bend at the very number
(ReLU at 0, two equal winners of a pool) is told as what it is. Step size after Press et al., Numerical Recipes (2007),
5.7.
"""

import math
from dataclasses import dataclass

import numpy as np

from annstudio.engine.program import Program, Step
from annstudio.explain.told import Quantity
from annstudio.explain.trial import Trial

TOLERANCE = 1e-6
"""A gradient and a difference agree where they differ by no more than this share of them."""
LEAST = 1e-4
"""Smaller gradients are compared as if they were this large: a difference has no more digits."""
_EPSILON = float(np.finfo(float).eps)
_SHRINK, _TRIES = 8.0, 5
_STRAIGHT = 1e-4
"""Slopes to both sides that differ by no more than this share belong to a straight stretch."""
_ROUNDINGS = 8.0
"""By how many roundings a loss may be off."""


@dataclass(frozen=True)
class Check:
    """(E(w + h) − E(w − h)) / 2h beside a gradient."""

    value: float
    h: float
    error: float
    """|difference − gradient| relative to the larger of both (to `LEAST` where both are smaller)."""
    below: float = math.nan
    above: float = math.nan
    """The slopes to the left and to the right."""
    kink: bool = False
    """Whether the loss has a bend at the very number, so that both slopes differ however small the step."""
    noise: float = 0.0
    """How much of `error` may come from the rounding of the loss."""
    size: float = 1.0
    """The larger of difference and gradient."""

    @property
    def agrees(self) -> bool:
        """Whether the gradient is what the difference says; at a kink, whether it lies between both slopes."""
        return self.error < TOLERANCE + self.noise

    @property
    def digits(self) -> int:
        """How many leading digits agree."""
        if self.error == 0:
            return 15
        apart = self.gap / self.size if self.size else 1.0
        return min(15, math.floor(-math.log10(apart))) if apart < 1 else 0

    @property
    def gap(self) -> float:
        """How far gradient and difference are apart."""
        return self.error * max(self.size, LEAST)


@dataclass(frozen=True)
class Nudge:
    """What a gradient is the gradient of: the number, and the one step that reads it where only its share is meant.

    Without an example it is the first one's."""

    of: Quantity
    reader: int | None = None


def nudge(program: Program, gradient: Quantity) -> Nudge | None:
    """What has to be changed to check a gradient; None where no run can tell it (it is no gradient, or one step reads
    the number twice and only one of both shares is meant)."""
    if gradient.slot == program.gradients.get(program.loss if program.loss is not None else -1):
        return None
    for slot, whole in program.gradients.items():
        if whole == gradient.slot:
            return Nudge(Quantity(slot, gradient.index, gradient.example))
    for step in program.steps:
        if isinstance(step, Step) and step.backward and gradient.slot in step.gradients:
            slot = step.inputs[step.gradients.index(gradient.slot)]
            if step.inputs.count(slot) > 1:
                return None
            return Nudge(Quantity(slot, gradient.index, gradient.example), _forward_of(program, step))
    return None


def check(trial: Trial, nudge: Nudge, gradient: float) -> Check:
    """Check a gradient by running the loss again, twice where the loss is smooth, more often where it bends."""
    program, of = trial.program, nudge.of
    place = (*of.index, of.example or 0) if program.slots[of.slot].batched else of.index
    here, at = trial.loss, trial.value(of.slot, place)

    def tried(step: float) -> Check:
        above = trial.loss_with(of.slot, place, at + step, nudge.reader)
        below = trial.loss_with(of.slot, place, at - step, nudge.reader)
        right, left = (above - here) / ((at + step) - at), (here - below) / (at - (at - step))
        value = (above - below) / ((at + step) - (at - step))
        noise = _ROUNDINGS * _EPSILON * max(abs(here), abs(above), abs(below)) / step
        return _judged(value, step, gradient, left, right, noise)

    first = last = tried(_EPSILON ** (1 / 3) * max(1.0, abs(at)))
    for _ in range(_TRIES):
        gap = abs(last.above - last.below)
        straight = _STRAIGHT * max(abs(last.above), abs(last.below)) + 4 * last.noise * _scale(last.value, gradient)
        if not gap > straight:
            return last
        last = tried(last.h / _SHRINK)
        if abs(last.above - last.below) < gap / (_SHRINK / 2):
            # A curve: both slopes come together as the step becomes smaller.
            return last
    least, most = sorted((first.below, first.above))
    distance = max(least - gradient, gradient - most, 0.0)
    error = distance / _scale(least, most, gradient)
    size = max(abs(least), abs(most), abs(gradient))
    return Check(first.value, first.h, error, first.below, first.above, kink=True, noise=first.noise, size=size)


def _judged(value: float, h: float, gradient: float, below: float, above: float, noise: float) -> Check:
    scale = _scale(value, gradient)
    size = max(abs(value), abs(gradient))
    return Check(value, h, abs(value - gradient) / scale, below, above, noise=noise / scale, size=size)


def _scale(*values: float) -> float:
    return max(LEAST, *map(abs, values))


def _forward_of(program: Program, step: Step) -> int:
    """The position of the step that a step of the way back is the derivative of."""
    return next(
        i for i, other in enumerate(program.steps)
        if isinstance(other, Step) and not other.backward and other.output == step.output
    )  # fmt: skip
