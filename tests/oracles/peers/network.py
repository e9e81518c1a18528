"""A whole drawing in PyTorch: walks the graph's nodes and does the twin of each layer. Programs play no part in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annstudio.document.graph import Graph
from tests.oracles.peers.place import Place, Tensor, penalty
from tests.oracles.peers.table import TWINS


@dataclass
class Network:
    """A graph with its weights by key (`hidden/W`), and the noise that was drawn for each of its nodes."""

    torch: Any
    graph: Graph
    weights: Mapping[str, Tensor]
    noise: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    states: dict[str, Tensor] = field(default_factory=dict)
    """By key; after a walk they are what the batch made of them."""

    def walk(self, columns: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """What every node gives, and the loss: of all losses the mean over the examples, and all penalties."""
        results: dict[str, Tensor] = {}
        scores: dict[int, tuple[Tensor, Tensor]] = {}
        total: Tensor = 0
        for id in self.graph.order():
            layer = self.graph.nodes[id].layer
            if layer.kind() == "Input":
                results[id] = columns[layer.column]
                continue
            own = {name: w for key, w in self.weights.items() for node, _, name in [key.partition("/")] if node == id}
            states = {key.partition("/")[2]: s for key, s in self.states.items() if key.partition("/")[0] == id}
            at = Place(self.torch, own, self.noise.get(id, ()), None, columns, scores, states)
            y = TWINS[layer.kind()](at, layer, *(results[link.source] for link in self.graph.into(id)))
            self.states |= {f"{id}/{name}": state for name, state in at.states.items()}
            results[id] = y if layer.has_output else y.mean()
            total = total + penalty(layer, own) + (0 if layer.has_output else results[id])
        return results, total
