"""Where weights start: small random numbers of a size that suits the layer, never all equal by accident.

Sources: LeCun et al. (1998), Glorot & Bengio (2010), Saxe et al. (2014) for orthogonal, and He et al. (2015).
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from annstudio.engine.op import Array, Shape

InitializerName = Literal[
    "auto", "zeros", "ones", "constant", "uniform", "normal", "glorot_uniform", "glorot_normal", "he_uniform",
    "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
]  # fmt: skip

SYMMETRIC: frozenset[str] = frozenset({"zeros", "ones", "constant"})
"""Start all weights alike: units that see the same inputs then stay equal for ever."""


@dataclass(frozen=True)
class Initial:
    """How a view starts: an initialiser by name with the numbers of wires into and out of a unit, or constants.

    `scale` is the constant of `constant`, the a of `uniform` in [−a, a] and the standard deviation of `normal`.
    """

    name: InitializerName = "zeros"
    fan_in: int = 1
    fan_out: int = 1
    constant: float | None = None
    scale: float | None = None
    parts: tuple[float, ...] = ()
    """Constants for equal parts of the first axis, one after the other: a gate's biases."""


Filler = Callable[[np.random.Generator, Shape, Initial], Array]


def _uniform(rng: np.random.Generator, shape: Shape, limit: float) -> Array:
    drawn: Array = rng.uniform(-1, 1, shape)
    return drawn * limit


def _orthogonal(rng: np.random.Generator, shape: Shape, at: Initial) -> Array:
    """Rows (or, where there are more rows than columns, columns) of length 1 at right angles to one another."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    # With the signs of R's diagonal every such matrix is equally likely.
    q = q * np.sign(np.diagonal(r))
    chosen: Array = q if rows >= columns else q.T
    return chosen.reshape(shape)


_FILLERS: dict[str, Filler] = {
    "zeros": lambda rng, shape, at: np.zeros(shape),
    "ones": lambda rng, shape, at: np.ones(shape),
    "constant": lambda rng, shape, at: np.full(shape, 0.1 if at.scale is None else at.scale),
    "uniform": lambda rng, shape, at: _uniform(rng, shape, 0.5 if at.scale is None else at.scale),
    "normal": lambda rng, shape, at: rng.normal(0, 0.05 if at.scale is None else at.scale, shape),
    "glorot_uniform": lambda rng, shape, at: _uniform(rng, shape, math.sqrt(6 / (at.fan_in + at.fan_out))),
    "glorot_normal": lambda rng, shape, at: rng.normal(0, math.sqrt(2 / (at.fan_in + at.fan_out)), shape),
    "he_uniform": lambda rng, shape, at: _uniform(rng, shape, math.sqrt(6 / at.fan_in)),
    "he_normal": lambda rng, shape, at: rng.normal(0, math.sqrt(2 / at.fan_in), shape),
    "lecun_uniform": lambda rng, shape, at: _uniform(rng, shape, math.sqrt(3 / at.fan_in)),
    "lecun_normal": lambda rng, shape, at: rng.normal(0, math.sqrt(1 / at.fan_in), shape),
    "orthogonal": _orthogonal,
}


def initialise(initial: Initial, shape: Shape, seed: int, key: str) -> Array:
    """Start values of the view called `key`, in float64: a pure function of the seed and the name."""
    if initial.constant is not None:
        return np.full(shape, initial.constant)
    if initial.parts:
        return np.repeat(initial.parts, shape[0] // len(initial.parts))
    rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
    return _FILLERS[initial.name](rng, shape, initial)


def suited(name: InitializerName, activation: str) -> InitializerName:
    """What `auto` means before an activation: He for ReLU and its kin, LeCun for SELU, Glorot otherwise."""
    if name != "auto":
        return name
    if activation in ("relu", "leaky_relu", "elu", "silu", "gelu"):
        return "he_normal"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def suited_bias(activation: str) -> Initial:
    """Biases start at 0; before a ReLU a little above, so that its units are open at first."""
    return Initial(constant=0.01 if activation == "relu" else 0.0)
