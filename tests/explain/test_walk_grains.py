"""Number by number on networks of any size: moments are worked out from their place, in the order of the telling."""

import tracemalloc
from time import perf_counter

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.engine.program import Phase, Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.moments import Grain, Moment, Moments, Told
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Walk
from annstudio.formats import studio
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.places import SAMPLES
from tests.builders import chain, project, table

RNG = np.random.default_rng(3)


def walk(of, grain: Grain = Grain.NUMBER) -> Walk:
    return Walk(Explainer(Network(of).stepper(0)), grain)


def sample(name: str, grain: Grain = Grain.NUMBER) -> Walk:
    return walk(studio.load(SAMPLES / f"{name}.annstudio"), grain)


def large() -> Walk:
    """A convolution of 28×28×16, and 12 544 numbers into ten units."""
    graph = chain(
        input=Input(shape=(784,)), image=Reshape(target=(28, 28, 1)),
        conv=Conv2D(filters=16, padding="same", activation="relu"), flat=Flatten(),
        output=Dense(units=10, activation="sigmoid"), loss=Loss(),
    )  # fmt: skip
    return walk(project(graph, table(RNG.random((1, 784)).tolist(), [[0.5] * 10])))


def test_a_moment_is_found_from_its_place_and_its_place_from_the_number():
    moments = Moments([2, 0, 6], lambda step: [Told(step, (2,) if step == 0 else (2, 3))])
    assert list(moments) == [
        Moment(1, Quantity(0, (0,))), Moment(1, Quantity(0, (1,))),
        *(Moment(3, Quantity(2, (i, j))) for i in range(2) for j in range(3)),
    ]  # fmt: skip
    for place, moment in enumerate(moments):
        assert moments.rank(moment.position - 1, moment.quantity.slot, moment.quantity.index) == place
    assert moments[-1] == moments[7]
    assert moments[2:4] == [moments[2], moments[3]]
    assert moments.rank(2, 2, (2, 0)) is None
    assert moments.rank(2, 1, (0, 0)) is None
    assert [moments.passed(steps) for steps in range(4)] == [0, 2, 2, 8]
    assert [moments.reached(steps) for steps in range(5)] == [0, 2, 8, 8, 8]
    with pytest.raises(IndexError):
        moments[8]


def test_only_those_numbers_that_learn_are_told_and_shares_before_the_whole():
    told = Told(4, (2, 3), places=np.array([1, 5]))
    assert [told.quantity(k).index for k in range(len(told))] == [(0, 1), (1, 2)]
    assert [told.rank(index, None) for index in ((0, 1), (1, 2), (0, 0))] == [0, 1, None]
    shares = Told(7, (), terms=3)
    assert shares.quantity(2) == Quantity(7, (), term=2)
    assert [shares.rank((), term) for term in (None, 0, 3)] == [None, 0, None]


@pytest.mark.parametrize("name", ["digits-cnn", "vowels-lstm", "rnn-over-rnn", "autoencoder"])
def test_every_number_that_a_step_writes_has_a_moment(name):
    w = sample(name)
    assert len(w) > 600
    for at, step in enumerate(w.program.steps):
        if isinstance(step, Step):
            first, last = w.moments.passed(at), w.moments.passed(at + 1)
            slots = [slot for slot in step.writes if slot not in step.buffers.values()]
            numbers = sum(int(np.prod(w.program.slots[slot].shape, dtype=int)) for slot in slots)
            assert last - first >= numbers, step
            assert {w.moments[first].quantity.slot, w.moments[last - 1].quantity.slot} <= set(slots)
            assert w.moments[first].position == w.moments[last - 1].position == at + 1


def test_a_pixel_of_a_map_and_a_gate_at_one_time_step_are_elements():
    w = sample("digits-cnn")
    w.to(8 * 8 + 10)
    assert w.caption() == "Forward · conv_1 · net_conv_1 (2,2,2)"
    graph = chain(input=Input(shape=(3, 1)), memory=LSTM(units=2), output=Dense(units=1), loss=Loss())
    w = walk(project(graph, parse_source({"kind": "sunspots", "window": 3})))
    told = [w.caption(place) for place in range(1, len(w) + 1)]
    assert "Forward · memory · t = 3 · f_m1" in told
    assert "Backward · memory · t = 2 · share of ∂E/∂u_m o2,2" in told
    assert "Backward · memory · t = 2 · share of ∂E/∂h_m1 at t = 1" in told
    assert "Backward · memory · t = 2 · ∂E/∂f_m1" in told
    assert len(told) == len(w)


def test_what_is_told_is_known_and_the_rest_of_the_operation_is_not():
    w = sample("digits-cnn")
    w.to(70)
    slot = w.now.quantity.slot
    known = np.array([w.known(slot, index) for index in np.ndindex(w.program.slots[slot].shape)])
    assert known[:70].all()
    assert not known[70:].any()
    assert [w.fresh(slot, index) for index in ((1, 0, 5), (1, 0, 4))] == [True, False]


def test_what_is_still_to_come_of_an_operation_is_told_as_a_whole():
    w = sample("digits-cnn")
    w.to(70)
    (coming,) = w.coming.values()
    known = [w.known(w.now.quantity.slot, index) for index in np.ndindex(coming.shape)]
    assert (coming.ravel() == ~np.array(known)).all()
    w.to(1024)
    assert w.coming == {}
    w.to_phase_end(Phase.BACKWARD)
    w.step()
    (slot,) = w.coming
    assert not w.coming[slot][w.now.quantity.index]
    assert int(w.coming[slot].sum()) == 10 * 513 - 1
    assert Walk(w.explainer, Grain.OP).coming == {}


def test_weights_get_their_new_values_one_by_one_in_large_networks_too():
    w = sample("digits-cnn")
    w.to_phase_end(Phase.BACKWARD)
    w.step()
    slot, index = w.now.quantity.slot, w.now.quantity.index
    assert w.updated(slot, index)
    assert w.fresh_update(slot, index)
    other = w.moments[w.place].quantity
    assert not w.updated(other.slot, other.index)
    w.step()
    assert w.updated(other.slot, other.index)


def test_a_number_can_be_gone_to_in_a_large_network():
    w = sample("vowels-lstm")
    quantity = w.moments[120_000].quantity
    w.to_quantity(quantity)
    assert (w.place, w.now.quantity) == (120_001, quantity)


def test_the_next_operation_is_past_the_elements_that_are_left():
    w = sample("digits-cnn")
    w.to(5)
    w.next_operation()
    assert (w.place, w.stepper.position) == (1024, 1)
    w.next_operation()
    assert w.stepper.position == 2
    w.back()
    w.previous_operation()
    assert (w.place, w.stepper.position) == (1024, 1)
    w.previous_operation()
    assert w.place == 0


def test_millions_of_moments_take_no_memory_and_a_step_no_time():
    graph = chain(input=Input(shape=(2000,)), hidden=Dense(units=800), output=Dense(units=1), loss=Loss())
    explainer = Explainer(Network(project(graph, table(RNG.random((1, 2000)).tolist(), [[1.0]]))).stepper(0))
    explainer.stepper.to(len(explainer.stepper))
    tracemalloc.start()
    w = Walk(explainer, Grain.NUMBER)
    assert len(w) > 3_000_000
    for place in range(1, len(w), 300_000):
        w.to(place)
        assert w.caption()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The masks of what learns and the weights as they were are arrays of the network's size; no list of moments is.
    assert peak < 60e6


def test_a_step_in_a_large_convolution_is_quick():
    w = large()
    assert len(w) > 250_000
    spent = []
    for place in (1, 12_000, 25_000, len(w) // 2, len(w) // 2 + 1, len(w) - 5, len(w) - 4, 3):
        began = perf_counter()
        w.to(place)
        w.caption()
        spent.append(perf_counter() - began)
    assert sorted(spent)[len(spent) // 2] < 0.05


def test_all_grains_meet_where_an_operation_ends():
    for name in ("digits-cnn", "block-of-blocks"):
        w = sample(name, Grain.OP)
        fine = Walk(w.explainer, Grain.NUMBER)
        coarse = Walk(w.explainer, Grain.LAYER)
        for stretch in coarse.stretches:
            for one in (fine, w, coarse):
                one.to_position(stretch.end)
                assert one.stepper.position == stretch.end
                before = one.place
                one.back()
                one.step()
                assert before == one.place
                assert one.place == one.moments.reached(stretch.end)
