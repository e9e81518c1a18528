"""The moments of a batch at every grain, what is known at each, and going on and back among them."""

import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.engine.program import Phase
from annstudio.explain.derivation import Explainer
from annstudio.explain.moments import Grain
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Walk
from annstudio.explain.weight import ask
from annstudio.layers.activation import Activation
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.recurrent.lstm import LSTM
from tests.builders import chain, project, some_table, with_branch, worked_example


def walk(grain: Grain, *, train_bias: bool = False) -> Walk:
    return Walk(Explainer(Network(worked_example(train_bias=train_bias)).stepper(0)), grain)


def captions(w: Walk) -> list[str]:
    return [w.caption(place) for place in range(1, len(w) + 1)]


def test_numbers_are_told_in_the_lectures_order():
    told = captions(walk(Grain.NUMBER))
    assert told[:4] == [f"Forward · hidden · {name}" for name in ("net_h1", "net_h2", "out_h1", "out_h2")]
    assert told[8:12] == ["Loss · loss · E_o1", "Loss · loss · E_o2", "Loss · loss · e", "Loss · loss · E"]
    assert told.index("Backward · output · ∂E/∂w₅") < told.index("Backward · output · ∂E/∂out_h1")
    assert told[-8:] == [f"Update · output · w{n}" for n in "₅₆₇₈"] + [f"Update · hidden · w{n}" for n in "₁₂₃₄"]


def test_frozen_biases_have_no_update_and_trained_ones_have():
    assert "Update · output · b_o1" not in captions(walk(Grain.NUMBER))
    assert "Update · output · b_o1" in captions(walk(Grain.NUMBER, train_bias=True))


def test_operations_and_layers_are_named_by_what_they_write():
    assert captions(walk(Grain.OP))[9] == "Backward · output · ∂E/∂W, ∂E/∂b, ∂E/∂out of hidden"
    assert captions(walk(Grain.LAYER)) == [
        "Forward · hidden", "Forward · output", "Loss · loss", "Backward · loss", "Backward · output",
        "Backward · hidden", "Update · output", "Update · hidden",
    ]  # fmt: skip


@pytest.mark.parametrize("grain", list(Grain))
def test_every_place_can_be_reached_and_left_again(grain: Grain):
    w = walk(grain)
    for place in [*range(len(w) + 1), *reversed(range(len(w) + 1))]:
        w.to(place)
        assert w.place == place
        assert w.stepper.position == (w.moments[place - 1].position if place else 0)


def test_only_the_numbers_told_so_far_are_known():
    w = walk(Grain.NUMBER)
    w.to(1)
    net = w.moments[0].quantity.slot
    assert w.known(net, (0,))
    assert w.fresh(net, (0,))
    assert not w.known(net, (1,))
    w.step()
    assert w.known(net, (1,))
    assert not w.fresh(net, (0,))


def test_shares_of_the_loss_are_known_before_the_whole():
    w = walk(Grain.NUMBER)
    share = w.moments[8].quantity
    w.to(9)
    assert w.known(share.slot, (), share.term)
    assert not w.known(share.slot)
    assert w.explainer.value(share) == pytest.approx(0.274811083, abs=5e-10)
    assert w.explainer.derive(share).symbol == "E_{o1}"


def test_weights_are_updated_one_after_the_other():
    w = walk(Grain.NUMBER)
    first, second = (ask(w.program, "output/W", (0, i)) for i in (0, 1))
    w.to_phase_end(Phase.BACKWARD)
    assert not w.updated(first.parameter.slot, first.stored)
    w.step()
    assert w.updated(first.parameter.slot, first.stored)
    assert w.fresh_update(first.parameter.slot, first.stored)
    assert not w.updated(second.parameter.slot, second.stored)
    w.to(len(w))
    assert w.updated(second.parameter.slot, second.stored)


def test_next_and_previous_layer_stop_at_the_ends_of_layers():
    w = walk(Grain.NUMBER)
    w.step()
    w.next_layer()
    assert w.caption() == "Forward · hidden · out_h2"
    w.next_layer()
    assert w.caption() == "Forward · output · out_o2"
    w.previous_layer()
    assert w.caption() == "Forward · hidden · out_h2"


def test_a_number_can_be_gone_to():
    w = walk(Grain.NUMBER)
    w.to_quantity(Quantity(w.program.gradients[ask(w.program, "output/W", (0, 0)).parameter.slot], (0, 1)))
    assert w.caption() == "Backward · output · ∂E/∂w₆"


def test_the_grain_may_change_without_leaving_the_place():
    explainer = Explainer(Network(worked_example()).stepper(0))
    w = Walk(explainer, Grain.NUMBER)
    w.to(5)
    assert Walk(explainer, Grain.OP).caption() == "Forward · output · net"


def test_inside_a_recurrent_layer_numbers_are_called_by_their_gate_and_time():
    data = parse_source({"kind": "sunspots", "window": 3})
    graph = chain(input=Input(shape=(3, 1)), memory=LSTM(units=2), output=Dense(units=1), loss=Loss())
    told = captions(Walk(Explainer(Network(project(graph, data)).stepper(0)), Grain.OP))
    for word in ("t = 1 · net f", "t = 2 · i·g", "t = 3 · ∂E/∂o, ∂E/∂tanh c"):
        assert any(word in caption for caption in told), word
    assert len(set(told)) > 0.75 * len(told)


def test_where_paths_meet_it_is_said_of_what_the_gradient_is():
    graph = with_branch(
        chain(input=Input(shape=(3,)), first=Dense(units=2), sum=Add(), loss=Loss()), "first", "sum", other=Activation()
    )
    told = captions(Walk(Explainer(Network(project(graph, some_table())).stepper(0)), Grain.OP))
    assert "Backward · first · ∂E/∂out, paths added" in told
