"""Where a layer stands in PyTorch: what its twin is given beside the layer's settings and inputs.

A twin says in PyTorch what a layer means, from its settings alone: it knows nothing of our ops. Tensors are in users'
layout: examples first, channels of images last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annstudio.layers.base import Layer

Tensor = Any
"""A tensor. PyTorch is no dependency: only tests marked `oracle` load it."""

Twin = Callable[..., Tensor]
"""`twin(at, layer, *inputs)` gives the layer's result, or several; that of a loss one number for each example."""


@dataclass
class Place:
    """One node: its weights by the names its layer gives them, and the random numbers that were drawn for it."""

    torch: Any
    weights: Mapping[str, Tensor]
    noise: Iterator[Tensor] = field(default_factory=lambda: iter(()))
    lengths: Tensor | None = None
    """How many steps of every example count (N,); None: all."""
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    """The data, for layers that read a column beside their inputs."""
    scores: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By the identity of an activation's result: itself (so that nothing else gets its identity) and what went in."""
    states: dict[str, Tensor] = field(default_factory=dict)
    """What the layer's states become with this batch, told by the twin."""
    once: Callable[[Sequence[Tensor], str], tuple[Tensor, ...]] | None = None
    """What a block's drawing makes of inputs; the names of its weights end as told (`[3]`)."""

    @property
    def f(self) -> Any:
        return self.torch.nn.functional

    def drawn(self) -> Tensor | None:
        """The random numbers for this step; None where a layer drew none."""
        return next(self.noise, None)

    def activated(self, name: str, x: Tensor, slope: float) -> Tensor:
        """An activation by name; what went in is kept for losses that work from it."""
        y = self._activation(name, x, slope)
        self.scores[id(y)] = (y, x)
        return y

    def _activation(self, name: str, x: Tensor, slope: float) -> Tensor:
        torch, f = self.torch, self.f
        return {
            "linear": lambda: x,
            "step": lambda: (x >= 0).to(x.dtype) + 0 * x,
            "sigmoid": lambda: torch.sigmoid(x),
            "tanh": lambda: torch.tanh(x),
            "relu": lambda: torch.relu(x),
            "leaky_relu": lambda: f.leaky_relu(x, slope),
            "softplus": lambda: f.softplus(x),
            "elu": lambda: f.elu(x),
            "selu": lambda: f.selu(x),
            "softsign": lambda: f.softsign(x),
            "silu": lambda: f.silu(x),
            "gelu": lambda: f.gelu(x),
            "softmax": lambda: f.softmax(x, -1),
        }[name]()


def penalty(layer: Layer, weights: Mapping[str, Tensor]) -> Tensor | float:
    """What a layer's own weights add to the loss: λ₁ Σ |w| + λ₂ Σ w², biases left out."""
    l1, l2 = getattr(layer, "l1", 0.0), getattr(layer, "l2", 0.0)
    restrained = [w for name, w in weights.items() if name[0] in "WU"] if l1 or l2 else []
    return sum(l1 * w.abs().sum() + l2 * (w**2).sum() for w in restrained)


def shortened(torch: Any, layer: Layer, name: str, w: Tensor) -> Tensor:
    """The weights into every unit (the first axis, of stamps the second), no longer than the layer's largest norm."""
    limit = getattr(layer, "max_norm", 0.0)
    if not limit or name[0] not in "WU":
        return w
    units = 1 if type(layer).__name__ == "Conv2DTranspose" else 0
    others = [axis for axis in range(w.ndim) if axis != units]
    length = torch.linalg.vector_norm(w, dim=others, keepdim=True)
    return w * (limit / length).clamp(max=1)
