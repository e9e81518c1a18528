"""Descent on a project: weights by name, the run done again, and work that can be stopped."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.optimizers import SGD, Adam
from annstudio.errors import GraphError, TrainingError
from annstudio.formats.samples import ORDER
from annstudio.formats.studio import load
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.places import SAMPLES
from annstudio.session.labs.descent import (
    Wish,
    cut,
    ground_of,
    learns,
    listed,
    place_of,
    retraced,
    sampled,
    steepest,
    try_out,
    values_at,
)  # fmt: skip
from annstudio.session.labs.study import Study, every
from annstudio.training.race import Race
from tests.builders import chain, project, small_project, some_table, trained, worked_example

PLACES = (("hidden/W", (1, 2)), ("output/W", (0, 3)))


def last(values):
    *_, end = values
    return end


def test_weights_are_chosen_by_their_names():
    network = Network(small_project())
    assert place_of(network, "hidden.W[1,2]") == ("hidden/W", (1, 2))
    assert place_of(network, "output/b[1]") == ("output/b", (1,))
    names = listed(network)
    assert len(names) == 3 * 4 + 4 + 4 * 2 + 2
    assert all(place_of(network, name) for name in names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hidden.W[9,9]", "There is no weight hidden.W[9,9]"),
        ("hidden.W[-1,0]", "There is no weight"),
        ("nobody.W[0,0]", "no weights called nobody/W. There are hidden/W, hidden/b"),
        ("w5", "names no weight"),
    ],
)
def test_what_names_no_weight_is_said(text, said):
    with pytest.raises(GraphError) as caught:
        place_of(Network(small_project()), text)
    assert said in str(caught.value)


def test_a_network_with_one_weight_has_no_surface():
    graph = chain(input=Input(shape=(1,)), unit=Dense(units=1, bias=False), loss=Loss())
    with pytest.raises(TrainingError, match="fewer than two weights"):
        ground_of(Network(project(graph, some_table(4, 1, 1))), 10)


def test_the_steepest_two_are_told_apart():
    first, second = steepest(ground_of(Network(worked_example()), 10))
    assert first != second
    assert learns(Network(worked_example()), first)
    assert not learns(Network(worked_example()), ("hidden/b", (0,)))


def test_a_cut_knows_where_the_weights_are_now_and_how_steep_it_is_there():
    wish = Wish("output.W[0,0]", "output/W[0,1]", (-1, 1), (-1, 1), 8)
    first, *_, found = cut(Network(worked_example()), wish)
    assert first.surface is None
    assert found.here == (0.40, 0.45)
    assert found.loss == pytest.approx(0.298371109, abs=5e-10)
    assert found.slope[0] == pytest.approx(0.082167041, abs=5e-10)
    assert found.surface.losses.shape == (9, 9)
    assert found.surface.plane.x == (-1, 1)


def test_what_is_not_wished_for_is_chosen():
    network = Network(worked_example())
    found = last(cut(network, Wish(intervals=8)))
    assert found.plane.places == steepest(found.ground)
    assert found.plane.x[0] < found.here[0] < found.plane.x[1]
    taken = found.plane.places[0]
    other = last(cut(network, Wish(up=f"{taken[0]}[{','.join(map(str, taken[1]))}]", intervals=8)))
    assert other.plane.places[1] == taken
    assert other.plane.places[0] != taken
    with pytest.raises(GraphError, match="same weight"):
        list(cut(network, Wish("hidden.W[0,0]", "hidden/W[0,0]")))


def test_ways_alone_lie_on_the_surface():
    ground = ground_of(Network(small_project()), 20)
    race = Race((SGD(learning_rate=0.5), Adam(learning_rate=0.05)), PLACES, (0.5, -0.5), 12, batch_size=20)
    raced = last(try_out(ground, race))
    landscape = ground.landscape()
    assert raced.first == pytest.approx(landscape.loss_at(PLACES, (0.5, -0.5)), rel=1e-12)
    for way, loss in zip(raced.ways, raced.losses, strict=True):
        # With all examples in a batch the loss of the batch is the height of the surface.
        for point, told in zip(way.track.points[:-1], way.track.losses[:-1], strict=True):
            assert told == pytest.approx(landscape.loss_at(PLACES, point), rel=1e-10)
        assert loss == pytest.approx(landscape.loss_at(PLACES, way.track.points[-1]), rel=1e-10)
        assert loss < raced.first


def test_the_run_done_again_ends_where_it_ended():
    start = small_project(optimizer={"kind": "adam", "learning_rate": 0.01}, epochs=5)
    network = Network(trained(trained(start, 7)))
    found = last(retraced(network, PLACES))
    assert found.exact is True
    assert found.way.track.steps[-1] == network.project.progress.step
    np.testing.assert_array_equal(found.way.track.points[0], values_at(Network(start).weights(), PLACES))
    np.testing.assert_array_equal(found.way.track.points[-1], values_at(network.weights(), PLACES))


def test_a_run_that_was_changed_by_hand_is_not_taken_for_exact():
    done = trained(small_project(epochs=5), 7)
    moved = np.array(done.weights["hidden/W"])
    moved[0, 0] += 1
    assert last(retraced(Network(replace(done, weights={**done.weights, "hidden/W": moved})), PLACES)).exact is False
    assert list(retraced(Network(small_project()), PLACES)) == []


def test_gradients_of_mini_batches_are_taken_where_it_is_asked():
    ground = ground_of(Network(small_project()), 20)
    found = last(sampled(ground, PLACES, (0.5, -0.5), 5, 4))
    landscape = ground.landscape()
    landscape.go(PLACES, (0.5, -0.5))
    np.testing.assert_allclose(found.full.plane, landscape.of(landscape.gradient(), PLACES))
    assert len(found.drawn) == 4


# A study -----------------------------------------------------------------------------------------------------------


def test_the_newest_value_is_taken_once():
    study = Study(every(lambda: (number for number in range(5))), "five")
    study.join(10)
    assert study.take() == 4
    assert study.take() is None
    assert not study.running


def test_a_study_stops_and_closes_its_work():
    closed = threading.Event()

    def endless():
        try:
            while True:
                time.sleep(0.001)
                yield 1
        finally:
            closed.set()

    study = Study(every(endless), "endless")
    study.stop()
    assert closed.is_set()
    assert not study.running


def test_work_that_tells_how_far_it_is_ends_at_its_next_word():
    told, ended = threading.Event(), threading.Event()

    def work(tell):
        try:
            while True:
                tell(7)
                told.set()
                time.sleep(0.001)
        finally:
            ended.set()

    study = Study(work, "long")
    assert told.wait(10)
    assert study.take() == 7
    study.stop(wait=False)
    assert ended.wait(10)
    study.join(10)
    study.take()
    assert study.take() is None


def test_what_goes_wrong_in_a_study_is_raised_where_it_is_read():
    def bad():
        yield 1
        raise TrainingError("No.")

    study = Study(every(bad), "bad")
    study.join(10)
    with pytest.raises(TrainingError):
        study.take()


# On any network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORDER)
def test_it_works_on_every_sample(name):
    network = Network(load(SAMPLES / f"{name}.annstudio"))
    found = last(cut(network, Wish(intervals=8, examples=12)))
    assert np.isfinite(found.surface.losses).all()
    landscape, places = found.ground.landscape(), found.plane.places
    if not name.startswith("perceptron"):
        # The perceptron rule is no derivative: a step has none.
        for axis in range(2):
            ahead, behind = ([v + h * (k == axis) for k, v in enumerate(found.here)] for h in (1e-6, -1e-6))
            slope = (landscape.loss_at(places, ahead) - landscape.loss_at(places, behind)) / 2e-6
            assert found.slope[axis] == pytest.approx(slope, rel=1e-4, abs=1e-8)
    for alone in (True, False):
        raced = last(try_out(found.ground, Race((SGD(), Adam()), places, found.here, 3, 8, alone)))
        assert all(way.track.steps[-1] == 3 for way in raced.ways)
    assert len(last(sampled(found.ground, places, found.here, 4, 3)).drawn) == 3
