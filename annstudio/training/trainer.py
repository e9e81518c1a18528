"""Training as a generator: it does batches and yields what happened, and never waits for anybody.

Whoever drives it (the worker thread, the command line, a test) reads its messages; what they want of it they put into
`Control`, which is read between two batches.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from time import perf_counter, sleep

import numpy as np

from annstudio.data.order import Indices
from annstudio.engine.arena import Arena, Checkpoint, Weights
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.engine.planning import plan_for
from annstudio.engine.program import Program
from annstudio.engine.schedules import Moment
from annstudio.errors import DataError
from annstudio.training.batch import Batches, Making, Told
from annstudio.training.batches import Rows
from annstudio.training.buckets import Buckets
from annstudio.training.control import Control, Locking
from annstudio.training.course import FLUSH_STEPS, order_of, rate_of
from annstudio.training.metrics import NO_SCORE, Evaluator, judge_of
from annstudio.training.patience import Patience, known_best, watched_losses
from annstudio.training.record import Record, Recorder
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Edited, Finished, Progress, Snapshot, Views
from annstudio.training.trouble import find_trouble
from annstudio.training.watch import Watch

FRAME_SECONDS = 0.04
"""How often a snapshot is made; its cost must not be felt by training."""
BREATH_SECONDS = 0.002
"""How often other threads are let in: keeps the window fluent while tiny networks train."""
LONG_BREATH_SECONDS = 0.01
"""The same where NumPy's calls are long enough to let others in themselves: a sleep of no time costs up to 80 µs."""
TINY_PACE = 8
"""Networks that do so many batches within PACE_SECONDS are tiny."""
PACE_SECONDS = 0.0005
"""How long batches are done without a look at the clock; what is asked is looked for after each."""
KEEP_STEPS = 128
"""Good weights are kept, to go back to when the numbers run away: so often at first, later more rarely."""


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
    train: Indices
    validation: Indices
    settings: TrainingSettings
    progress: Progress
    max_steps: int | None = None
    stop_at_epoch_end: bool = False
    plan: Plan | None = None
    """How to carry it out; None: what is best on this machine is found out first."""
    locked: Weights = field(default_factory=dict)
    """Which numbers must not move: arrays of bool by name."""
    buckets: Buckets | None = None
    """What short sequences go through, where they are of different length."""


def steps_between(step: int) -> int:
    """How many steps lie between weights that are kept: a power of two, KEEP_STEPS or at most a sixteenth of what was
    done by then."""
    return max(KEEP_STEPS, 1 << (step // 16).bit_length() >> 1)


Messages = Generator[Snapshot | Edited | Finished, None, None]


def train(job: Job, control: Control | None = None) -> Messages:
    """Train; the last message is Finished. The arrays of a job are read, never written."""
    training = _Training(job, control or Control())
    try:
        yield from training.messages()
    except DataError as error:
        # Examples that are read from a file batch by batch may be gone by now; what was learned is not.
        yield training.finished("data", str(error))
    finally:
        training.batches.close()


class _Training:
    """The state of one stretch: arena, runs by batch size, and where in the epoch we are."""

    def __init__(self, job: Job, control: Control) -> None:
        self.job, self.control, self.settings = job, control, job.settings
        self.arena = Arena(job.programs.fast, job.settings.dtype)
        self.arena.load(job.weights)
        self.arena.lock(job.locked)
        self.arena.use(job.settings.optimizer, job.settings.clipping)
        self.arena.remember(job.progress.memory)
        n = min(len(job.train), job.settings.batch_size)
        self.plan = job.plan or plan_for(job.programs.fast, job.settings.dtype, n)
        self.evaluator = Evaluator(job.programs.predict, self.arena, job.rows, job.buckets)
        self.judge = judge_of(job.programs.fast, job.rows.dataset)
        self.watch = Watch(job.programs.look, job.programs.fast, self.arena, job.rows)
        making = Making(
            job.programs.fast, self.arena, job.rows, self.judge, job.settings.seed, self.plan, job.settings.batch_size
        )
        self.batches = Batches(making, len(job.train), job.buckets)
        self.steps_left: float = math.inf if job.max_steps is None else job.max_steps
        self.order = job.train
        self.step, self.epoch, self.position = job.progress.step, job.progress.epoch, job.progress.position
        self.epoch_loss, self.epoch_hits = job.progress.epoch_loss, job.progress.epoch_hits
        self.recorder = Recorder(job.progress.record)
        self.watched = list(watched_losses(job.progress.record))
        best = known_best(job.progress.best, job.weights)
        self.patience = Patience(job.settings.patience, job.progress.record, best)
        self.early = False
        self.told = Told()
        self.trace = self.control.trace
        if self.trace is not None:
            self.trace.begin(self.arena)
        self.loss = math.nan
        self.began = self.framed = self.breathed = self.slept = self.looked = perf_counter()
        self.step_looked_at = self.step
        self.pace = 1
        self.seen_before = 0
        self.seen = 0
        self.speed = 0.0
        self.epoch_began = self.began
        self.good = self.arena.checkpoint()
        self.candidate: Checkpoint | None = None
        """Weights that will be the good ones once they have given a finite loss."""

    def messages(self) -> Messages:
        if self.position >= len(self.job.train):
            # More examples are kept back than when the run was left: this epoch has used enough.
            self._end_epoch()
        self.order = self._order()
        while not self.over:
            if self.control.stop:
                yield self.finished("paused")
                return
            if self.control.asked:
                yield from self._take_edits()
            if not self._stretch():
                yield self._not_finite(self._indices())
                return
            if self.breathed - self.framed > FRAME_SECONDS:
                yield self._snapshot(self.breathed)
                # How long the message was looked at is no time of ours.
                self.framed = self.breathed = self.looked = perf_counter()
        yield self.finished("done" if self.early or self.epoch >= self.settings.epochs else "limit")

    @property
    def over(self) -> bool:
        """Whether all that was asked for is done."""
        return self.epoch >= self.settings.epochs or self.steps_left == 0

    def _stretch(self) -> bool:
        """Batches until somebody wants something or ought to be told something; False where a loss is not finite."""
        # Whether the numbers are good is asked of the loss, once a step.
        with np.errstate(all="ignore"):
            while not self.control.asked:
                if not self._batches():
                    return False
                if self.over:
                    return True
                now = perf_counter()
                self._set_pace(now)
                if now - self.breathed > BREATH_SECONDS:
                    if self.pace >= TINY_PACE or now - self.slept > LONG_BREATH_SECONDS:
                        sleep(0)
                        self.slept = now
                    self.looked = self.breathed = now
                    if now - self.framed > FRAME_SECONDS:
                        return True
        return True

    def _set_pace(self, now: float) -> None:
        done = self.step - self.step_looked_at
        fitting = int(done * PACE_SECONDS / max(now - self.looked, 1e-7))
        self.pace = max(1, min(2 * self.pace, fitting))
        self.looked, self.step_looked_at = now, self.step

    def _order(self) -> Indices:
        return order_of(self.job.train, self.settings, self.epoch, self.job.buckets)

    def _indices(self) -> Array:
        """The examples of the batch that is next."""
        return self.order[self.position : self.position + self.settings.examples_per_update]

    def _batches(self) -> bool:
        """Some updates in a row; False (and nothing updated by the last) where a loss is not finite."""
        n = min(self.settings.examples_per_update, len(self.order) - self.position)
        if not self.settings.schedule.steady:
            self._set_rate(n)
        before = len(self.told.losses)
        batch, count = self.batches.of(self.order, self.position, n, self._count(n))
        try:
            return batch.go(self.order, self.position, count, self.step, self.told, self.control)
        finally:
            # Where examples cannot be had any more, what was done before counts all the same.
            if losses := self.told.losses[before:]:
                self._count_in(n, losses)

    def _count(self, n: int) -> int:
        """How many batches of `n` may be done before anything else must be."""
        if not self.settings.schedule.steady or self.trace is not None:
            return 1
        if n == len(self.order):
            left = self.settings.epochs - self.epoch if self._epochs_are_steps else 1
        else:
            left = (len(self.order) - self.position) // n
        # When memory is flushed and weights are kept must not hang on the clock: the same bits, whatever the pace.
        due = min(every - self.step % every for every in (FLUSH_STEPS, steps_between(self.step)))
        return int(min(self.pace, left, self.steps_left, due))

    @property
    def _epochs_are_steps(self) -> bool:
        """Whether nothing but its loss is asked of an epoch."""
        return not (len(self.job.validation) or self.patience.epochs or self.job.stop_at_epoch_end)

    def _count_in(self, n: int, losses: list[float]) -> None:
        """Batches of `n` examples that were done."""
        done = len(losses)
        if self.candidate is not None:
            # Only weights that have given a finite loss are known to be good.
            self.good, self.candidate = self.candidate, None
        self.step += done
        self.seen += n * done
        self.loss = losses[-1]
        self.steps_left -= done
        if self.trace is not None:
            self.trace.note(self.loss)
        if self.step % FLUSH_STEPS == 0:
            self.arena.flush()
        if self.step % steps_between(self.step) == 0:
            self.candidate = self.arena.checkpoint()
        if n == len(self.order) and done > 1:
            self._end_steps(losses)
            return
        self.position += n * done
        for loss in losses:
            # One after the other: the same bits, however many were done in a row.
            self.epoch_loss += loss * n
        self.epoch_hits += sum(self.told.hits)
        self.told.hits.clear()
        if self.position >= len(self.order):
            self._end_epoch()
            self.order = self._order()
            if self.job.stop_at_epoch_end:
                self.steps_left = 0

    def _set_rate(self, n: int) -> None:
        """The learning rate of the batch of `n` examples at hand, seen from its middle."""
        moment = Moment(
            self.epoch + (self.position + 0.5 * n) / len(self.job.train), self.settings.epochs, self.watched
        )
        self.arena.rate[()] = rate_of(self.settings, moment)

    def _end_epoch(self) -> None:
        n = self.position
        score = self.evaluator.score(self.job.validation) if len(self.job.validation) else NO_SCORE
        accuracy = self.epoch_hits / n if self.judge else math.nan
        now = perf_counter()
        mean = self.epoch_loss / n
        self.epoch += 1
        self.recorder.add_epoch(self.epoch, mean, accuracy, score.loss, score.accuracy, now - self.epoch_began)
        self.epoch_began = now
        self.position, self.epoch_loss, self.epoch_hits = 0, 0.0, 0.0
        self.watched.append(mean if math.isnan(score.loss) else score.loss)
        if self.patience.is_over(self.watched[-1], self.arena):
            assert self.patience.best is not None
            self.arena.go_back(self.patience.best.weights)
            self.early, self.steps_left = True, 0

    def _end_steps(self, losses: list[float]) -> None:
        """Several epochs of one batch each."""
        now, n = perf_counter(), len(losses)
        accuracies = np.array(self.told.hits) / len(self.order) if self.judge else np.full(n, np.nan)
        self.recorder.add_epochs(self.epoch + 1, losses, accuracies, (now - self.epoch_began) / n)
        self.epoch += n
        self.epoch_began = now
        self.watched += losses
        self.told.hits.clear()

    def _take_edits(self) -> Messages:
        """Carry out what was asked for between two batches."""
        self.control.asked = False
        settings, self.control.settings = self.control.settings, None
        if settings is not None:
            # What orders the examples of a run that is under way stays as it is until the next run.
            kept = {name: getattr(self.settings, name) for name in ("seed", "dtype", "shuffle", "group_by_length")}
            before, self.settings = self.settings, settings.model_copy(update=kept)
            if self.job.buckets is not None and before.examples_per_update != self.settings.examples_per_update:
                # What is of similar length is put together for batches of one size: as if the run began again here.
                self.order = self._order()
            if self.settings.batch_size != self.batches.most:
                self.batches.forget(self.settings.batch_size)
            self.arena.use(self.settings.optimizer, self.settings.clipping)
            self.patience.epochs = self.settings.patience
            now = self.arena.checkpoint()
            self.good = replace(now, values=self.good.values, states=self.good.states)
        while self.control.edits:
            edit = self.control.edits.popleft()
            if isinstance(edit, Locking):
                self.arena.lock(edit.locked)
                continue
            yield Edited(self.arena.weights(), self.progress(), edit.key, edit.index, edit.value)
            with np.errstate(over="ignore"):
                self.arena.view(edit.key)[edit.index] = edit.value
            self.candidate = self.arena.checkpoint()

    def _record(self) -> Record:
        if self.told.losses:
            self.recorder.add_steps(np.array(self.told.losses))
            self.told.losses.clear()
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
            left / speed, self.views(), float(self.arena.rate),
        )  # fmt: skip

    def views(self) -> Views | None:
        sample = self.control.watch
        return None if sample is None else self.watch.look(sample, self.settings.seed, self.step)

    def progress(self) -> Progress:
        return Progress(
            self.step,
            self.epoch,
            self.position,
            self.epoch_loss,
            self.epoch_hits,
            self.arena.memory(),
            self._record(),
            plan=self.plan,
            best=self.patience.best,
        )

    def finished(self, reason: str, trouble: str = "") -> Finished:
        seconds = max(perf_counter() - self.began, 1e-9)
        return Finished(self.arena.weights(), self.progress(), reason, trouble, self.views(), self.seen / seconds)

    def _not_finite(self, indices: Array) -> Finished:
        """Say where it began, by running the batch again step by step, and go back to the last good weights."""
        trouble = find_trouble(
            self.job.programs.plain, self.arena.weights(), self.job.rows, indices, self.settings, self.step
        )
        self.arena.restore(self.good)
        return self.finished("not finite", trouble)
