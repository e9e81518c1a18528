"""Projects to save: a small one by hand, with everything in it that a project can hold."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.training.settings import TrainingSettings
from annstudio.training.trainer import train


def chain(*layers: tuple[str, str, dict]) -> Graph:
    """Nodes one behind the other: (name, kind, settings)."""
    graph, before = Graph(), None
    for i, (name, kind, settings) in enumerate(layers):
        graph = graph.with_node(Node(name, make(kind, settings), 190.0 * i, 0.0))
        if before is not None:
            graph = graph.connect(before, name)
        before = name
    return graph


@pytest.fixture
def project() -> Project:
    """XOR with a hidden layer, not trained."""
    graph = chain(
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": 4, "activation": "tanh"}),
        ("output", "Dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "Loss", {"function": "binary_cross_entropy"}),
    )
    settings = TrainingSettings(optimizer={"kind": "adam", "learning_rate": 0.05}, epochs=3, seed=7)
    return Project(graph, data=parse_source({"kind": "xor", "points": 20}), settings=settings, title="XOR", note="Try.")


@pytest.fixture
def trained(project: Project) -> Project:
    """The same in the middle of its second epoch."""
    *_, last = train(Network(project).job(max_steps=3))
    assert last.progress.position > 0
    return replace(project, weights=last.weights, progress=last.progress)


@pytest.fixture
def image_project() -> Project:
    """Two convolutions, whose weights are transposed views of what is stored."""
    graph = chain(
        ("input", "Input", {"shape": (6, 5, 2)}),
        ("conv_1", "Conv2D", {"filters": 3, "kernel_size": (2, 3)}),
        ("conv_2", "Conv2D", {"filters": 4, "kernel_size": (3, 2)}),
        ("flatten", "Flatten", {}),
        ("output", "Dense", {"units": 3, "activation": "softmax"}),
    )
    rng = np.random.default_rng(3)
    weights = {key: rng.normal(size=array.shape) for key, array in Network(Project(graph)).weights().items()}
    return Project(graph, weights)
