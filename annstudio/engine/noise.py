"""Random numbers that can be had again: a generator keyed by (seed, step, node), whatever was drawn before."""

import zlib
from dataclasses import dataclass

import numpy as np

from annstudio.engine.op import Array


def generator(seed: int, step: int, node: str) -> np.random.Generator:
    """The generator of one node at one training step (Philox, counter-based: Salmon et al., 2011)."""
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, zlib.crc32(node.encode())], counter=[0, 0, 0, step]))


@dataclass(frozen=True)
class KeepMask:
    """Inverted dropout's mask: 0 with probability `rate`, else 1 / (1 − rate), so that the mean stays 1."""

    rate: float

    @property
    def told(self) -> str:
        return (
            f"Drawn anew for every batch: 0 with probability {self.rate:g}, else 1/(1 − {self.rate:g}) = "
            f"{1 / (1 - self.rate):.6g}, so that the mean stays. Prediction has no mask: every unit is on."
        )

    def fill(self, rng: np.random.Generator, out: Array) -> None:
        np.divide(rng.random(out.shape, np.float32) >= self.rate, 1 - self.rate, out, casting="unsafe")


@dataclass(frozen=True)
class Gaussian:
    """Numbers from a bell curve around 0."""

    deviation: float

    @property
    def told(self) -> str:
        return (
            f"Drawn anew for every batch from a bell curve around 0 with standard deviation {self.deviation:g}. "
            f"Prediction adds nothing."
        )

    def fill(self, rng: np.random.Generator, out: Array) -> None:
        np.multiply(rng.standard_normal(out.shape, np.float32), self.deviation, out, casting="unsafe")
