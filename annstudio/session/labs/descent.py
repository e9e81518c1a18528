"""Descent on the user's own network: the loss over two chosen weights, ways down it, and gradients of mini-batches.

Everything here is a generator for a `Study`: it runs in a thread, reads the network and never writes to it.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from annstudio.document.network import Network
from annstudio.document.project import fitted
from annstudio.engine.arena import Weights
from annstudio.engine.op import Array
from annstudio.errors import GraphError, StudioError, TrainingError
from annstudio.explain.number_names import spelled, weight_named
from annstudio.session.keeping import check_number
from annstudio.training.landscape import Landscape, Plane, Surface, fitting, survey
from annstudio.training.minibatches import Comparison, compare
from annstudio.training.race import Race, Way, retrace, side_by_side
from annstudio.training.snapshot import Finished, Progress
from annstudio.training.trace import Coordinate
from annstudio.training.trainer import Job

EXACT = "float64"
"""The surface is measured in this format, whatever training uses: near the bottom differences are small."""
MOST_LISTED = 4000


@dataclass(frozen=True, eq=False)
class Ground:
    """What the laboratory stands on: a job of the network as it is now, and the examples its surface is measured
    with (the first of those that are learned from, as many as fit)."""

    network: Network
    job: Job
    examples: Array
    step: int

    @property
    def n_train(self) -> int:
        return len(self.job.train)

    def landscape(self, weights: Weights | None = None) -> Landscape:
        """Of the weights of now, or others."""
        rows = self.network.rows(EXACT)
        return Landscape(
            self.job.programs.fast, self.job.weights if weights is None else weights, rows, self.examples,
            locked=self.job.locked, seed=self.job.settings.seed, step=self.step,
        )  # fmt: skip


def ground_of(network: Network, n_examples: int) -> Ground:
    """What there is to stand on with about `n_examples` examples. Raises StudioError where nothing can be trained."""
    job = network.job()
    if sum(parameter.size for parameter in job.programs.fast.parameters) < 2:
        raise TrainingError("The network has fewer than two weights.", "A surface needs two: add a unit.")
    n = fitting(job.programs.fast, network.rows(EXACT), min(n_examples, len(job.train)))
    # In a fixed order: which examples they are must not depend on how a run went.
    return Ground(network, job, np.asarray(job.train[:n]), network.run_so_far.step)


def steepest(ground: Ground) -> tuple[Coordinate, Coordinate]:
    """The two weights with the largest gradients at the moment."""
    found = ground.landscape().steepest(2)
    names = [place for place in _all_places(ground.network, 3) if place not in found]
    first, second = sorted([*found, *names][:2])
    return first, second


def place_of(network: Network, text: str) -> Coordinate:
    """`hidden.W[0,1]` → the number it names. Raises GraphError where it names none that is learned or set by hand."""
    key, index = weight_named(text)
    try:
        network.plain.parameter_of(key)
    except KeyError:
        known = ", ".join(sorted({key for key, _ in _all_places(network, MOST_LISTED)})[:6])
        raise GraphError(f"There are no weights called {key}.", f"There are {known}.") from None
    array = network.weights().get(key)
    check_number(key, array, index, 0.0)
    return key, index


def listed(network: Network) -> list[str]:
    """The names of single weights to choose from, at most MOST_LISTED of them."""
    try:
        return [spelled(*place) for place in _all_places(network, MOST_LISTED)]
    except StudioError:
        return []


def _all_places(network: Network, most: int) -> list[Coordinate]:
    places: list[Coordinate] = []
    for parameter in network.plain.parameters:
        for view in parameter.views:
            key = parameter.key(view)
            shape = network.initial()[key].shape
            room = most - len(places)
            places += [(key, tuple(index)) for index, _ in zip(np.ndindex(*shape), range(room), strict=False)]
    return places


def learns(network: Network, place: Coordinate) -> bool:
    """Whether training moves this number: it is neither frozen nor locked."""
    key, index = place
    parameter, view = network.plain.parameter_of(key)
    mask = network.project.locked.get(key)
    held = mask is not None and mask.shape == network.initial()[key].shape and bool(mask[index])
    return parameter.learns(view) and not held


# The surface -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """Which surface is wanted: two weights by name (empty: the two steepest), ranges (empty: around the weights of
    now), intervals a side, and with how many examples."""

    across: str = ""
    up: str = ""
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    intervals: int = 32
    examples: int = 1000


@dataclass(frozen=True, eq=False)
class Cut:
    """The surface as far as it is known; `here` are the two weights of now, with their loss and gradient."""

    ground: Ground
    plane: Plane
    surface: Surface | None
    here: tuple[float, float]
    loss: float
    slope: tuple[float, float]


def cut(network: Network, wish: Wish) -> Generator[Cut, None, None]:
    """The loss over the plane that is wished for, all other weights as they are. Raises StudioError."""
    ground = ground_of(network, wish.examples)
    places = _places(ground, wish)
    landscape = ground.landscape()
    here = values_at(ground.job.weights, places)
    plane = Plane(places, _ends(wish.x, here[0]), _ends(wish.y, here[1]))
    slope = landscape.of(landscape.gradient(), places)
    loss, steep = landscape.run.loss, (float(slope[0]), float(slope[1]))
    yield Cut(ground, plane, None, here, loss, steep)
    for surface in survey(landscape, plane, wish.intervals):
        yield Cut(ground, plane, surface, here, loss, steep)


def _places(ground: Ground, wish: Wish) -> tuple[Coordinate, Coordinate]:
    """The two weights: what is not named is the steepest one that is not the other."""
    network = ground.network
    named = [place_of(network, text) if text else None for text in (wish.across, wish.up)]
    if named[0] is not None and named[0] == named[1]:
        raise GraphError("Both axes are the same weight.", "Choose another one for one of them.")
    free = [place for place in steepest(ground) if place not in named] if None in named else []
    first, second = (place if place is not None else free.pop(0) for place in named)
    return first, second


def _ends(wished: tuple[float, ...], value: float) -> tuple[float, float]:
    if len(wished) == 2:
        return wished[0], wished[1]
    half = max(2.0, 1.5 * abs(value))
    return value - half, value + half


def values_at(weights: Weights, places: tuple[Coordinate, Coordinate]) -> tuple[float, float]:
    """The two numbers at these places."""
    x, y = (float(weights[key][index]) for key, index in places)
    return x, y


# Ways --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Raced:
    """The ways of a race's optimisers so far, and the loss of each at its end, over the surface's examples (NaN while
    it is under way)."""

    race: Race
    ways: tuple[Way, ...]
    losses: tuple[float, ...]
    first: float
    """The loss at the start."""


def try_out(ground: Ground, race: Race) -> Generator[Raced, None, None]:
    """Let the race's optimisers go down from one start, side by side."""
    jobs = race.jobs(ground.job)
    landscape = ground.landscape(jobs[0].weights)
    first = landscape.loss()
    unknown = (np.nan,) * len(jobs)
    ways: tuple[Way, ...] = ()
    for ways in side_by_side(jobs, race.places):
        yield Raced(race, ways, unknown, first)
    losses = []
    for way in ways:
        assert way.end is not None
        landscape.arena.load(way.end.weights)
        losses.append(landscape.loss())
    yield Raced(race, ways, tuple(losses), first)


@dataclass(frozen=True, eq=False)
class Retraced:
    """The run done again from its start, so far; `exact` once it has ended: whether it ended at the weights of now, to
    the last bit. Where it did not, something was changed by hand, or set otherwise, on the way."""

    way: Way
    steps: int
    exact: bool | None = None


def retraced(network: Network, places: tuple[Coordinate, Coordinate]) -> Generator[Retraced, None, None]:
    """The way the two weights went in the run that the project holds. A project keeps no such ways: the run is done
    again, from the same start with the same seed, batches and plan."""
    progress = network.project.progress
    if progress is None or not progress.step:
        return
    started = network.followed_by(network.started_again())
    job = started.job(max_steps=progress.step)
    settings = job.settings.model_copy(update={"epochs": max(job.settings.epochs, progress.epoch + 1)})
    job = replace(job, settings=settings, plan=progress.plan, progress=Progress())
    now = fitted(network.project.weights, network.initial())
    for way in retrace(job, places):
        yield Retraced(way, progress.step, None if way.end is None else _same(way.end, now))


def _same(end: Finished, now: Weights) -> bool:
    return all(np.array_equal(np.asarray(array, now[key].dtype), now[key]) for key, array in end.weights.items())


# Mini-batches ------------------------------------------------------------------------------------------------------


def sampled(
    ground: Ground, places: tuple[Coordinate, Coordinate], at: tuple[float, float], batch_size: int, count: int
) -> Generator[Comparison, None, None]:
    """The gradients of `count` mini-batches at one place of the plane, beside that of all examples."""
    landscape = ground.landscape()
    landscape.go(places, at)
    yield from compare(landscape, ground.job.train, places, batch_size, count, ground.job.settings.seed)
