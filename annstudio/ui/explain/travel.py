"""Going through batches: on and back, over boxes and into them, to breakpoints, and from one batch to the next."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from annstudio.engine.program import Phase
from annstudio.errors import StudioError
from annstudio.explain.journey import Journey
from annstudio.explain.moments import Grain
from annstudio.explain.stepper import Stepper
from annstudio.explain.walk import Walk
from annstudio.training.course import Place
from annstudio.ui.explain.going import go
from annstudio.ui.patience import GivenUp


class Travel(QObject):
    """A walk through one batch, and a journey from batch to batch. `begun` says that everything is another, `moved`
    that the moment is, `marked` that other nodes are stopped at; `refused(words)`: why one cannot go where one wanted
    to.
    """

    begun = Signal()
    moved = Signal()
    marked = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.walk: Walk | None = None
        self.journey: Journey[Place] | None = None
        self.going = False
        """Whether a long way is being gone: nothing may be asked of the batch meanwhile."""
        self.breakpoints: frozenset[str] = frozenset()

    def _walk_through(self, stepper: Stepper, grain: Grain, place: int | None = None) -> None:
        """Another batch is at hand."""
        raise NotImplementedError

    @property
    def _walk(self) -> Walk:
        assert self.walk is not None, "nothing is being walked through"
        return self.walk

    def set_breakpoints(self, nodes: frozenset[str]) -> None:
        """Stop at these nodes from now on."""
        self.breakpoints = nodes
        self.marked.emit()

    # Going -----------------------------------------------------------------------------------------------------------

    @property
    def can_go_on(self) -> bool:
        """Whether there is a next step: in this batch, or the first of the next."""
        walk, journey = self.walk, self.journey
        return walk is not None and (walk.place < len(walk) or (journey is not None and not journey.stuck))

    @property
    def can_step_back(self) -> bool:
        """Whether there is a step before: in this batch, or the last of the one before."""
        walk, journey = self.walk, self.journey
        return walk is not None and (walk.place > 0 or (journey is not None and journey.number > 0))

    def to(self, place: int) -> None:
        if self.walk is not None and not self.going and place != self.walk.place:
            self.walk.to(place)
            self.moved.emit()

    def step(self) -> None:
        """One step on; behind the last one the next batch begins."""
        if self._at_end:
            self.next_batch()
        elif self.walk is not None:
            self.to(self.walk.place + 1)

    def back(self) -> None:
        """One step back; before the first one is the end of the batch before."""
        if self._at_start:
            self._to_end_before()
        elif self.walk is not None:
            self.to(self.walk.place - 1)

    def next_operation(self) -> None:
        self._go(Walk.next_operation)

    def previous_operation(self) -> None:
        self._go(Walk.previous_operation)

    def next_layer(self) -> None:
        if self._at_end:
            self.next_batch()
        else:
            self._go(Walk.next_layer)

    def previous_layer(self) -> None:
        if self._at_start:
            self._to_end_before()
        else:
            self._go(Walk.previous_layer)

    def over(self) -> None:
        """On over what comes next, whatever it holds."""
        self._go(Walk.over)

    def into(self) -> None:
        """Into the block or the recurrent layer at hand, or the next."""
        self._go(Walk.into)

    def out(self) -> None:
        """On to the end of the block or the recurrent layer that we are in."""
        self._go(Walk.out)

    def next_breakpoint(self) -> None:
        if self.walk is not None and (place := self.walk.next_stop(self.breakpoints)) is not None:
            self.to(place)

    def previous_breakpoint(self) -> None:
        if self.walk is not None and (place := self.walk.previous_stop(self.breakpoints)) is not None:
            self.to(place)

    def has_stop(self, way: int) -> bool:
        """Whether there is a breakpoint further on (`way` 1) or before (−1)."""
        walk = self.walk
        to = Walk.next_stop if way > 0 else Walk.previous_stop
        return walk is not None and to(walk, self.breakpoints) is not None

    def to_phase_end(self, phase: Phase) -> None:
        self._go(lambda walk: walk.to_phase_end(phase))

    def to_position(self, position: int) -> None:
        """To the moment when so many steps of the program are done."""
        self._go(lambda walk: walk.to_position(position))

    def _go(self, way: Callable[[Walk], None]) -> None:
        """Go a way; where it opens or closes a box all moments are others."""
        if self.walk is not None and not self.going:
            opened = self.walk.opened
            way(self.walk)
            (self.moved if self.walk.opened == opened else self.begun).emit()

    @property
    def _at_end(self) -> bool:
        return self.walk is not None and self.walk.place >= len(self.walk)

    @property
    def _at_start(self) -> bool:
        return self.walk is not None and not self.walk.place

    # From batch to batch ---------------------------------------------------------------------------------------------

    def has_batch(self, way: int) -> bool:
        """Whether there is a next batch (`way` 1) or one before (−1)."""
        journey = self.journey
        return journey is not None and (not journey.stuck if way > 0 else journey.number > 0)

    def next_batch(self) -> None:
        """To the start of the next batch."""
        if self.journey is not None:
            self.to_batch(self.journey.number + 1)

    def previous_batch(self) -> None:
        """To the start of the batch before."""
        if self.journey is not None and self.journey.number:
            self.to_batch(self.journey.number - 1)

    def _to_end_before(self) -> None:
        if self.journey is not None and self.journey.number:
            self.to_batch(self.journey.number - 1, at_end=True)

    def to_batch(self, number: int, *, at_end: bool = False) -> None:
        """To the start, or the end, of the batch before which `number` lie. A long way is gone in a thread; where the
        user gives it up all is as it was."""
        walk, journey = self.walk, self.journey
        if walk is None or journey is None or self.going:
            return
        here, start, place = journey.here(), journey.number, None
        self.going = True
        try:
            go(self._window, journey, number)
            if at_end:
                journey.stepper.to(len(journey.stepper))
        except GivenUp:
            journey.return_to(start, here)
            place = walk.place
        except StudioError as error:
            self.refused.emit(str(error))
        finally:
            self.going = False
        self._walk_through(journey.stepper, walk.grain, place)
        self.begun.emit()
