"""The loss of one batch run again with a single number changed: what a gradient claims, tried out.

A trial has arrays of its own, so it may run in another thread while the stepper stands where it is.
"""

from collections.abc import Mapping

import numpy as np

from annstudio.engine.arena import Arena, Checkpoint
from annstudio.engine.op import Array, Index
from annstudio.engine.program import Phase, Program, Step
from annstudio.engine.run import Run


class GivenUp(Exception):
    """Nobody wants to know any more."""


class Trial:
    """A batch on its way to the loss, with the noise of the batch; every try begins where the changed number is read.

    `states` are what was carried into the batch, by slot.
    """

    def __init__(
        self, program: Program, before: Checkpoint, feeds: Mapping[int, Array], states: Mapping[int, Array], *,
        seed: int = 0, batch_number: int = 0,
    ) -> None:  # fmt: skip
        self.program = program
        arena = Arena(program, str(before.values.dtype))
        arena.restore_values(before)
        self._run = Run(program, arena, len(next(iter(feeds.values()))) if feeds else 1)
        self._run.load(feeds, seed, batch_number)
        for slot, state in states.items():
            np.copyto(self._run.arrays[slot], state)
        ahead = [i for i, step in enumerate(program.steps) if step.phase in (Phase.FORWARD, Phase.LOSS)]
        self._end = ahead[-1] + 1 if ahead else 0
        self._clean = 0
        """So many steps hold what the batch itself gives; those behind may still hold what a try left."""
        self.given_up = False
        """Set from another thread: the next step raises GivenUp."""

    @property
    def loss(self) -> float:
        """The loss of the batch as it is."""
        self._on(self._clean, self._end)
        self._clean = self._end
        return self._run.loss

    def value(self, slot: int, place: Index) -> float:
        """A number of the batch as it is; the place of a slot with examples has the example last."""
        self._on(self._clean, self._end)
        self._clean = self._end
        return float(self._run.arrays[slot][place])

    def loss_with(self, slot: int, place: Index, value: float, reader: int | None = None) -> float:
        """The loss were that number another: for all who read it, or only for the step `reader`, by its position."""
        if slot == self.program.loss:
            return value
        first = self._first_reader(slot) if reader is None else reader
        if first is None:
            return self.loss
        if first > self._clean:
            self._on(self._clean, first)
        array = self._run.arrays[slot]
        own = array[place]
        array[place] = value
        after = self._end if reader is None else first + 1
        self._on(first, after)
        array[place] = own
        self._on(after, self._end)
        self._clean = first
        return self._run.loss

    def _first_reader(self, slot: int) -> int | None:
        steps = self.program.steps[: self._end]
        return next((i for i, step in enumerate(steps) if isinstance(step, Step) and slot in step.inputs), None)

    def _on(self, start: int, end: int) -> None:
        with np.errstate(all="ignore"):
            # Numbers that run away are tried like any others.
            self._run.cursor = start
            for _ in range(start, end):
                if self.given_up:
                    raise GivenUp
                self._run.step()
