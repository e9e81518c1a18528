"""Layers on the clipboard, pasted and doubled: text that can be kept, sent and read by eye."""

import base64
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from annstudio.engine.arena import frozen
from annstudio.engine.op import Array
from annstudio.errors import GraphError
from annstudio.layers.drawn import Entry, GraphEntry
from annstudio.layers.graph import Graph
from annstudio.layers.names import is_of, renamed
from annstudio.session import Session

MIME = "application/x-annstudio-part"
_MOST_TEXT = 256 * 2**20
NEAR = 40.0
"""How far beside the old place a copy is put."""


class _Array(Entry):
    shape: tuple[Annotated[int, Field(ge=0, le=2**31)], ...] = Field(max_length=8)
    dtype: Literal["float32", "float64"]
    data: str


class _Part(Entry):
    """What lies on the clipboard."""

    annstudio: Literal[2] = 2
    graph: GraphEntry
    weights: dict[str, _Array] = {}


def copied(session: Session, ids: Iterable[str]) -> str:
    """Nodes, the wires among them, their settings and weights as text."""
    part = session.graph.part(ids)
    weights = {key: _packed(array) for key, array in _own(session, part.nodes).items()}
    return _Part(graph=GraphEntry.of(part), weights=weights).model_dump_json()


def read_part(text: str) -> tuple[Graph, dict[str, Array]]:
    """The layers in a text. Raises GraphError where it holds none: foreign text is looked at, never run."""
    nothing = GraphError("The clipboard holds no layers.", "Copy layers on a canvas first.")
    if len(text) > _MOST_TEXT or '"annstudio"' not in text[:200]:
        raise nothing
    try:
        read = _Part.model_validate_json(text)
        return read.graph.graph(), {key: _unpacked(array) for key, array in read.weights.items()}
    except (ValidationError, ValueError, GraphError) as error:
        raise nothing from error


def paste(session: Session, text: str, x: float | None = None, y: float | None = None) -> list[str]:
    """Add the layers of a text, their upper left corner at (x, y) or beside where they came from. GraphError if none.

    Returns their names; weights go along under the new names.
    """
    part, weights = read_part(text)
    return _paste(session, part, weights, "Paste", x, y)


def duplicate(session: Session, ids: Iterable[str]) -> list[str]:
    """Copies of nodes with the wires among them and their weights."""
    part = session.graph.part(ids)
    return _paste(session, part, _own(session, part.nodes), "Duplicate", None, None)


def _paste(
    session: Session, part: Graph, weights: Mapping[str, Array], label: str, x: float | None, y: float | None
) -> list[str]:
    if not part.nodes:
        return []
    left, top = min(n.x for n in part.nodes.values()), min(n.y for n in part.nodes.values())
    dx, dy = (0.0, 0.0) if x is None or y is None else (x - left, y - top)
    places = {(n.x, n.y) for n in session.graph.nodes.values()}
    while any((n.x + dx, n.y + dy) in places for n in part.nodes.values()):
        dx, dy = dx + NEAR, dy + NEAR
    graph, names = session.graph.with_part(part, dx, dy)
    known = {renamed(key, names): array for key, array in weights.items()}
    session.edit_graph(graph, label, weights=known)
    return list(names.values())


def _own(session: Session, ids: Iterable[str]) -> dict[str, Array]:
    """The weights of nodes of the open drawing, under the names that they have there."""
    return {key: array for key, array in session.weights_here().items() if any(is_of(key, id) for id in ids)}


def _packed(array: Array) -> _Array:
    plain = np.ascontiguousarray(array, np.float32 if array.dtype == np.float32 else np.float64)
    little = plain.astype(plain.dtype.newbyteorder("<"))
    dtype: Literal["float32", "float64"] = "float32" if plain.dtype == np.float32 else "float64"
    return _Array(shape=plain.shape, dtype=dtype, data=base64.b64encode(little.tobytes()).decode("ascii"))


def _unpacked(array: _Array) -> Array:
    """The numbers again; ValueError where they are not as many as said, or not finite."""
    raw = base64.b64decode(array.data, validate=True)
    numbers = np.frombuffer(raw, np.dtype(array.dtype).newbyteorder("<")).reshape(array.shape)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return frozen(numbers.astype(array.dtype))
