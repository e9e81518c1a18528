"""The gradient of a few examples beside that of all: how far it is off, and what it costs (Bottou, 2010)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from annstudio.data.order import Indices
from annstudio.engine.op import Array
from annstudio.training.landscape import Landscape
from annstudio.training.trace import Coordinate

FULL_SECONDS = 0.5
"""The full gradient is measured again and again for so long, at most TRIES times: the median counts."""
TRIES = 9


@dataclass(frozen=True, eq=False)
class Gradient:
    """One gradient: over `n` examples, its two numbers on the plane (2,), the loss, and the seconds it took."""

    n: int
    plane: Array
    loss: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """The gradient of one mini-batch against the full one, over all weights that learn.

    `angle` in degrees, `length` its length over that of the full one, `error` the length of the difference over that
    of the full one. `plane_angle` is the angle as it is seen on the plane. NaN where the full gradient is zero.
    """

    gradient: Gradient
    angle: float
    length: float
    error: float
    plane_angle: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The full gradient, the mini-batches so far, and the error of their mean: it shrinks, as each is right on
    average."""

    full: Gradient
    drawn: tuple[Drawn, ...]
    mean_error: float

    @property
    def seconds(self) -> float:
        """What one mini-batch takes: the median."""
        return median(one.gradient.seconds for one in self.drawn) if self.drawn else math.nan

    @property
    def error(self) -> float:
        """How far one is off on average: the root of the mean square."""
        return float(np.sqrt(np.mean([one.error**2 for one in self.drawn]))) if self.drawn else math.nan


def compare(
    full: Landscape, order: Callable[[int], Indices], places: Sequence[Coordinate], batch_size: int, count: int,
    seed: int,
) -> Iterator[Comparison]:  # fmt: skip
    """Draw `count` mini-batches in the order in which epochs bring them (`order` of one is all its examples), and
    compare their gradients with that of `full` at the weights that are there. Yields after each."""
    taken: list[float] = []
    vector = full.gradient()
    began = perf_counter()
    while len(taken) < TRIES and (not taken or perf_counter() - began < FULL_SECONDS):
        start = perf_counter()
        full.gradient()
        taken.append(perf_counter() - start)
    whole = Gradient(full.n, full.of(vector, places), full.run.loss, median(taken))
    first = order(0)
    n = min(batch_size, len(first))
    part = full.of_others(first[:n])
    drawn: list[Drawn] = []
    total = np.zeros(vector.shape)
    for batch in _batches(order, n, count):
        start = perf_counter()
        part.load(batch, seed, len(drawn))
        mine = part.gradient()
        seconds = perf_counter() - start
        total += mine
        plane = part.of(mine, places)
        gradient = Gradient(n, plane, part.run.loss, seconds)
        drawn.append(Drawn(gradient, *_against(mine, vector), _against(plane, whole.plane)[0]))
        yield Comparison(whole, tuple(drawn), _against(total / len(drawn), vector)[2])


def _batches(order: Callable[[int], Indices], n: int, count: int) -> Iterator[Array]:
    """Whole batches, epoch after epoch; what is left over of an epoch is left out."""
    drawn = 0
    for epoch in range(count):
        examples = order(epoch)
        for start in range(0, len(examples) - n + 1, n):
            if drawn == count:
                return
            drawn += 1
            yield examples[start : start + n]


def _against(mine: Array, other: Array) -> tuple[float, float, float]:
    """The angle between two vectors in degrees, the ratio of their lengths, and the relative length of the
    difference."""
    size, length = float(np.linalg.norm(other)), float(np.linalg.norm(mine))
    if not size:
        return math.nan, math.nan, math.nan
    cosine = float(mine @ other) / (size * length) if length else math.nan
    angle = math.degrees(math.acos(min(1.0, max(-1.0, cosine)))) if math.isfinite(cosine) else math.nan
    return angle, length / size, float(np.linalg.norm(mine - other)) / size
