"""Weights as safetensors: no code can hide in it, and PyTorch and others read it at once.

The file's metadata holds the drawing too, so that a network can be made from it again.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

import annstudio
from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.errors import FormatError
from annstudio.formats.archive import parse_json, read_only, short
from annstudio.formats.base import Content, Format, atomic_write, c_ordered, finite, read_bytes
from annstudio.formats.schema import check_weights, read_graph, validated, written_graph
from annstudio.layers.drawn import GraphEntry
from annstudio.layers.graph import Graph

MAX_HEADER_BYTES = 32 << 20
METADATA = "annstudio"
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class SafeTensors(Format):
    """One tensor for each view of a layer, named `layer/W`, in users' layout; the drawing in the metadata."""

    name: ClassVar[str] = "Weights as safetensors"
    suffix: ClassVar[str] = ".safetensors"
    loses: ClassVar[str] = "The weights and the drawing are kept: no data, no settings, no history."

    def read(self, path: Path) -> Content:
        data = read_bytes(path)
        try:
            weights, metadata = unpack(data)
            return Content(weights, _project(weights, metadata))
        except FormatError as error:
            raise FormatError(f"{path.name} cannot be opened as weights. {error.message}", error.hint) from error

    def write(self, path: Path, content: Content, dtype: str = "float32") -> None:
        metadata = None if content.project is None else {METADATA: _described(content.project.graph)}
        atomic_write(path, pack(c_ordered(finite(content.weights), dtype), metadata))


def pack(arrays: Mapping[str, Array], metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file. One entry of metadata at most: their order would be left to chance."""
    in_one_piece = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return bytes(save(in_one_piece, metadata))


def unpack(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays, read-only and finite, and the metadata of a safetensors file. Raises FormatError."""
    header = _header(data)
    try:
        tensors = deserialize(data)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, TypeError, OverflowError) as error:
        raise FormatError("Its tensors are damaged.", "Copy it again from where it came.") from error
    weights = {name: _array(name, tensor) for name, tensor in sorted(tensors, key=lambda item: item[0])}
    finite(weights)
    metadata = header.get("__metadata__", {})
    return weights, metadata if isinstance(metadata, dict) else {}


def _header(data: bytes) -> dict[str, Any]:
    size = struct.unpack_from("<Q", data)[0] if len(data) >= 8 else 0
    if not 2 <= size <= min(len(data) - 8, MAX_HEADER_BYTES):
        raise FormatError("It is no safetensors file, or was cut short.", "Copy it again from where it came.")
    header = parse_json(data[8 : 8 + size])
    if not isinstance(header, dict):
        raise FormatError("It is no safetensors file.", "Choose another file.")
    return header


def _array(name: str, tensor: Mapping[str, Any]) -> Array:
    dtype = _DTYPES.get(tensor["dtype"])
    if dtype is None:
        raise FormatError(
            f"Its tensor {short(name)} holds {tensor['dtype']}, which cannot be a weight.", "Save it again as F32."
        )
    raw: Array = np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])
    if tensor["dtype"] == "BF16":
        # The upper half of a float32.
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return read_only(raw.astype(np.float32) if tensor["dtype"] == "F16" else raw)


def _described(graph: Graph) -> str:
    said = {"program": annstudio.__version__, "graph": written_graph(graph).model_dump(mode="json")}
    return json.dumps(said, ensure_ascii=False, allow_nan=False)


def _project(weights: Mapping[str, Array], metadata: Mapping[str, str]) -> Project | None:
    """The drawing where the file has one of ours; metadata of others are no concern of ours."""
    if not isinstance(metadata.get(METADATA), str):
        return None
    said = parse_json(metadata[METADATA].encode("utf-8"))
    graph = read_graph(validated(GraphEntry, said.get("graph") if isinstance(said, dict) else None))
    check_weights(graph, weights)
    return Project(graph=graph, weights=weights)
