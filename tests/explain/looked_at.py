"""Which numbers of a program are looked at when every explanation is tested, and how near a sum must come."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from annstudio.engine.account import Term
from annstudio.engine.arena import Arena
from annstudio.engine.optimizers import SGD
from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity, Row
from tests.builders import random_feeds, random_weights
from tests.layers.cases import Case, cases, written

N = 3
"""So many examples are in a batch."""


def gone_through(program: Program, *, update: bool = True, size: float = 1.0) -> Stepper:
    """A batch of random numbers, gone through to its end (or to the update); `size` is that of the weights."""
    rng = np.random.default_rng(N)
    arena = Arena(program, "float64")
    arena.load({key: size * weight for key, weight in random_weights(program, rng).items()})
    arena.use(SGD(learning_rate=0.1))
    stepper = Stepper(program, arena, random_feeds(program, N, rng), 3, 5)
    stepper.to(len(stepper) if update else stepper.end_of(Phase.BACKWARD))
    return stepper


def computing(program: Program) -> Iterator[Step]:
    """The steps whose results are accounted for: all that compute something new."""
    steps = (step for step in program.steps if isinstance(step, Step))
    return (s for s in steps if program.slots[s.output].role not in (Role.STATE, Role.PARAMETER))


def shown(program: Program, step: Step) -> list[int]:
    """What a step writes and can be looked at."""
    return [slot for slot in step.writes if program.slots[slot].shown]


def sampled(program: Program, slot: int, most: int) -> list[Quantity]:
    """Numbers of a slot, of different examples: all, or some from the first to the last; of one the last."""
    described = program.slots[slot]
    size = math.prod(described.shape)
    places = sorted({round(at) for at in np.linspace(0, size - 1, min(most, size))}) if most > 1 else [size - 1]
    indices = (tuple(int(i) for i in np.unravel_index(place, described.shape)) for place in places)
    return [
        Quantity(slot, index, (place + 1) % N * described.batched) for place, index in zip(places, indices, strict=True)
    ]


def kind(program: Program, step: Step) -> tuple[Any, ...]:
    """What a step does: steps of one kind are accounted for alike."""
    return (step.op, step.backward, tuple(program.slots[slot].shape for slot in step.inputs))


@cache
def new_in() -> dict[Case, frozenset[tuple[Any, ...]]]:
    """The cases in which a kind of step is met for the first time, and which kinds those are."""
    met: set[tuple[Any, ...]] = set()
    found = {}
    for case in cases():
        program = written(case)
        kinds = {kind(program, step) for step in computing(program)} - met
        met |= kinds
        if kinds:
            found[case] = frozenset(kinds)
    return found


@cache
def different_in_prediction() -> list[Case]:
    """The cases that do something else when they predict."""

    def forward(case: Case, *, training: bool) -> list[Any]:
        program = written(case, training=training)
        ahead = (Phase.FORWARD, Phase.LOSS)
        return [kind(program, step) for step in computing(program) if step.phase in ahead]

    return [case for case in new_in() if forward(case, training=False) != forward(case, training=True)]


class Close:
    """Equal to a number to 1e-10, or to as much of the terms that it is the sum of: they may cancel out."""

    def __init__(self, value: float, terms: Sequence[Row | Term] = ()) -> None:
        self.value = float(value)
        self.near = 1e-10 * max(1.0, abs(self.value), *(abs(term.value) for term in terms))

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, float | int)
        return abs(other - self.value) <= self.near

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.value!r} ± {self.near:g}"
