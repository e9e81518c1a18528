"""The Document, what it compiles to, and one activity at a time: edit, train or explain.

Everything a window or a script does to a project goes through here. Signals are emitted in the thread that calls, which
is the GUI's: the worker only fills its mailbox, and `poll` empties it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from annstudio.document.compile import Checked
from annstudio.document.diff import diff
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.layers.block.boxing import inside
from annstudio.session.errand import Errand
from annstudio.session.explaining import Explaining
from annstudio.training.control import Locking, WeightEdit
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Edited, Failed, Finished, Progress, Snapshot, Views


class Session(Explaining):
    """One open project and what is being done with it."""

    changed = Signal(Project, Project)
    rechecked = Signal(Checked)
    snapshot = Signal(Snapshot)
    finished = Signal(Finished)
    watched = Signal(int)

    def __init__(self, project: Project | None = None, file: Path | None = None) -> None:
        super().__init__(project, file)
        self.latest: Snapshot | None = None
        self._watching = False
        self._errand: Errand | None = None
        self._views: tuple[Project, int, Views | None] | None = None
        self.document.changed.connect(self._follow)

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        return self._errand is not None

    @property
    def activity(self) -> str:
        if self._errand is not None:
            return "train"
        return super().activity

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

    # Editing ---------------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        self._settle()
        if self.document.undo_loses_weights:
            self.told.emit("info", "The weights of that entry were let go to save memory; the layers start anew.")
        self.document.undo()

    def redo(self) -> None:
        self._settle()
        self.document.redo()

    def open(self, project: Project, file: Path | None = None) -> None:
        """Begin anew with another project. What is training is dropped and can never write into the new one."""
        self._drop_worker()
        self._drop_journey()
        self.open_block("")
        self.breakpoints.clear()
        self.file, self.latest, self._sample = file, None, 0
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
        self.keep_steps()
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
            self._sample = sample
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

    # Private ---------------------------------------------------------------------------------------------------------

    def _follow(self, before: Project, after: Project) -> None:
        found, self.network = self.network.checked.problems, self.network.followed_by(after)
        structural = before.data != after.data or diff(before.graph, after.graph).structural
        self._follow_explaining(before, after, structural=structural)
        if self._errand is None and before.progress is not after.progress:
            self.latest = None
        if inside(after.graph, self.path) is None:
            self._stay_inside()
        self.changed.emit(before, after)
        if structural or self.checked.problems != found:
            self.rechecked.emit(self.checked)

    def _steer(self, settings: TrainingSettings) -> None:
        if self._errand is not None:
            self._errand.control.change(settings)

    def _lock_while_training(self) -> None:
        if self._errand is not None:
            self._errand.edit(Locking(self.project.locked))

    def _set_while_training(self, key: str, index: tuple[int, ...], value: float) -> None:
        assert self._errand is not None
        self._errand.edit(WeightEdit(key, index, value))

    def _start(self, merge: object, max_steps: int | None = None, *, stop_at_epoch_end: bool = False) -> None:
        if self._errand is not None:
            return
        self.keep_steps()
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
        self.keep_steps()
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
