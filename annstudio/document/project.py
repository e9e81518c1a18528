"""Everything that a file holds and undo remembers: graph, weights, data choice, settings, the run's progress, a
worksheet."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from annstudio.data.base import DataSource
from annstudio.document.diff import diff
from annstudio.engine.arena import Weights, frozen
from annstudio.engine.op import Array
from annstudio.errors import GraphError
from annstudio.explain.worksheet import Worksheet
from annstudio.layers.base import Layer
from annstudio.layers.block.boxing import inside, owner_of, with_inside
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Graph
from annstudio.layers.names import is_of, renamed
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Progress

KEEPS_RUN = frozenset({"trainable", "train_bias"})
"""Settings of a layer that may change without making the record of the run a record of another network."""


@dataclass(frozen=True, eq=False)
class Project:
    """A value: an edit is another project that shares what did not change.

    `weights` hold what was trained or set by hand, in users' layout by name (`hidden/W`); what is missing there is
    what the layers' initialisers give for the seed (`engine.arena.initial_weights`). `start` holds what was set by
    hand before any training: what a reset goes back to.
    """

    graph: Graph = field(default_factory=Graph)
    weights: Weights = field(default_factory=dict)
    data: DataSource | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    progress: Progress | None = None
    title: str = ""
    note: str = ""
    start: Weights = field(default_factory=dict)
    locked: Weights = field(default_factory=dict)
    """Which single numbers are locked: arrays of bool by name, of those views only where one is. A locked number is
    moved by hand alone: neither training nor a reset changes it. The views are among `weights`."""
    worksheet: Worksheet | None = None
    """Numbers that are hidden and asked, and what was answered."""

    def same_as(self, other: "Project") -> bool:
        """Whether nothing differs. Arrays count as the same only where they are the same object or equal."""
        rest = ("graph", "data", "settings", "title", "note", "worksheet")
        if self.progress is not other.progress or any(getattr(self, name) != getattr(other, name) for name in rest):
            return False
        names = ("weights", "start", "locked")
        return all(_same_weights(getattr(self, name), getattr(other, name)) for name in names)

    @property
    def untrained(self) -> bool:
        """Whether all weights are as they were set by hand, or the initialisers'."""
        known = {key: array for key, array in self.start.items() if key in self.weights}
        return self.progress is None and _same_weights(self.weights, known)

    def with_weight(self, key: str, array: Array) -> "Project":
        """With a view set by hand; before any training it is also what a reset goes back to."""
        start = {**self.start, key: array} if self.untrained else self.start
        return replace(self, weights={**self.weights, key: array}, start=start)

    def with_locked(self, key: str, array: Array, mask: Array) -> "Project":
        """With exactly those numbers of a view locked that are True in `mask`. `array` is the view as it is, perhaps
        still the initialiser's: what is locked no longer follows that."""
        locked = {name: other for name, other in self.locked.items() if name != key}
        if mask.any():
            locked[key] = frozen(mask)
        project = self if key in self.weights else self.with_weight(key, array)
        return replace(project, locked=locked)

    def reset(self, seed: int | None = None) -> "Project":
        """Back to the start: what was set by hand, else what the initialisers give. With another `seed` all is drawn
        anew. `Network.started_again` does the same and leaves locked numbers as they are."""
        if seed is None:
            return replace(self, weights=self.start, progress=None)
        settings = self.settings.model_copy(update={"seed": seed})
        return replace(self, weights={}, start={}, progress=None, settings=settings)

    def lightened(self) -> "Project":
        """Without what was learned, to save memory; views with locked numbers stay whole."""
        kept = {key: array for key, array in self.weights.items() if key in self.locked}
        return replace(self, weights={**self.start, **kept}, progress=None)

    def redrawn(self, node: str) -> "Project":
        """With a node's weights as its initialisers give them."""
        weights, start, locked = (
            {key: array for key, array in arrays.items() if not is_of(key, node)}
            for arrays in (self.weights, self.start, self.locked)
        )
        return replace(self, weights=weights, start=start, locked=locked, progress=None)

    def renamed(self, path: str, new: str, weights: Weights) -> "Project":
        """With the node at a path under another name; its weights (given, since they may still be the initialiser's)
        go along. Raises GraphError where the name cannot be."""
        box, _, old = path.rpartition("/")
        drawing = inside(self.graph, box)
        if drawing is None:
            raise GraphError(f"There is no block {box!r}.")
        graph = with_inside(self.graph, box, drawing.renamed(old, new))
        owner = owner_of(self.graph, path)
        return replace(self, graph=graph).with_names({owner: owner[: len(owner) - len(old)] + new.strip()}, weights)

    def with_names(self, names: Mapping[str, str], weights: Weights) -> "Project":
        """With `weights` added and known by the paths that nodes have now."""
        start = {**self.start, **weights} if self.untrained else self.start
        known = {**self.weights, **weights}
        return replace(
            self,
            weights={renamed(key, names): array for key, array in known.items()},
            start={renamed(key, names): array for key, array in start.items()},
            locked={renamed(key, names): mask for key, mask in self.locked.items()},
            worksheet=None if self.worksheet is None else self.worksheet.renamed(lambda path: renamed(path, names)),
        )


def _same_weights(mine: Weights, theirs: Weights) -> bool:
    return mine.keys() == theirs.keys() and all(
        array is theirs[key] or np.array_equal(array, theirs[key]) for key, array in mine.items()
    )


def fitted(weights: Weights, wanted: Weights) -> dict[str, Array]:
    """`wanted` with every array of `weights` in it whose name and shape agree."""
    return {
        key: weights[key] if key in weights and weights[key].shape == start.shape else start
        for key, start in wanted.items()
    }


def structure_changed(before: Project, after: Project) -> bool:
    """Whether the network or its data is another, so that what was recorded of its training no longer holds."""
    if before.data != after.data:
        return True
    return _graph_changed(before.graph, after.graph)


def _graph_changed(before: Graph, after: Graph) -> bool:
    found = diff(before, after)
    if found.added or found.removed or found.links_added or found.links_removed:
        return True
    return any(_layer_changed(before.nodes[id].layer, after.nodes[id].layer) for id in found.changed)


def _layer_changed(old: Layer, new: Layer) -> bool:
    if type(old) is not type(new):
        return True
    if isinstance(old, Block) and isinstance(new, Block) and _graph_changed(old.inside, new.inside):
        return True
    compared = set(type(old).model_fields) - KEEPS_RUN - {"inside"}
    return any(getattr(old, name) != getattr(new, name) for name in compared)
