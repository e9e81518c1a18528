"""Explaining at the desk: a walk through batches, and what becomes of those that were gone through to their end.

While one looks the project stays as it is. Going on to the next batch is learning: the batches that lie behind are kept
as one entry of undo when Explain is left, or before anything else is edited. Stepping reckons in float64, and what was
seen is what is kept, to the last digit; training in float32 rounds it when it takes it up.
"""

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

    def explain(self, sample: int | None = None, *, whole_batch: bool | None = None) -> None:
        """Begin to step through the network with one example, or with the batch that training would do next; or go on
        with another one. Raises StudioError where that cannot be."""
        if self.training:
            self.pause()
        whole = self.whole_batch if whole_batch is None else whole_batch
        chosen = self.sample if sample is None else sample
        if self.journey is None:
            self.journey = self.network.journey(None if whole else chosen)
        else:
            place = self.journey.place
            self.journey.divert(replace(place, sample=None if whole else chosen % _course(self.journey).n_examples))
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


def _course(journey: Journey[Place]) -> Course:
    assert isinstance(journey.course, Course)
    return journey.course


def _counted(n: int) -> str:
    return f"{n} batch{'es' if n > 1 else ''}"
