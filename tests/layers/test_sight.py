"""What an op says it sees is what its account names, for every layer with every choice of every setting."""

import numpy as np
import pytest

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index
from annstudio.engine.program import Program, Role, Step
from annstudio.engine.run import Run
from annstudio.explain.reading import slots_by_name
from tests.builders import random_feeds, random_weights, run_of
from tests.layers.cases import cases, written
from tests.slopes import to_update

SAMPLED = 6
BY_NUMBERS = {"Hold", "Blank", "OverSteps", "CountedMax", "CountedMean", "CountedMeanOf", "CountedMeanSquareOf",
              "Lookup"}  # fmt: skip
"""Ops whose numbers decide which elements count this time: what they see is what could count."""
BY_BUFFERS = {"CrossEntropy", "BinaryCrossEntropy"}
"""Ops that are told by what they keep, such as the probabilities that they make of scores."""

every_case = pytest.mark.parametrize("case", cases(), ids=str)


@every_case
def test_what_an_op_sees_is_what_its_account_names(case):
    program = written(case)
    rng = np.random.default_rng(0)
    run = run_of(program, random_feeds(program, 2, rng), random_weights(program, rng))
    to_update(run)
    for step in program.steps:
        if not isinstance(step, Step) or step.backward or program.slots[step.output].role is not Role.VALUE:
            continue
        for index in _sampled(program.slots[step.output].shape):
            named = _named(run, step, index)
            for which, slot in enumerate(step.inputs):
                shape = program.slots[slot].shape
                seen = _seen(program, step, which, index)
                told = np.zeros(shape, bool)
                for place in named.get(which, ()):
                    told[place] = True
                assert not (told & ~seen).any(), (step, which, index)
                if type(step.op).__module__.startswith("annstudio") and _is_told_by_place(program, step, slot):
                    assert (told == seen).all(), (step, which, index)


@every_case
def test_both_ways_of_looking_are_one(case):
    """An element of the result sees one of the input exactly where that is seen by it."""
    program = written(case)
    for step in program.steps:
        if not isinstance(step, Step) or step.backward or step.phase == "update":
            continue
        shapes = [program.slots[slot].shape for slot in step.inputs]
        result = program.slots[step.output].shape
        for which, given in enumerate(shapes):
            if program.slots[step.inputs[which]].role is Role.PARAMETER:
                continue
            sight = step.op.sight(which, *shapes)
            back = np.array([sight.seen(_one(result, i), given).ravel() for i in np.ndindex(result)])
            on = np.array([sight.seeing(_one(given, i), result).ravel() for i in np.ndindex(given)])
            np.testing.assert_array_equal(back, on.T)


def _is_told_by_place(program: Program, step: Step, slot: int) -> bool:
    """Whether the account names every element that counts, whatever the numbers are."""
    described = program.slots[slot]
    weighs = described.role in (Role.PARAMETER, Role.CONSTANT) or described.dtype == "int"
    return not weighs and type(step.op).__name__ not in BY_NUMBERS | BY_BUFFERS


def _seen(program: Program, step: Step, which: int, index: Index) -> Array:
    shapes = [program.slots[slot].shape for slot in step.inputs]
    lit = _one(program.slots[step.output].shape, index)
    return step.op.sight(which, *shapes).seen(lit, shapes[which])


def _named(run: Run, step: Step, index: Index) -> dict[int, list[Index]]:
    """The elements of the inputs that an account names, by the input's position; those of a frame are no elements."""
    program, slots, arrays = run.program, slots_by_name(step), run.named(step)
    batched = frozenset(name for name in arrays if name in slots and program.slots[slots[name]].batched)
    found: dict[int, list[Index]] = {}

    def look(term: Term) -> None:
        for factor in term.factors:
            for inner in factor.within:
                look(inner)
            names = [n for n in slots if n not in ("y", *step.buffers)]
            if factor.array not in names:
                continue
            which = names.index(factor.array)
            shape = program.slots[step.inputs[which]].shape
            margin = step.op.margin(factor.array, shape)
            place = factor.index
            if margin is not None:
                place = tuple(i - before for i, before in zip(place, margin.before, strict=True))
            if all(0 <= i < n for i, n in zip(place, shape, strict=True)):
                found.setdefault(which, []).append(place)

    for term in step.op.account(See(arrays, batched, 0, run.n), index):
        look(term)
    return found


def _sampled(shape: Index) -> list[Index]:
    places = list(np.ndindex(shape))
    return [places[int(i)] for i in np.unique(np.linspace(0, len(places) - 1, SAMPLED))]


def _one(shape: Index, index: Index) -> Array:
    lit = np.zeros(shape, bool)
    lit[index] = True
    return lit
