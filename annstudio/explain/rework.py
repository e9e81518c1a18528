"""The same batch once more with a mistake in it, made on purpose: what numbers would come out?

A mistake meddles with the arrays of the run before or after steps. All other steps are the engine's own, so a mistake
goes on its way through the rest of the calculation as it does on paper.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import Program, Step
from annstudio.explain.stepper import Stepper

Meddle = Callable[[Stepper], None]


@dataclass(frozen=True)
class Mistake:
    """What is done wrong before or after steps, by their position in the program."""

    before: Mapping[int, Meddle] = field(default_factory=dict)
    after: Mapping[int, Meddle] = field(default_factory=dict)


def together(mistakes: Iterable[Mistake]) -> Mistake:
    """Several mistakes made at different steps."""
    before: dict[int, Meddle] = {}
    after: dict[int, Meddle] = {}
    for mistake in mistakes:
        before |= mistake.before
        after |= mistake.after
    return Mistake(before, after)


@contextmanager
def reworked(stepper: Stepper, mistake: Mistake) -> Iterator[None]:
    """Stand at the end of the batch with the numbers that come out of the mistake; then all is right again."""
    here = stepper.position
    stepper.to(0)
    program = stepper.program
    given = {*(p.slot for p in program.parameters), *(judged.target for judged in program.judged)}
    right = {slot: stepper.array(slot).copy() for slot in given}
    rate = float(stepper.arena.rate)
    try:
        for i in range(len(stepper)):
            if i in mistake.before:
                mistake.before[i](stepper)
            stepper.to(i + 1)
            if i in mistake.after:
                mistake.after[i](stepper)
        yield
    finally:
        stepper.to(0)
        for slot, array in right.items():
            np.copyto(stepper.array(slot), array)
        stepper.arena.rate[()] = rate
        stepper.to(here)


def put(slot: int, array: Array) -> Meddle:
    """Write other numbers into a slot."""

    def meddle(stepper: Stepper) -> None:
        np.copyto(stepper.array(slot), array)

    return meddle


def put_all(arrays: Mapping[int, Array]) -> Meddle:
    """Write other numbers into several slots."""

    def meddle(stepper: Stepper) -> None:
        for slot, array in arrays.items():
            put(slot, array)(stepper)

    return meddle


def copied(source: int, target: int) -> Meddle:
    """Take the numbers of one slot for those of another."""

    def meddle(stepper: Stepper) -> None:
        np.copyto(stepper.array(target), stepper.array(source))

    return meddle


def scaled(slot: int, factor: float) -> Meddle:
    """Multiply all numbers of a slot."""

    def meddle(stepper: Stepper) -> None:
        stepper.array(slot)[...] *= factor

    return meddle


def during(step: int, slot: int, array: Array, right: Array) -> Mistake:
    """Other numbers in a slot while one step is done."""
    return Mistake({step: put(slot, array)}, {step: put(slot, right)})


def rounded(program: Program, digits: int) -> Mistake:
    """Every number that a step writes is rounded to so many significant digits before it goes on."""

    def meddle_of(step: Step) -> Meddle:
        def meddle(stepper: Stepper) -> None:
            for slot in step.writes:
                array = stepper.array(slot)
                if array.dtype.kind == "f":
                    array[...] = to_digits(array, digits)

        return meddle

    steps = {i: step for i, step in enumerate(program.steps) if isinstance(step, Step)}
    return Mistake(after={i: meddle_of(step) for i, step in steps.items()})


def to_digits(array: Array, digits: int) -> Array:
    """Numbers rounded to so many significant digits."""
    with np.errstate(all="ignore"):
        size = np.where(np.isfinite(array) & (array != 0), np.abs(array), 1.0)
        unit = 10.0 ** (np.floor(np.log10(size)) - digits + 1)
        return np.where(np.isfinite(array), np.round(array / unit) * unit, array)
