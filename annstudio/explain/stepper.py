"""A cursor over one Run: on, back, to the loss, to the update.

Every value has its own slot, so going back is only moving the cursor; what updates wrote is put back as it was.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np

from annstudio.engine.arena import Arena, Checkpoint
from annstudio.engine.op import Array
from annstudio.engine.program import AnyStep, Phase, Program, Role, Step, Update
from annstudio.engine.run import Run
from annstudio.engine.schedules import Moment, Schedule
from annstudio.explain.trial import Trial


class Stepper:
    """Steps through the plain program with one batch, in float64. `position` steps are done; the last is `current`.

    A `run` of before may be taken up again, for a batch of as many examples; the stepper that had it is of no use then.
    """

    def __init__(
        self, program: Program, arena: Arena, feeds: Mapping[int, Array], seed: int = 0, batch_number: int = 0,
        run: Run | None = None,
    ) -> None:  # fmt: skip
        self.program = program
        self.arena = arena
        self.feeds = dict(feeds)
        self.seed = seed
        self.batch_number = batch_number
        self.n = len(next(iter(feeds.values()))) if feeds else 1
        self.run = run or Run(program, arena, self.n)
        self.run.load(self.feeds, seed, batch_number)
        self.paced: tuple[Schedule, Moment] | None = None
        """Where a schedule makes the rate: the schedule, and where training stands in this batch."""
        self._before = arena.checkpoint()
        self._states = {s.index: self.run.arrays[s.index].copy() for s in program.slots if s.role is Role.STATE}
        updates = [i for i, s in enumerate(program.steps) if s.phase is Phase.UPDATE]
        self._first_update = updates[0] if updates else len(program.steps)

    # Where we are ----------------------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """How many steps are done."""
        return self.run.cursor

    def __len__(self) -> int:
        return len(self.program.steps)

    @property
    def current(self) -> AnyStep | None:
        """The step that was done last."""
        return self.program.steps[self.position - 1] if self.position else None

    @cached_property
    def written_by(self) -> dict[int, int]:
        """Which step writes a slot, by position in the program; slots that are given are not in it, nor are states."""
        found: dict[int, int] = {}
        for i, step in enumerate(self.program.steps):
            if isinstance(step, Step):
                for slot in step.writes:
                    found.setdefault(slot, i)
        given = {parameter.slot for parameter in self.program.parameters}.union(self._states)
        return {slot: i for slot, i in found.items() if slot not in given}

    @property
    def start(self) -> Checkpoint:
        """What the arena held when the batch began."""
        return self._before

    @property
    def rate(self) -> float:
        """The learning rate of this batch: the optimiser's own number, or what a schedule made of it."""
        optimizer = self.arena.optimizer
        own = 0.0 if optimizer is None else optimizer.learning_rate
        # In float32 the array holds the setting rounded; without a schedule the setting itself is meant.
        return own if self.arena.rate == self.arena.dtype.type(own) else float(self.arena.rate)

    def known(self, slot: int) -> bool:
        """Whether the slot's value has been computed by now."""
        at = self.written_by.get(slot)
        return at is None or at < self.position

    def array(self, slot: int) -> Array:
        """The array of a slot, the examples last."""
        return self.run.arrays[slot]

    def updated(self, parameter: int) -> bool:
        """Whether a parameter (by position in the program) has its new value already."""
        return any(
            isinstance(step, Update) and parameter in step.parameters
            for step in self.program.steps[self._first_update : self.position]
        )

    def before_update(self, slot: int) -> Array:
        """A slot's array as the batch began with it: what updates and carried states change is told as it was."""
        for parameter in self.program.parameters:
            if parameter.slot == slot:
                return self.arena.at_checkpoint(self._before, parameter)
        return self._states.get(slot, self.run.arrays[slot])

    # Going -----------------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """One step on; False at the end."""
        if self.run.done:
            return False
        self.to(self.position + 1)
        return True

    def back(self) -> bool:
        """One step back; False at the start."""
        if not self.position:
            return False
        self.to(self.position - 1)
        return True

    def to(self, position: int) -> None:
        """To the moment when `position` steps are done."""
        for _ in self.way(position):
            pass

    def way(self, position: int) -> Iterator[int]:
        """Go there step by step; tells after each how many are done. Stopping halfway is allowed."""
        position = max(0, min(position, len(self)))
        if position < self.position:
            if self.position > self._first_update:
                self.arena.restore(self._before)
                self._put_states(self.run)
                self.run.cursor = min(self._first_update, position)
            else:
                self.run.cursor = position
        while self.position < position:
            with np.errstate(all="ignore"):
                # Numbers that run away are looked at like any others.
                self.run.step()
            yield self.position

    @contextmanager
    def visit(self, position: int) -> Iterator[None]:
        """Stand at another moment for a while."""
        here = self.position
        self.to(position)
        try:
            yield
        finally:
            self.to(here)

    def to_phase_end(self, phase: Phase) -> None:
        """To the end of the loss, of the way back, or of the update."""
        if self.program.in_phase(phase):
            self.to(self.end_of(phase))

    def end_of(self, phase: Phase) -> int:
        """How many steps are done when a phase ends; all where there is no such phase."""
        places = self.program.in_phase(phase)
        return places[-1] + 1 if places else len(self)

    # Trying ----------------------------------------------------------------------------------------------------------

    def loss_with(self, slot: int, index: tuple[int, ...], value: float) -> float:
        """The loss of this very batch, noise included, were one number another: the network runs again."""
        return self.trial().loss_with(slot, index, value)

    def trial(self) -> Trial:
        """This very batch, noise included, to be run to the loss with one number changed."""
        return Trial(
            self.program, self._before, self.feeds, self._states, seed=self.seed, batch_number=self.batch_number
        )

    def double(self) -> "Stepper":
        """This very batch, noise included, on arrays of its own, up to the loss: for work in another thread, while this
        stepper goes where it likes."""
        arena = Arena(self.program, str(self.arena.dtype))
        arena.restore_values(self._before)
        ahead = tuple(step for step in self.program.steps if step.phase in (Phase.FORWARD, Phase.LOSS))
        program = replace(self.program, steps=ahead, training=False)
        run = Run(program, arena, self.n)
        self._put_states(run)
        return Stepper(program, arena, self.feeds, self.seed, self.batch_number, run)

    def _put_states(self, run: Run) -> None:
        for slot, state in self._states.items():
            np.copyto(run.arrays[slot], state)
