"""Carries out the mends that problems offer: each is an ordinary edit of the graph."""

from dataclasses import replace

from annstudio.document.graph import Graph, Node
from annstudio.document.project import Project
from annstudio.errors import Remedy
from annstudio.layers.base import make

GAP = 190.0
"""How far to the right of its neighbour a new node is put."""


def mend(graph: Graph, remedy: Remedy) -> Graph:
    """The graph after a mend. Raises GraphError where the setting is out of bounds."""
    if remedy.action == "insert":
        return _insert_before(graph, remedy)
    if remedy.action == "append":
        return append(graph, remedy.node, remedy.layer, remedy.settings)[0]
    return _set(graph, remedy)


def mended(project: Project, remedy: Remedy) -> Project:
    """The project after a mend. Raises GraphError where a setting is out of bounds."""
    project = replace(project, graph=mend(project.graph, remedy))
    return project.redrawn(remedy.node) if remedy.action == "redraw" else project


def append(graph: Graph, after: str | None, kind: str, settings: dict[str, object]) -> tuple[Graph, str]:
    """With a new layer behind `after`, connected where a wire can be; and the new node's name."""
    layer = make(kind, settings)
    id = graph.free_id(layer.prefix)
    if after is None or after not in graph.nodes:
        x, y = free_place(graph, 0.0, 0.0)
        return graph.with_node(Node(id, layer, x, y)), id
    before = graph.nodes[after]
    x, y = free_place(graph, before.x + GAP, before.y)
    graph = graph.with_node(Node(id, layer, x, y))
    return (graph if graph.refusal(after, id) else graph.connect(after, id)), id


def free_place(graph: Graph, x: float, y: float) -> tuple[float, float]:
    """The first place at or below (x, y) where a new card would not cover another."""
    while any(abs(node.x - x) < 160 and abs(node.y - y) < 150 for node in graph.nodes.values()):
        y += 170
    return x, y


def _insert_before(graph: Graph, remedy: Remedy) -> Graph:
    """Put a layer on every wire that ends at the node, making room to the right."""
    for link in graph.into(remedy.node):
        layer = make(remedy.layer, remedy.settings)
        target = graph.nodes[link.target]
        # All that stands there goes along, connected or not: no card may come to lie on another.
        same_row = [node for node in graph.nodes.values() if abs(node.y - target.y) < 75 and node.x >= target.x]
        graph = graph.moved({node.id: (node.x + GAP, node.y) for node in same_row})
        graph = graph.inserted(Node(graph.free_id(layer.prefix), layer, target.x, target.y), link)
    return graph


def _set(graph: Graph, remedy: Remedy) -> Graph:
    """Change settings of a node, or of the one before it that has them; activations may come as layers of their own."""
    id: str | None = remedy.node
    names = set(remedy.settings)
    while id is not None:
        layer = graph.nodes[id].layer
        fields = set(type(layer).model_fields)
        if names <= fields:
            return graph.with_layer(id, layer.changed(**remedy.settings))
        if names == {"activation"}:
            if "function" in fields:
                return graph.with_layer(id, layer.changed(function=remedy.settings["activation"]))
            return _append_activation(graph, id, remedy.settings["activation"])
        links = graph.into(id)
        id = links[0].source if links else None
    return graph


def _append_activation(graph: Graph, id: str, function: str) -> Graph:
    for link in graph.out_of(id):
        layer = make("Activation", {"function": function})
        target = graph.nodes[link.target]
        graph = graph.inserted(replace(target, id=graph.free_id(layer.prefix), layer=layer, y=target.y + 170), link)
    return graph
