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
from annstudio.engine.op import Array
from benchmarks import naive
from benchmarks.timing import Block, steps
from benchmarks.workloads import Workload

os.environ.setdefault("KERAS_BACKEND", "torch")

Step = Callable[[], Any]
"""Does the next batch and gives its loss."""

EPSILON_HAT = 5e-10
"""Keras and scikit-learn add Adam's ε before the bias correction: in the first steps this is about 1e-8 after it."""

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
    tensor = torch.from_numpy(np.array(x))
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
            modules += [Turned(), nn.Flatten()] if len(workload.shape) == 2 else [nn.Flatten()]
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


def jax_peer(workload: Workload, network: Network) -> tuple[Step, Block]:
    """One compiled function a step: value, gradient and update."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", workload.dtype == "float64")
    forward, weights = jax_forward(workload, network)

    def loss(p: Any, x: Any, y: Any) -> Any:
        o = forward(p, x)
        if workload.loss == "cross_entropy":
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(o), y[:, None], 1))
        return jnp.mean((o - y) ** 2) if workload.loss == "mean_squared_error" else 0.5 * jnp.sum((o - y) ** 2) / len(o)

    rate, tree = workload.learning_rate, jax.tree_util.tree_map

    def update(p: Any, state: Any, x: Any, y: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p, x, y)
        if workload.optimizer == "sgd":
            return tree(lambda w, d: w - rate * d, p, g), state, value
        t, m, v = state
        t = t + 1
        m = tree(lambda a, d: 0.9 * a + 0.1 * d, m, g)
        v = tree(lambda a, d: 0.999 * a + 0.001 * d * d, v, g)
        fair_m, fair_v = 1 - 0.9**t, 1 - 0.999**t
        new = tree(lambda w, a, b: w - rate * (a / fair_m) / (jnp.sqrt(b / fair_v) + 1e-8), p, m, v)
        return new, (t, m, v), value

    compiled = jax.jit(update, donate_argnums=(0, 1))
    zeros = lambda: tree(jnp.zeros_like, weights)  # noqa: E731
    state: list[Any] = [weights, (jnp.zeros((), workload.dtype), zeros(), zeros())]
    batches = itertools.cycle([(jnp.array(x), jnp.array(y)) for x, y in workload.batches()])

    def step() -> Any:
        state[0], state[1], value = compiled(state[0], state[1], *next(batches))
        return value

    return step, steps(step, lambda: jax.block_until_ready(state[0]))


def jax_forward(workload: Workload, network: Network) -> tuple[Callable[[Any, Any], Any], Any]:
    """The layers as one function of weights and examples, and the weights. Images and sequences: channels last."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    layers = [(kind, layer) for _, kind, layer, _ in walk(workload, network)]
    weights = [{name: jnp.array(a) for name, a in own.items()} for *_, own in walk(workload, network)]
    bends = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}

    def conv(x: Any, own: Any, layer: Any) -> Any:
        flat = own["W"].ndim == 3
        w = own["W"][:, :, None] if flat else own["W"]
        x = x[:, None] if flat else x
        z = lax.conv_general_dilated(
            x, w.transpose(2, 3, 1, 0), (1, 1), layer.padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (z[:, 0] if flat else z) + own["b"]

    def recurrent(x: Any, own: Any, kind: str) -> Any:
        def cell(carry: Any, seen: Any) -> Any:
            h, c = carry
            z = seen + h @ own["U"].T
            if kind == "SimpleRNN":
                return (jnp.tanh(z), c), None
            i, f, g, o = jnp.split(z, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((len(x), own["U"].shape[1]), x.dtype)
        return lax.scan(cell, (zero, zero), (x @ own["W"].T + own["b"]).transpose(1, 0, 2))[0][0]

    def forward(p: Any, x: Any) -> Any:
        for (kind, layer), own in zip(layers, p, strict=True):
            if kind == "Dense":
                x = x @ own["W"].T + own["b"]
            elif kind in ("Conv1D", "Conv2D"):
                x = conv(x, own, layer)
            elif kind in ("MaxPool1D", "MaxPool2D"):
                window = (1, 2, 1) if kind == "MaxPool1D" else (1, 2, 2, 1)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            elif kind == "Flatten":
                # Channel by channel, as the project lays images out.
                x = (x.transpose(0, 3, 1, 2) if x.ndim == 4 else x).reshape(len(x), -1)
            else:
                x = recurrent(x, own, kind)
            bend = bends.get(getattr(layer, "activation", "linear"))
            x = bend(x) if bend and kind not in ("LSTM", "SimpleRNN") else x
        return x

    return forward, weights


def keras_peer(workload: Workload, network: Network) -> tuple[Step, Block]:
    """Keras on PyTorch, `train_on_batch`."""
    import keras
    from keras import layers as kinds

    model = keras.Sequential([kinds.Input(workload.shape)])
    for _, kind, layer, own in walk(workload, network):
        activation = getattr(layer, "activation", None)
        activation = None if activation in ("softmax", "linear") else activation
        if kind == "Dense":
            model.add(kinds.Dense(layer.units, activation=activation))
        elif kind in ("Conv1D", "Conv2D"):
            model.add(getattr(kinds, kind)(layer.filters, layer.kernel_size, padding=layer.padding, activation="relu"))
        elif kind in ("MaxPool1D", "MaxPool2D"):
            model.add(getattr(kinds, kind.replace("Pool", "Pooling"))(layer.pool_size))
        elif kind == "Flatten":
            if len(model.output_shape) == 4:
                model.add(kinds.Permute((3, 1, 2)))
            model.add(kinds.Flatten())
        else:
            model.add(getattr(kinds, kind)(layer.units))
        if own:
            model.layers[-1].set_weights([_keras_array(name, own[name]) for name in ("W", "U", "b") if name in own])
    loss = "mse" if workload.loss != "cross_entropy" else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    kind = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[workload.optimizer]
    more = {"epsilon": EPSILON_HAT} if workload.optimizer == "adam" else {}
    model.compile(optimizer=kind(workload.learning_rate, **more), loss=loss)
    batches = itertools.cycle([(np.array(x), np.array(y)) for x, y in workload.batches()])

    def step() -> Any:
        result = model.train_on_batch(*next(batches))
        return result[0] if isinstance(result, list) else result

    return step, steps(step)


def _keras_array(name: str, array: Array) -> Array:
    """Weights in Keras's layout: inputs before units, the kernel's places first."""
    return array if name == "b" else np.moveaxis(array, (0, 1), (-1, -2))


def sklearn_peer(workload: Workload, network: Network) -> tuple[Step, Block]:
    """MLPClassifier, `partial_fit` with a batch at a time."""
    from sklearn.neural_network import MLPClassifier

    dense = [(layer, own) for _, _, layer, own in walk(workload, network)]
    hidden = tuple(layer.units for layer, _ in dense[:-1])
    model = MLPClassifier(
        hidden, "relu", solver="adam", alpha=0, batch_size=workload.batch, learning_rate_init=workload.learning_rate,
        shuffle=False, epsilon=EPSILON_HAT,
    )  # fmt: skip
    given = workload.batches()
    model.partial_fit(*given[0], classes=np.arange(10))
    for i, (_, own) in enumerate(dense):
        model.coefs_[i][...] = own["W"].T
        model.intercepts_[i][...] = own["b"]
    # The step that made the arrays is forgotten again.
    for moments in (*model._optimizer.ms, *model._optimizer.vs):
        moments[...] = 0
    model._optimizer.t = 0
    batches = itertools.cycle(given)

    def step() -> Any:
        model.partial_fit(*next(batches))
        return model.loss_

    return step, steps(step)


def naive_peer(workload: Workload, network: Network) -> tuple[Step, Block]:
    """NumPy as it comes to mind."""
    layers, weights = [], []
    for _, kind, settings, own in walk(workload, network):
        made = naive.layer(kind, settings, own)
        assert made is not None, kind
        layers.append(made)
        weights.append(own)
    moments = [{name: (np.zeros_like(a), np.zeros_like(a)) for name, a in own.items()} for own in weights]
    judge, rate = naive.loss_of(workload.loss), workload.learning_rate
    turned = [(np.moveaxis(x, -1, 1).copy() if x.ndim == 4 else x, y) for x, y in workload.batches()]
    batches = itertools.cycle(turned)
    t = 0

    def step() -> Any:
        nonlocal t
        x, y = next(batches)
        ways = []
        for layer in layers:
            x, back = layer(x)
            ways.append(back)
        loss, d = judge(x, y)
        gradients: list[dict[str, Array]] = []
        for back in reversed(ways):
            d, own = back(d)
            gradients.append(own)
        t += 1
        for own, found, kept in zip(weights, reversed(gradients), moments, strict=True):
            for name, g in found.items():
                if workload.optimizer == "sgd":
                    own[name] -= rate * g
                    continue
                m, v = kept[name]
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
                kept[name] = m, v
                own[name] -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return loss

    return step, steps(step)


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
