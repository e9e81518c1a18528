"""The Document, what it compiles to, and one activity at a time: edit, train or explain.

Everything a window or a script does to a project goes through here. Signals are emitted in the thread that calls, which
is the GUI's: the worker only fills its mailbox, and `poll` empties it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from psygnal import Signal

from annstudio.data.base import Dataset, DataSource
from annstudio.document.compile import Checked, Problem, refusal
from annstudio.document.diff import diff
from annstudio.document.fixes import mended
from annstudio.document.graph import Graph
from annstudio.document.history import Document
from annstudio.document.network import Network
from annstudio.document.project import Project, structure_changed
from annstudio.engine.arena import frozen
from annstudio.engine.op import Array
from annstudio.errors import GraphError, Remedy, StudioError
from annstudio.explain.stepper import Stepper
from annstudio.session.errand import Errand
from annstudio.session.keeping import brought_weights, check_number, check_shape, fit_weights, spelled
from annstudio.training.control import Locking, WeightEdit
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Edited, Failed, Finished, Progress, Snapshot, Views


class Session:
    """One open project and what is being done with it."""

    changed = Signal(Project, Project)
    rechecked = Signal(Checked)
    activity_changed = Signal(str)
    snapshot = Signal(Snapshot)
    finished = Signal(Finished)
    told = Signal(str, str)
    watched = Signal(int)

    def __init__(self, project: Project | None = None, file: Path | None = None) -> None:
        self.document = Document(project)
        self.file = file
        self.network = Network(self.document.project, self.folder)
        self.stepper: Stepper | None = None
        self.latest: Snapshot | None = None
        self.sample = 0
        self._watching = False
        self._errand: Errand | None = None
        self._views: tuple[Project, int, Views | None] | None = None
        self.document.changed.connect(self._follow)

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """Where the project file lies; relative data paths begin here."""
        return self.file.parent if self.file else None

    @property
    def project(self) -> Project:
        return self.document.project

    @property
    def graph(self) -> Graph:
        return self.project.graph

    @property
    def checked(self) -> Checked:
        return self.network.checked

    @property
    def dataset(self) -> Dataset | None:
        return self.network.dataset

    @property
    def data_problem(self) -> str:
        """Why the chosen data cannot be had; empty where it can."""
        found = self.network.dataset_or_problem
        return str(found) if isinstance(found, StudioError) else ""

    @property
    def activity(self) -> str:
        if self._errand is not None:
            return "train"
        return "explain" if self.stepper is not None else "edit"

    @property
    def state(self) -> str:
        """`idle`, `training` or `paused`."""
        if self._errand is not None:
            return "training"
        progress = self.project.progress
        under_way = progress is not None and progress.step and not progress.over
        return "paused" if under_way and progress and progress.epoch < self.project.settings.epochs else "idle"

    @property
    def title(self) -> str:
        return self.file.stem if self.file else self.project.title or "Untitled"

    def weights(self) -> dict[str, Array]:
        """Every view by name, as users see it."""
        return self.network.weights()

    def weight(self, key: str) -> Array | None:
        return self.weights().get(key)

    # Editing ---------------------------------------------------------------------------------------------------------

    def edit(self, project: Project, label: str, merge: object = None) -> None:
        """Make `project` what is now. A change of structure or data ends the record of the run and fits the weights."""
        brought = brought_weights(self.project, project)
        structural = structure_changed(self.project, project)
        paused = self._errand is not None and bool(structural or brought)
        if paused:
            # A project made before the pause knows nothing of what was learned until then.
            self.pause()
            weights = {**self.project.weights, **brought}
            project = replace(project, weights=weights, progress=self.project.progress)
        if structural:
            project, said = fit_weights(project, self.network.followed_by(project), paused=paused)
            if said:
                self.told.emit("info", said)
        self.document.apply(project, label, merge)

    def edit_graph(self, graph: Graph, label: str, merge: object = None) -> None:
        self.edit(replace(self.project, graph=graph), label, merge)

    def set_layer(self, node: str, merge: object = None, **settings: Any) -> None:
        """Change settings of a layer. Raises GraphError in plain words where a limit is broken."""
        layer = self.graph.nodes[node].layer.changed(**settings)
        name = next(iter(settings)).replace("_", " ")
        self.edit_graph(self.graph.with_layer(node, layer), f"Set {name} of {node}", merge)

    def set_settings(self, merge: object = None, **fields: Any) -> None:
        """Change training settings; a running training takes them over at its next batch."""
        settings = TrainingSettings.model_validate({**self.project.settings.model_dump(), **fields})
        self.edit(replace(self.project, settings=settings), f"Set {next(iter(fields)).replace('_', ' ')}", merge)
        if self._errand is not None:
            self._errand.control.change(settings)

    def set_data(self, source: DataSource | None) -> None:
        self.edit(replace(self.project, data=source), "Choose data")

    def set_weight(self, key: str, index: tuple[int, ...], value: float, merge: object = None) -> None:
        """Change one number; while training this happens between two batches. Raises GraphError where it cannot be."""
        check_number(key, self.weight(key), index, value)
        if self._errand is not None:
            self._errand.edit(WeightEdit(key, index, value))
            return
        self._set_weight(key, index, value, merge)

    def set_weights(self, key: str, array: Array, label: str = "") -> None:
        """Change a whole view. Raises GraphError where the shape is another."""
        check_shape(key, self.weight(key), array)
        if not np.isfinite(array).all():
            raise GraphError(f"Not all values for {key} are finite numbers.", "Give finite numbers.")
        self.edit(self.project.with_weight(key, frozen(array)), label or f"Set {key}")

    def lock(self, key: str, mask: Array, label: str = "") -> None:
        """Lock exactly those numbers of a view that are True in `mask`; while training from the next batch on."""
        self.document.apply(self.network.locking(key, mask), label or f"Lock in {key}")
        if self._errand is not None:
            self._errand.edit(Locking(self.project.locked))

    def rename(self, old: str, new: str) -> None:
        """Give a node another name; its weights keep their values. Raises GraphError where it cannot be."""
        if old == new:
            return
        if self._errand is not None:
            self.pause()
        own = {key: w for key, w in self.weights().items() if key.startswith(f"{old}/")}
        progress = self.project.progress
        self.document.apply(replace(self.project.renamed(old, new, own), progress=progress), f"Rename {old}")

    def mend(self, remedy: Remedy) -> None:
        """Carry out a fix that a problem offers."""
        if remedy.action == "redraw":
            self.pause()
        self.edit(mended(self.project, remedy), remedy.label)

    def refusal(self, source: str, target: str, port: int | None = None) -> Problem | None:
        """Why a wire cannot be, shapes included; None where it can."""
        return refusal(self.graph, source, target, port, self.network.columns)

    def undo(self) -> None:
        if self._errand is not None:
            self.pause()
        if self.document.undo_loses_weights:
            self.told.emit("info", "The weights of that entry were let go to save memory; the layers start anew.")
        self.document.undo()

    def redo(self) -> None:
        if self._errand is not None:
            self.pause()
        self.document.redo()

    def open(self, project: Project, file: Path | None = None) -> None:
        """Begin anew with another project. What is training is dropped and can never write into the new one."""
        self._drop_worker()
        self.leave_explain()
        self.file, self.latest, self.sample = file, None, 0
        self.network = Network(project, self.folder)
        self.document.replace(project)
        self.activity_changed.emit(self.activity)

    def saved_as(self, file: Path) -> None:
        """The project was written to `file`."""
        self.file = file
        self.network.folder = self.folder
        self.document.mark_saved()

    def close(self) -> None:
        """Stop whatever runs."""
        self._drop_worker()

    # Training --------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Start or go on. Raises StudioError where training cannot start."""
        self._start(None)

    def step_batch(self) -> None:
        """Do one batch; single steps in a row are one undo entry."""
        self._start("batch", max_steps=1)

    def step_epoch(self) -> None:
        """Go on to the end of the epoch."""
        self._start("epoch", stop_at_epoch_end=True)

    def pause(self) -> None:
        """Stop after the batch at hand; the run can be gone on with exactly there."""
        self._halt(for_good=False)

    def stop(self) -> None:
        """End the run: the weights stay, the next run begins anew."""
        if self._errand is not None:
            self._halt(for_good=True)
        elif self.project.progress is not None and not self.project.progress.over:
            self.document.apply(
                replace(self.project, progress=replace(self.project.progress, over=True)), "Stop training"
            )
            self.activity_changed.emit(self.activity)

    def reset_same(self) -> None:
        """Back to the weights this seed gives."""
        self._reset(None)

    def reset_new_seed(self) -> None:
        """Fresh weights from the next seed."""
        self._reset(self.project.settings.seed + 1)

    def poll(self) -> None:
        """Take the worker's mail and pass it on; called by the window's ticker."""
        if self._errand is None:
            return
        for message in self._errand.mail():
            match message:
                case Snapshot():
                    self.latest = message
                    self.snapshot.emit(message)
                case Edited():
                    self._record_edit(message)
                case Finished():
                    self._finish(message)
                case Failed():
                    self._errand = None
                    self.activity_changed.emit(self.activity)
                    raise message.error

    def wait(self, timeout: float | None = None) -> None:
        """Until the training at hand is over (for scripts and tests)."""
        if self._errand is not None:
            self._errand.join(timeout)
            self.poll()

    # Watching --------------------------------------------------------------------------------------------------------

    def watch(self, wanted: bool, sample: int | None = None) -> None:
        """Whether activations are looked at, and for which example."""
        before = self.sample
        self._watching = wanted
        if sample is not None:
            self.sample = sample
        if self._errand is not None:
            self._errand.control.watch = self.sample if wanted else None
        if self.sample != before:
            self.watched.emit(self.sample)

    @property
    def views(self) -> Views | None:
        """Activations and weights of the watched example: the newest of a training, or of the project as it stands."""
        if self._errand is not None and self.latest is not None and self.latest.views is not None:
            return self.latest.views
        if self._views is None or self._views[0] is not self.project or self._views[1] != self.sample:
            self._views = (self.project, self.sample, self.network.look(self.sample))
        return self._views[2]

    # Explaining ------------------------------------------------------------------------------------------------------

    def explain(self, sample: int | None = None) -> None:
        """Begin to step through the network with one example. Raises StudioError where that cannot be."""
        if self._errand is not None:
            self.pause()
        self.sample = self.sample if sample is None else sample
        self.stepper = self.network.stepper(self.sample)
        self.activity_changed.emit(self.activity)

    def leave_explain(self) -> None:
        if self.stepper is not None:
            self.stepper = None
            self.activity_changed.emit(self.activity)

    # Private ---------------------------------------------------------------------------------------------------------

    def _follow(self, before: Project, after: Project) -> None:
        found, self.network = self.network.checked.problems, self.network.followed_by(after)
        structural = before.data != after.data or diff(before.graph, after.graph).structural
        if self.stepper is not None:
            self._follow_explaining(self.stepper, before, after, structural=structural)
        if self._errand is None and before.progress is not after.progress:
            self.latest = None
        self.changed.emit(before, after)
        if structural or self.checked.problems != found:
            self.rechecked.emit(self.checked)

    def _follow_explaining(self, stepper: Stepper, before: Project, after: Project, *, structural: bool) -> None:
        """Other weights or settings are explained from the same moment on; another network is not."""
        same = before.weights is after.weights and before.locked is after.locked
        if structural:
            self.leave_explain()
        elif not same or before.settings != after.settings:
            self.stepper = self.network.stepper(self.sample)
            self.stepper.to(stepper.position)
            self.activity_changed.emit(self.activity)

    def _set_weight(self, key: str, index: tuple[int, ...], value: float, merge: object = None) -> None:
        array = np.array(self.weights()[key])
        array[index] = value
        self.document.apply(self.project.with_weight(key, frozen(array)), f"Set {spelled(key, index)}", merge)

    def _start(self, merge: object, max_steps: int | None = None, *, stop_at_epoch_end: bool = False) -> None:
        if self._errand is not None:
            return
        job = self.network.job(max_steps, stop_at_epoch_end=stop_at_epoch_end)
        self.leave_explain()
        self._errand = Errand(job, merge, self.sample if self._watching else None)
        self.activity_changed.emit(self.activity)

    def _halt(self, *, for_good: bool) -> None:
        if self._errand is not None:
            self._errand.halt(for_good=for_good)
            self.poll()

    def _drop_worker(self) -> None:
        if self._errand is not None:
            self._errand.halt()
            self._errand = None

    def _reset(self, seed: int | None) -> None:
        self._drop_worker()
        self.latest = None
        self.document.apply(
            self.network.started_again(seed), "Reset weights" if seed is None else "Reset to a new seed"
        )
        self.activity_changed.emit(self.activity)

    def _finish(self, message: Finished) -> None:
        errand, self._errand = self._errand, None
        assert errand is not None
        progress = replace(message.progress, over=True) if errand.for_good else message.progress
        self._learned(message.weights, progress, errand.merge)
        for edit in errand.edits_left():
            self._set_weight(edit.key, edit.index, edit.value)
        if message.problem:
            self.told.emit("error", message.problem)
        self.activity_changed.emit(self.activity)
        self.finished.emit(message)

    def _record_edit(self, message: Edited) -> None:
        self._learned(message.weights, message.progress, None)
        self._set_weight(message.key, message.index, message.value)

    def _learned(self, weights: dict[str, Array] | Any, progress: Progress, merge: object) -> None:
        before = self.project.progress.step if self.project.progress and not self.project.progress.over else 0
        steps = progress.step - before
        if steps <= 0 and not progress.over:
            return
        label = f"Train {steps} steps" if merge is None else f"Train {merge} by {merge}"
        self.document.apply(replace(self.project, weights=dict(weights), progress=progress), label, merge)
