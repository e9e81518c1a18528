"""The same training steps elsewhere: PyTorch eager, JAX compiled, Keras, scikit-learn, and NumPy without thinking.

Each peer is made from the project's own layers and weights, and is handed finished batches.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from annstudio.document.network import Network
from annstudio.engine.layout import user_shape
from benchmarks.timing import Block, steps
from benchmarks.workloads import Workload

os.environ.setdefault("KERAS_BACKEND", "torch")

Step = Callable[[], Any]
"""Does the next batch and gives its loss."""

ACTIVATIONS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def torch_peers(workload: Workload, network: Network) -> dict[str, tuple[Step, Block]]:
    """PyTorch eager on one thread and two, with the fused optimiser, and with channels last for images."""
    variants: dict[str, dict[str, Any]] = {
        "torch_1": {"threads": 1}, "torch_2": {"threads": 2}, "torch_fused": {"threads": 2, "fused": True},
        "torch_fused_1": {"threads": 1, "fused": True},
    }  # fmt: skip
    if len(workload.shape) == 3:
        variants["torch_channels_last"] = {"threads": 2, "channels_last": True}
    return {name: _torch(workload, network, **settings) for name, settings in variants.items()}


def _torch(
    workload: Workload, network: Network, *, threads: int, fused: bool | None = None, channels_last: bool = False
) -> tuple[Step, Block]:
    import torch
    from torch import nn

    model = torch_model(workload, network)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    more = {} if fused is None else {"fused": fused}
    parameters = [p for p in model.parameters() if p.requires_grad]
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    optimizer = kinds[workload.optimizer](parameters, lr=workload.learning_rate, **more)
    losses: dict[str, Any] = {
        "cross_entropy": nn.CrossEntropyLoss(),
        "mean_squared_error": nn.MSELoss(),
        "half_squared_error": lambda o, t: ((o - t) ** 2).sum() * (0.5 / len(o)),
    }
    judge = losses[workload.loss]
    batches = itertools.cycle([_torch_batch(x, y, channels_last=channels_last) for x, y in workload.batches()])

    def step() -> Any:
        x, y = next(batches)
        optimizer.zero_grad()
        loss = judge(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    block = steps(step)

    def threaded(seconds: float) -> float:
        torch.set_num_threads(threads)
        step()
        return block(seconds)

    return step, threaded


def _torch_batch(x: Any, y: Any, *, channels_last: bool) -> tuple[Any, Any]:
    import torch

    x = np.moveaxis(x, -1, 1) if x.ndim == 4 else x
    tensor = torch.from_numpy(np.ascontiguousarray(x))
    if channels_last:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    return tensor, torch.from_numpy(np.array(y))


def torch_model(workload: Workload, network: Network) -> Any:
    """The project's layers as PyTorch's, with its weights."""
    import torch
    from torch import nn

    class Sequence(nn.Module):
        """A recurrent layer that gives its last state."""

        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: Any) -> Any:
            return self.cell(x)[0][:, -1]

    class Turned(nn.Module):
        """Sequences of time × values as PyTorch's convolution wants them, values × time."""

        def forward(self, x: Any) -> Any:
            return x.transpose(1, 2)

    modules: list[Any] = []
    size: Any = workload.shape
    dtype = getattr(torch, workload.dtype)

    def put(target: Any, values: Any) -> None:
        with torch.no_grad():
            target.copy_(torch.from_numpy(np.array(values)))

    for id, kind, layer, own in walk(workload, network):
        if kind == "Dense":
            modules.append(nn.Linear(size[0], layer.units, dtype=dtype))
            put(modules[-1].weight, own["W"])
            put(modules[-1].bias, own["b"])
        elif kind in ("Conv2D", "Conv1D"):
            if kind == "Conv1D" and not modules:
                modules.append(Turned())
            module = {"Conv2D": nn.Conv2d, "Conv1D": nn.Conv1d}[kind]
            channels = size[-1]
            modules.append(module(channels, layer.filters, layer.kernel_size, padding=layer.padding, dtype=dtype))
            put(modules[-1].weight, own["W"])
            put(modules[-1].bias, own["b"])
        elif kind in ("MaxPool2D", "MaxPool1D"):
            modules.append({"MaxPool2D": nn.MaxPool2d, "MaxPool1D": nn.MaxPool1d}[kind](layer.pool_size))
        elif kind == "Flatten":
            modules.append(nn.Flatten())
        else:
            cell = {"LSTM": nn.LSTM, "SimpleRNN": nn.RNN}[kind](size[-1], layer.units, batch_first=True)
            put(cell.weight_ih_l0, own["W"])
            put(cell.weight_hh_l0, own["U"])
            put(cell.bias_ih_l0, own["b"])
            cell.bias_hh_l0.requires_grad_(False).zero_()
            modules.append(Sequence(cell))
        activation = getattr(layer, "activation", "linear")
        if activation in ACTIVATIONS and kind not in ("LSTM", "SimpleRNN"):
            modules.append(getattr(nn, ACTIVATIONS[activation])())
        size = size_after(network, id)
    return nn.Sequential(*modules)


def walk(workload: Workload, network: Network) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Name, kind, settings and weights of each layer, from the input to the loss."""
    weights = network.weights()
    for id in network.project.graph.order():
        layer = network.project.graph.nodes[id].layer
        if layer.kind() not in ("Input", "Loss"):
            own = {k.partition("/")[2]: a.astype(workload.dtype) for k, a in weights.items() if k.startswith(f"{id}/")}
            yield id, layer.kind(), layer, own


def size_after(network: Network, id: str) -> tuple[int, ...]:
    """The shape of one example behind a layer, as users see it."""
    return user_shape(network.checked.facts[id].shape)
