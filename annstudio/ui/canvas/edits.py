"""What the canvas' commands do to the project: each is one edit of the session with one label."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from annstudio.document import fixes
from annstudio.document.compile import check, columns_of, refusal
from annstudio.document.graph import Graph, Link, Node
from annstudio.document.project import Project
from annstudio.engine.arena import Weights, frozen
from annstudio.engine.layout import user_shape
from annstudio.engine.op import Array
from annstudio.errors import GraphError, Remedy
from annstudio.layers.base import Layer, make
from annstudio.layers.ends import Input
from annstudio.session import Session
from annstudio.ui.canvas.entries import Entry, entries
from annstudio.ui.theme import CARD_HEIGHT, CARD_WIDTH

ROW = 75.0
"""Cards whose tops differ by less stand in one row."""
NEAR = 40.0

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


def add_behind(session: Session, source: str, kind: str, settings: Settings, x: float, y: float) -> str:
    """Put a new layer at a place, fed by a node's output."""
    layer = make(kind, settings)
    id = session.graph.free_id(layer.prefix)
    session.edit_graph(session.graph.with_node(Node(id, layer, x, y)).connect(source, id), f"Add {id}")
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
    if not layer.has_output or layer.arity[1] == 0:
        raise GraphError(f"{kind} cannot be on a wire: it has no {'output' if not layer.has_output else 'input'}.")
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


def connect(session: Session, source: str, target: str, port: int | None, instead: Link | None = None) -> None:
    """Draw a wire, in place of another where one was taken off. Raises GraphError where none can be."""
    graph = session.graph if instead is None else session.graph.disconnect(instead)
    session.edit_graph(graph.connect(source, target, port), "Connect" if instead is None else "Reconnect")


def connect_with(
    session: Session, source: str, target: str, port: int | None, remedy: Remedy, instead: Link | None = None
) -> None:
    """Draw a wire that does not fit by itself, together with the mend that makes it fit: one edit."""
    graph = session.graph if instead is None else session.graph.disconnect(instead)
    session.edit_graph(fixes.mend(graph.connect(source, target, port), remedy), remedy.label)


def disconnect(session: Session, links: Iterable[Link]) -> None:
    graph = session.graph
    for link in links:
        graph = graph.disconnect(link)
    session.edit_graph(graph, "Disconnect")


def fitting_behind(session: Session, source: str) -> list[Entry]:
    """Palette entries that a node's output can be connected to."""
    return [entry for entry in entries() if _fits(session, source, entry, behind=True)]


def fitting_before(session: Session, target: str, port: int) -> list[Entry]:
    """Palette entries whose output could go into an input."""
    return [entry for entry in entries() if _fits(session, target, entry, behind=False, port=port)]


def _fits(session: Session, id: str, entry: Entry, *, behind: bool, port: int = 0) -> bool:
    graph, layer = session.graph, entry.make()
    new = graph.free_id(layer.prefix)
    source, target = (id, new) if behind else (new, id)
    candidate = graph.with_node(Node(new, layer))
    if candidate.refusal(source, target):
        return False
    candidate = candidate.connect(source, target, 0 if behind else port)
    checked = check(candidate, columns_of(session.dataset))
    return all(problem.mild for end in (source, target) for problem in checked.of(end))


def targets_of(session: Session, source: str) -> list[tuple[str, int]]:
    """Every input (node, port) that a node's output could be connected to, those that fit."""
    graph = session.graph
    found = []
    for id in graph.nodes:
        taken = {link.port: link.source for link in graph.into(id)}
        for port in range(graph.n_ports(id)):
            if taken.get(port) != source and session.refusal(source, id, port) is None:
                found.append((id, port))
    return found


# Deleting ------------------------------------------------------------------------------------------------------------


def delete(session: Session, ids: Iterable[str], links: Iterable[Link] = ()) -> None:
    """Delete nodes and wires; the gap is bridged wherever what is behind it still gets what it needs."""
    chosen, graph = list(ids), session.graph
    cut = list(links)
    for link in cut:
        graph = graph.disconnect(link)
    bare = graph.without(chosen, bridge=False)
    columns = columns_of(session.dataset)
    for link in graph.without(chosen, bridge=True).links:
        if link not in bare.links and refusal(bare, link.source, link.target, link.port, columns) is None:
            bare = bare.connect(link.source, link.target, link.port)
    if chosen or cut:
        session.edit_graph(bare, _label("Delete", chosen) if chosen else "Disconnect")


def move(session: Session, places: Mapping[str, tuple[float, float]], merge: object = None) -> None:
    session.edit_graph(session.graph.moved(places), _label("Move", list(places)), merge)


def _label(verb: str, ids: list[str]) -> str:
    return f"{verb} {ids[0]}" if len(ids) == 1 else f"{verb} {len(ids)} layers"


# Copying -------------------------------------------------------------------------------------------------------------

MIME = "application/x-annstudio-part"
_MOST_TEXT = 256 * 2**20
_Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^/:\[\]]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Layer(_Strict):
    id: _Name
    kind: str
    settings: dict[str, Any]
    x: FiniteFloat
    y: FiniteFloat


class _Array(_Strict):
    shape: tuple[Annotated[int, Field(ge=0, le=2**31)], ...] = Field(max_length=8)
    dtype: Literal["float32", "float64", "bool"]
    data: str


class _Part(_Strict):
    """Layers on the clipboard: text that can be kept, sent and read by eye."""

    annstudio: Literal[1] = 1
    nodes: list[_Layer] = Field(min_length=1, max_length=100_000)
    links: list[tuple[_Name, _Name, Annotated[int, Field(ge=0, le=100_000)]]]
    weights: dict[str, _Array] = {}
    locked: dict[str, _Array] = {}


def copied(session: Session, ids: Iterable[str]) -> str:
    """Nodes, the wires among them, their settings and weights as text."""
    part = session.graph.part(ids)
    nodes = [
        _Layer(id=n.id, kind=n.layer.kind(), settings=n.layer.model_dump(mode="json"), x=n.x, y=n.y)
        for n in part.nodes.values()
    ]
    own = _own(session, part)
    weights, locked = ({key: _packed(a) for key, a in arrays.items()} for arrays in (own.weights, own.locked))
    links = [(k.source, k.target, k.port) for k in part.links]
    return _Part(nodes=nodes, links=links, weights=weights, locked=locked).model_dump_json()


def read_part(text: str) -> Project:
    """The layers in a text, their weights and locks. Raises GraphError where it holds none: foreign text is looked at,
    never run."""
    nothing = GraphError("The clipboard holds no layers.", "Copy layers on a canvas first.")
    if len(text) > _MOST_TEXT or '"annstudio"' not in text[:200]:
        raise nothing
    try:
        read = _Part.model_validate_json(text)
        nodes = {n.id: Node(n.id, make(n.kind, n.settings), n.x, n.y) for n in read.nodes}
        graph = Graph(nodes)
        for source, target, port in read.links:
            most = nodes[target].layer.arity[1] if target in nodes else 0
            if source not in nodes or (most is not None and port >= most):
                raise nothing
            graph = graph.connect(source, target, port)
        weights, locked = ({k: _unpacked(a) for k, a in arrays.items()} for arrays in (read.weights, read.locked))
        return Project(graph, weights, locked={key: mask.astype(bool) for key, mask in locked.items()})
    except (ValidationError, ValueError) as error:
        raise nothing from error


def paste(session: Session, text: str, x: float | None = None, y: float | None = None) -> list[str]:
    """Add the layers of a text, their upper left corner at (x, y) or beside where they came from. GraphError if none.

    Returns their names; weights go along under the new names.
    """
    return _paste(session, read_part(text), "Paste", x, y)


def duplicate(session: Session, ids: Iterable[str]) -> list[str]:
    """Copies of nodes with the wires among them and their weights."""
    return _paste(session, _own(session, session.graph.part(ids)), "Duplicate", None, None)


def _paste(session: Session, copied: Project, label: str, x: float | None, y: float | None) -> list[str]:
    part = copied.graph
    if not part.nodes:
        return []
    left, top = min(n.x for n in part.nodes.values()), min(n.y for n in part.nodes.values())
    dx, dy = (0.0, 0.0) if x is None or y is None else (x - left, y - top)
    places = {(n.x, n.y) for n in session.graph.nodes.values()}
    while any((n.x + dx, n.y + dy) in places for n in part.nodes.values()):
        dx, dy = dx + NEAR, dy + NEAR
    graph, names = session.graph.with_part(part, dx, dy)
    weights = {**session.project.weights, **_under(names, copied.weights)}
    locked = {**session.project.locked, **_under(names, copied.locked)}
    session.edit(replace(session.project, graph=graph, weights=weights, locked=locked), label)
    return list(names.values())


def _own(session: Session, part: Graph) -> Project:
    """A part of the drawing with its weights and locks."""
    same = {id: id for id in part.nodes}
    return Project(part, _under(same, session.weights()), locked=_under(same, session.project.locked))


def _under(names: Mapping[str, str], arrays: Weights) -> dict[str, Array]:
    """The arrays of these nodes, under the nodes' new names."""
    parts = {key: key.partition("/") for key in arrays}
    return {f"{names[node]}/{view}": arrays[key] for key, (node, _, view) in parts.items() if node in names}


def _packed(array: Array) -> _Array:
    dtype: Literal["float32", "float64", "bool"] = "float64"
    if array.dtype in (np.float32, np.bool):
        dtype = "bool" if array.dtype == np.bool else "float32"
    little = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    return _Array(shape=little.shape, dtype=dtype, data=base64.b64encode(little.tobytes()).decode("ascii"))


def _unpacked(array: _Array) -> Array:
    """The numbers again; ValueError where they are not as many as said, or not finite."""
    raw = base64.b64decode(array.data, validate=True)
    numbers = np.frombuffer(raw, np.dtype(array.dtype).newbyteorder("<")).reshape(array.shape)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return frozen(numbers.astype(array.dtype))
