"""For every entry of the palette a small network that it fits into, and a setting to be changed in the inspector."""

from dataclasses import dataclass, field
from typing import Any

from annstudio.data.base import DataSource, parse_source
from annstudio.document.compile import check, columns_of
from annstudio.document.project import Project
from annstudio.layers.base import Layer, make
from annstudio.layers.graph import Graph, Node
from annstudio.training.settings import TrainingSettings
from annstudio.ui.canvas.entries import Entry
from tests.builders import some_table, table

WORDS = table([(0, 1, 2), (2, 2, 1), (1, 0, 3), (3, 1, 0)] * 4, [(0.1, 0.9), (0.8, 0.2), (0.4, 0.6), (0.7, 0.3)] * 4)
"""Rows of whole numbers, such as words are given by."""
DATA: dict[str, DataSource] = {
    "list": some_table(24),
    "words": WORDS,
    "sequence": parse_source({"kind": "sunspots", "window": 6}),
    "image": parse_source({"kind": "digits"}),
}
OF_IMAGES = ("2D", "SpatialDropout", "GlobalMaxPool", "GlobalAveragePool", "BatchNorm", "Flatten")
OF_SEQUENCES = ("1D", "RNN", "LSTM", "GRU", "Permute", "LayerNorm", "Dot")
SETTINGS: dict[str, dict[str, Any]] = {
    "Reshape": {"target": (4, 4, 4)},
    "Embedding": {"vocabulary": 4, "units": 3},
}
"""What has to be set for the layer to fit at all; the others fit as they come from the palette."""
EDITS: dict[str, tuple[str, Any]] = {
    "Input": ("shape", (3,)),
    "Block": ("trainable", False),
    "Embedding": ("vocabulary", 5),
    "Activation": ("function", "tanh"),
    "Reshape": ("target", (8, 8)),
    "Permute": ("order_of_axes", (1, 2)),
    "DepthwiseConv2D": ("depth_multiplier", 2),
    "UpSampling2D": ("size", (1, 2)),
    "Dropout": ("rate", 0.25),
    "SpatialDropout": ("rate", 0.25),
    "BatchNorm": ("affine", False),
    "LayerNorm": ("affine", False),
    "Dot": ("normalize", True),
    "Loss": ("weight", 2.0),
}
"""Which setting is changed and to what; else the first number of the layer becomes 3."""
ENDS: dict[str, str] = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "perceptron": "step"}


@dataclass(frozen=True)
class Recipe:
    """A drawing in which one layer is missing: where it comes in (`into`), and what it feeds (`out`, maybe nothing)."""

    project: Project
    into: tuple[str, ...]
    out: str
    needed: dict[str, Any] = field(default_factory=dict)
    edit: tuple[str, Any] | None = None


def recipe(entry: Entry) -> Recipe:
    """The network that waits for this entry."""
    kind, layer = entry.kind, entry.make()
    data = "sequence" if entry.settings.get("apply") == "each step" else _data(kind)
    graph = Graph()
    if kind == "Loss":
        graph = _line(graph, ("input", "Input", {"shape": (3,)}), ("hidden", "Dense", {"units": 4}))
        end = ENDS.get(str(entry.settings["function"]), "tanh")
        graph = _line(graph, ("output", "Dense", {"units": 2, "activation": end}), after="hidden")
        return Recipe(_project(graph, "list"), ("output",), "", edit=EDITS[kind])
    into: tuple[str, ...] = ()
    if kind != "Input":
        shape = {"list": (3,), "words": (3,), "sequence": (6, 1), "image": (8, 8, 1)}[data]
        graph = _line(graph, ("input", "Input", {"shape": shape}))
        into = ("input",)
    if layer.arity[0] == 2:
        same = {"sequence": ("Conv1D", {"filters": 2, "padding": "same"}), "list": ("Dense", {"units": 3})}[data]
        graph = _line(graph, ("left", *same), after="input")
        graph = graph.with_node(Node("right", make(*same), 190.0, 400.0)).connect("input", "right")
        into = ("left", "right")
    graph = _tail(graph, data)
    return Recipe(_project(graph, data), into, "flat", SETTINGS.get(kind, {}), _edit(kind, layer))


def fits(graph: Graph, source: DataSource) -> bool:
    """Whether the finished drawing can be trained."""
    return check(graph, columns_of(source.load())).trainable


def _data(kind: str) -> str:
    if kind == "Embedding":
        return "words"
    if kind == "Reshape" or any(part in kind for part in OF_IMAGES):
        return "image"
    return "sequence" if any(part in kind for part in OF_SEQUENCES) else "list"


def _edit(kind: str, layer: Layer) -> tuple[str, Any] | None:
    if kind in EDITS:
        return EDITS[kind]
    numbers = [name for name, value in layer if isinstance(value, int | float) and not isinstance(value, bool)]
    return (numbers[0], 3) if numbers else None


def _tail(graph: Graph, data: str) -> Graph:
    """Flat, an output and a loss that suit the target."""
    units, end, loss = {"image": (10, "softmax", "cross_entropy"), "sequence": (1, "linear", "mean_squared_error")}.get(
        data, (2, "tanh", "half_squared_error")
    )
    return _line(
        graph,
        ("flat", "Flatten", {}),
        ("output", "Dense", {"units": units, "activation": end}),
        ("loss", "Loss", {"function": loss}),
        at=600.0,
    )


def _line(graph: Graph, *layers: tuple[str, str, dict[str, Any]], after: str = "", at: float = 0.0) -> Graph:
    left = graph.nodes[after].x + 200.0 if after else at
    for i, (id, kind, settings) in enumerate(layers):
        graph = graph.with_node(Node(id, make(kind, settings), left + 200.0 * i, 0.0))
        graph = graph.connect(after, id) if after else graph
        after = id
    return graph


def _project(graph: Graph, data: str) -> Project:
    return Project(graph=graph, data=DATA[data], settings=TrainingSettings(batch_size=4, epochs=3, seed=1))
