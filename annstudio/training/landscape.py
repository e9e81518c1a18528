"""The loss as a landscape over two weights, the others as they are; measured by the program that trains.

Source of the idea: Goodfellow, Vinyals & Saxe (2015), "Qualitatively characterizing neural network optimization
problems": cut the loss along a few directions and look.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from annstudio.engine.arena import Arena, Weights
from annstudio.engine.op import Array
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import Rows
from annstudio.training.trace import Coordinate

BUDGET = 256 << 20
"""The examples of a landscape are sent through all at once; their arrays take at most so many bytes."""
COARSEST = 4
"""Intervals a side of the first, coarse grid."""
TELL_SECONDS = 0.05


def fitting(program: Program, rows: Rows, wanted: int) -> int:
    """How many of `wanted` examples can be sent through at once within the memory that is allowed."""
    size = sum(math.prod(program.slots[slot].shape) for slot in program.used if program.slots[slot].batched)
    return max(1, min(wanted, BUDGET // max(size * np.dtype(rows.dtype).itemsize, 1)))


class Landscape:
    """One batch of `examples` that is asked for its loss and gradient at any weights.

    Random numbers (dropout) are drawn once, for (seed, step): the same at every place, so that the landscape is smooth.
    """

    def __init__(
        self, program: Program, weights: Weights, rows: Rows, examples: Array, *, locked: Weights | None = None,
        seed: int = 0, step: int = 0,
    ) -> None:  # fmt: skip
        self.program = program
        self._rows, self._locked = rows, locked or {}
        self.arena = Arena(program, rows.dtype)
        self.arena.load(weights)
        self.arena.lock(self._locked)
        self.run = Run(program, self.arena, len(examples))
        self._load = rows.loader(self.run)
        self.load(examples, seed, step)

    @property
    def n(self) -> int:
        """How many examples are touched for one loss or gradient."""
        return self.run.n

    def of_others(self, examples: Array) -> "Landscape":
        """The landscape of other examples, at the same weights."""
        return Landscape(self.program, self.arena.weights(), self._rows, examples, locked=self._locked)

    def load(self, examples: Array, seed: int = 0, step: int = 0) -> None:
        """Take other examples, as many as before."""
        self._load(examples)
        self.run.begin(seed, step)

    def go(self, places: Sequence[Coordinate], values: Sequence[float]) -> None:
        """Put numbers at these places; all others stay."""
        with np.errstate(over="ignore"):
            for (key, index), value in zip(places, values, strict=True):
                self.arena.view(key)[index] = value

    def loss(self) -> float:
        """The mean loss over the examples at the weights as they are; NaN or infinite where they lead there."""
        with np.errstate(all="ignore"):
            self.run.to_loss()
        return self.run.loss

    def loss_at(self, places: Sequence[Coordinate], values: Sequence[float]) -> float:
        self.go(places, values)
        return self.loss()

    def gradient(self) -> Array:
        """∂E/∂w for every number that learns, as one vector (a copy); 0 for those that do not."""
        with np.errstate(all="ignore"):
            self.run.to_loss()
            self.run.to_update()
        return self.arena.clipped()

    def of(self, gradient: Array, places: Sequence[Coordinate]) -> Array:
        """The numbers of a gradient vector that belong to these places."""
        found = []
        for key, index in places:
            parameter, view = self.program.parameter_of(key)
            found.append(float(view.of(self.arena.part(gradient, parameter))[index]))
        return np.array(found)

    def steepest(self, n: int = 2) -> list[Coordinate]:
        """The `n` single weights with the largest gradients; where gradients vanish the first that learn."""
        gradient = np.abs(np.nan_to_num(self.gradient(), nan=0.0, posinf=0.0, neginf=0.0))
        best: list[tuple[float, Coordinate]] = []
        for parameter in self.program.parameters:
            for view in parameter.views:
                if not parameter.learns(view):
                    continue
                sizes = view.of(self.arena.part(gradient, parameter))
                still = view.of(self.arena.still(parameter))
                for flat in np.argsort(np.where(still, -1.0, sizes), axis=None, kind="stable")[::-1][:n]:
                    index = tuple(int(i) for i in np.unravel_index(flat, sizes.shape))
                    best.append((float(sizes[index]) - float(still[index]), (parameter.key(view), index)))
        best.sort(key=lambda found: -found[0])
        return [place for _, place in best[:n]]


@dataclass(frozen=True)
class Plane:
    """Which two numbers are varied, and from where to where."""

    places: tuple[Coordinate, Coordinate]
    x: tuple[float, float]
    y: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Surface:
    """Losses (rows along `ys`, columns along `xs`) over a plane; `done` is the share of all places that is known."""

    plane: Plane
    xs: Array
    ys: Array
    losses: Array
    done: float

    def heights(self, points: Array) -> Array:
        """The losses (n,) at points (n, 2) between places of the grid (bilinear); NaN outside."""
        j, v = _between(self.xs, points[:, 0])
        i, u = _between(self.ys, points[:, 1])
        below = (1 - v) * self.losses[i, j] + v * self.losses[i, j + 1]
        above = (1 - v) * self.losses[i + 1, j] + v * self.losses[i + 1, j + 1]
        inside = (0 <= u) & (u <= 1) & (0 <= v) & (v <= 1)
        return np.where(inside, (1 - u) * below + u * above, np.nan)


def _between(ends: Array, values: Array) -> tuple[Array, Array]:
    """Between which two of the ascending `ends` values lie: the first one's place, and how far on it is to the next."""
    place = np.clip(np.searchsorted(ends, values, "right") - 1, 0, len(ends) - 2)
    return place, (values - ends[place]) / (ends[place + 1] - ends[place])


def survey(landscape: Landscape, plane: Plane, intervals: int) -> Iterator[Surface]:
    """The surface over a plane, coarse first, then finer up to `intervals` a side (a power of two); every place is
    asked for once. Yields what is known by now, at least every few dozen milliseconds."""
    xs, ys = (np.linspace(*ends, intervals + 1) for ends in (plane.x, plane.y))
    losses = np.full((intervals + 1, intervals + 1), np.nan)
    known = np.zeros(losses.shape, bool)
    shown: Surface | None = None
    stride = max(intervals // COARSEST, 1)
    told = perf_counter()
    while stride:
        for i in range(0, intervals + 1, stride):
            for j in range(0, intervals + 1, stride):
                if known[i, j]:
                    continue
                loss = landscape.loss_at(plane.places, (xs[j], ys[i]))
                losses[i, j], known[i, j] = loss if math.isfinite(loss) else np.nan, True
                if perf_counter() - told > TELL_SECONDS:
                    told = perf_counter()
                    yield _surface(plane, xs, ys, losses, known, shown)
        part = slice(None, None, stride)
        shown = Surface(plane, xs[part], ys[part], losses[part, part].copy(), float(known.mean()))
        yield shown
        stride //= 2


def _surface(plane: Plane, xs: Array, ys: Array, losses: Array, known: Array, shown: Surface | None) -> Surface:
    """The last whole grid, and how far the next one is."""
    if shown is None:
        return Surface(plane, xs[:0], ys[:0], losses[:0, :0], float(known.mean()))
    return Surface(plane, shown.xs, shown.ys, shown.losses, float(known.mean()))
