"""Everything that a file holds and undo remembers: graph, weights, data choice, settings and the run's progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from annstudio.data.base import DataSource
from annstudio.document.graph import Graph
from annstudio.engine.arena import Weights
from annstudio.engine.op import Array
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Progress


@dataclass(frozen=True)
class Project:
    """A value: an edit is another project that shares what did not change.

    `weights` hold what was trained or set by hand, in users' layout by name (`hidden/W`); what is missing there is
    what the layers' initialisers give for the seed (`engine.arena.initial_weights`).
    """

    graph: Graph = field(default_factory=Graph)
    weights: Weights = field(default_factory=dict)
    data: DataSource | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    progress: Progress | None = None
    title: str = ""
    note: str = ""

    def with_weight(self, key: str, array: Array) -> "Project":
        return replace(self, weights={**self.weights, key: array})

    def reset(self, seed: int | None = None) -> "Project":
        """Back to the weights that the initialisers give, for this seed or another."""
        settings = self.settings if seed is None else self.settings.model_copy(update={"seed": seed})
        return replace(self, weights={}, progress=None, settings=settings)

    def renamed(self, old: str, new: str, weights: Weights) -> "Project":
        """With a node under another name; its weights (given, since they may still be the initialiser's) go along."""
        graph = self.graph.renamed(old, new)
        return replace(self, graph=graph, weights=_renamed_keys({**self.weights, **weights}, old, new.strip()))


def _renamed_keys(weights: Weights, old: str, new: str) -> Mapping[str, Array]:
    start = f"{old}/"
    return {(f"{new}/{key[len(start) :]}" if key.startswith(start) else key): w for key, w in weights.items()}


def fitted(weights: Weights, wanted: Weights) -> dict[str, Array]:
    """`wanted` with every array of `weights` in it whose name and shape agree."""
    return {
        key: weights[key] if key in weights and weights[key].shape == start.shape else start
        for key, start in wanted.items()
    }
