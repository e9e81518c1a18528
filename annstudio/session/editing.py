"""The project on the desk, the drawing that is open, and every edit of them.

The open drawing is the network itself or the inside of one of its blocks; names of nodes are those of that drawing.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from psygnal import Signal

from annstudio.data.base import Dataset, DataSource
from annstudio.document.compile import Checked, check
from annstudio.document.fixes import mended
from annstudio.document.history import Document
from annstudio.document.network import Network
from annstudio.document.project import Project, structure_changed
from annstudio.engine.arena import frozen
from annstudio.engine.op import Array
from annstudio.errors import GraphError, Remedy, StudioError
from annstudio.explain.number_names import spelled
from annstudio.layers.block.boxing import boxed, inside, owner_of, unboxed, with_inside
from annstudio.layers.graph import Graph, Link
from annstudio.layers.lowering import Problem
from annstudio.layers.names import is_of, renamed
from annstudio.session.breakpoints import Breakpoints
from annstudio.session.keeping import brought_weights, check_number, check_shape, fit_weights
from annstudio.training.settings import TrainingSettings


class Editing(ABC):
    """The part of the desk that reads and changes the project. What trains meanwhile is the whole desk's concern."""

    opened = Signal(str)
    """Another drawing is open: the path of its block, empty for the network itself."""
    told = Signal(str, str)

    def __init__(self, project: Project | None, file: Path | None) -> None:
        self.document = Document(project)
        self.file = file
        self.network = Network(self.document.project, self.folder)
        self.path = ""
        self.breakpoints = Breakpoints()

    @property
    @abstractmethod
    def training(self) -> bool:
        """Whether weights are being learned at the moment."""

    @abstractmethod
    def pause(self) -> None:
        """Stop learning where it stands."""

    @property
    @abstractmethod
    def to_keep(self) -> int:
        """How many batches were stepped through that are not in the project yet."""

    @abstractmethod
    def keep_steps(self) -> None:
        """Put them there."""

    @abstractmethod
    def _steer(self, settings: TrainingSettings) -> None:
        """Let a running training go on with other settings."""

    @abstractmethod
    def _lock_while_training(self) -> None:
        """Let a running training leave alone what is locked now."""

    @abstractmethod
    def _set_while_training(self, key: str, index: tuple[int, ...], value: float) -> None:
        """Let a running training change one number between two batches."""

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
        """The open drawing."""
        found = inside(self.project.graph, self.path)
        assert found is not None, f"there is no block {self.path!r}"
        return found

    @property
    def checked(self) -> Checked:
        """What was found in the whole network."""
        return self.network.checked

    @property
    def here(self) -> Checked:
        """What was found in the open drawing."""
        if self._here is None or self._here[:2] != (self.checked, self.path):
            self._here = (self.checked, self.path, self.checked.inside(self.path) if self.path else self.checked)
        return self._here[2]

    _here: tuple[Checked, str, Checked] | None = None

    def path_of(self, node: str) -> str:
        """The whole path of a node of the open drawing."""
        return f"{self.path}/{node}" if self.path else node

    def owner(self, node: str) -> str:
        """The path under which weights of a node of the open drawing are known."""
        return owner_of(self.project.graph, self.path_of(node))

    def check(self, graph: Graph) -> Checked:
        """What would be found with another drawing in the place of the open one."""
        return check(self.whole(graph), self.network.columns).inside(self.path)

    @property
    def dataset(self) -> Dataset | None:
        return self.network.dataset

    @property
    def data_problem(self) -> str:
        """Why the chosen data cannot be had; empty where it can."""
        found = self.network.dataset_or_problem
        return str(found) if isinstance(found, StudioError) else ""

    def weights(self) -> dict[str, Array]:
        """Every view by name, as users see it."""
        return self.network.weights()

    def part(self, ids: Iterable[str]) -> Project:
        """Nodes of the open drawing with their weights and locks, under the names that they have there."""
        part, start = self.graph.part(ids), self.owner("")
        weights, locked = (
            {key[len(start) :]: a for key, a in arrays.items() if any(is_of(key, start + id) for id in part.nodes)}
            for arrays in (self.weights(), self.project.locked)
        )
        return Project(part, weights, locked=locked)

    def weight(self, key: str) -> Array | None:
        return self.weights().get(key)

    def refusal(self, link: Link, instead: Link | None = None, *, within: Graph | None = None) -> Problem | None:
        """Why a wire cannot be, shapes included; None where it can. It may take the place of another one."""
        graph = within or (self.graph if instead is None else self.graph.disconnect(instead))
        reason = graph.refusal(link.source, link.target, link.port, link.out)
        if reason:
            return Problem(link.target, reason)
        found = self.check(graph.connect(link.source, link.target, link.port, link.out))
        return next((problem for problem in found.of(link.target) if not problem.mild), None)

    # Going in and out ------------------------------------------------------------------------------------------------

    def open_block(self, path: str) -> None:
        """Open the drawing inside a block, or with an empty path the network itself. Raises GraphError."""
        if inside(self.project.graph, path) is None:
            raise GraphError(f"{path} is no block.", "Choose a block.")
        if path != self.path:
            self.path = path
            self.opened.emit(path)

    def leave_block(self) -> None:
        """Open the drawing that the open block stands in."""
        self.open_block(self.path.rpartition("/")[0])

    def _stay_inside(self) -> None:
        """Go out as far as is needed where blocks are gone."""
        path = self.path
        while inside(self.project.graph, path) is None:
            path = path.rpartition("/")[0]
        self.open_block(path)

    # Editing ---------------------------------------------------------------------------------------------------------

    def edit(self, project: Project, label: str, merge: object = None) -> None:
        """Make `project` what is now. A change of structure or data ends the record of the run and fits the weights."""
        brought = brought_weights(self.project, project)
        structural = structure_changed(self.project, project)
        paused = self.training and bool(structural or brought)
        if paused or self.to_keep:
            # A project made before that knows nothing of what was learned until then.
            self._settle()
            weights = {**self.project.weights, **brought}
            project = replace(project, weights=weights, progress=self.project.progress)
        if structural:
            project, said = fit_weights(project, self.network.followed_by(project), paused=paused)
            if said:
                self.told.emit("info", said)
        self.document.apply(project, label, merge)

    def _settle(self) -> None:
        """Put into the project what was learned so far, so that an edit comes behind it."""
        if self.training:
            self.pause()
        self.keep_steps()

    def edit_graph(self, graph: Graph, label: str, merge: object = None) -> None:
        """Make `graph` the open drawing."""
        self.edit(replace(self.project, graph=self.whole(graph)), label, merge)

    def put_in(self, part: Project, dx: float, dy: float, label: str) -> list[str]:
        """Add copies of a part's nodes to the open drawing, weights and locks and all; returns their names."""
        graph, names = self.graph.with_part(part.graph, dx, dy)
        start = self.owner("")
        weights, locked = (
            {**kept, **{f"{start}{renamed(key, names)}": array for key, array in added.items()}}
            for kept, added in ((self.project.weights, part.weights), (self.project.locked, part.locked))
        )
        self.edit(replace(self.project, graph=self.whole(graph), weights=weights, locked=locked), label)
        return list(names.values())

    def whole(self, graph: Graph) -> Graph:
        """The network with another drawing in the place of the open one."""
        return with_inside(self.project.graph, self.path, graph)

    def set_layer(self, node: str, merge: object = None, **settings: Any) -> None:
        """Change settings of a layer. Raises GraphError in plain words where a limit is broken."""
        self.set_layer_at(self.path_of(node), merge, **settings)

    def set_layer_at(self, path: str, merge: object = None, **settings: Any) -> None:
        """Change settings of a layer anywhere in the network. Raises GraphError as `set_layer` does."""
        box, _, id = path.rpartition("/")
        drawing = inside(self.project.graph, box)
        if drawing is None or id not in drawing.nodes:
            raise GraphError(f"There is no layer {path!r}.")
        drawing = drawing.with_layer(id, drawing.nodes[id].layer.changed(**settings))
        name = next(iter(settings)).replace("_", " ")
        graph = with_inside(self.project.graph, box, drawing)
        self.edit(replace(self.project, graph=graph), f"Set {name} of {id}", merge)

    def set_settings(self, merge: object = None, **fields: Any) -> None:
        """Change training settings; a running training takes them over at its next batch."""
        settings = TrainingSettings.model_validate({**self.project.settings.model_dump(), **fields})
        self.edit(replace(self.project, settings=settings), f"Set {next(iter(fields)).replace('_', ' ')}", merge)
        self._steer(settings)

    def set_data(self, source: DataSource | None) -> None:
        self.edit(replace(self.project, data=source), "Choose data")

    def set_weight(self, key: str, index: tuple[int, ...], value: float, merge: object = None) -> None:
        """Change one number; while training this happens between two batches. Raises GraphError where it cannot be."""
        check_number(key, self.weight(key), index, value)
        if self.training:
            self._set_while_training(key, index, value)
            return
        self.keep_steps()
        self._set_weight(key, index, value, merge)

    def _set_weight(self, key: str, index: tuple[int, ...], value: float, merge: object = None) -> None:
        array = np.array(self.weights()[key])
        array[index] = value
        self.document.apply(self.project.with_weight(key, frozen(array)), f"Set {spelled(key, index)}", merge)

    def set_weights(self, key: str, array: Array, label: str = "") -> None:
        """Change a whole view. Raises GraphError where the shape is another."""
        check_shape(key, self.weight(key), array)
        if not np.isfinite(array).all():
            raise GraphError(f"Not all values for {key} are finite numbers.", "Give finite numbers.")
        self.edit(self.project.with_weight(key, frozen(array)), label or f"Set {key}")

    def lock(self, key: str, mask: Array, label: str = "") -> None:
        """Lock exactly those numbers of a view that are True in `mask`; while training from the next batch on."""
        self.keep_steps()
        self.document.apply(self.network.locking(key, mask), label or f"Lock in {key}")
        self._lock_while_training()

    def rename(self, old: str, new: str) -> None:
        """Give a node another name; its weights keep their values. Raises GraphError where it cannot be."""
        if old == new:
            return
        self._settle()
        project = self.project.renamed(self.path_of(old), new, self._own([old]))
        self.breakpoints.rename({self.path_of(old): self.path_of(new)})
        self.document.apply(replace(project, progress=self.project.progress), f"Rename {old}")

    def mend(self, remedy: Remedy) -> None:
        """Carry out a fix that a problem offers; it names its node by the whole path."""
        if remedy.action == "redraw":
            self._settle()
        self.edit(mended(self.project, remedy), remedy.label)

    def make_block(self, ids: list[str]) -> str:
        """Put nodes into a block of their own, weights and all; returns its name. Raises GraphError."""
        graph, id, names = boxed(self.graph, ids)
        self._regroup(graph, names, f"Make {id}")
        return id

    def unpack_block(self, id: str) -> list[str]:
        """Put what a block holds in its place, weights and all; returns the nodes' names. Raises GraphError."""
        graph, ids, names = unboxed(self.graph, id)
        self._regroup(graph, names, f"Unpack {id}")
        return ids

    def _regroup(self, graph: Graph, names: dict[str, str], label: str) -> None:
        self._settle()
        start = self.owner("")
        paths = {f"{start}{old}": f"{start}{new}" for old, new in names.items()}
        own = {key: array for key, array in self.weights().items() if any(is_of(key, old) for old in paths)}
        self.edit(replace(self.project, graph=self.whole(graph)).with_names(paths, own), label)

    def _own(self, ids: list[str]) -> dict[str, Array]:
        """The weights of these nodes of the open drawing, by their whole names."""
        paths = [self.owner(id) for id in ids]
        return {key: array for key, array in self.weights().items() if any(is_of(key, path) for path in paths)}
