"""Drawings in PyTorch: a walk does the twin of each layer, also inside boxes. Programs play no part in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annstudio.layers.base import Layer
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Graph
from tests.oracles.peers.padded import with_lengths
from tests.oracles.peers.place import Place, Tensor, penalty, shortened
from tests.oracles.peers.table import TWINS


@dataclass(frozen=True)
class Room:
    """The box that the walk is in: what begins the names of nodes and of their weights, and what ends the latter."""

    path: str = ""
    owner: str = ""
    suffix: str = ""


@dataclass
class Network:
    """The weights by key (`hidden/W`, `block/dense_1[3]/W`), the data by column, and what a walk has come to so far."""

    torch: Any
    weights: Mapping[str, Tensor]
    noise: Mapping[str, Iterator[Tensor]] = field(default_factory=dict)
    """What was drawn for every node, by its path, in the order of the steps."""
    states: dict[str, Tensor] = field(default_factory=dict)
    """By key; after a walk they are what the batch made of them."""
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    lengths: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By the identity of a sequence: itself (so that nothing else gets its identity), and how many steps count (N,)."""
    values: dict[str, Tensor] = field(default_factory=dict)
    """What every node gave first, by its path; within a box that is applied many times at the last step."""
    _scores: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    _losses: list[Tensor] = field(default_factory=list)
    _users: dict[str, Layer] = field(default_factory=dict)
    """By whom weights are used: penalties and limits count once however often that is."""

    def loss(self) -> Tensor:
        """Of all losses so far the mean over the examples, and all penalties."""
        return sum(self._losses) + sum(penalty(layer, self._own(owner)) for owner, layer in self._users.items())

    def kept_short(self, key: str, w: Tensor) -> Tensor:
        """Weights after an update, no longer than the layer that uses them allows."""
        owner, _, name = key.rpartition("/")
        return shortened(self.torch, self._users[owner], name, w) if owner in self._users else w

    def activated(self, name: str, x: Tensor) -> Tensor:
        """An activation outside of any node."""
        return Place(self.torch, {}, scores=self._scores).activated(name, x, 0.0)

    def walk(self, graph: Graph, room: Room | None = None, given: Mapping[str, Tensor] | None = None) -> dict:
        """What the nodes give, by node and output; `given` is what comes into a box."""
        room, given = room or Room(), given or {}
        results: dict[tuple[str, int], Tensor] = {}
        for id in graph.order():
            layer = graph.nodes[id].layer
            xs = [results[link.source, link.out] for link in graph.into(id)]
            match layer.kind():
                case "Input":
                    ys = (self.columns[layer.column],)
                case "BlockInput":
                    ys = (given[id],)
                case "BlockOutput":
                    ys = (xs[0],)
                case _:
                    ys = self.apply(id, layer, xs, room)
            self.values[room.path + id] = ys[0] if layer.kind() != "Loss" else ys[0].mean()
            results |= {(id, out): y for out, y in enumerate(ys)}
        return results

    def apply(self, id: str, layer: Layer, xs: Sequence[Tensor], room: Room | None = None) -> tuple[Tensor, ...]:
        """What a layer gives; a loss one number for each example."""
        room = room or Room()
        owner = f"{room.owner}{id}{room.suffix}"
        states = {key.rpartition("/")[2]: s for key, s in self.states.items() if key.rpartition("/")[0] == owner}
        at = Place(
            self.torch, self._own(owner), self.noise.get(room.path + id, iter(())), None, self.columns, self._scores,
            states, lambda parts, suffix: self._once(room, id, layer, parts, suffix),
        )  # fmt: skip
        found = self._twin(at, layer, xs)
        ys = found if isinstance(found, tuple) else (found,)
        self.states |= {f"{owner}/{name}": state for name, state in at.states.items()}
        self._users[owner] = layer
        if layer.has_output:
            self._pass_lengths_on(layer, xs, ys)
        else:
            self._losses.append(ys[0].mean())
        return ys

    def _own(self, owner: str) -> dict[str, Tensor]:
        """The weights of a node by the names that its layer gives them."""
        parts = ((key.rpartition("/"), w) for key, w in self.weights.items())
        return {name: w for (whose, _, name), w in parts if whose == owner}

    def _once(self, room: Room, id: str, block: Layer, xs: Sequence[Tensor], suffix: str) -> tuple[Tensor, ...]:
        """What a block's drawing makes of these inputs."""
        assert isinstance(block, Block)
        inner = Room(f"{room.path}{id}/", f"{room.owner}{block.weights_of or id}/", room.suffix + suffix)
        results = self.walk(block.inside, inner, dict(zip(block.inputs, xs, strict=True)))
        return tuple(results[end, 0] for end in block.outputs)

    # Sequences of different length -----------------------------------------------------------------------------------

    def _twin(self, at: Place, layer: Layer, xs: Sequence[Tensor]) -> Any:
        twin, known = TWINS[layer.kind()], [self.lengths.get(id(x)) for x in xs]
        if not any(known):
            return twin(at, layer, *xs)
        for i, (x, found) in enumerate(zip(xs, known, strict=True)):
            whole = self.torch.full((len(x),), x.shape[1])
            at.columns = {**at.columns, f"length{i}": found[1] if found else whole}
        at.lengths = known[0][1] if known[0] else None
        return with_lengths(twin, at, layer, *xs)

    def _pass_lengths_on(self, layer: Layer, xs: Sequence[Tensor], ys: Sequence[Tensor]) -> None:
        """A sequence of as many steps counts as far as what it was made of; where several met, as far as all do. Of a
        block's windows those count that lie wholly among the steps that do."""
        box = layer if isinstance(layer, Block) else None
        if box is not None and box.apply == "once":
            return
        if box is not None:
            ends = [box.inside.nodes[id].layer for id in box.inputs]
            xs = [x for x, end in zip(xs, ends, strict=True) if not getattr(end, "whole", False)]
        for y in ys:
            met = [x for x in xs if id(x) in self.lengths and (box is not None or x.shape[1] == y.shape[1])]
            if not met or y.ndim != 3:
                continue
            counted = self.torch.stack([self.lengths[id(x)][1] for x in met]).min(0).values
            if box is not None and box.apply == "windows":
                counted = ((counted - box.window).div(box.stride, rounding_mode="floor") + 1).clamp(min=0)
            self.lengths[id(y)] = (y, counted)
