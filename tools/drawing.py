"""How samples are drawn: cards in rows, and the settings that several of them share."""

from collections.abc import Mapping
from typing import Any

from annstudio.document.graph import Graph, Node
from annstudio.layers.base import make
from annstudio.training.settings import TrainingSettings

COLUMN, ROW = 190.0, 210.0
"""From one card to the next, and from one row of cards to the next."""

Layers = tuple[tuple[str, str, dict[str, Any]], ...]

SIGMOID = {"activation": "sigmoid"}
ADAM = {"kind": "adam", "learning_rate": 0.005}


def drawn(layers: Layers, columns: int = 5) -> Graph:
    """The layers one behind the other, in rows of `columns` cards."""
    graph = Graph()
    for i, (name, kind, settings) in enumerate(layers):
        x, y = COLUMN * (i % columns), ROW * (i // columns)
        graph = graph.with_node(Node(name, make(kind, settings), x, y))
        if i:
            graph = graph.connect(layers[i - 1][0], name)
    return graph


def by_hand(*, epochs: int, learning_rate: float) -> TrainingSettings:
    """As one calculates on paper: one example after the other, exact, nothing kept back."""
    settings: Mapping[str, Any] = {
        "optimizer": {"kind": "sgd", "learning_rate": learning_rate},
        "batch_size": 1, "epochs": epochs, "validation_share": 0.0, "shuffle": False, "dtype": "float64",
    }  # fmt: skip
    return TrainingSettings.model_validate(settings)
