"""What `project.json` holds: every entry with its limits, read with checks, written in one order.

Whatever a file says, a Graph that comes out of here is whole: known layers, links that lead somewhere, no circle.
"""

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError

import annstudio
from annstudio.document.compile import check, compile_graph
from annstudio.engine.op import Array, Shape
from annstudio.engine.program import Role
from annstudio.errors import FormatError, GraphError
from annstudio.explain.worksheet import Worksheet
from annstudio.formats.archive import CHANGED, short
from annstudio.formats.earlier import name_of_today
from annstudio.layers.drawn import Entry, GraphEntry
from annstudio.layers.graph import Graph
from annstudio.layers.names import node_of
from annstudio.training.settings import TrainingSettings

SCHEMA = 5
MAX_WEIGHTS = 1 << 28

Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _every_wire_from_the_first_output(said: dict[str, Any]) -> dict[str, Any]:
    """2 → 3: a layer can have several outputs, so every wire says which one it comes from."""
    graph = said.get("graph")
    links = graph.get("links") if isinstance(graph, dict) else None
    if not isinstance(graph, dict) or not isinstance(links, list):
        return said
    links = [{**link, "out": 0} if isinstance(link, dict) else link for link in links]
    return {**said, "graph": {**graph, "links": links}}


def _names_count_from_one(said: dict[str, Any]) -> dict[str, Any]:
    """4 → 5: time steps and examples in names of numbers count from 1, as everywhere."""
    sheet = said.get("worksheet")
    if not isinstance(sheet, dict):
        return said

    def told(entry: Any) -> Any:
        if isinstance(entry, dict) and "name" in entry:
            return {**entry, "name": told(entry["name"])}
        return name_of_today(entry) if isinstance(entry, str) else entry

    lists = {key: list(map(told, sheet[key])) for key in ("asked", "answers") if isinstance(sheet.get(key), list)}
    return {**said, "worksheet": {**sheet, **lists}}


MIGRATIONS: Mapping[int, Migration] = {
    1: lambda said: {**said, "locked": []},
    2: _every_wire_from_the_first_output,
    3: lambda said: {**said, "worksheet": None},
    4: _names_count_from_one,
}
"""Turns what a file of that schema says into what one of the next would: one small function a version."""

Count = Annotated[int, Field(ge=0, le=2**53)]
Model = TypeVar("Model", bound=BaseModel)


class PlanEntry(Entry):
    """How the run is carried out: forms of products by their keys, pieces of a batch, threads."""

    forms: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=40)]] = {}
    piece: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 1


class ProgressEntry(Entry):
    """Where a run stands; its arrays lie in history.npz."""

    step: Count
    epoch: Count
    position: Count
    updates: Count
    steps_per_block: Annotated[int, Field(ge=1, le=2**53)]
    steps_in_last_block: Count
    over: bool = False
    plan: PlanEntry | None = None


class ProjectEntry(Entry):
    """All of project.json."""

    format: Literal["annstudio"] = "annstudio"
    schema_version: Literal[5] = 5
    program: Annotated[str, Field(max_length=100)] = annstudio.__version__
    title: Annotated[str, Field(max_length=1_000)] = ""
    note: Annotated[str, Field(max_length=100_000)] = ""
    graph: GraphEntry = GraphEntry()
    data: dict[str, Any] | None = None
    settings: TrainingSettings = TrainingSettings()
    own_weights: Annotated[list[str], Field(max_length=100_000)] = []
    """Names of the weights that were trained or set by hand; the others are what the initialisers give."""
    locked: Annotated[list[str], Field(max_length=100_000)] = []
    """Names of the weights with single numbers that are locked; which ones, says locked.npz."""
    progress: ProgressEntry | None = None
    worksheet: Worksheet | None = None


def read_graph(entry: GraphEntry) -> Graph:
    """The drawing that an entry tells. Raises FormatError where it is none."""
    try:
        return entry.graph()
    except GraphError as error:
        raise FormatError(f"{short(error.message, 300)}.", CHANGED) from error


def written_graph(graph: Graph) -> GraphEntry:
    """What is written for a drawing. Raises FormatError where it could not be read again."""
    try:
        return GraphEntry.of(graph)
    except GraphError as error:
        raise FormatError(error.message, CHANGED) from error


def validated(model: type[Model], raw: Any) -> Model:
    """What was read, checked against the model. Raises FormatError with the first thing that is wrong."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        if first["type"] == "extra_forbidden":
            raise FormatError(f"Its entry {short(where)} is not known.", CHANGED) from error
        said = first["msg"].removeprefix("Input ")
        raise FormatError(
            f"Its entry {short(where)} {said}, got {short(repr(first['input']), 60)}.", CHANGED
        ) from error


def migrated(raw: Any, migrations: Mapping[int, Migration] = MIGRATIONS, newest: int = SCHEMA) -> dict[str, Any]:
    """What a file says, in the words of the newest schema. Raises FormatError for a foreign or a newer file."""
    if not isinstance(raw, dict) or raw.get("format") != "annstudio":
        raise FormatError("It is not an ANN Studio project.", "Choose a file that ends in .annstudio.")
    version = raw.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise FormatError("It does not say which version of the project format it has.", CHANGED)
    if version > newest:
        raise FormatError(
            f"It was written by a newer ANN Studio: its format has version {short(str(version), 20)}, "
            f"this program reads up to version {newest}.",
            "Open it with a newer ANN Studio.",
        )
    said: dict[str, Any] = raw
    while version < newest:
        if version not in migrations:
            raise FormatError(f"Its format has version {short(str(version), 20)}, which never was.", CHANGED)
        version, said = version + 1, {**migrations[version](said), "schema_version": version + 1}
    return said


@dataclass(frozen=True)
class Expected:
    """The shapes of all weights of the nodes that are told; the others do not fit together yet, theirs can be any."""

    shapes: Mapping[str, Shape]
    told: Set[str]
    nodes: Set[str]

    def takes(self, key: str, array: Array) -> bool:
        """Whether an array can be the weights of that name."""
        node = node_of(key)
        return array.shape == self.shapes.get(key) if node in self.told else node in self.nodes


def expected_weights(graph: Graph) -> Expected:
    """What weights a drawing has, whatever the data. Raises FormatError where they are too many."""
    told = check(graph, {}).facts.keys() & graph.nodes.keys()
    return Expected(_shapes(graph.part(told)) if told else {}, told, graph.nodes.keys())


def _shapes(fitting: Graph) -> dict[str, Shape]:
    program = compile_graph(fitting, {}, training=False, plain=True)
    total = sum(math.prod(parameter.shape) for parameter in program.parameters)
    if total > MAX_WEIGHTS:
        raise FormatError(
            f"The network has {total:,} weights; at most {MAX_WEIGHTS:,} are kept in a file.", "Make a layer smaller."
        )
    # Empty memory of one byte a number: only its shape is looked at.
    shapes = {
        parameter.key(view): view.of(np.empty(parameter.shape, np.int8)).shape
        for parameter in program.parameters
        for view in parameter.views
    }
    states = [slot for slot in program.slots if slot.role is Role.STATE and not slot.batched]
    return {**shapes, **{f"{slot.node}/{slot.name}": slot.shape for slot in states}}


def check_weights(graph: Graph, weights: Mapping[str, Array]) -> None:
    """Raise FormatError unless all weights belong to nodes of the drawing and are of their shape."""
    expected = expected_weights(graph)
    for key, array in weights.items():
        if not expected.takes(key, array):
            shape = expected.shapes.get(key)
            wanted = f"should have the shape {shape}, not {array.shape}" if shape else "belong to no layer"
            raise FormatError(f"Its weights {short(key)} {wanted}.", CHANGED)
