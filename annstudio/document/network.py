"""What a project amounts to, worked out when first asked for: data, checks, programs, weights, predictions.

A Network is as frozen as its Project; the window's session and the command line both stand on it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from annstudio.data.base import Dataset
from annstudio.document.answering import Answering
from annstudio.document.compile import Checked, check, columns_of, compile_graph, with_warnings
from annstudio.document.project import Project, fitted
from annstudio.document.shorter import Shortening, ends_of
from annstudio.engine.arena import Arena, Weights, frozen, initial_weights
from annstudio.engine.builder import Spec
from annstudio.engine.layout import to_engine
from annstudio.engine.op import Array, shape_text
from annstudio.engine.passes import quicken
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program
from annstudio.engine.schedules import Moment
from annstudio.errors import DataError, GraphError, StudioError, TrainingError
from annstudio.explain.journey import Journey
from annstudio.explain.stepper import Stepper
from annstudio.training.batches import Rows, need_counts
from annstudio.training.buckets import Buckets
from annstudio.training.course import Course, Place, epochs_in_all, rate_of
from annstudio.training.metrics import EVALUATION_BATCH
from annstudio.training.patience import watched_losses
from annstudio.training.snapshot import Progress, Views
from annstudio.training.trainer import Job, Programs
from annstudio.training.watch import Watch

JUDGES = 1 << 16
"""At most so many of the examples that are kept back judge after every epoch: more would tell the third digit."""
ALL = np.iinfo(np.int32).max
"""A length that no sequence goes beyond."""


class Network:
    """A project compiled piece by piece. `folder` is where the project file lies, for relative data paths."""

    def __init__(self, project: Project, folder: Path | None = None) -> None:
        self.project = project
        self.folder = folder

    def followed_by(self, project: Project) -> "Network":
        """The network of another project; what does not depend on what changed is taken over."""
        self._note_plan()
        following = type(self)(project, self.folder)
        mine = vars(self)
        same_data = project.data == self.project.data
        if same_data:
            following._take(mine, ("dataset_or_problem", "rows_by_dtype"))
        if same_data and _meaning(project) == _meaning(self.project):
            same_numbers = project.weights is self.project.weights and project.locked is self.project.locked
            following._take(mine, ("checked",) if same_numbers else ())
            following._take(mine, ("_drawn", "programs", "plain", "buckets", "_plans", "_starts", "_part_starts"))
        return following

    def _take(self, known: dict[str, object], names: tuple[str, ...]) -> Self:
        vars(self).update({name: known[name] for name in names if name in known})
        return self

    # Data ------------------------------------------------------------------------------------------------------------

    @cached_property
    def dataset_or_problem(self) -> Dataset | DataError | None:
        """The data, None where none is chosen, or why it cannot be had."""
        if self.project.data is None:
            return None
        try:
            return self.project.data.load(self.folder)
        except DataError as error:
            return error

    @property
    def dataset(self) -> Dataset | None:
        found = self.dataset_or_problem
        return found if isinstance(found, Dataset) else None

    @property
    def columns(self) -> dict[str, Spec]:
        return columns_of(self.dataset)

    def need_dataset(self) -> Dataset:
        """The data. Raises DataError where it is missing."""
        found = self.dataset_or_problem
        if isinstance(found, DataError):
            raise found
        if found is None:
            raise DataError("The project has no data.", "Choose data in the Data panel.")
        return found

    @cached_property
    def rows_by_dtype(self) -> dict[str, Rows]:
        return {}

    def rows(self, dtype: str) -> Rows:
        return self.rows_by_dtype.setdefault(dtype, Rows(self.need_dataset(), dtype))

    # Meaning ---------------------------------------------------------------------------------------------------------

    @cached_property
    def checked(self) -> Checked:
        project = self.project
        return with_warnings(self._drawn, project.graph, project.weights, project.locked)

    @cached_property
    def _drawn(self) -> Checked:
        return check(self.project.graph, self.columns)

    @cached_property
    def programs(self) -> Programs:
        """The programs that training needs. Raises GraphError where the drawing has a problem."""
        return Programs(
            quicken(self._compile(training=True, plain=False)),
            quicken(self._compile(training=False, plain=False)),
            self.plain,
            self._compile(training=False, plain=True),
        )

    @cached_property
    def plain(self) -> Program:
        """The program that keeps every value: what Explain steps through."""
        return self._compile(training=True, plain=True)

    @property
    def uneven(self) -> bool:
        """Whether it reads sequences of different length."""
        return bool(ends_of(self.project.graph))

    @cached_property
    def buckets(self) -> Buckets | None:
        """What batches of short sequences go through; None where all are of one length."""
        make = Shortening(self.project.graph, self.columns)
        return Buckets(self.need_dataset(), make.ends, make) if make.ends else None

    def _compile(self, *, training: bool, plain: bool) -> Program:
        return compile_graph(self.project.graph, self.columns, training=training, plain=plain)

    # Weights ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _starts(self) -> dict[int, dict[str, Array]]:
        return {}

    @cached_property
    def _part_starts(self) -> dict[int, dict[str, Array]]:
        return {}

    def initial(self) -> dict[str, Array]:
        """What the initialisers give for the project's seed."""
        seed = self.project.settings.seed
        if seed not in self._starts:
            self._starts[seed] = initial_weights(self.plain, seed)
        return self._starts[seed]

    def _initial_of_part(self) -> dict[str, Array]:
        """The same for the layers without a problem, where others have one."""
        seed, fitting = self.project.settings.seed, self.project.graph.part(self._drawn.facts)
        if seed not in self._part_starts:
            program = compile_graph(fitting, self.columns, training=True, plain=True) if fitting.nodes else None
            self._part_starts[seed] = initial_weights(program, seed) if program else {}
        return self._part_starts[seed]

    def weights(self) -> dict[str, Array]:
        """Every view by name: what was trained or set by hand, else what the initialisers give."""
        try:
            return fitted(self.project.weights, self.initial())
        except StudioError:
            # Not a whole network at the moment: the layers that fit have theirs all the same.
            return {**self.project.weights, **fitted(self.project.weights, self._initial_of_part())}

    def locking(self, key: str, mask: Array) -> Project:
        """The project with exactly those numbers of a view locked that are True in `mask`. Raises GraphError where the
        view is of another shape, or not one that is learned (a running mean is not)."""
        array = self.weights().get(key)
        if array is None or array.shape != mask.shape:
            known = "none" if array is None else array.shape
            raise GraphError(f"{key} has shape {known}, got {mask.shape}.", "Give one value for each of its numbers.")
        if not self.may_lock(key):
            raise GraphError(f"{key} is not learned from gradients.", "Only weights and biases can be locked.")
        return self.project.with_locked(key, frozen(array), mask)

    def may_lock(self, key: str) -> bool:
        """Whether a view is learned. While the network is not whole nothing speaks against it."""
        try:
            self.plain.parameter_of(key)
        except KeyError:
            return False
        except StudioError:
            return True
        return True

    def started_again(self, seed: int | None = None) -> Project:
        """The project as it began, or with another `seed` drawn anew; locked numbers stay what they are now."""
        project, now = self.project.reset(seed), self.weights()
        fresh = self.followed_by(project).weights() if project.locked else {}
        for key, mask in project.locked.items():
            if key in fresh and fresh[key].shape == mask.shape:
                project = project.with_weight(key, frozen(np.where(mask, now[key], fresh[key])))
        return project

    @cached_property
    def _plans(self) -> dict[tuple[str, int], Plan]:
        """How the last run was carried out, by number format and batch size: another from the start repeats it."""
        return {}

    def _note_plan(self) -> None:
        settings, progress = self.project.settings, self.project.progress
        if progress is not None and progress.plan is not None:
            self._plans[settings.dtype, settings.batch_size] = progress.plan

    # Doing -----------------------------------------------------------------------------------------------------------

    def job(self, max_steps: int | None = None, *, stop_at_epoch_end: bool = False) -> Job:
        """A stretch of training from where the project stands. Raises StudioError where it cannot start."""
        settings = self.project.settings
        dataset = self.need_dataset()
        programs = self.programs
        if programs.fast.loss is None:
            raise TrainingError("The network has no loss, so there is nothing to learn.", "Add a loss layer.")
        if not any(p.learns(view) for p in programs.fast.parameters for view in p.views):
            raise TrainingError("No weight of this network is trainable.", "Switch on Trainable in a layer.")
        if not self._anything_free():
            raise TrainingError("Every weight that could learn is locked.", "Unlock some in the Weights panel.")
        self._note_plan()
        train, validation = dataset.split(settings.validation_share, settings.seed)
        progress = self.run_so_far
        settings = settings.model_copy(update={"epochs": epochs_in_all(settings, progress.epoch)})
        return Job(
            programs, self.weights(), self.rows(settings.dtype), train, validation[:JUDGES], settings, progress,
            max_steps, stop_at_epoch_end, self._plans.get((settings.dtype, settings.batch_size)), self.project.locked,
            self.buckets,
        )  # fmt: skip

    def _anything_free(self) -> bool:
        locked, shapes = self.project.locked, self.initial()
        return any(
            key not in locked or locked[key].shape != shapes[key].shape or not locked[key].all()
            for p in self.programs.fast.parameters
            for view in p.views
            if p.learns(view) and (key := p.key(view))
        )

    def predict(
        self, inputs: dict[str, Array], weights: Weights | None = None, batch: int = EVALUATION_BATCH
    ) -> dict[str, Array]:
        """The network's results for `inputs` by column (users' layout, examples first), by name of the last nodes."""
        n = len(next(iter(inputs.values())))

        def rows(program: Program, piece: Array) -> dict[int, Array]:
            return self._input_rows(program, inputs, piece)

        return self._results(np.arange(n), rows, weights, batch)

    def answers(self, indices: Array, weights: Weights | None = None) -> dict[str, Array]:
        """The same for examples of the data at `indices`, with all columns that the network reads."""
        return self._results(indices, self.rows(self.project.settings.dtype).feeds, weights, EVALUATION_BATCH)

    def _results(
        self, indices: Array, rows: Callable[[Program, Array], dict[int, Array]], weights: Weights | None, batch: int
    ) -> dict[str, Array]:
        return self._answering.results(indices, rows, self.weights() if weights is None else weights, batch)

    @cached_property
    def _answering(self) -> Answering:
        return Answering(self.programs.look, self.project.settings.dtype, self.result_nodes())

    def look(self, sample: int) -> Views | None:
        """Activations of every node for one example of the data, and the weights; None where that cannot be."""
        try:
            programs, rows = self.programs, self.rows(self.project.settings.dtype)
        except StudioError:
            return None
        arena = Arena(programs.fast, self.project.settings.dtype)
        arena.load(self.weights())
        step = self.project.progress.step if self.project.progress else 0
        return Watch(programs.look, programs.fast, arena, rows).look(sample, self.project.settings.seed, step)

    def stepper(self, sample: int, *beside: int) -> Stepper:
        """A stepper over the plain program with one example, or a batch of several. Raises StudioError where the
        drawing has a problem."""
        journey = self.journey(sample)
        if beside:
            journey.divert(replace(journey.place, beside=beside))
        return journey.stepper

    def journey(self, sample: int | None) -> Journey[Place]:
        """A walk through batches from where the run stands, in float64: of one example each, from `sample` on, or with
        None those that training would do. Raises StudioError where that cannot be."""
        settings, run, dataset = self.project.settings, self.run_so_far, self.need_dataset()
        arena = Arena(self.plain, "float64")
        arena.load(self.weights())
        arena.lock(self.project.locked)
        arena.use(settings.optimizer, settings.clipping)
        arena.remember(run.memory)
        train, validation = dataset.split(settings.validation_share, settings.seed)
        course = Course(
            self.plain, arena, self.rows("float64"), train, validation[:JUDGES], settings, run,
            lambda: self.programs.predict, self.buckets,
        )  # fmt: skip
        return Journey(self.plain, arena, course, course.begin(sample), settings.seed)

    @property
    def run_so_far(self) -> Progress:
        """Where the run stands that training would go on with; at its start where the next one begins anew."""
        progress = self.project.progress
        return Progress() if progress is None or progress.over else progress

    @property
    def rate(self) -> float:
        """The learning rate of the batch that is next, seen from its middle."""
        run, settings = self.run_so_far, self.project.settings
        middle = 0.5 * min(settings.examples_per_update, max(self._n_train - run.position, 1)) / self._n_train
        total = epochs_in_all(settings, run.epoch)
        return rate_of(settings, Moment(self.epochs_done + middle, total, watched_losses(run.record)))

    @property
    def epochs_done(self) -> float:
        """How many epochs of the run are over, in fractions."""
        return self.run_so_far.epoch + self.run_so_far.position / self._n_train

    @cached_property
    def _n_train(self) -> int:
        """How many examples are learned from; 1 where there are none."""
        dataset, settings = self.dataset, self.project.settings
        return max(len(dataset.split(settings.validation_share, settings.seed)[0]), 1) if dataset is not None else 1

    def _input_rows(self, program: Program, inputs: dict[str, Array], piece: Array) -> dict[int, Array]:
        rows = {}
        for feed in program.feeds:
            slot = program.slots[feed.slot]
            if slot.node in self.project.graph.nodes and self.project.graph.nodes[slot.node].layer.takes[1] != 0:
                # A target: prediction does not look at it.
                rows[feed.slot] = np.zeros((len(piece), *slot.shape))
                continue
            if feed.end and feed.column in inputs:
                need_counts(np.asarray(inputs[feed.column])[piece], feed)
            if feed.encoding == "lengths":
                # Where nothing is said about lengths, every step counts.
                counts = inputs.get(feed.column)
                rows[feed.slot] = (
                    np.full(len(piece), ALL) if counts is None else np.ravel(counts)[piece].astype(np.intp)
                )
                continue
            if feed.column not in inputs:
                raise DataError(f"The input {feed.column!r} is missing.", f"Given are {', '.join(inputs) or 'none'}.")
            found = to_engine(np.asarray(inputs[feed.column])[piece])
            if found.shape[1:] != slot.shape:
                wanted, given = shape_text(slot.shape), shape_text(found.shape[1:])
                raise DataError(
                    f"The input {feed.column!r} should have examples of shape {wanted}, got {given}.",
                    "Images are height × width × channels, examples first.",
                )
            rows[feed.slot] = found
        return rows

    def result_nodes(self) -> list[str]:
        """The nodes whose results count: those that feed a loss or nothing at all."""
        graph = self.project.graph
        return [
            id
            for id, node in graph.nodes.items()
            if node.layer.gives and all(not graph.nodes[link.target].layer.gives for link in graph.out_of(id))
        ]


def _meaning(project: Project) -> object:
    """What programs depend on: layers and links, not places."""
    return project.graph.meaning
