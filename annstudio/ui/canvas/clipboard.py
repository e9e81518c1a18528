"""Layers on the clipboard, pasted and doubled: text that can be kept, sent and read by eye."""

import base64
from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from annstudio.document.project import Project
from annstudio.engine.arena import frozen
from annstudio.engine.op import Array
from annstudio.errors import GraphError
from annstudio.layers.drawn import Entry, GraphEntry
from annstudio.session import Session

MIME = "application/x-annstudio-part"
_MOST_TEXT = 256 * 2**20
NEAR = 40.0
"""How far beside the old place a copy is put."""


class _Array(Entry):
    shape: tuple[Annotated[int, Field(ge=0, le=2**31)], ...] = Field(max_length=8)
    dtype: Literal["float32", "float64", "bool"]
    data: str


class _Part(Entry):
    """What lies on the clipboard."""

    annstudio: Literal[2] = 2
    graph: GraphEntry
    weights: dict[str, _Array] = {}
    locked: dict[str, _Array] = {}


def copied(session: Session, ids: Iterable[str]) -> str:
    """Nodes, the wires among them, their settings and weights as text."""
    own = session.part(ids)
    weights, locked = ({key: _packed(a) for key, a in arrays.items()} for arrays in (own.weights, own.locked))
    return _Part(graph=GraphEntry.of(own.graph), weights=weights, locked=locked).model_dump_json()


def read_part(text: str) -> Project:
    """The layers in a text, their weights and locks. Raises GraphError where it holds none: foreign text is looked at,
    never run."""
    nothing = GraphError("The clipboard holds no layers.", "Copy layers on a canvas first.")
    if len(text) > _MOST_TEXT or '"annstudio"' not in text[:200]:
        raise nothing
    try:
        read = _Part.model_validate_json(text)
        weights, locked = ({k: _unpacked(a) for k, a in arrays.items()} for arrays in (read.weights, read.locked))
        return Project(read.graph.graph(), weights, locked={key: mask.astype(bool) for key, mask in locked.items()})
    except (ValidationError, ValueError, GraphError) as error:
        raise nothing from error


def paste(session: Session, text: str, x: float | None = None, y: float | None = None) -> list[str]:
    """Add the layers of a text, their upper left corner at (x, y) or beside where they came from. GraphError if none.

    Returns their names; weights go along under the new names.
    """
    return _paste(session, read_part(text), "Paste", x, y)


def duplicate(session: Session, ids: Iterable[str]) -> list[str]:
    """Copies of nodes with the wires among them and their weights."""
    return _paste(session, session.part(ids), "Duplicate", None, None)


def _paste(session: Session, part: Project, label: str, x: float | None, y: float | None) -> list[str]:
    nodes = part.graph.nodes.values()
    if not nodes:
        return []
    left, top = min(n.x for n in nodes), min(n.y for n in nodes)
    dx, dy = (0.0, 0.0) if x is None or y is None else (x - left, y - top)
    places = {(n.x, n.y) for n in session.graph.nodes.values()}
    while any((n.x + dx, n.y + dy) in places for n in nodes):
        dx, dy = dx + NEAR, dy + NEAR
    return session.put_in(part, dx, dy, label)


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
