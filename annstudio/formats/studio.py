"""The project file `.annstudio`: a zip of project.json and weights.safetensors, and what else there is of
start.safetensors, locked.npz, history.npz and thumbnail.png.

Nothing in it is ever run, sizes are checked before anything is unpacked, and a file is replaced whole or not at all.
"""

import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from annstudio.data.base import DataSource, parse_source
from annstudio.data.files import FileSource
from annstudio.document.project import Project
from annstudio.engine.arena import Memory, Weights
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.errors import DataError, FormatError
from annstudio.formats.archive import (
    CHANGED,
    MAX_RATIO,
    Archive,
    pack_arrays,
    packed,
    parse_json,
    read_only,
    short,
    unpack_arrays,
)
from annstudio.formats.base import Content, Format, atomic_write, check_readable
from annstudio.formats.safetensors import pack, unpack
from annstudio.formats.schema import (
    PlanEntry,
    ProgressEntry,
    ProjectEntry,
    check_weights,
    expected_weights,
    migrated,
    read_graph,
    validated,
    written_graph,
)
from annstudio.training.patience import Best
from annstudio.training.record import EPOCH_COLUMNS, MAX_BLOCKS, Record
from annstudio.training.snapshot import Progress

MAX_JSON_BYTES = 16 << 20
MAX_WEIGHT_BYTES = 2 << 30
PROJECT, WEIGHTS, HISTORY, THUMBNAIL = "project.json", "weights.safetensors", "history.npz", "thumbnail.png"
START = "start.safetensors"
LOCKED = "locked.npz"
_MEMORY = "memory/"
_BEST = "best/"


class StudioFile(Format):
    """Everything: drawing, weights, data choice, settings, and where a training run stands."""

    name: ClassVar[str] = "ANN Studio project"
    suffix: ClassVar[str] = ".annstudio"
    holds_project: ClassVar[bool] = True

    def read(self, path: Path) -> Content:
        return _open(path)

    def write(self, path: Path, content: Content, dtype: str = "float32") -> None:
        if content.project is None:
            raise FormatError("Weights alone make no project.", "Name a project to put them into.")
        save(content.project, path, content.weights)


def load(path: Path) -> Project:
    """The project in a file. Raises FormatError where it is damaged, foreign, newer or hostile."""
    project = _open(path).project
    assert project is not None
    return project


def save(project: Project, path: Path, weights: Weights, thumbnail: Callable[[], bytes] | None = None) -> None:
    """Write a project with all its `weights`, those from the initialisers too. Raises FormatError; the old file stays.

    What was put together is read back before it takes the place of the old file.
    """
    try:
        data = _bytes(project, weights, thumbnail)
        _parse(Archive(io.BytesIO(data), max_ratio=MAX_RATIO))
    except FormatError as error:
        hint = error.hint.replace(CHANGED, "Change that and save again.")
        raise FormatError(f"{path.name} was not saved. {error.message}", hint) from error
    atomic_write(path, data)


def rebased(project: Project, before: Path | None, after: Path) -> Project:
    """The project with its data files found from another folder: a relative path follows when the project moves."""
    source = project.data
    here, there = (before or Path()).resolve(), after.resolve()
    if not isinstance(source, FileSource) or here == there:
        return project
    moved = {name: _moved(getattr(source, name), here, there) for name in source.paths}
    if all(getattr(source, name) == path for name, path in moved.items()):
        return project
    return replace(project, data=source.model_copy(update=moved))


def _moved(path: str, before: Path, after: Path) -> str:
    """A path as it is found from the folder `after`; absolute ones, and none at all, stay as they are."""
    old = Path(os.path.expanduser(path))
    if not path.strip() or old.is_absolute():
        return path
    try:
        return Path(os.path.relpath(before / old, after)).as_posix()
    except ValueError:  # Another drive of Windows.
        return (before / old).as_posix()


# Writing -------------------------------------------------------------------------------------------------------------


def _bytes(project: Project, weights: Weights, thumbnail: Callable[[], bytes] | None) -> bytes:
    expected = expected_weights(project.graph)
    known = {**project.weights, **weights}
    # What was left over from an earlier drawing, or has another shape by now, is nobody's.
    kept = {key: known[key] for key in sorted(known) if expected.takes(key, known[key])}
    locked = {key: mask for key, mask in sorted(project.locked.items()) if expected.takes(key, mask)}
    own = [key for key in kept if key in project.weights and project.weights[key].shape == kept[key].shape]
    said = {
        "title": project.title,
        "note": project.note,
        "graph": written_graph(project.graph),
        "data": None if project.data is None else project.data.model_dump(mode="json"),
        "settings": project.settings,
        "own_weights": own,
        "locked": list(locked),
        "progress": None if project.progress is None else _progress_entry(project.progress),
        "worksheet": project.worksheet,
    }
    entry = validated(ProjectEntry, said)
    text = json.dumps(entry.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=1)
    members = {PROJECT: text.encode("utf-8"), WEIGHTS: pack(kept)}
    start = {key: project.start[key] for key in sorted(project.start) if expected.takes(key, project.start[key])}
    if start:
        members[START] = pack(start)
    if locked:
        members[LOCKED] = pack_arrays(locked)
    if project.progress is not None:
        members[HISTORY] = pack_arrays(_history(project.progress))
    if thumbnail is not None:
        members[THUMBNAIL] = thumbnail()
    return packed(members)


def _progress_entry(progress: Progress) -> ProgressEntry:
    plan = progress.plan
    return ProgressEntry(
        step=progress.step,
        epoch=progress.epoch,
        position=progress.position,
        updates=progress.memory.t,
        steps_per_block=progress.record.per_block,
        steps_in_last_block=progress.record.in_last,
        over=progress.over,
        plan=None if plan is None else PlanEntry(forms=dict(plan.forms), piece=plan.piece, threads=plan.threads),
    )


def _history(progress: Progress) -> dict[str, Array]:
    memory = {_MEMORY + name: progress.memory.vectors[name] for name in sorted(progress.memory.vectors)}
    return {
        "epochs": np.asarray(progress.record.epochs, "<f8"),
        "blocks": np.asarray(progress.record.blocks, "<f8"),
        "epoch_sums": np.array([progress.epoch_loss, progress.epoch_hits], "<f8"),
        **memory,
        **_best(progress),
    }


def _best(progress: Progress) -> dict[str, Array]:
    """The best weights so far, that early stopping goes back to."""
    best = progress.best
    if best is None:
        return {}
    weights = {_BEST + name: best.weights[name] for name in sorted(best.weights)}
    return {"best_loss": np.array([best.loss], "<f8"), **weights}


# Reading -------------------------------------------------------------------------------------------------------------


def _open(path: Path) -> Content:
    check_readable(path)
    try:
        with path.open("rb") as file:
            return _parse(Archive(file, max_ratio=MAX_RATIO))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from error
    except FormatError as error:
        raise FormatError(f"{path.name} cannot be opened. {error.message}", error.hint) from error


def _parse(archive: Archive) -> Content:
    if PROJECT not in archive.members:
        raise FormatError("It is not an ANN Studio project.", "Choose a file that ends in .annstudio.")
    entry = validated(ProjectEntry, migrated(parse_json(archive.read(PROJECT, MAX_JSON_BYTES))))
    graph = read_graph(entry.graph)
    weights = unpack(archive.read(WEIGHTS, MAX_WEIGHT_BYTES))[0]
    check_weights(graph, weights)
    missing = [key for key in entry.own_weights if key not in weights]
    if missing:
        raise FormatError(f"The weights {short(missing[0])} are missing from it.", CHANGED)
    start = unpack(archive.read(START, MAX_WEIGHT_BYTES))[0] if START in archive.members else {}
    check_weights(graph, start)
    locked = _locked(entry, archive)
    check_weights(graph, locked)
    project = Project(
        graph=graph,
        start=start,
        weights={key: weights[key] for key in entry.own_weights},
        locked=locked,
        data=_source(entry.data),
        settings=entry.settings,
        progress=None if entry.progress is None else _progress(entry.progress, archive),
        title=entry.title,
        note=entry.note,
        worksheet=entry.worksheet,
    )
    return Content(weights, project)


def _locked(entry: ProjectEntry, archive: Archive) -> dict[str, Array]:
    found = unpack_arrays(io.BytesIO(archive.read(LOCKED))) if entry.locked else {}
    if sorted(found) != sorted(entry.locked) or any(mask.dtype != bool for mask in found.values()):
        raise FormatError("What is locked in it is not said as it should be.", CHANGED)
    return found


def _source(settings: Mapping[str, Any] | None) -> DataSource | None:
    if settings is None:
        return None
    try:
        return parse_source(settings)
    except DataError as error:
        raise FormatError(f"Its data cannot be: {short(error.message)}.", short(error.hint)) from error


def _progress(entry: ProgressEntry, archive: Archive) -> Progress:
    arrays = unpack_arrays(io.BytesIO(archive.read(HISTORY)))
    epochs, blocks = arrays.get("epochs"), arrays.get("blocks")
    sums = arrays.get("epoch_sums")
    if (
        epochs is None or epochs.ndim != 2 or epochs.shape[1] != len(EPOCH_COLUMNS)
        or blocks is None or blocks.ndim != 2 or blocks.shape[1] != 3 or len(blocks) > MAX_BLOCKS
        or sums is None or sums.shape != (2,) or entry.steps_in_last_block > entry.steps_per_block
    ):  # fmt: skip
        raise FormatError("Its history is not as it should be.", CHANGED)
    loss, best = arrays.get("best_loss"), None
    if loss is not None and loss.shape == (1,):
        weights = {name.removeprefix(_BEST): read_only(a) for name, a in arrays.items() if name.startswith(_BEST)}
        best = Best(float(loss[0]), weights)
    memory = {name.removeprefix(_MEMORY): a for name, a in arrays.items() if name.startswith(_MEMORY)}
    return Progress(
        step=entry.step,
        epoch=entry.epoch,
        position=entry.position,
        epoch_loss=float(sums[0]),
        epoch_hits=float(sums[1]),
        memory=Memory(entry.updates, memory),
        record=Record(
            read_only(epochs.astype(float)), read_only(blocks.astype(float)), entry.steps_per_block,
            entry.steps_in_last_block,
        ),
        plan=None if entry.plan is None else Plan(entry.plan.forms, entry.plan.piece, entry.plan.threads),
        over=entry.over,
        best=best,
    )  # fmt: skip
