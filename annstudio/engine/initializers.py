"""Where weights start: small random numbers of a size that suits the layer, never all equal by accident.

Sources: Glorot & Bengio (2010) and He et al. (2015).
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from annstudio.engine.op import Array, Shape

InitializerName = Literal["auto", "zeros", "ones", "uniform", "normal", "glorot_uniform", "he_normal"]


@dataclass(frozen=True)
class Initial:
    """How a view starts: an initialiser by name with the numbers of wires into and out of a unit, or a constant."""

    name: InitializerName = "zeros"
    fan_in: int = 1
    fan_out: int = 1
    constant: float | None = None


Filler = Callable[[np.random.Generator, Shape, Initial], Array]

_FILLERS: dict[str, Filler] = {
    "zeros": lambda rng, shape, at: np.zeros(shape),
    "ones": lambda rng, shape, at: np.ones(shape),
    "uniform": lambda rng, shape, at: rng.uniform(-0.5, 0.5, shape),
    "normal": lambda rng, shape, at: rng.normal(0, 0.05, shape),
    "glorot_uniform": lambda rng, shape, at: rng.uniform(-1, 1, shape) * math.sqrt(6 / (at.fan_in + at.fan_out)),
    "he_normal": lambda rng, shape, at: rng.normal(0, math.sqrt(2 / at.fan_in), shape),
}


def initialise(initial: Initial, shape: Shape, seed: int, key: str) -> Array:
    """Start values of the view called `key`, in float64: a pure function of the seed and the name."""
    if initial.constant is not None:
        return np.full(shape, initial.constant)
    rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
    return _FILLERS[initial.name](rng, shape, initial)


def suited(name: InitializerName, activation: str) -> InitializerName:
    """What `auto` means before an activation: He for ReLU and its leaky kin, Glorot otherwise."""
    if name != "auto":
        return name
    return "he_normal" if activation in ("relu", "leaky_relu") else "glorot_uniform"
