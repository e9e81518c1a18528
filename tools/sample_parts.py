"""What samples have in common: how they are drawn and trained, and what a project of them is made of."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from annstudio.data.base import parse_source
from annstudio.document.project import Project
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
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


def sample(
    layers: Layers | Graph, *, data: Mapping[str, Any], settings: TrainingSettings, title: str, note: str,
    weights: Mapping[str, Any] | None = None, columns: int = 5,
) -> Project:  # fmt: skip
    """The project of a sample: data that comes with the program, and weights only where they are set by hand."""
    arrays = {key: np.array(values, float) for key, values in (weights or {}).items()}
    return Project(
        graph=layers if isinstance(layers, Graph) else drawn(layers, columns),
        weights=arrays,
        start=arrays,
        data=parse_source(data),
        settings=settings,
        title=title,
        note=note,
    )


def training(batch_size: int, epochs: int, optimizer: Mapping[str, Any] = ADAM, **more: Any) -> TrainingSettings:
    """Training in batches, by Adam where nothing else is said."""
    return TrainingSettings.model_validate({"optimizer": optimizer, "batch_size": batch_size, "epochs": epochs, **more})


def sgd(learning_rate: float) -> dict[str, Any]:
    """Plain gradient descent at that rate."""
    return {"kind": "sgd", "learning_rate": learning_rate}


def exact(batch_size: int, epochs: int, learning_rate: float, **more: Any) -> TrainingSettings:
    """Gradient descent as in a textbook: in float64, no example kept back."""
    return training(batch_size, epochs, sgd(learning_rate), validation_share=0.0, dtype="float64", **more)


def by_hand(*, epochs: int, learning_rate: float) -> TrainingSettings:
    """As one calculates on paper: one example after the other."""
    return exact(1, epochs, learning_rate, shuffle=False)
