"""Examples that are kept back to judge by are never learned from."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import Column, Dataset, parse_source
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.training.batches import Rows
from annstudio.training.settings import TrainingSettings
from annstudio.training.trainer import train
from tests.builders import assert_same_arrays


@pytest.mark.parametrize("shuffle", [True, False])
def test_what_is_kept_back_does_not_change_what_is_learned(shuffle):
    graph = Graph()
    for name, kind, settings in (
        ("input", "Input", {"shape": (2,)}),
        ("output", "Dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "Loss", {"function": "half_squared_error"}),
    ):
        before = list(graph.nodes)[-1:]
        graph = graph.with_node(Node(name, make(kind, settings)))
        graph = graph.connect(before[0], name) if before else graph
    settings = TrainingSettings(epochs=3, batch_size=7, validation_share=0.3, shuffle=shuffle)
    network = Network(Project(graph, data=parse_source({"kind": "xor", "points": 20}), settings=settings))
    job = network.job()
    assert not set(job.train) & set(job.validation)
    columns = dict(network.need_dataset().columns)
    spoiled = {key: np.array(column.values, float) for key, column in columns.items()}
    for values in spoiled.values():
        values[job.validation] = 1e3
    other = Rows(Dataset("spoiled", {key: Column(values) for key, values in spoiled.items()}), settings.dtype)
    *_, honest = train(job)
    *_, same = train(replace(job, rows=other))
    assert_same_arrays(honest.weights, same.weights)
