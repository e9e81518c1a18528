"""Names of numbers: every number has one, it leads back to the number, and a wrong one is told with the nearest."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from annstudio.document.compile import compile_graph
from annstudio.engine.program import Program, Role
from annstudio.errors import GraphError
from annstudio.explain.names import Names
from annstudio.explain.number_names import NumberNames
from annstudio.explain.told import Quantity
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten
from tests.builders import chain
from tests.document.drawings import networks
from tests.explain.asked import asked
from tests.layers.cases import cases, written


def round_trip(program: Program, n: int) -> None:
    """Assert that first and last number of every array that is shown have names of their own which lead back."""
    names = NumberNames(Names(program), n)
    seen: dict[str, Quantity] = {}
    for slot in program.slots:
        if slot.shown and slot.role is not Role.CONSTANT:
            size = math.prod(slot.shape)
            for place in {0, size - 1}:
                index = tuple(int(i) for i in np.unravel_index(place, slot.shape)) if slot.shape else ()
                quantity = Quantity(slot.index, index, n - 1 if slot.batched and n > 1 else None)
                name = names.name(quantity)
                assert names.quantity(name) == quantity, name
                assert seen.setdefault(name, quantity) == quantity, f"two numbers are called {name}"


@pytest.mark.parametrize("n", [1, 3])
def test_every_number_of_every_layer_has_a_name_that_leads_back(n):
    met = set()
    for case in cases():
        program = written(case)
        kinds = {type(step.op) for step in program.steps if hasattr(step, "op")} - met
        met |= kinds
        if kinds or case.cut:
            round_trip(program, n)


@settings(suppress_health_check=[*HealthCheck], max_examples=30)
@given(networks())
def test_every_number_of_any_network_has_a_name_that_leads_back(graph):
    round_trip(compile_graph(graph, {}, training=True, plain=True), 2)


# What can be typed ---------------------------------------------------------------------------------------------------


def small():
    graph = chain(
        input=Input(shape=(4, 3, 2)), conv_1=Conv2D(filters=5), flat=Flatten(), output=Dense(units=2), loss=Loss()
    )
    return asked(graph)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("conv_1.out[2,1,4]", "conv_1.out[2,1,4]"),
        (" conv_1/out [ 2 , 1 , 4 ] ", "conv_1.out[2,1,4]"),
        ("input.x[3,2,1]", "input.out[3,2,1]"),
        ("conv_1/W[4,1,2,0]", "conv_1.W[4,1,2,0]"),
        ("d  conv_1.W[4,1,2,0]", "d conv_1.W[4,1,2,0]"),
        ("∂E/∂conv_1.b[0]", "d conv_1.b[0]"),
        ("dE/d output.net[1]", "d output.net[1]"),
        ("loss", "loss"),
        ("loss.E", "loss"),
        ("d loss", "d loss"),
        ("loss.e", "loss.e"),
        ("loss.y[1]", "loss.y[1]"),
    ],
)
def test_a_name_may_be_typed_in_several_ways(typed, name):
    found = small()
    assert found.number_names.name(found.quantity(typed)) == name


def test_places_are_those_that_users_see():
    found = small()
    slot = found.explainer.program.outputs["conv_1"]
    assert found.quantity("conv_1.out[2,1,4]") == Quantity(slot, (4, 2, 1))


def test_a_share_of_the_loss_has_the_place_of_its_output():
    found = small()
    shares = [found.told(f"loss.e[{k}]").value for k in range(2)]
    assert sum(shares) == pytest.approx(found.told("loss.e").value, rel=1e-14)
    assert found.number_names.name(found.quantity("loss.e[1]")) == "loss.e[1]"


def test_a_time_step_stands_behind_the_place():
    found = asked(chain(input=Input(shape=(4, 2)), lstm_1=LSTM(units=3, direction="both"), loss=Loss()))
    for typed in ("lstm_1.i[2] t=4", "lstm_1.i[2]t=4", "lstm_1.i[2]  t = 4", "lstm_1/i[2] t=4"):
        assert found.number_names.name(found.quantity(typed)) == "lstm_1.i[2] t=4"
    assert found.number_names.name(found.quantity("d lstm_1.net f[1] back, t=1")) == "d lstm_1.net f[1] back,t=1"


def test_a_paths_share_says_by_which_layer_it_comes():
    graph = chain(input=Input(shape=(2,)), a=Dense(units=2), b=Dense(units=2), sum=Add(), loss=Loss())
    found = asked(graph.connect("a", "sum"))
    names = sorted(factors[0] for factors in found.factors("d a.out[0]"))
    assert names == ["d a.out[0] via b", "d a.out[0] via sum"]
    assert found.told(names[0]).value + found.told(names[1]).value == found.told("d a.out[0]").value


def test_an_example_of_a_batch_is_named_where_it_is_not_the_one_that_is_looked_at():
    found = asked(chain(input=Input(shape=(2,)), out=Dense(units=2), loss=Loss()), n=3)
    assert found.factors("d out.b[0]")[1:] == [["d out.net[0] of example 2"], ["d out.net[0] of example 3"]]
    assert found.quantity("out.out[0] of example 3").example == 2
    assert found.number_names.name(found.quantity("out.W[0,0] of example 2")) == "out.W[0,0]", (
        "all examples have the same"
    )


# What cannot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("conv1.out[0,0,0]", "There is no number 'conv1.out[0,0,0]'.", "conv_1.out"),
        ("conv_1.ot[0,0,0]", "There is no number 'conv_1.ot[0,0,0]'.", "conv_1.out"),
        ("d ouput.net[0]", "There is no number 'd ouput.net[0]'.", "d output.net"),
        ("conv_1.out[4,0,0]", "There is no number 'conv_1.out[4,0,0]'.", "has the places [0,0,0] to [3,2,4]"),
        ("conv_1.out[0,0]", "There is no number 'conv_1.out[0,0]'.", "[3,2,4]"),
        ("conv_1.out", "There is no number 'conv_1.out'.", "[3,2,4]"),
        ("conv_1.out[-1,0,0]", "There is no number 'conv_1.out[-1,0,0]'.", "[3,2,4]"),
        ("loss[0]", "There is no number 'loss[0]'.", "is one number"),
        ("d loss.y[0]", "There is no number 'd loss.y[0]'.", "d "),
        ("", "There is no number ''.", ""),
        ("[0]", "There is no number '[0]'.", ""),
        ("conv_1.out[1-1,0,0]", "There is no number 'conv_1.out[1-1,0,0]'.", "conv_1.out"),
        ("output.out[0] of example 9", "There is no example 9 in the batch.", "It has 1, counted from 1."),
        ("output.out[0] of example 0", "There is no example 0 in the batch.", "It has 1, counted from 1."),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(typed, message, hint):
    with pytest.raises(GraphError) as caught:
        small().quantity(typed)
    assert caught.value.message == message
    assert hint in caught.value.hint
