"""Explaining at the desk: a walk through batches, and what becomes of those that were gone through to their end.

While one looks the project stays as it is. Going on to the next batch is learning: the batches that lie behind are kept
as one entry of undo when Explain is left, or before anything else is edited. Stepping reckons in float64, and what was
seen is what is kept, to the last digit; training in float32 rounds it when it takes it up.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from psygnal import Signal

from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.explain.journey import Journey
from annstudio.explain.stepper import Stepper
from annstudio.session.editing import Editing
from annstudio.training.course import Course, Place


class Explaining(Editing):
    """The part of the desk that walks through batches."""

    activity_changed = Signal(str)

    def __init__(self, project: Project | None, file: Path | None) -> None:
        super().__init__(project, file)
        self.journey: Journey[Place] | None = None
        self._sample = 0
        self._ready: tuple[Project, int | None, Journey[Place]] | None = None
        """A walk that was made ahead: of which project, from which example on."""

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def activity(self) -> str:
        return "explain" if self.journey is not None else "edit"

    @property
    def stepper(self) -> Stepper | None:
        """The cursor in the batch that is explained."""
        return None if self.journey is None else self.journey.stepper

    @property
    def sample(self) -> int:
        """The example of the data that is looked at."""
        place = self.journey.place if self.journey is not None else None
        return self._sample if place is None or place.sample is None else place.sample

    @property
    def whole_batch(self) -> bool:
        """Whether the batch that is explained is one that training would do, rather than one example."""
        return self.journey is not None and self.journey.place.sample is None

    @property
    def several(self) -> bool:
        """Whether the batch that is explained is more than one example: one of training's, or examples put together."""
        return self.whole_batch or (self.journey is not None and bool(self.journey.place.beside))

    @property
    def examples(self) -> Array:
        """The examples of the batch that is explained, by their place in the data."""
        return np.zeros(0, int) if self.journey is None else _course(self.journey).examples(self.journey.place)

    @property
    def to_keep(self) -> int:
        """How many batches have been gone through to their end and are not in the project yet."""
        journey = self.journey
        return 0 if journey is None or not _course(journey).learns else journey.number

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty where there is nothing."""
        return f"Step {_counted(self.to_keep)}" if self.to_keep else self.document.undo_label

    # Doing -----------------------------------------------------------------------------------------------------------

    def readying(
        self, sample: int | None = None, *, whole_batch: bool | None = None, beside: tuple[int, ...] = ()
    ) -> Callable[[], None]:
        """What takes long about `explain` with the same words: work that another thread can do ahead of it. The work
        raises StudioError where one cannot explain."""
        if self.training:
            self.pause()
        whole, chosen, before = *self._wanted(sample, whole_batch), self.journey
        network, project, start = self.network, self.project, None if whole else chosen

        def work() -> None:
            journey = before or network.journey(start)
            if before is None:
                self._ready = project, start, journey
            if before is not None or beside:
                place = _other(journey, start, beside)
                journey.make_room(len(_course(journey).examples(place)))

        return work

    def explain(
        self, sample: int | None = None, *, whole_batch: bool | None = None, beside: tuple[int, ...] = ()
    ) -> None:
        """Begin to step through the network with one example, or with others `beside` it in one batch, or with the
        batch that training would do next; or go on with another one. Raises StudioError where that cannot be."""
        if self.training:
            self.pause()
        whole, chosen = self._wanted(sample, whole_batch)
        start = None if whole else chosen
        begun = self.journey is None
        journey = self.journey or self._made_ready(start) or self.network.journey(start)
        if not begun or beside:
            journey.divert(_other(journey, start, beside))
        self.journey = journey
        self._sample = chosen
        self.activity_changed.emit(self.activity)

    def leave_explain(self) -> None:
        """Back to the drawing; the batches that lie behind are kept."""
        if self.journey is not None:
            self._sample = self.sample
            journey, n = self.journey, self.to_keep
            self.journey = None
            if n:
                self._keep(journey, n)
                words = "was kept. Undo takes it back." if n == 1 else "were kept. Undo takes them back."
                self.told.emit("info", f"{_counted(n)} {words}")
            self.activity_changed.emit(self.activity)

    def keep_steps(self) -> None:
        """Put the batches that lie behind into the project; Explain goes on from there."""
        if self.journey is not None and self.to_keep:
            self._keep(self.journey, self.to_keep)

    # Private ---------------------------------------------------------------------------------------------------------

    def _wanted(self, sample: int | None, whole_batch: bool | None) -> tuple[bool, int]:
        """Whether a whole batch is explained, and which example of the data is looked at; what is not said stays."""
        whole = self.whole_batch if whole_batch is None else whole_batch
        return whole, self.sample if sample is None else sample

    def _made_ready(self, start: int | None) -> Journey[Place] | None:
        """The walk that was made ahead, if it is the one that is wanted."""
        ready, self._ready = self._ready, None
        return ready[2] if ready is not None and ready[0] is self.project and ready[1] == start else None

    def _drop_journey(self) -> None:
        """Stop explaining, and keep nothing."""
        if self.journey is not None:
            self._sample, self.journey = self.sample, None
            self.activity_changed.emit(self.activity)

    def _keep(self, journey: Journey[Place], n: int) -> None:
        """One entry of undo for all batches that lie behind; the walk goes on from there where it is not over."""
        position = journey.stepper.position
        journey.stepper.to(0)
        weights, progress = journey.arena.weights(), _course(journey).progress(journey.place)
        journey.stepper.to(position)
        self.document.apply(replace(self.project, weights=weights, progress=progress), f"Step {_counted(n)}")

    def _follow_explaining(self, before: Project, after: Project, *, structural: bool) -> None:
        """Other weights or settings are explained from the same moment on; another network is not."""
        journey = self.journey
        if journey is None:
            return
        same = all(getattr(before, name) is getattr(after, name) for name in ("weights", "locked", "progress"))
        if structural:
            self._drop_journey()
        elif not same or before.settings != after.settings:
            try:
                self.journey = self.network.journey(journey.place.sample)
            except StudioError as error:
                self._drop_journey()
                self.told.emit("error", str(error))
                return
            self.journey.stepper.to(journey.stepper.position)
            self.activity_changed.emit(self.activity)


def _other(journey: Journey[Place], start: int | None, beside: tuple[int, ...]) -> Place:
    """The batch at hand with another example and others beside it; with no example the one that training would do."""
    sample = None if start is None else start % _course(journey).n_examples
    return replace(journey.place, sample=sample, beside=beside)


def _course(journey: Journey[Place]) -> Course:
    assert isinstance(journey.course, Course)
    return journey.course


def _counted(n: int) -> str:
    return f"{n} batch{'es' if n > 1 else ''}"
