"""Explaining a mini-batch: every number is that of the example that is looked at, sums over examples name each."""

import pytest

from annstudio.document.network import Network
from annstudio.engine.program import Role
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Walk
from annstudio.explain.weight import answer, ask
from tests.builders import slots_of, small_project


@pytest.fixture
def batch() -> Stepper:
    """Six examples, gone through to the end."""
    stepper = Network(small_project()).journey(None).stepper
    stepper.to(len(stepper))
    return stepper


@pytest.mark.parametrize("example", [0, 2, 5])
def test_every_number_is_that_of_the_example(batch, example):
    explainer = Explainer(batch, example)
    for slot in slots_of(batch.program, Role.VALUE, Role.GRADIENT, Role.FEED):
        described, array = batch.program.slots[slot], batch.array(slot)
        index = (0,) * len(described.shape)
        wanted = array[(*index, example)] if described.batched else array[index]
        told = explainer.derive(Quantity(slot, index), 17)
        assert explainer.value(Quantity(slot, index)) == told.value == wanted
        if told.rows:
            assert sum(row.value for row in told.rows) == pytest.approx(wanted, abs=1e-10)


def test_another_example_can_be_asked_for_by_its_number(batch):
    explainer = Explainer(batch, 2)
    out = batch.program.outputs["hidden"]
    told = explainer.derive(Quantity(out, (1,), 4))
    assert told.value == batch.array(out)[1, 4]
    assert plain(told.symbol) == "out_h2^(5)"
    assert plain(explainer.symbol(Quantity(out, (1,)))) == "out_h2"


def test_a_sum_over_examples_names_each_and_leads_to_it(batch):
    explainer = Explainer(batch, 2)
    question = ask(batch.program, "hidden/W", (0, 1))
    gradient = batch.program.gradients[question.parameter.slot]
    told = explainer.derive(Quantity(gradient, question.stored))
    assert plain(told.rows[0].symbols) == "∂E/∂net_h1^(1) · i₂^(1)"
    assert plain(told.rows[2].symbols) == "∂E/∂net_h1^(3) · i₂^(3)"
    examples = [row.parts[1].quantity.example for row in told.rows]
    assert examples == [0, 1, None, 3, 4, 5], "None is the one that is looked at"
    for row in told.rows:
        for part in row.parts:
            assert explainer.value(part.quantity) == part.value
    assert answer(explainer, question).check.agrees


def test_the_mean_over_examples_reads_as_one(batch):
    told = Explainer(batch).derive(Quantity(batch.program.loss, ()))
    assert plain(told.rows[1].symbols) == "1/6 · e^(2)"
    assert told.text(2).splitlines()[1].count("1/6 · ") == 6


def test_one_example_on_its_own_has_no_number():
    stepper = Network(small_project()).stepper(0)
    stepper.to(len(stepper))
    question = ask(stepper.program, "hidden/W", (0, 1))
    gradient = stepper.program.gradients[question.parameter.slot]
    told = Explainer(stepper).derive(Quantity(gradient, question.stored))
    assert plain(told.symbols_line) == "∂E/∂w₂ = ∂E/∂net_h1 · i₂"


def test_moments_number_by_number_are_of_the_example(batch):
    walk = Walk(Explainer(batch, 3))
    shares = {q: text for slot in slots_of(batch.program, Role.VALUE) for q, text in walk_shares(walk, slot)}
    assert all(q.example is None for q in shares)
    assert set(shares.values()) == {"E_o1", "E_o2"}


def walk_shares(walk: Walk, slot: int) -> list[tuple[Quantity, str]]:
    if walk.program.slots[slot].name != "e":
        return []
    return [(share, walk.text(share)) for share in walk.explainer.shares(slot)]
