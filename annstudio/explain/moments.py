"""The moments of a batch at a chosen grain, as a sequence that is never written out: a moment is worked out from its
place, so that millions of them cost no more than a handful.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from typing import overload

import numpy as np

from annstudio.engine.op import Index
from annstudio.engine.program import AnyStep, Program, Role, Step, Update
from annstudio.explain.told import Quantity


class Grain(StrEnum):
    """How far one step goes: a layer, an operation, or one number that an operation writes (a unit, a pixel, a gate at
    one time step)."""

    LAYER = "layer"
    OP = "op"
    NUMBER = "number"


@dataclass(frozen=True)
class Moment:
    """How many steps are done by then, and, number by number, which number has just come into being."""

    position: int
    quantity: Quantity | None = None


@dataclass(frozen=True)
class Told:
    """Numbers of one slot that a step tells one after the other: all of them, those at `places` (in C order), or, with
    `terms`, the terms of the one number that the slot holds."""

    slot: int
    shape: tuple[int, ...]
    places: np.ndarray | None = None
    terms: int = 0

    def __len__(self) -> int:
        return self.terms or (math.prod(self.shape) if self.places is None else len(self.places))

    def quantity(self, k: int) -> Quantity:
        """The number that is told as the `k`-th."""
        if self.terms:
            return Quantity(self.slot, (), term=k)
        at = k if self.places is None else int(self.places[k])
        return Quantity(self.slot, tuple(int(i) for i in np.unravel_index(at, self.shape)) if self.shape else ())

    def behind(self, k: int) -> np.ndarray | None:
        """Where the numbers are that are told behind the first `k`; None where there are none."""
        if k >= len(self):
            return None
        found = np.zeros(math.prod(self.shape), bool)
        found[slice(max(k, 0), None) if self.places is None else self.places[max(k, 0) :]] = True
        return found.reshape(self.shape)

    def rank(self, index: Index, term: int | None) -> int | None:
        """As the how many-th a number is told; None where it is not told here."""
        if bool(self.terms) != (term is not None):
            return None
        if term is not None:
            return term if term < self.terms else None
        if len(index) != len(self.shape) or any(not 0 <= i < n for i, n in zip(index, self.shape, strict=True)):
            return None
        at = int(np.ravel_multi_index(index, self.shape)) if index else 0
        if self.places is None:
            return at
        rank = int(np.searchsorted(self.places, at))
        return rank if rank < len(self.places) and self.places[rank] == at else None


class Moments(Sequence[Moment]):
    """So many moments for every step of a program. `tell` says which numbers a step tells, where it is told so."""

    def __init__(self, counts: Sequence[int], tell: Callable[[int], Sequence[Told]] | None = None) -> None:
        self._ends = [0, *accumulate(counts)]
        self._tell = tell

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, at: int) -> Moment: ...
    @overload
    def __getitem__(self, at: slice) -> list[Moment]: ...
    def __getitem__(self, at: int | slice) -> Moment | list[Moment]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at += len(self) if at < 0 else 0
        step = self.position(at) - 1
        if self._tell is None:
            return Moment(step + 1)
        k = at - self._ends[step]
        for told in self._tell(step):
            if k < len(told):
                return Moment(step + 1, told.quantity(k))
            k -= len(told)
        raise AssertionError("a step tells fewer numbers than were counted")

    def position(self, at: int) -> int:
        """How many steps are done at a moment."""
        if not 0 <= at < len(self):
            raise IndexError(at)
        return bisect_right(self._ends, at)

    def passed(self, steps: int) -> int:
        """How many moments have passed when so many steps are done."""
        return self._ends[max(0, min(steps, len(self._ends) - 1))]

    def reached(self, steps: int) -> int:
        """How many moments have passed at the end of the first stretch that ends when so many steps are done, or
        later."""
        if steps <= 0:
            return 0
        first = self.passed(steps - 1)
        return self.passed(self.position(first)) if first < len(self) else len(self)

    def rank(self, step: int, slot: int, index: Index, term: int | None = None) -> int | None:
        """The place (from 0) of the moment at which a step tells a number; None where it has none of its own."""
        if self._tell is None:
            return None
        before = self._ends[step]
        for told in self._tell(step):
            rank = told.rank(index, term) if told.slot == slot else None
            if rank is not None:
                return before + rank
            before += len(told)
        return None

    def left(self, step: int, slot: int, place: int) -> np.ndarray | None:
        """Which numbers of a slot a step has yet to tell when `place` moments have passed; None where none are left."""
        before = self._ends[step]
        for told in self._tell(step) if self._tell is not None else ():
            if told.slot == slot and not told.terms:
                return told.behind(place - before)
            before += len(told)
        return None


class Telling:
    """Which numbers every step of a program tells, in the order of the telling: of a loss the outputs' shares before
    the whole, weights' gradients before units'. `shares` are the slots of losses with how many shares they have;
    `free` says which numbers of a parameter the update moves."""

    def __init__(
        self, program: Program, shares: Callable[[], dict[int, int]], free: Callable[[int], np.ndarray]
    ) -> None:
        self._program = program
        self._shares = shares
        self._free = free
        self._updates: dict[int, tuple[Told, ...]] = {}

    def of(self, at: int) -> Sequence[Told]:
        """What a step, by its place in the program, tells."""
        step = self._program.steps[at]
        if isinstance(step, Update):
            if at not in self._updates:
                self._updates[at] = tuple(self._learning(which) for which in step.parameters)
            return self._updates[at]
        if not step.backward:
            n = self.shares.get(step.output, 0)
            return (*((Told(step.output, (), terms=n),) if n else ()), self._whole(step.output))
        return [self._whole(to) for _, to in gradient_pairs(self._program, step)]

    @property
    def moments(self) -> Moments:
        counts = [sum(map(len, self.of(at))) for at in range(len(self._program.steps))]
        return Moments(counts, self.of)

    @cached_property
    def shares(self) -> dict[int, int]:
        return self._shares()

    def _whole(self, slot: int) -> Told:
        return Told(slot, self._program.slots[slot].shape)

    def _learning(self, which: int) -> Told:
        parameter = self._program.parameters[which]
        free = self._free(which)
        return Told(parameter.slot, parameter.shape, None if free.all() else np.flatnonzero(free))


def gradient_pairs(program: Program, step: Step) -> list[tuple[int, int]]:
    """The slots whose gradients a step on the way back works out, each with that gradient's: weights first."""
    pairs = [(of, to) for of, to in zip(step.inputs, step.gradients, strict=True) if to is not None]
    return sorted(pairs, key=lambda pair: program.slots[pair[0]].role is not Role.PARAMETER)


def step_moments(steps: Sequence[AnyStep]) -> Moments:
    """A moment for every step."""
    return Moments([1] * len(steps))


def stretch_moments(steps: Sequence[AnyStep], ends: Collection[int]) -> Moments:
    """A moment for every stretch of steps, given where they end."""
    last = frozenset(ends)
    return Moments([int(i + 1 in last) for i in range(len(steps))])
