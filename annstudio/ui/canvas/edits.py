"""What the canvas' commands do to the project: each is one edit of the session with one label."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from annstudio.document import fixes
from annstudio.engine.layout import user_shape
from annstudio.errors import GraphError, Remedy
from annstudio.layers.base import Layer, make
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Link, Node
from annstudio.session import Session
from annstudio.ui.canvas.entries import Entry, entries
from annstudio.ui.theme import CARD_HEIGHT, CARD_WIDTH

ROW = 75.0
"""Cards whose tops differ by less stand in one row."""

Settings = Mapping[str, Any]


# Adding --------------------------------------------------------------------------------------------------------------


def add(session: Session, kind: str, settings: Settings, x: float, y: float) -> str:
    """Put a new layer at a place; returns its name. Raises GraphError where the settings are out of bounds."""
    layer = _made(session, kind, settings)
    id = session.graph.free_id(layer.prefix)
    session.edit_graph(session.graph.with_node(Node(id, layer, x, y)), f"Add {id}")
    return id


def _made(session: Session, kind: str, settings: Settings) -> Layer:
    """A new layer; an Input has the shape of the data where that is chosen already."""
    layer = make(kind, settings)
    if isinstance(layer, Input) and "shape" not in settings and (spec := session.network.columns.get(layer.column)):
        return layer.changed(shape=user_shape(spec.shape))
    return layer


def append(session: Session, after: str | None, kind: str, settings: Settings, x: float = 0, y: float = 0) -> str:
    """Put a new layer behind a node and connect them; without a node, at the first free place below (x, y)."""
    if after is None:
        return add(session, kind, settings, *fixes.free_place(session.graph, x, y))
    graph, id = fixes.append(session.graph, after, kind, dict(settings))
    session.edit_graph(graph, f"Add {id}")
    return id


def add_behind(session: Session, source: str, out: int, kind: str, settings: Settings, x: float, y: float) -> str:
    """Put a new layer at a place, fed by a node's output."""
    layer = make(kind, settings)
    id = session.graph.free_id(layer.prefix)
    session.edit_graph(session.graph.with_node(Node(id, layer, x, y)).connect(source, id, out=out), f"Add {id}")
    return id


def add_before(session: Session, target: str, port: int, kind: str, settings: Settings, x: float, y: float) -> str:
    """Put a new layer at a place, feeding an input of a node."""
    layer = _made(session, kind, settings)
    id = session.graph.free_id(layer.prefix)
    session.edit_graph(session.graph.with_node(Node(id, layer, x, y)).connect(id, target, port), f"Add {id}")
    return id


def insert(session: Session, link: Link, kind: str, settings: Settings, x: float, y: float) -> str:
    """Put a new layer on a wire, at (x, y) or between its ends, making room where the cards would overlap."""
    graph, layer = session.graph, make(kind, settings)
    if not layer.gives or layer.takes[1] == 0:
        raise GraphError(f"{kind} cannot be on a wire: it has no {'output' if not layer.gives else 'input'}.")
    source, target = graph.nodes[link.source], graph.nodes[link.target]
    ends = (source, target)
    if any(abs(end.x - x) < CARD_WIDTH + 8 and abs(end.y - y) < CARD_HEIGHT + 8 for end in ends):
        if abs(source.y - target.y) < ROW and target.x > source.x:
            x, y = (source.x + target.x) / 2, source.y
            if target.x - source.x < 2 * fixes.GAP - 10:
                x = source.x + fixes.GAP
                graph = _pushed_right(graph, target, x + fixes.GAP - target.x)
        else:
            x, y = fixes.free_place(graph, source.x + fixes.GAP, source.y)
    id = graph.free_id(layer.prefix)
    session.edit_graph(graph.inserted(Node(id, layer, x, y), link), f"Insert {id}")
    return id


def _pushed_right(graph: Graph, first: Node, by: float) -> Graph:
    """Move a node, and what stands right of it in its row, to the right."""
    row = [n for n in graph.nodes.values() if abs(n.y - first.y) < ROW and n.x >= first.x]
    return graph.moved({n.id: (n.x + by, n.y) for n in row})


# Connecting ----------------------------------------------------------------------------------------------------------


def connect(session: Session, link: Link, instead: Link | None = None) -> None:
    """Draw a wire, in place of another where one was taken off. Raises GraphError where none can be."""
    session.edit_graph(_connected(session, link, instead), "Connect" if instead is None else "Reconnect")


def connect_with(session: Session, link: Link, remedy: Remedy, instead: Link | None = None) -> None:
    """Draw a wire that does not fit by itself, together with the mend that makes it fit: one edit."""
    network = session.whole(_connected(session, link, instead))
    session.edit(replace(session.project, graph=fixes.mend(network, remedy)), remedy.label)


def _connected(session: Session, link: Link, instead: Link | None) -> Graph:
    graph = session.graph if instead is None else session.graph.disconnect(instead)
    return graph.connect(link.source, link.target, link.port, link.out)


def disconnect(session: Session, links: Iterable[Link]) -> None:
    graph = session.graph
    for link in links:
        graph = graph.disconnect(link)
    session.edit_graph(graph, "Disconnect")


def fitting_behind(session: Session, source: str, out: int = 0) -> list[Entry]:
    """Palette entries that a node's output can be connected to."""
    return [entry for entry in entries() if _fits(session, source, entry, behind=True, out=out)]


def fitting_before(session: Session, target: str, port: int) -> list[Entry]:
    """Palette entries whose output could go into an input."""
    return [entry for entry in entries() if _fits(session, target, entry, behind=False, port=port)]


def _fits(session: Session, id: str, entry: Entry, *, behind: bool, port: int = 0, out: int = 0) -> bool:
    graph, layer = session.graph, entry.make()
    new = graph.free_id(layer.prefix)
    source, target = (id, new) if behind else (new, id)
    candidate = graph.with_node(Node(new, layer))
    if candidate.refusal(source, target):
        return False
    candidate = candidate.connect(source, target, 0 if behind else port, out)
    checked = session.check(candidate)
    return all(problem.mild for end in (source, target) for problem in checked.of(end))


def wires_from(session: Session, source: str) -> list[Link]:
    """Every wire that could be drawn from a node's outputs, those that fit."""
    graph = session.graph
    found = []
    for id in graph.nodes:
        for port in range(graph.n_ports(id)):
            links = (Link(source, id, port, out) for out in range(graph.nodes[source].layer.gives))
            found += [link for link in links if link not in graph.links and session.refusal(link) is None]
    return found


# Deleting ------------------------------------------------------------------------------------------------------------


def delete(session: Session, ids: Iterable[str], links: Iterable[Link] = ()) -> None:
    """Delete nodes and wires; the gap is bridged wherever what is behind it still gets what it needs."""
    chosen, graph = list(ids), session.graph
    cut = list(links)
    for link in cut:
        graph = graph.disconnect(link)
    bare = graph.without(chosen, bridge=False)
    for link in graph.without(chosen, bridge=True).links:
        if link not in bare.links and session.refusal(link, within=bare) is None:
            bare = bare.connect(link.source, link.target, link.port, link.out)
    if chosen or cut:
        session.edit_graph(bare, _label("Delete", chosen) if chosen else "Disconnect")


def move(session: Session, places: Mapping[str, tuple[float, float]], merge: object = None) -> None:
    session.edit_graph(session.graph.moved(places), _label("Move", list(places)), merge)


def _label(verb: str, ids: list[str]) -> str:
    return f"{verb} {ids[0]}" if len(ids) == 1 else f"{verb} {len(ids)} layers"
