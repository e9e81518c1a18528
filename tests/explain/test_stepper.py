"""Stepping on and back: every moment can be reached from every other, and is the same to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annstudio.document.network import Network
from annstudio.engine.optimizers import SGD, Adam, Momentum
from annstudio.engine.program import Phase, Update
from annstudio.explain.derivation import Explainer
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.weight import answer, ask
from annstudio.layers.activation import Activation
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, some_table, trained, with_branch, worked_example


def everything(optimizer: object) -> Stepper:
    """Branches, convolution, pooling, dropout and two steps of training behind it."""
    graph = chain(
        input=Input(shape=(16,)),
        fold=Reshape(target=(4, 4, 1)),
        conv=Conv2D(filters=2, activation="tanh"),
        pool=MaxPool2D(),
        flatten=Flatten(),
        drop=Dropout(rate=0.3),
        left=Dense(units=3, activation="sigmoid"),
        sum=Add(),
        out=Dense(units=2, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )
    graph = with_branch(graph, "drop", "sum", right=Dense(units=3, activation="relu"))
    start = project(graph, some_table(6, 16, 2), optimizer=optimizer, batch_size=3, epochs=10)
    return Network(trained(start, 2)).stepper(1)


def moment(stepper: Stepper) -> dict[object, object]:
    """Everything that is known now, to the bit: arrays, weights, the optimiser's memory."""
    slots = [slot.index for slot in stepper.program.slots if stepper.known(slot.index)]
    memory = stepper.arena.memory()
    arrays = {slot: stepper.array(slot).tobytes() for slot in slots}
    return arrays | {"t": memory.t} | {name: vector.tobytes() for name, vector in memory.vectors.items()}


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
def test_every_moment_on_the_way_back_is_that_of_the_way_on(optimizer):
    stepper = everything(optimizer)
    seen = [moment(stepper)]
    while stepper.step():
        seen.append(moment(stepper))
    assert not stepper.step()
    while stepper.position:
        assert moment(stepper) == seen[stepper.position]
        assert stepper.back()
    assert not stepper.back()
    assert moment(stepper) == seen[0]


@settings(max_examples=25)
@given(places=st.lists(st.integers(-3, 99), min_size=1, max_size=8))
def test_jumping_about_leads_to_the_same_moments(places):
    stepper, straight = everything(Adam()), everything(Adam())
    for place in places:
        stepper.to(place)
    straight.to(stepper.position)
    assert moment(stepper) == moment(straight)


def test_to_the_end_is_one_step_of_training():
    start = worked_example(train_bias=True)
    stepper = Network(start).stepper(0)
    stepper.to(len(stepper))
    for key, weight in trained(start, 1).weights.items():
        np.testing.assert_allclose(stepper.arena.view(key), weight, rtol=1e-14)
    assert stepper.arena.t == 1


def test_a_value_is_known_once_it_was_computed():
    stepper = Network(worked_example()).stepper(0)
    out = stepper.program.outputs["hidden"]
    assert not stepper.known(out)
    stepper.to(stepper.written_by[out] + 1)
    assert stepper.known(out)
    stepper.back()
    assert not stepper.known(out)
    assert all(stepper.known(feed.slot) for feed in stepper.program.feeds)


def test_weights_before_the_update_can_be_seen_after_it():
    stepper = Network(worked_example()).stepper(0)
    (hidden, output) = stepper.program.parameters
    stepper.to(len(stepper))
    assert stepper.before_update(output.slot)[0, 0] == 0.40
    assert stepper.array(output.slot)[0, 0] == pytest.approx(0.358916480, abs=5e-10)
    assert stepper.updated(0)
    stepper.to_phase_end(Phase.BACKWARD)
    assert not stepper.updated(0)
    assert stepper.array(output.slot)[0, 0] == 0.40
    assert hidden.node == "hidden"


def test_phases_end_where_the_next_begins():
    stepper = everything(SGD())
    places = {}
    for phase in (Phase.LOSS, Phase.BACKWARD, Phase.UPDATE):
        stepper.to_phase_end(phase)
        places[phase] = stepper.position
        assert stepper.current.phase is phase
    assert 0 < places[Phase.LOSS] < places[Phase.BACKWARD] < places[Phase.UPDATE] == len(stepper)
    stepper.to_phase_end(Phase.LOSS)
    assert stepper.position == places[Phase.LOSS]


def test_updates_come_layer_by_layer_the_last_first():
    updates = [step.node for step in everything(SGD()).program.steps if isinstance(step, Update)]
    assert (updates[0], updates[-1], set(updates[1:-1])) == ("out", "conv", {"left", "right"})


def test_a_visit_comes_back():
    stepper = everything(Adam())
    stepper.to(5)
    here = moment(stepper)
    with stepper.visit(len(stepper)):
        assert stepper.position == len(stepper)
    assert moment(stepper) == here


def test_numbers_that_run_away_are_stepped_through_without_a_word():
    graph = chain(
        input=Input(shape=(1,)),
        a=Dense(units=1, activation="linear"),
        b=Dense(units=1, activation="softplus"),
        c=Activation(function="tanh"),
        loss=Loss(),
    )
    weights = {"a/W": [[1e200]], "a/b": [0.0], "b/W": [[1e200]], "b/b": [0.0]}
    stepper = Network(project(graph, some_table(2, 1, 1), weights)).stepper(0)
    stepper.to(len(stepper))
    while stepper.back():
        pass
    stepper.to(len(stepper))
    explainer = Explainer(stepper)
    for node in ("a", "b", "c"):
        assert explainer.derive(Quantity(stepper.program.outputs[node], (0,))).text(4)
    assert answer(explainer, ask(stepper.program, "a/W", (0, 0))).value == 1e200
