"""The nine networks that speed is measured with, as projects of this program: from a toy by hand to recurrent ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from annstudio.data.base import Column, Dataset, DataSource
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.layers.base import Layer, make
from annstudio.layers.graph import Graph, Node
from annstudio.training.settings import TrainingSettings
from annstudio.training.trainer import Job

BATCHES = 8
"""How many batches the larger data sets hold; the two smallest are one batch, as in the lecture."""
FOREVER = 10_000_000


class Given(DataSource):
    """Random examples of a workload."""

    title: ClassVar[str] = "Given"
    note: ClassVar[str] = "Random numbers to measure with."
    stands_for: ClassVar[str] = "Anything of that shape."
    order: ClassVar[int] = 0
    kind: Literal["given"] = "given"
    workload: str

    def load(self, folder: Path | None = None) -> Dataset:
        return WORKLOADS[self.workload].dataset()


@dataclass(frozen=True)
class Workload:
    """A network with its data and optimiser. `layers` are those between the input and the loss."""

    name: str
    title: str
    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    batch: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    loss: str = "cross_entropy"
    n_targets: int = 10
    dtype: Literal["float32", "float64"] = "float32"
    n_batches: int = BATCHES

    def dataset(self) -> Dataset:
        rng = np.random.default_rng(3)
        n = self.batch * self.n_batches
        x = Column(rng.standard_normal((n, *self.shape)).astype(self.dtype))
        if self.loss == "cross_entropy":
            return Dataset(self.name, {"x": x, "y": Column(rng.integers(0, 10, n), tuple("0123456789"))})
        return Dataset(self.name, {"x": x, "y": Column(rng.uniform(0.1, 0.9, (n, self.n_targets)).astype(self.dtype))})

    def project(self) -> Project:
        graph = Graph().with_node(Node("input", make("Input", {"shape": self.shape})))
        before = "input"
        for i, layer in enumerate((*self.layers, make("Loss", {"function": self.loss}))):
            id = f"{layer.prefix}_{i}"
            graph = graph.with_node(Node(id, layer)).connect(before, id)
            before = id
        settings = TrainingSettings.model_validate(
            {
                "optimizer": {"kind": self.optimizer, "learning_rate": self.learning_rate},
                "batch_size": self.batch, "epochs": FOREVER, "validation_share": 0.0, "shuffle": False,
                "dtype": self.dtype,
            }
        )  # fmt: skip
        return Project(graph=graph, data=Given(workload=self.name), settings=settings)

    def job(self, network: Network, **changes: object) -> Job:
        """Training that takes the examples in the order of the data."""
        job = network.job()
        return replace(job, train=np.sort(job.train), **changes)  # type: ignore[arg-type]

    def batches(self) -> list[tuple[Array, Array]]:
        """The same batches for everybody: examples and targets."""
        columns = self.dataset().columns
        cut = [slice(i * self.batch, (i + 1) * self.batch) for i in range(self.n_batches)]
        return [(columns["x"].values[c], columns["y"].values[c]) for c in cut]


def _dense(*units: int, activation: str, last: str) -> tuple[Layer, ...]:
    kinds = [activation] * (len(units) - 1) + [last]
    return tuple(make("Dense", {"units": u, "activation": a}) for u, a in zip(units, kinds, strict=True))


def _conv2d(filters: int, padding: str) -> Layer:
    return make("Conv2D", {"filters": filters, "kernel_size": (3, 3), "padding": padding, "activation": "relu"})


def _w4() -> tuple[Layer, ...]:
    pool = make("MaxPool2D", {"pool_size": (2, 2)})
    ahead = (_conv2d(16, "valid"), pool, _conv2d(32, "valid"), pool, make("Flatten", {}))
    return (*ahead, *_dense(120, 84, 10, activation="relu", last="softmax"))


def _w5() -> tuple[Layer, ...]:
    conv = make("Conv1D", {"filters": 32, "kernel_size": 5, "padding": "valid", "activation": "relu"})
    pool = make("MaxPool1D", {"pool_size": 2})
    return (conv, pool, conv, pool, make("Flatten", {}), *_dense(10, activation="", last="softmax"))


def _w3() -> tuple[Layer, ...]:
    pool = make("MaxPool2D", {"pool_size": (2, 2)})
    ahead = (_conv2d(16, "same"), pool, _conv2d(32, "same"), make("Flatten", {}))
    return (*ahead, *_dense(10, activation="", last="softmax"))


def _recurrent(kind: str) -> tuple[Layer, ...]:
    return (make(kind, {"units": 64}), *_dense(10, activation="", last="softmax"))


def _mlp() -> tuple[Layer, ...]:
    return _dense(128, 64, 10, activation="relu", last="softmax")


MAKERS: dict[str, Callable[[], Workload]] = {
    "W1": lambda: Workload(
        "W1", "2-2-2 sigmoid, float64, batch 1, SGD", (2,), _dense(2, 2, activation="sigmoid", last="sigmoid"), 1,
        "sgd", 0.5, "half_squared_error", 2, "float64", n_batches=1,
    ),
    "W1b": lambda: Workload(
        "W1b", "2-8-8-1 tanh, batch 10, Adam", (2,), _dense(8, 8, 1, activation="tanh", last="linear"), 10,
        learning_rate=0.01, loss="mean_squared_error", n_targets=1, n_batches=1,
    ),
    "W2_32": lambda: Workload("W2_32", "784-128-64-10 ReLU, batch 32, Adam", (784,), _mlp(), 32),
    "W2_256": lambda: Workload("W2_256", "784-128-64-10 ReLU, batch 256, Adam", (784,), _mlp(), 256),
    "W3": lambda: Workload("W3", "8×8: conv 16 same, pool, conv 32 same, dense 10; batch 32", (8, 8, 1), _w3(), 32),
    "W4": lambda: Workload("W4", "28×28: conv 16, pool, conv 32, pool, 120, 84, 10; batch 64", (28, 28, 1), _w4(), 64),
    "W5": lambda: Workload("W5", "128×8: two 1-D convs 32 of 5, pooled; batch 32", (128, 8), _w5(), 32),
    "LSTM": lambda: Workload("LSTM", "32 steps of 16, 64 units; batch 32", (32, 16), _recurrent("LSTM"), 32),
    "RNN": lambda: Workload("RNN", "32 steps of 16, 64 tanh units; batch 32", (32, 16), _recurrent("SimpleRNN"), 32),
}  # fmt: skip
WORKLOADS: dict[str, Workload] = {}


def workloads(names: list[str] | None = None) -> list[Workload]:
    """All, or those named, in the order of the table."""
    for name in names or MAKERS:
        WORKLOADS[name] = MAKERS[name]()
    return [WORKLOADS[name] for name in names or MAKERS]
