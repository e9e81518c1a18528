"""The batches of a run one at a time, as training would do them: which examples, at what rate, and where the run stands
after each. Training does them in a row; Explain walks through them on and back.
"""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from annstudio.data.order import Indices
from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.engine.schedules import Moment, Schedule
from annstudio.errors import TrainingError
from annstudio.training.batches import Rows, epoch_order
from annstudio.training.buckets import Buckets
from annstudio.training.metrics import NO_SCORE, Evaluator, judge_of
from annstudio.training.patience import Patience, known_best, watched_losses
from annstudio.training.record import EPOCH_COLUMNS, Record, Recorder
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Progress

FLUSH_STEPS = 1000
"""How often the optimiser's memory is freed of numbers next to nothing."""


def order_of(train: Indices, settings: TrainingSettings, epoch: int, buckets: Buckets | None = None) -> Indices:
    """The examples of an epoch in their order: only those to learn from, never those kept back."""
    n = settings.examples_per_update
    if not settings.shuffle or n >= len(train):
        return train
    order = epoch_order(train, settings.seed, epoch)
    if buckets is None or not settings.group_by_length or not buckets.useful:
        return order
    return buckets.grouped(order, n, settings.seed, 1 + epoch)


def rate_of(settings: TrainingSettings, at: Moment) -> float:
    """The learning rate at a moment: the optimiser's own, or what a schedule makes of it."""
    return settings.optimizer.learning_rate * settings.schedule.factor(at)


def epochs_in_all(settings: TrainingSettings, epoch: int) -> int:
    """When the run is over that stands in this epoch: one that is over and started again goes on for as many more."""
    return settings.epochs if epoch < settings.epochs else epoch + settings.epochs


@dataclass(frozen=True, eq=False)
class Place:
    """Where a walk through the batches stands: the run's `progress` (but for its memory and record, which are those of
    the start), how many epochs have ended on the way, and which batch is next: one example (`sample`), or with None the
    batch that training would do."""

    progress: Progress
    ended: int = 0
    sample: int | None = None
    beside: tuple[int, ...] = ()
    """Examples that are in one batch with `sample`, where it is not alone."""
    went_back: bool = False
    """Whether early stopping has just gone back to the best weights."""


@dataclass(frozen=True, eq=False)
class NextBatch:
    """What the batch at a place begins with: the feeds, the number that its noise is drawn for, its learning rate, and
    where a schedule makes that, the schedule and where training stands."""

    feeds: Mapping[int, Array]
    number: int
    rate: float
    paced: tuple[Schedule, Moment] | None = None


class Course:
    """Which batch comes at a place, and which place comes after it. `arena` holds the run's weights.

    What it writes down on the way (losses and epochs) is the same whenever a place is passed again.
    """

    def __init__(
        self, program: Program, arena: Arena, rows: Rows, train: Indices, validation: Indices,
        settings: TrainingSettings, start: Progress, predict: Callable[[], Program], buckets: Buckets | None = None,
    ) -> None:  # fmt: skip
        self._program, self._arena, self._rows = program, arena, rows
        self._train, self._validation, self._settings = train, validation, settings
        self._start, self._predict, self._buckets = start, predict, buckets
        self._judge = judge_of(program, rows.dataset)
        self._evaluator: Evaluator | None = None
        self._order: tuple[int, Indices] | None = None
        self._losses: array[float] = array("d")
        self._epochs: array[float] = array("d")

    @property
    def learns(self) -> bool:
        """Whether batches change anything: there is a loss, and a weight that it may move."""
        parameters = self._program.parameters
        return self._program.loss is not None and any(not self._arena.still(p).all() for p in parameters)

    @property
    def n_examples(self) -> int:
        """How many examples the data has, those kept back too."""
        return len(self._rows.dataset)

    def begin(self, sample: int | None) -> Place:
        """The place that the run stands at."""
        best = known_best(self._start.best, self._arena.weights())
        place = Place(replace(self._start, best=best), 0, sample)
        if self._start.position >= max(len(self._train), 1):
            # More examples are kept back than when the run was left: this epoch has used enough.
            return self._end_epoch(place)
        return place

    def at(self, place: Place) -> NextBatch:
        """The batch that begins at a place. Raises DataError or TrainingError where there is none."""
        feeds = self._rows.feeds(self._program, self.examples(place))
        schedule, moment = self._settings.schedule, self._moment(place)
        paced = None if schedule.steady else (schedule, moment)
        return NextBatch(feeds, place.progress.step, rate_of(self._settings, moment), paced)

    def examples(self, place: Place) -> Array:
        """The examples of the batch that begins at a place, by their place in the data. Raises TrainingError."""
        if place.sample is not None:
            return np.array([place.sample, *place.beside]) % self.n_examples
        settings, program = self._settings, self._program
        if program.loss is None:
            raise TrainingError("The network has no loss, so no batch is learned from.", "Explain one example.")
        if not len(self._train):
            raise TrainingError("There are no examples to learn from.", "Keep fewer back: lower the validation share.")
        if settings.accumulate > 1 and program.couples_examples:
            raise TrainingError(
                f"This network looks at all {settings.batch_size} examples of a batch together, and several batches "
                "make one update: they cannot be shown as one.",
                "Set Batches per update to 1, or explain one example.",
            )
        return self._next_in_turn(place.progress)

    def after(self, place: Place, run: Run) -> Place:
        """The place behind a batch, whose run is at its end."""
        in_turn = place.sample is None or (not place.beside and self._is_next(place.sample, place.progress))
        sample = None if place.sample is None else (place.sample + 1) % self.n_examples
        place = replace(place, sample=sample, beside=tuple(n + 1 for n in place.beside), went_back=False)
        if self._program.loss is None:
            return place
        progress, loss, n = place.progress, run.loss, run.n
        _put(self._losses, progress.step - self._start.step, (loss,))
        progress = replace(progress, step=progress.step + 1)
        if progress.step % FLUSH_STEPS == 0:
            self._arena.flush()
        if not in_turn:
            # An example on its own has no part in the epoch: its turn in training's order comes all the same.
            return replace(place, progress=progress)
        hits = self._judge.hits(run) if self._judge else 0.0
        progress = replace(
            progress, position=progress.position + n, epoch_loss=progress.epoch_loss + loss * n,
            epoch_hits=progress.epoch_hits + hits,
        )  # fmt: skip
        place = replace(place, progress=progress)
        return place if progress.position < len(self._train) else self._end_epoch(place)

    def progress(self, place: Place) -> Progress:
        """All that is needed to go on with training from a place; the arena must be as it was there."""
        recorder = Recorder(self._record(place))
        recorder.add_steps(np.array(self._losses[: place.progress.step - self._start.step]))
        return replace(place.progress, memory=self._arena.memory(), record=recorder.record())

    # Private ---------------------------------------------------------------------------------------------------------

    def _next_in_turn(self, progress: Progress) -> Array:
        """The examples of the batch that training would do."""
        if self._order is None or self._order[0] != progress.epoch:
            order = order_of(self._train, self._settings, progress.epoch, self._buckets)
            self._order = progress.epoch, order
        return self._order[1][progress.position : progress.position + self._settings.examples_per_update]

    def _is_next(self, sample: int, progress: Progress) -> bool:
        """Whether an example on its own is the very batch that training would do."""
        n = min(self._settings.examples_per_update, len(self._train) - progress.position)
        return n == 1 and int(self._next_in_turn(progress)[0]) == sample % self.n_examples

    def _moment(self, place: Place) -> Moment:
        """Where the batch that training would do here stands, seen from its middle."""
        settings, progress, n_train = self._settings, place.progress, max(len(self._train), 1)
        n = min(settings.examples_per_update, max(n_train - progress.position, 1))
        losses: Sequence[float] = () if settings.schedule.steady else watched_losses(self._record(place))
        total = epochs_in_all(settings, progress.epoch)
        return Moment(progress.epoch + (progress.position + 0.5 * n) / n_train, total, losses)

    def _end_epoch(self, place: Place) -> Place:
        progress = place.progress
        n, mean = progress.position, progress.epoch_loss / progress.position
        score = NO_SCORE
        if len(self._validation):
            self._evaluator = self._evaluator or Evaluator(self._predict(), self._arena, self._rows)
            score = self._evaluator.score(self._validation)
        accuracy = progress.epoch_hits / n if self._judge else math.nan
        epoch, best, over = progress.epoch + 1, progress.best, False
        # Nobody knows how long an epoch takes that is walked through.
        row = (epoch, mean, accuracy, score.loss, score.accuracy, math.nan)
        if self._settings.patience:
            patience = Patience(self._settings.patience, self._record(place), best)
            over = patience.is_over(mean if math.isnan(score.loss) else score.loss, self._arena)
            best = patience.best
            if over and best is not None:
                self._arena.go_back(best.weights)
        _put(self._epochs, place.ended, row)
        progress = replace(progress, epoch=epoch, position=0, epoch_loss=0.0, epoch_hits=0.0, best=best)
        return replace(place, progress=progress, ended=place.ended + 1, went_back=over)

    def _record(self, place: Place) -> Record:
        """The run's record with the epochs that ended up to a place."""
        ended = np.array(self._epochs[: place.ended * len(EPOCH_COLUMNS)]).reshape(-1, len(EPOCH_COLUMNS))
        return replace(self._start.record, epochs=np.concatenate([self._start.record.epochs, ended]))


def _put(rows: "array[float]", at: int, row: tuple[float, ...]) -> None:
    """Write down what belongs to a place, which may have been passed before."""
    rows[at * len(row) : (at + 1) * len(row)] = array("d", row)
