"""The network as one writes it in NumPy without thinking of speed: examples first, a new array for every result."""

from collections.abc import Callable
from typing import Any

import numpy as np

from annstudio.engine.op import Array

Backward = Callable[[Array], tuple[Array, dict[str, Array]]]
"""From the gradient of a result to that of the input and of the weights."""
Forward = Callable[[Array], tuple[Array, Backward]]


def relu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    return np.maximum(z, 0), lambda d: d * (z > 0)


def tanh(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    a = np.tanh(z)
    return a, lambda d: d * (1 - a**2)


def sigmoid(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    a = 1 / (1 + np.exp(-z))
    return a, lambda d: d * a * (1 - a)


def linear(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    return z, lambda d: d


BENDS = {"relu": relu, "tanh": tanh, "sigmoid": sigmoid, "linear": linear, "softmax": linear}


def dense(weights: dict[str, Array], activation: str) -> Forward:
    def forward(x: Array) -> tuple[Array, Backward]:
        a, bend = BENDS[activation](x @ weights["W"].T + weights["b"])

        def backward(d: Array) -> tuple[Array, dict[str, Array]]:
            d = bend(d)
            return d @ weights["W"], {"W": d.T @ x, "b": d.sum(0)}

        return a, backward

    return forward


def flatten(weights: dict[str, Array], activation: str) -> Forward:
    return lambda x: (x.reshape(len(x), -1), lambda d: (d.reshape(x.shape), {}))


def conv(weights: dict[str, Array], activation: str, padding: str) -> Forward:
    """Patches by sliding windows, then one product; `x` is (N, C, H, W)."""

    def forward(x: Array) -> tuple[Array, Backward]:
        w = weights["W"]
        filters, channels, kh, kw = w.shape
        p = kh // 2 if padding == "same" else 0
        framed = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        n, _, height, width = framed.shape
        rows, columns = height - kh + 1, width - kw + 1
        windows = np.lib.stride_tricks.sliding_window_view(framed, (kh, kw), (2, 3))
        patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, -1)
        z = (patches @ w.reshape(filters, -1).T + weights["b"]).reshape(n, rows, columns, filters).transpose(0, 3, 1, 2)
        a, bend = BENDS[activation](z)

        def backward(d: Array) -> tuple[Array, dict[str, Array]]:
            flat = bend(d).transpose(0, 2, 3, 1).reshape(-1, filters)
            own = {"W": (flat.T @ patches).reshape(w.shape), "b": flat.sum(0)}
            shares = (flat @ w.reshape(filters, -1)).reshape(n, rows, columns, channels, kh, kw)
            dx = np.zeros_like(framed)
            for i in range(kh):
                for j in range(kw):
                    dx[:, :, i : i + rows, j : j + columns] += shares[..., i, j].transpose(0, 3, 1, 2)
            return (dx[:, :, p:-p, p:-p] if p else dx), own

        return a, backward

    return forward


def pool(x: Array) -> tuple[Array, Backward]:
    n, channels, height, width = x.shape
    rows, columns = height // 2, width // 2
    cut = x[:, :, : rows * 2, : columns * 2].reshape(n, channels, rows, 2, columns, 2)
    best = cut.max((3, 5))

    def backward(d: Array) -> tuple[Array, dict[str, Array]]:
        won = cut == best[:, :, :, None, :, None]
        dx = np.zeros_like(x)
        dx[:, :, : rows * 2, : columns * 2] = (won * d[:, :, :, None, :, None]).reshape(
            n, channels, rows * 2, columns * 2
        )
        return dx, {}

    return best, backward


def recurrent(weights: dict[str, Array], kind: str) -> Forward:
    """A simple recurrent layer or an LSTM (gates i, f, g, o), its last state; `x` is (N, T, D)."""
    w, u, b = weights["W"], weights["U"], weights["b"]
    units = u.shape[1]

    def forward(x: Array) -> tuple[Array, Backward]:
        h = c = np.zeros((len(x), units), x.dtype)
        seen: list[Any] = []
        for t in range(x.shape[1]):
            z = x[:, t] @ w.T + h @ u.T + b
            if kind == "SimpleRNN":
                new = np.tanh(z)
                seen.append((h, new))
                h = new
                continue
            i, f, o = (1 / (1 + np.exp(-z[:, k * units : (k + 1) * units])) for k in (0, 1, 3))
            g = np.tanh(z[:, 2 * units : 3 * units])
            kept = f * c + i * g
            shown = np.tanh(kept)
            seen.append((h, c, i, f, g, o, shown))
            h, c = o * shown, kept

        def backward(d: Array) -> tuple[Array, dict[str, Array]]:
            own = {name: np.zeros_like(array) for name, array in weights.items()}
            dc: Any = 0
            for t in reversed(range(x.shape[1])):
                if kind == "SimpleRNN":
                    before, new = seen[t]
                    dz = d * (1 - new**2)
                else:
                    before, cell, i, f, g, o, shown = seen[t]
                    dc = dc + d * o * (1 - shown**2)
                    parts = (
                        dc * g * i * (1 - i),
                        dc * cell * f * (1 - f),
                        dc * i * (1 - g**2),
                        d * shown * o * (1 - o),
                    )
                    dz = np.concatenate(parts, 1)
                    dc = dc * f
                own["W"] += dz.T @ x[:, t]
                own["U"] += dz.T @ before
                own["b"] += dz.sum(0)
                d = dz @ u
            return x, own

        return h, backward

    return forward


def layer(kind: str, settings: Any, weights: dict[str, Array]) -> Forward | None:
    """A layer of the project without thinking of speed; None where nobody would write one."""
    activation = getattr(settings, "activation", "linear")
    if kind == "Dense":
        return dense(weights, activation)
    if kind == "Flatten":
        return flatten(weights, activation)
    if kind == "Conv2D":
        return conv(weights, activation, settings.padding)
    if kind == "MaxPool2D":
        return pool
    return recurrent(weights, kind) if kind in ("LSTM", "SimpleRNN") else None


def loss_of(name: str) -> Callable[[Array, Array], tuple[float, Array]]:
    """The mean loss over the examples and its gradient."""

    def cross_entropy(o: Array, y: Array) -> tuple[float, Array]:
        power = np.exp(o - o.max(1, keepdims=True))
        p = power / power.sum(1, keepdims=True)
        rows = np.arange(len(y))
        d = p.copy()
        d[rows, y] -= 1
        return float(-np.log(p[rows, y]).mean()), d / len(y)

    def squared(o: Array, y: Array) -> tuple[float, Array]:
        return float(((o - y) ** 2).mean()), 2 * (o - y) / o.size

    def half_squared(o: Array, y: Array) -> tuple[float, Array]:
        return float(0.5 * ((o - y) ** 2).sum() / len(o)), (o - y) / len(o)

    return {"cross_entropy": cross_entropy, "mean_squared_error": squared, "half_squared_error": half_squared}[name]
