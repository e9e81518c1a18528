"""A drawing as data, as project files, boxes and the clipboard hold it: read with checks, written in one order.

Whatever the data say, a Graph that comes out of here is whole: known layers, links that lead somewhere, no circle, and
boxes in boxes only so deep.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from annstudio.errors import GraphError
from annstudio.layers.base import make, plain_words
from annstudio.layers.graph import Graph, Link, Node, can_be_name

MAX_NODES = 10_000
MAX_LINKS = 100_000
MAX_DEPTH = 6
"""So many boxes in one another."""
EDGE = 1e6
"""How far from the origin a node can lie."""

Name = Annotated[str, Field(min_length=1, max_length=60)]
Place = Annotated[FiniteFloat, Field(ge=-EDGE, le=EDGE)]
Port = Annotated[int, Field(ge=0, le=4096)]


class Entry(BaseModel):
    """A part of a file: nothing unknown in it, nothing of a wrong type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeEntry(Entry):
    """A layer at its place."""

    id: Name
    layer: Annotated[str, Field(max_length=100)]
    settings: dict[str, Any] = {}
    x: Place = 0.0
    y: Place = 0.0


class LinkEntry(Entry):
    """A wire."""

    source: Name
    target: Name
    port: Port = 0
    out: Port = 0


class GraphEntry(Entry):
    """A drawing."""

    nodes: Annotated[list[NodeEntry], Field(max_length=MAX_NODES)] = []
    links: Annotated[list[LinkEntry], Field(max_length=MAX_LINKS)] = []

    @classmethod
    def of(cls, graph: Graph) -> "GraphEntry":
        """What is written for a drawing. Raises GraphError where a name could not be read again."""
        nodes = [
            {
                "id": node.id,
                "layer": node.layer.kind(),
                "settings": node.layer.model_dump(mode="json"),
                "x": min(max(node.x, -EDGE), EDGE),
                "y": min(max(node.y, -EDGE), EDGE),
            }
            for node in graph.nodes.values()
        ]
        links = [{"source": k.source, "target": k.target, "port": k.port, "out": k.out} for k in graph.links]
        return cls.read({"nodes": nodes, "links": links})

    @classmethod
    def read(cls, raw: Any) -> "GraphEntry":
        """What was read, checked. Raises GraphError with the first thing that is wrong."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise GraphError(f"It is no drawing: {plain_words(error)}") from error

    def graph(self) -> Graph:
        """The drawing itself. Raises GraphError where it is none."""
        if _depth(self) > MAX_DEPTH:
            raise GraphError(f"Its boxes lie in one another more than {MAX_DEPTH} deep.")
        nodes: dict[str, Node] = {}
        for entry in self.nodes:
            if not can_be_name(entry.id):
                raise GraphError(f"One of its nodes is called {entry.id!r}, which cannot be a name.")
            if entry.id in nodes:
                raise GraphError(f"Two of its nodes are called {entry.id!r}.")
            try:
                nodes[entry.id] = Node(entry.id, make(entry.layer, entry.settings), entry.x, entry.y)
            except GraphError as error:
                raise GraphError(f"Its node {entry.id!r} cannot be: {error.message}") from error
        graph = Graph(nodes, tuple(Link(k.source, k.target, k.port, k.out) for k in self.links))
        _check_links(graph)
        return graph


def _depth(entry: GraphEntry) -> int:
    """How deep boxes lie in one another, found before any of them is read: data of a thousand boxes shall not hang."""
    depth, ahead = 0, [node.settings for node in entry.nodes]
    while ahead and depth <= MAX_DEPTH:
        insides = [settings["inside"] for settings in ahead if isinstance(settings.get("inside"), dict)]
        inner = [node for inside in insides if isinstance(inside.get("nodes"), list) for node in inside["nodes"]]
        ahead = [n["settings"] for n in inner if isinstance(n, dict) and isinstance(n.get("settings"), dict)]
        depth += bool(insides)
    return depth


def _check_links(graph: Graph) -> None:
    taken: set[tuple[str, int]] = set()
    for link in graph.links:
        for end in (link.source, link.target):
            if end not in graph.nodes:
                raise GraphError(f"One of its wires ends at {end!r}, which is not there.")
        most = graph.nodes[link.target].layer.takes[1]
        if (most is not None and link.port >= most) or link.out >= graph.nodes[link.source].layer.gives:
            raise GraphError(f"Its wire from {link.source!r} to {link.target!r} has no place to go.")
        if (link.target, link.port) in taken:
            raise GraphError(f"Two of its wires end at the same input of {link.target!r}.")
        taken.add((link.target, link.port))
    graph.order()
