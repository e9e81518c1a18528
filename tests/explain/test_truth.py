"""What is shown is what was computed: every term, worked out again from the formula on the screen with its numbers.

Over every layer with every choice of every setting, and over networks at random; three examples at a time, in training
and in prediction. The formulas are read by `formulas.py`, which knows LaTeX and nothing of the engine.
"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from annstudio.document.compile import compile_graph
from annstudio.engine.account import See, Term
from annstudio.engine.op import Index
from annstudio.engine.program import Program, Role, Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.reading import slots_by_name
from tests.document.drawings import networks
from tests.explain.checked import check
from tests.explain.looked_at import (
    Close,
    N,
    computing,
    different_in_prediction,
    gone_through,
    kind,
    new_in,
    sampled,
    shown,
)
from tests.layers.cases import cases, written

MANY = 40
"""So many numbers of an array are worked out from their terms where an op is met for the first time."""


# Every layer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_number_shown_is_true(case):
    check_all(written(case), new_in().get(case, frozenset()))


@pytest.mark.parametrize("case", different_in_prediction(), ids=str)
def test_what_prediction_shows_is_true(case):
    check_all(written(case, training=False))


@pytest.mark.parametrize("case", new_in(), ids=str)
def test_the_terms_of_every_element_come_to_it(case):
    program = written(case)
    run = gone_through(program, update=False).run
    for step in computing(program):
        if kind(program, step) not in new_in()[case]:
            continue
        slots, arrays = slots_by_name(step), run.named(step)
        batched = frozenset(name for name in arrays if name in slots and program.slots[slots[name]].batched)
        for slot in shown(program, step):
            for quantity in sampled(program, slot, MANY):
                see = See(arrays, batched, quantity.example, N)
                terms = terms_of(step, slot, see, quantity.index)
                of_example = (quantity.example,) if program.slots[slot].batched else ()
                value = run.arrays[slot][(*quantity.index, *of_example)]
                assert math.fsum(term.value for term in terms) == Close(value, terms), (step, quantity)


def test_what_no_step_computed_says_where_it_comes_from():
    roles = {Role.FEED, Role.PARAMETER, Role.CONSTANT, Role.STATE, Role.NOISE}
    for case in new_in():
        program = written(case)
        explainer = Explainer(gone_through(program))
        for slot in program.slots:
            if slot.role in roles and slot.index not in explainer.stepper.written_by:
                told = explainer.derive(sampled(program, slot.index, 1)[0])
                assert told.given
                assert told.said
                assert all(said.words.endswith(".") for said in told.said)
                roles.discard(slot.role)
        if not roles:
            return
    raise AssertionError(f"nothing of {roles} was met")


# Networks at random --------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[*HealthCheck], max_examples=100)
@given(networks())
def test_every_number_of_any_network_is_true(graph):
    program = compile_graph(graph, {}, training=True, plain=True)
    arrays = gone_through(program, size=0.5).run.arrays
    assume(all(np.isfinite(array).all() and np.abs(array).max(initial=0) < 1e9 for array in arrays))
    check_all(program, size=0.5)


# What is checked -----------------------------------------------------------------------------------------------------


def check_all(program: Program, new: frozenset[object] = frozenset(), size: float = 1.0) -> None:
    """Numbers of every step: several of kinds of steps that are new, one where steps of a kind follow each other."""
    explainer = Explainer(gone_through(program, size=size))
    often: dict[object, int] = {}
    for step in computing(program):
        which = kind(program, step)
        often[which] = often.get(which, 0) + 1
        most = 3 if which in new else 1
        if often[which] <= most:
            for slot in shown(program, step):
                for quantity in sampled(program, slot, most):
                    check(explainer, quantity)


def terms_of(step: Step, slot: int, see: See, index: Index) -> list[Term]:
    """The terms of one element of what a step writes."""
    kept = next((name for name, buffer in step.buffers.items() if buffer == slot), "")
    if kept:
        return step.op.kept_account(kept, see, index)
    if not step.backward:
        return step.op.account(see, index)
    name = next(name for name, s in slots_by_name(step).items() if s == slot)
    return step.op.gradient_account(name[1:], see, index)
