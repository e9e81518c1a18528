"""Several optimisers from the same start, side by side: each is a stretch of the project's own training."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from annstudio.engine.arena import Weights
from annstudio.engine.optimizers import Optimizer
from annstudio.engine.plan import PLAIN_PLAN
from annstudio.engine.schedules import Constant
from annstudio.training.control import Control
from annstudio.training.snapshot import Finished, Progress
from annstudio.training.trace import Coordinate, Trace, Track
from annstudio.training.trainer import Job, train

ENDLESS = 10_000_000
TELL_SECONDS = 0.1
"""How often ways are told of that are under way: each time they are copied as a whole."""


@dataclass(frozen=True)
class Race:
    """What is tried: `optimizers` from the two `start` numbers at `places` on, for `steps` batches of `batch_size`.

    With `alone` nothing but these two numbers moves, so the way lies on the surface; else all weights learn.
    """

    optimizers: tuple[Optimizer, ...]
    places: tuple[Coordinate, Coordinate]
    start: tuple[float, float]
    steps: int = 100
    batch_size: int = 32
    alone: bool = True

    def jobs(self, job: Job) -> list[Job]:
        """One job an optimiser: the same seed, so the same batches, and the same noise."""
        weights = dict(job.weights)
        for (key, index), value in zip(self.places, self.start, strict=True):
            weights[key] = np.array(weights[key])
            weights[key][index] = value
        common = replace(
            job, weights=weights, validation=job.train[:0], progress=Progress(), max_steps=self.steps,
            stop_at_epoch_end=False, plan=PLAIN_PLAN, locked=self._locked(job) if self.alone else job.locked,
        )  # fmt: skip
        # At a constant rate: a schedule would depend on how many epochs there are.
        changes = {
            "schedule": Constant(), "batch_size": self.batch_size, "accumulate": 1, "epochs": ENDLESS, "patience": 0,
        }  # fmt: skip
        return [
            replace(common, settings=job.settings.model_copy(update={**changes, "optimizer": optimizer}))
            for optimizer in self.optimizers
        ]

    def _locked(self, job: Job) -> Weights:
        """Everything but the two; of these what is locked stays so."""
        locked = {key: np.ones(array.shape, bool) for key, array in job.weights.items()}
        for key, index in self.places:
            own = job.locked.get(key)
            locked[key][index] = own is not None and own.shape == locked[key].shape and bool(own[index])
        return locked


@dataclass(frozen=True, eq=False)
class Way:
    """How far one of them has come; `end` once it has ended."""

    track: Track
    end: Finished | None = None


class Runner:
    """One job and the trace of its weights."""

    def __init__(self, job: Job, places: Sequence[Coordinate]) -> None:
        self._trace = Trace(places)
        self._messages = train(job, Control(trace=self._trace))
        self.end: Finished | None = None

    def go(self) -> None:
        """On to the next message."""
        message = next(self._messages, None)
        if isinstance(message, Finished):
            self.end = message

    @property
    def way(self) -> Way:
        return Way(self._trace.track, self.end)

    def close(self) -> None:
        self._messages.close()


def side_by_side(jobs: Sequence[Job], places: Sequence[Coordinate]) -> Iterator[tuple[Way, ...]]:
    """Do the jobs in turns, a few dozen milliseconds each, so that they are seen side by side. Yields now and then;
    the last ways have all come to their ends."""
    runners = [Runner(job, places) for job in jobs]
    told = perf_counter()
    try:
        while any(runner.end is None for runner in runners):
            for runner in runners:
                if runner.end is None:
                    runner.go()
                if perf_counter() - told > TELL_SECONDS:
                    yield tuple(one.way for one in runners)
                    told = perf_counter()
        yield tuple(one.way for one in runners)
    finally:
        for runner in runners:
            runner.close()


def retrace(job: Job, places: Sequence[Coordinate]) -> Iterator[Way]:
    """Do one job, noting where the weights at `places` go."""
    told = perf_counter()
    with closing(Runner(job, places)) as runner:
        while runner.end is None:
            runner.go()
            if perf_counter() - told > TELL_SECONDS:
                yield runner.way
                told = perf_counter()
        yield runner.way
