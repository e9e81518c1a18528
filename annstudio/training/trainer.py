"""Training as a generator: it does batches and yields what happened, and never waits for anybody.

Whoever drives it (the worker thread, the command line, a test) reads its messages; what they want of it they put into
`Control`, which is read between two batches.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter, sleep

import numpy as np

from annstudio.engine.arena import Arena, Weights
from annstudio.engine.op import Array
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import Rows, epoch_order
from annstudio.training.metrics import Evaluator, judge_of
from annstudio.training.record import Record, Recorder
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Edited, Finished, Progress, Snapshot, Views
from annstudio.training.trouble import find_trouble
from annstudio.training.watch import Watch

FRAME_SECONDS = 0.04
"""How often a snapshot is made; its cost must not be felt by training."""
BREATH_SECONDS = 0.002
"""How often other threads are let in: keeps the window fluent while tiny networks train."""
KEEP_SECONDS = 0.2
"""How often good weights are kept, to go back to when the numbers run away."""


@dataclass(frozen=True)
class Programs:
    """The readings of one network that training needs: `fast` to train, `predict` to judge, `plain` to find faults,
    `look` (plain, as in prediction) to show activations."""

    fast: Program
    predict: Program
    plain: Program
    look: Program


@dataclass(frozen=True)
class Job:
    """A stretch of training: from `progress` on, until the settings' epochs are over or `max_steps` are done."""

    programs: Programs
    weights: Weights
    rows: Rows
    train: Array
    validation: Array
    settings: TrainingSettings
    progress: Progress
    max_steps: int | None = None
    stop_at_epoch_end: bool = False


@dataclass(frozen=True)
class WeightEdit:
    """One number of one view to be changed between two batches."""

    key: str
    index: tuple[int, ...]
    value: float


@dataclass
class Control:
    """What others ask of a running training. Plain attributes and a deque: safe to write from another thread."""

    stop: bool = False
    settings: TrainingSettings | None = None
    edits: deque[WeightEdit] = field(default_factory=deque)
    watch: int | None = None
    """The example whose activations are wanted in snapshots; None for none."""


Messages = Iterator[Snapshot | Edited | Finished]


def train(job: Job, control: Control | None = None) -> Messages:
    """Train; the last message is Finished. The arrays of a job are read, never written."""
    return _Training(job, control or Control()).messages()


class _Training:
    """The state of one stretch: arena, runs by batch size, and where in the epoch we are."""

    def __init__(self, job: Job, control: Control) -> None:
        self.job, self.control, self.settings = job, control, job.settings
        self.arena = Arena(job.programs.fast, job.settings.dtype)
        self.arena.load(job.weights)
        self.arena.use(job.settings.optimizer)
        self.arena.remember(job.progress.memory)
        self.evaluator = Evaluator(job.programs.predict, self.arena, job.rows)
        self.judge = judge_of(job.programs.fast, job.rows.dataset)
        self.watch = Watch(job.programs.look, job.programs.fast, self.arena, job.rows)
        self.runs: dict[int, Run] = {}
        self.step, self.epoch, self.position = job.progress.step, job.progress.epoch, job.progress.position
        self.epoch_loss, self.epoch_hits = job.progress.epoch_loss, job.progress.epoch_hits
        self.recorder = Recorder(job.progress.record)
        self.losses: list[float] = []
        self.loss = math.nan
        self.began = self.framed = self.breathed = perf_counter()
        self.seen_before = 0
        self.seen = 0
        self.speed = 0.0
        self.epoch_began = self.began
        self.good = self.arena.checkpoint()
        self.keep = False
        self.kept = self.began

    def messages(self) -> Messages:
        n = len(self.job.train)
        if self.position >= n:
            # More examples are kept back than when the run was left: this epoch has used enough.
            self._end_epoch()
        order = self._order()
        steps_left = self.job.max_steps
        while self.epoch < self.settings.epochs and steps_left != 0:
            if self.control.stop:
                yield self._finished("paused")
                return
            if self.control.edits or self.control.settings is not None:
                yield from self._take_edits()
            if not self._batch(order[self.position : self.position + self.settings.batch_size]):
                yield self._not_finite(order[self.position : self.position + self.settings.batch_size])
                return
            steps_left = None if steps_left is None else steps_left - 1
            if self.position >= n:
                self._end_epoch()
                order = self._order()
                if self.job.stop_at_epoch_end:
                    break
            now = perf_counter()
            if now - self.breathed > BREATH_SECONDS:
                sleep(0)
                self.breathed = now
                self.keep = now - self.kept > KEEP_SECONDS
                if now - self.framed > FRAME_SECONDS:
                    yield self._snapshot(now)
        over = self.epoch >= self.settings.epochs
        yield self._finished("done" if over else "limit")

    def _order(self) -> Array:
        """The examples of this epoch in their order: only those to learn from, never those kept back."""
        train, settings = self.job.train, self.settings
        return train[epoch_order(len(train), settings.seed, self.epoch, settings.shuffle)]

    def _batch(self, indices: Array) -> bool:
        """One update; False (and nothing updated) where the loss is not finite."""
        run = self.runs.get(len(indices))
        if run is None:
            run = self.runs[len(indices)] = Run(self.job.programs.fast, self.arena, len(indices))
        run.load(self.job.rows.feeds(self.job.programs.fast, indices), self.settings.seed, self.step)
        with np.errstate(all="ignore"):
            # Whether the numbers are good is asked of the loss, once a step.
            run.to_loss()
            loss = run.loss
            if not math.isfinite(loss):
                return False
            if self.keep:
                # Only weights that have just given a finite loss are known to be good.
                self.good, self.kept, self.keep = self.arena.checkpoint(), perf_counter(), False
            run.finish()
        self.step += 1
        self.position += len(indices)
        self.seen += len(indices)
        self.loss = loss
        self.losses.append(loss)
        self.epoch_loss += loss * len(indices)
        if self.judge:
            self.epoch_hits += self.judge.hits(run)
        return True

    def _end_epoch(self) -> None:
        n = self.position
        score = self.evaluator.score(self.job.validation)
        accuracy = self.epoch_hits / n if self.judge else math.nan
        now = perf_counter()
        mean = self.epoch_loss / n
        self.epoch += 1
        self.recorder.add_epoch(self.epoch, mean, accuracy, score.loss, score.accuracy, now - self.epoch_began)
        self.epoch_began = now
        self.position, self.epoch_loss, self.epoch_hits = 0, 0.0, 0.0

    def _take_edits(self) -> Messages:
        """Carry out what was asked for between two batches."""
        settings, self.control.settings = self.control.settings, None
        if settings is not None:
            # What orders the examples of a run that is under way stays as it is until the next run.
            self.settings = settings.model_copy(
                update={"seed": self.settings.seed, "dtype": self.settings.dtype, "shuffle": self.settings.shuffle}
            )
            self.arena.use(self.settings.optimizer)
            now = self.arena.checkpoint()
            self.good = replace(now, values=self.good.values, states=self.good.states)
        while self.control.edits:
            edit = self.control.edits.popleft()
            yield Edited(self.arena.weights(), self.progress(), edit.key, edit.index, edit.value)
            with np.errstate(over="ignore"):
                self.arena.view(edit.key)[edit.index] = edit.value
            self.keep = True

    def _record(self) -> Record:
        if self.losses:
            self.recorder.add_steps(np.array(self.losses))
            self.losses.clear()
        return self.recorder.record()

    def _snapshot(self, now: float) -> Snapshot:
        elapsed = max(now - self.framed, 1e-9)
        speed = (self.seen - self.seen_before) / elapsed
        # A running mean, so that the figure can be read.
        self.speed = speed if not self.speed else 0.8 * self.speed + 0.2 * speed
        self.framed, self.seen_before = now, self.seen
        n, speed = len(self.job.train), max(self.speed, 1e-9)
        left = (self.settings.epochs - self.epoch) * n - self.position
        return Snapshot(
            self.step, self.epoch, self.position, n, self.loss, self._record(), self.speed,
            left / speed, self.views(),
        )  # fmt: skip

    def views(self) -> Views | None:
        sample = self.control.watch
        return None if sample is None else self.watch.look(sample, self.settings.seed, self.step)

    def progress(self) -> Progress:
        return Progress(
            self.step, self.epoch, self.position, self.epoch_loss, self.epoch_hits, self.arena.memory(), self._record()
        )

    def _finished(self, reason: str, trouble: str = "") -> Finished:
        seconds = max(perf_counter() - self.began, 1e-9)
        return Finished(self.arena.weights(), self.progress(), reason, trouble, self.views(), self.seen / seconds)

    def _not_finite(self, indices: Array) -> Finished:
        """Say where it began, by running the batch again step by step, and go back to the last good weights."""
        trouble = find_trouble(
            self.job.programs.plain, self.arena.weights(), self.job.rows, indices, self.settings, self.step
        )
        self.arena.restore(self.good)
        return self._finished("not finite", trouble)
