"""The drawing as a value: nodes and links. A graph is never changed, only followed by another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from unicodedata import category

from annstudio.errors import GraphError
from annstudio.layers.base import Layer
from annstudio.ordinals import nth

_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the direction of writing, so that a name reads as another."""


def can_be_name(name: str) -> bool:
    """Whether a node can be called so: weights in files are named after it, and it is shown in one line."""
    return (
        0 < len(name) <= 60
        and name == name.strip()
        and not any(
            sign in "/\\:[]" or sign in _CONTROLS or category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name
        )
    )


@dataclass(frozen=True)
class Node:
    """A layer at a place on the canvas. `id` is its name: unique, shown, and the first part of its weights' names."""

    id: str
    layer: Layer
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, order=True)
class Link:
    """A wire from a node's output `out` to the input `port` of another."""

    source: str
    target: str
    port: int = 0
    out: int = 0


@dataclass(frozen=True)
class Graph:
    """Nodes by id, in the order they were made, and the links between them."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    def __hash__(self) -> int:
        return hash((tuple(self.nodes.values()), self.links))

    # Reading ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _into(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.target, []).append(link)
        return {target: sorted(links, key=lambda link: link.port) for target, links in found.items()}

    @cached_property
    def _out_of(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.source, []).append(link)
        return found

    def into(self, node: str) -> list[Link]:
        """The links that end at a node, by port."""
        return self._into.get(node, [])

    def out_of(self, node: str) -> list[Link]:
        """The links that begin at a node."""
        return self._out_of.get(node, [])

    def n_ports(self, node: str) -> int:
        """How many inputs the node shows: one more than are taken where it takes any number."""
        least, most = self.nodes[node].layer.takes
        if most is not None:
            return most
        return max(least, max((link.port for link in self.into(node)), default=-1) + 2)

    @cached_property
    def meaning(self) -> object:
        """What the drawing comes to, wherever its nodes stand."""
        return tuple((id, node.layer.meaning) for id, node in self.nodes.items()), self.links

    def order(self) -> list[str]:
        """The nodes so that each comes after those that feed it. Raises GraphError where there is a circle."""
        return list(self._order)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        sorter = TopologicalSorter({id: [link.source for link in self.into(id)] for id in self.nodes})
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            raise GraphError(f"The wires go round in a circle: {circle}.", "Remove one of these wires.") from None

    def downstream(self, node: str) -> set[str]:
        """Every node that a node's output reaches."""
        reached: set[str] = set()
        ahead = [node]
        while ahead:
            for link in self.out_of(ahead.pop()):
                if link.target not in reached:
                    reached.add(link.target)
                    ahead.append(link.target)
        return reached

    def free_id(self, prefix: str, taken: Iterable[str] = ()) -> str:
        """The first of prefix_1, prefix_2, … that no node has."""
        used = {*self.nodes, *taken}
        return next(name for i in range(1, len(used) + 2) if (name := f"{prefix}_{i}") not in used)

    # Following -------------------------------------------------------------------------------------------------------

    def with_node(self, node: Node) -> "Graph":
        """With this node added, or put in the place of the one with its id."""
        return replace(self, nodes={**self.nodes, node.id: node})

    def with_layer(self, id: str, layer: Layer) -> "Graph":
        """With another layer at a node; wires that it has no place for go."""
        graph = self.with_node(replace(self.nodes[id], layer=layer))
        most, before = layer.takes[1], self.nodes[id].layer
        if (layer.takes, layer.gives) == (before.takes, before.gives):
            return graph
        links = (
            k
            for k in self.links
            if not (k.target == id and most is not None and k.port >= most)
            and not (k.source == id and k.out >= layer.gives)
        )
        return replace(graph, links=tuple(links))

    def moved(self, places: Mapping[str, tuple[float, float]]) -> "Graph":
        """With nodes at other places."""
        moved = {id: replace(self.nodes[id], x=x, y=y) for id, (x, y) in places.items() if id in self.nodes}
        return replace(self, nodes={**self.nodes, **moved})

    def renamed(self, old: str, new: str) -> "Graph":
        """With a node under another name. Raises GraphError where the name is empty, taken or holds / or :."""
        if old == new:
            return self
        new = new.strip()
        if not can_be_name(new):
            raise GraphError(f"{new!r} cannot be a name.", r"Use 1 to 60 characters without / \ : [ ].")
        if new in self.nodes:
            raise GraphError(f"There is a node called {new!r} already.", "Choose another name.")
        return self._with_names({old: new})

    def _with_names(self, names: Mapping[str, str]) -> "Graph":
        nodes = (
            n if n.id == new and n.layer is layer else replace(n, id=new, layer=layer)
            for n in self.nodes.values()
            for new, layer in [(names.get(n.id, n.id), n.layer.after_renaming(names))]
        )
        links = (
            replace(k, source=names.get(k.source, k.source), target=names.get(k.target, k.target)) for k in self.links
        )
        return Graph({node.id: node for node in nodes}, tuple(links))

    def connect(self, source: str, target: str, port: int | None = None, out: int = 0) -> "Graph":
        """With a wire more; the wire that held the port before goes. Raises GraphError where no wire can be."""
        reason = self.refusal(source, target, port, out)
        if reason:
            raise GraphError(reason, "Connect an output to an input further on.")
        if port is None:
            taken = {link.port for link in self.into(target)}
            free = [p for p in range(self.n_ports(target)) if p not in taken]
            port = free[0] if free else 0
        link = Link(source, target, port, out)
        if link in self.links:
            return self
        kept = tuple(k for k in self.links if (k.target, k.port) != (target, port))
        return replace(self, links=(*kept, link))

    def refusal(self, source: str, target: str, port: int | None = None, out: int = 0) -> str:
        """Why a wire between two nodes cannot be, whatever the shapes; empty where it can."""
        if source == target:
            return f"{source} cannot feed itself."
        if not self.nodes[source].layer.gives:
            return f"{source} is the end of the network and has no output."
        if out not in range(self.nodes[source].layer.gives):
            return f"{source} has no output {nth('number', out)}."
        if self.nodes[target].layer.takes[1] == 0:
            return f"{target} is where data enters and has no input."
        if source in self.downstream(target):
            return f"{target} already feeds {source}; a wire back would make a circle."
        if port is not None and port not in range(self.n_ports(target)):
            return f"{target} has no input {nth('number', port)}."
        return ""

    def disconnect(self, link: Link) -> "Graph":
        return replace(self, links=tuple(k for k in self.links if k != link))

    def without(self, ids: Iterable[str], *, bridge: bool = True) -> "Graph":
        """Without these nodes. With `bridge`, what fed a removed chain is connected to what it fed."""
        gone = set(ids)
        kept = [k for k in self.links if k.source not in gone and k.target not in gone]
        if bridge:
            for link in self.links:
                if link.target not in gone and link.source in gone:
                    before = self._before(link.source, gone)
                    if before is not None:
                        kept.append(replace(link, source=before.source, out=before.out))
        return Graph({id: n for id, n in self.nodes.items() if id not in gone}, tuple(kept))

    def _before(self, id: str, gone: set[str]) -> Link | None:
        """The link from the first node up the first inputs of `id` that stays."""
        while True:
            links = self.into(id)
            if not links:
                return None
            id = links[0].source
            if id not in gone:
                return links[0]

    def inserted(self, node: Node, link: Link) -> "Graph":
        """With a new node put on a wire."""
        graph = self.disconnect(link).with_node(node)
        return graph.connect(link.source, node.id, out=link.out).connect(node.id, link.target, link.port)

    def part(self, ids: Iterable[str]) -> "Graph":
        """Only these nodes and the links among them."""
        chosen = set(ids)
        nodes = {id: n for id, n in self.nodes.items() if id in chosen}
        return Graph(nodes, tuple(k for k in self.links if k.source in chosen and k.target in chosen))

    def with_part(self, part: "Graph", dx: float = 0, dy: float = 0) -> tuple["Graph", dict[str, str]]:
        """With copies of another graph's nodes under free names, and which name became which."""
        names: dict[str, str] = {}
        for id, node in part.nodes.items():
            free = id not in self.nodes and id not in names.values()
            names[id] = id if free else self.free_id(node.layer.prefix, names.values())
        copies = part._with_names(names)
        moved = copies.moved({id: (node.x + dx, node.y + dy) for id, node in copies.nodes.items()})
        return Graph({**self.nodes, **moved.nodes}, (*self.links, *moved.links)), names
