"""A finite difference beside every gradient: weights', values', and each share of a sum of paths."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.op import Index
from annstudio.engine.program import Role, Step
from annstudio.explain.check import Check, check, nudge
from annstudio.explain.derivation import Explainer
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.weight import ask
from annstudio.layers.activation import Activation
from annstudio.layers.base import Layer
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.normal import BatchNorm, LayerNorm
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, small_project, some_table, trained, with_branch, worked_example


def network_of(*layers: Layer, n_inputs: int = 12) -> Graph:
    return chain(Input(shape=(n_inputs,)), *layers, Flatten(), Dense(units=2, activation="sigmoid"), Loss())


def batch(graph: Graph, *examples: int, **settings: object) -> Stepper:
    shape = next(node.layer.shape for node in graph.nodes.values() if isinstance(node.layer, Input))
    network = Network(project(graph, some_table(8, shape[0], 2), **settings))
    one = network.stepper(0)
    feeds = network.rows("float64").feeds(one.program, np.array(examples))
    stepper = Stepper(one.program, one.arena, feeds, one.seed, one.batch_number)
    stepper.to(len(stepper))
    return stepper


GRAPHS = {
    "dense": network_of(Dense(units=3, activation="tanh")),
    "conv": network_of(Reshape(target=(3, 4, 1)), Conv2D(filters=2, activation="tanh"), MaxPool2D(padding="same")),
    "dropout": network_of(Dense(units=6, activation="tanh"), Dropout(rate=0.5)),
    "batch norm": network_of(Dense(units=4), BatchNorm(), Activation(function="sigmoid")),
    "layer norm": network_of(Dense(units=4), LayerNorm(), Activation(function="sigmoid")),
    "rnn": network_of(Reshape(target=(4, 3)), SimpleRNN(units=2)),
    "lstm": network_of(Reshape(target=(4, 3)), LSTM(units=2)),
    "gru": network_of(Reshape(target=(4, 3)), GRU(units=2)),
    "penalties": network_of(Dense(units=3, activation="tanh", l1=0.01, l2=0.1)),
    "branches": with_branch(
        network_of(Dense(units=3, activation="tanh"), Add()), "input_1", "add_1", right=Dense(units=3)
    ),
}  # fmt: skip


def gradients(stepper: Stepper) -> list[tuple[Quantity, float]]:
    """Up to three numbers of every gradient there is, and of every path's share, spread over the batch."""
    program, rng = stepper.program, np.random.default_rng(0)
    slots = {g for step in program.steps if isinstance(step, Step) and step.backward for g in step.gradients}
    found = []
    for slot in sorted((slots | set(program.gradients.values())) - {None}):
        places = list(np.ndindex(stepper.array(slot).shape))
        for i in rng.permutation(len(places))[:3]:
            place: Index = places[i]
            index, example = (place[:-1], place[-1]) if program.slots[slot].batched else (place, 0)
            found.append((Quantity(slot, index, example), float(stepper.array(slot)[place])))
    return found


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("examples", [(1,), (0, 2, 3)], ids=["one", "three"])
def test_every_gradient_agrees_with_the_loss_run_again(name, examples):
    stepper = batch(GRAPHS[name], *examples)
    trial, checked = stepper.trial(), 0
    for quantity, gradient in gradients(stepper):
        asked = nudge(stepper.program, quantity)
        if asked is None:
            continue
        found = check(trial, asked, gradient)
        told = Explainer(stepper).names.text(quantity.slot, quantity.index)
        assert found.agrees, (told, gradient, found)
        assert not found.kink, (told, found)
        checked += 1
    assert checked > 20
    assert trial.loss == stepper.run.loss, "after all these tries the batch is as it was"


def test_a_value_is_changed_behind_the_step_that_wrote_it():
    stepper = batch(GRAPHS["dense"], 1)
    hidden = stepper.program.outputs["dense_1"]
    trial = stepper.trial()
    at = trial.value(hidden, (2, 0))
    assert at == stepper.array(hidden)[2, 0]
    moved = trial.loss_with(hidden, (2, 0), at + 0.5)
    assert moved != trial.loss
    assert trial.loss_with(hidden, (2, 0), at) == trial.loss == stepper.run.loss


def test_one_reader_alone_sees_the_change_where_its_share_is_asked_for():
    stepper = batch(GRAPHS["branches"], 1)
    program = stepper.program
    x = next(feed.slot for feed in program.feeds if feed.column == "x")
    readers = [i for i, s in enumerate(program.steps) if isinstance(s, Step) and not s.backward and x in s.inputs]
    assert len(readers) == 2
    shares = [
        program.steps[i] for i in range(len(program.steps))
        if isinstance(program.steps[i], Step) and program.steps[i].backward and x in program.steps[i].inputs
    ]  # fmt: skip
    trial, whole = stepper.trial(), program.gradients[x]
    found = []
    for step in shares:
        quantity = Quantity(step.gradients[step.inputs.index(x)], (4,))
        asked = nudge(program, quantity)
        assert asked is not None
        assert asked.reader in readers
        found.append(check(trial, asked, float(stepper.array(quantity.slot)[4, 0])).value)
    assert sum(found) == pytest.approx(float(stepper.array(whole)[4, 0]), rel=1e-6)
    assert found[0] != pytest.approx(found[1], rel=1e-3)


def test_where_one_step_reads_a_number_twice_its_two_shares_cannot_be_told_apart():
    graph = chain(Input(shape=(3,)), Dense(units=2, activation="tanh"), Add(), Loss()).connect("dense_1", "add_1")
    stepper = batch(graph, 0)
    out = stepper.program.outputs["dense_1"]
    (added,) = (s for s in stepper.program.steps if isinstance(s, Step) and s.backward and s.inputs.count(out) == 2)
    assert nudge(stepper.program, Quantity(added.gradients[0], (0,))) is None
    whole = Quantity(stepper.program.gradients[out], (0,))
    asked = nudge(stepper.program, whole)
    assert asked is not None
    assert check(stepper.trial(), asked, float(stepper.array(whole.slot)[0, 0])).agrees


# Kinks and steps ------------------------------------------------------------------------------------------------------


def weight_check(graph: Graph, weights: dict[str, object], key: str, *index: int, data: object = None) -> Check:
    network = Network(project(graph, data or some_table(4, 3, 2), weights))
    stepper = network.stepper(0)
    question = ask(stepper.program, key, index)
    quantity = Quantity(stepper.program.gradients[question.parameter.slot], question.stored)
    stepper.to(len(stepper))
    asked = nudge(stepper.program, quantity)
    assert asked is not None
    return check(stepper.trial(), asked, float(stepper.array(quantity.slot)[question.stored]))


def test_a_relu_at_exactly_zero_is_told_as_a_kink():
    graph = chain(input=Input(shape=(3,)), hidden=Dense(units=2), out=Dense(units=2), loss=Loss())
    weights = {"hidden/W": np.zeros((2, 3)), "hidden/b": np.zeros(2), "out/W": np.ones((2, 2))}
    found = weight_check(graph, weights, "hidden/b", 0)
    assert found.kink
    assert found.agrees, "the gradient of one side"
    assert found.below == pytest.approx(0.0, abs=1e-12)
    assert abs(found.above) > 0.1


def test_the_size_of_a_weight_of_zero_has_a_kink_and_its_gradient_lies_between_both_slopes():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, activation="linear", l1=0.5), loss=Loss())
    found = weight_check(graph, {"out/W": np.zeros((2, 3))}, "out/W", 0, 1)
    assert found.kink
    assert found.agrees
    assert found.above - found.below == pytest.approx(1.0, rel=1e-3)


def test_a_kink_nearby_is_stepped_around():
    graph = chain(input=Input(shape=(3,)), hidden=Dense(units=1), out=Dense(units=2), loss=Loss())
    weights = {"hidden/W": np.zeros((1, 3)), "hidden/b": np.array([2e-7]), "out/W": np.ones((2, 1))}
    found = weight_check(graph, weights, "hidden/b", 0)
    assert found.agrees
    assert not found.kink
    assert found.h < 2e-7


def test_a_wrong_gradient_at_a_kink_is_found_out():
    straight = Check(0.5, 1e-5, 0.3, 0.0, 1.0, kink=True)
    assert not straight.agrees
    assert straight.digits == 0


def test_the_bottom_of_a_curve_is_no_kink():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, activation="linear", l2=1.0, bias=False), loss=Loss())
    found = weight_check(graph, {"out/W": np.zeros((2, 3))}, "out/W", 0, 1)
    assert not found.kink
    assert found.agrees


def test_steps_are_fitted_to_the_size_of_the_number():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, activation="linear"), loss=Loss())
    small = weight_check(graph, {"out/W": np.full((2, 3), 0.5)}, "out/W", 0, 1)
    large = weight_check(graph, {"out/W": np.full((2, 3), 5e5)}, "out/W", 0, 1)
    assert small.agrees
    assert large.agrees
    assert large.h == pytest.approx(5e5 * small.h)


def test_what_runs_away_is_not_said_to_agree():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, activation="linear"), loss=Loss())
    found = weight_check(graph, {"out/W": np.full((2, 3), 1e200)}, "out/W", 0, 1)
    assert not found.agrees
    assert not found.kink


def test_agreement_is_counted_in_digits():
    assert [Check(1.0, 1e-5, error).digits for error in (0.0, 3e-11, 2e-3, 0.7, 5.0)] == [15, 10, 2, 0, 0]
    assert not Check(float("nan"), 1e-5, float("nan")).agrees
    tiny = Check(1.01e-9, 1e-5, 1e-11 / 1e-4, size=1.01e-9)
    assert tiny.agrees
    assert (tiny.gap, tiny.digits) == (pytest.approx(1e-11), 2)


def test_the_mask_of_the_batch_is_kept_while_the_loss_runs_again():
    stepper = batch(GRAPHS["dropout"], 1)
    (noise,) = (slot.index for slot in stepper.program.slots if slot.role is Role.NOISE)
    trial = stepper.trial()
    assert trial.loss == stepper.run.loss
    for i in range(6):
        assert trial.value(noise, (i, 0)) == stepper.array(noise)[i, 0]


def test_training_before_and_carried_states_do_not_matter():
    stepper = Network(trained(small_project(optimizer={"kind": "adam"}), 4)).stepper(2)
    stepper.to(len(stepper))
    assert stepper.trial().loss == stepper.run.loss
    assert Network(worked_example()).stepper(0).trial().loss == pytest.approx(0.298371109, abs=5e-10)
