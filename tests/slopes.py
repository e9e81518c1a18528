"""Gradients by finite differences along a random direction: measured so that kinks and rounding are noticed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import Phase
from annstudio.engine.run import Run

CLOSENESS = 1e-6
"""The relative error that a gradient may have."""
DISTANCES = (2e-5, 2e-6)
"""How far to go: less far where a kink lies between."""
DIRECTIONS = 6
NOTHING = 1e-8
"""A slope of this size is level."""
CANCELLED = 1e-14
"""What may be left of terms that add up to nothing, as they do where the loss cannot change at all."""


@dataclass(frozen=True)
class Slope:
    """How the loss changes along a direction: what the gradients tell, what was measured, and how exactly."""

    told: float
    measured: float
    rounding: float
    """What rounding of the loss may make of the measured one."""

    @property
    def agrees(self) -> bool:
        """Whether the gradients are right."""
        return bool(abs(self.told - self.measured) <= CLOSENESS * abs(self.measured) + self.rounding + CANCELLED)


def to_update(run: Run) -> None:
    """Forward, loss and backward: weights and states stay what they are."""
    while not run.done and run.program.steps[run.cursor].phase is not Phase.UPDATE:
        run.step()


def slope(run: Run, slots: Iterable[int], seed: int = 1) -> Slope | None:
    """The slope of the loss where all these slots move at once, in float64; the gradients must be there.

    None where nothing can be said: kinks too near on all sides, or a loss so large that rounding drowns its slope.
    """
    rng = np.random.default_rng(seed)
    start = {slot: run.arrays[slot].copy() for slot in slots}
    gradients = {slot: run.arrays[run.program.gradients[slot]].copy() for slot in start}
    steepest = float(np.sqrt(sum(np.square(g).sum() for g in gradients.values())))
    for _ in range(DIRECTIONS):
        direction = {slot: rng.normal(size=array.shape) for slot, array in start.items()}
        told = sum(float((gradients[slot] * d).sum()) for slot, d in direction.items())
        if abs(told) < 0.2 * steepest:
            continue  # So nearly level that rounding would count.
        for h in DISTANCES:
            losses = [_loss(run, start, direction, far) for far in (h, -h, h / 2, -h / 2)]
            rounding = 8 * np.finfo(float).eps * max(map(abs, losses)) / h
            if rounding > max(CLOSENESS * abs(told), NOTHING):
                break
            coarse, fine = (losses[0] - losses[1]) / (2 * h), (losses[2] - losses[3]) / h
            if abs(coarse - fine) <= 100 * CLOSENESS * max(abs(coarse), abs(fine)) + rounding:
                # The bend, which both distances see, cancels out (Richardson's extrapolation).
                return Slope(told, (4 * fine - coarse) / 3, rounding)
    return None


def _loss(run: Run, start: dict[int, Array], direction: dict[int, Array], far: float) -> float:
    for slot, array in start.items():
        run.arrays[slot][...] = array + far * direction[slot]
    run.to_loss()
    loss = run.loss
    for slot, array in start.items():
        run.arrays[slot][...] = array
    return loss
