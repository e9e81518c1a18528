"""From batch to batch, on and back: when the update of one is done the next begins, and going back is exact.

What the arena held is kept before some batches, the further apart the longer the way is; batches between are done again
from there by the very same steps. So memory stays flat however far one goes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from annstudio.engine.arena import Arena, Checkpoint
from annstudio.engine.op import Array
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run
from annstudio.engine.schedules import Moment, Schedule
from annstudio.errors import TrainingError
from annstudio.explain.stepper import Stepper

MOST_MARKS = 24
"""At so many batches at most the arena's numbers are kept along the way, and at as many again about where one is."""
MARK_BYTES = 256 * 2**20
"""Large networks are kept at fewer places: together they take no more than this, unless two alone do."""

P = TypeVar("P")


class Fed(Protocol):
    """What a batch begins with: feeds by slot, examples first; the number its noise is drawn for; its learning rate,
    and what makes it."""

    @property
    def feeds(self) -> Mapping[int, Array]: ...
    @property
    def number(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def paced(self) -> tuple[Schedule, Moment] | None: ...


class Course(Protocol[P]):
    """Which batch comes at a place, and which place comes behind it. Both depend on nothing else but the arena, so that
    a way can be gone again; `after` may change the arena, as early stopping does."""

    def at(self, place: P) -> Fed: ...
    def after(self, place: P, run: Run) -> P: ...


@dataclass(frozen=True, eq=False)
class Mark(Generic[P]):
    """How things stand before a batch: its place, the arena's numbers, and what is carried on example by example."""

    place: P
    arena: Checkpoint
    carried: Mapping[tuple[int, int], Array]


class Journey(Generic[P]):
    """Walks through batches. `number` of them lie behind; `stepper` is the cursor in the one at hand."""

    def __init__(self, program: Program, arena: Arena, course: Course[P], start: P, seed: int = 0) -> None:
        self.program = program
        self.arena = arena
        self.course = course
        self.seed = seed
        self.number = 0
        self.spacing = 1
        self._runs: dict[int, Run] = {}
        self._carried = [s.index for s in program.slots if s.role is Role.STATE and s.batched]
        self._detours: dict[int, P] = {}
        self._begin(start, course.at(start))
        size = sum(array.nbytes for array in (self.stepper.start.values, *self.stepper.start.vectors.values()))
        self.most = max(2, min(MOST_MARKS, MARK_BYTES // max(size, 1)))
        self._marks: dict[int, Mark[P]] = {0: self._mark()}
        self._near: dict[int, Mark[P]] = {}

    # Where we are ----------------------------------------------------------------------------------------------------

    @property
    def stuck(self) -> bool:
        """Whether the loss of the batch at hand is no number, so that nothing can come after it."""
        loss = self.program.loss
        return loss is not None and self.stepper.known(loss) and not math.isfinite(self.stepper.run.loss)

    @property
    def n_marks(self) -> int:
        """At how many batches the arena's numbers are kept."""
        return len(self._marks.keys() | self._near.keys())

    # Going -----------------------------------------------------------------------------------------------------------

    def to(self, number: int) -> None:
        """To the start of the batch before which `number` lie. Raises StudioError where it cannot begin."""
        for _ in self.way(number):
            pass

    def way(self, number: int) -> Iterator[int]:
        """Go there step by step; tells after each in which batch one is. Stopping halfway is allowed: one is somewhere
        on the way then."""
        number = max(0, number)
        start, back = self._nearest(number), number < self.number
        if back or start > self.number:
            self._return_to(start)
        elif number == self.number:
            self.stepper.to(0)
        stretch, apart = number // self.spacing * self.spacing, -(-self.spacing // self.most)
        if back:
            # Whoever goes back goes on going back, as a rule: the stretch is done again once, not for every batch.
            self._near = {n: mark for n, mark in self._near.items() if n <= number}
        while self.number < number:
            yield from self._on()
            if not back or (self.number - stretch) % apart == 0:
                self._keep_near(number if back else self.number)
            yield self.number

    def divert(self, place: P) -> None:
        """Let the batch at hand be another one, such as another example; what came after it is forgotten. Raises
        StudioError where that cannot be, and leaves everything as it is."""
        fed = self.course.at(place)
        self.stepper.to(0)
        self._detours = {number: other for number, other in self._detours.items() if number < self.number}
        if self.number:
            self._detours[self.number] = place
        for marks in (self._marks, self._near):
            for number in [n for n in marks if n >= self.number]:
                del marks[number]
        self._begin(place, fed)
        if self.number % self.spacing == 0:
            self._marks[self.number] = self._mark()

    def make_room(self, n: int) -> None:
        """Get ready for batches of `n` examples, which takes a while for long programs. It touches nothing of the batch
        at hand, so that another thread may do it."""
        if n not in self._runs:
            self._runs[n] = Run(self.program, self.arena, n)

    def here(self) -> Mark[P]:
        """The batch at hand, to come back to without going the way again."""
        return self._mark()

    def return_to(self, number: int, mark: Mark[P]) -> None:
        """To the start of a batch where `here` was asked."""
        self._near[number] = mark
        self._return_to(number)

    # Private ---------------------------------------------------------------------------------------------------------

    def _on(self) -> Iterator[int]:
        """Do what is left of the batch at hand, and begin the next."""
        for _ in self.stepper.way(len(self.stepper)):
            yield self.number
        if self.stuck:
            raise TrainingError(
                "The loss is no longer a finite number, so no batch can follow.", "Try a smaller learning rate."
            )
        place = self.course.after(self.place, self.stepper.run)
        place = self._detours.get(self.number + 1, place)
        self._begin(place, self.course.at(place))
        self.number += 1
        if self.number % self.spacing == 0 and self.number not in self._marks:
            self._keep_mark()

    def _keep_mark(self) -> None:
        self._marks[self.number] = self._mark()
        while len(self._marks) > self.most:
            self.spacing *= 2
            self._marks = {number: mark for number, mark in self._marks.items() if number % self.spacing == 0}

    def _keep_near(self, about: int) -> None:
        """Keep the batch at hand, and of those kept so the ones that lie nearest to where one is going."""
        self._near[self.number] = self._mark()
        while len(self._near) > self.most:
            del self._near[max(self._near, key=lambda number: abs(number - about))]

    def _nearest(self, number: int) -> int:
        return max(n for n in (*self._marks, *self._near) if n <= number)

    def _mark(self) -> Mark[P]:
        carried = {(n, slot): run.arrays[slot].copy() for n, run in self._runs.items() for slot in self._carried}
        return Mark(self.place, self.stepper.start, carried)

    def _return_to(self, number: int) -> None:
        mark = self._marks.get(number) or self._near[number]
        fed = self.course.at(mark.place)
        self.arena.restore(mark.arena)
        for (n, slot), array in mark.carried.items():
            np.copyto(self._runs[n].arrays[slot], array)
        self._begin(mark.place, fed)
        self.number = number

    def _begin(self, place: P, fed: Fed) -> None:
        n = len(next(iter(fed.feeds.values()))) if fed.feeds else 1
        self.make_room(n)
        self.arena.rate[()] = fed.rate
        self.stepper: Stepper = Stepper(self.program, self.arena, fed.feeds, self.seed, fed.number, self._runs[n])
        self.stepper.paced = fed.paced
        self.place: P = place
