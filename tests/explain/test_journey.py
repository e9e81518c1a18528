"""From batch to batch: any moment of any batch is the same to the bit whichever way led there; memory stays flat."""

import gc
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.optimizers import Adam
from annstudio.engine.program import Parameter, Phase, Program, Role, Slot
from annstudio.errors import TrainingError
from annstudio.explain import journey as journeys
from annstudio.explain.journey import Journey
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal.node import BatchNorm
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, some_table, trained, worked_example


def travelling(sample: int | None = None) -> Journey:
    """Dropout, running means and Adam; seven examples in batches of three: the last of an epoch has one."""
    graph = chain(
        input=Input(shape=(3,)),
        a=Dense(units=4, activation="tanh"),
        norm=BatchNorm(),
        drop=Dropout(rate=0.4),
        out=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )
    start = project(graph, some_table(7), optimizer=Adam(), batch_size=3, epochs=900, schedule={"kind": "cosine"})
    return Network(trained(start, 2)).journey(sample)


def moment(journey: Journey) -> dict[object, object]:
    """Everything there is, to the bit: arrays, weights, the optimiser's memory, the rate, and where we are."""
    stepper, memory = journey.stepper, journey.arena.memory()
    arrays = {s.index: stepper.array(s.index).tobytes() for s in stepper.program.slots if stepper.known(s.index)}
    weights = {key: array.tobytes() for key, array in journey.arena.weights().items()}
    vectors = {name: vector.tobytes() for name, vector in memory.vectors.items()}
    progress = journey.place.progress
    at = (journey.number, stepper.position, stepper.n, stepper.batch_number, stepper.rate, memory.t)
    return arrays | weights | vectors | {"at": at, "run": (progress.epoch, progress.position, progress.epoch_loss)}


@pytest.mark.parametrize("sample", [None, 5])
def test_every_batch_on_the_way_back_is_that_of_the_way_on(monkeypatch, sample):
    monkeypatch.setattr(journeys, "MOST_MARKS", 4)
    journey = travelling(sample)
    seen = []
    for _ in range(23):
        start = moment(journey)
        journey.stepper.to(len(journey.stepper))
        seen.append((start, moment(journey)))
        journey.to(journey.number + 1)
    while journey.number:
        journey.to(journey.number - 1)
        start, end = seen[journey.number]
        assert moment(journey) == start
        journey.stepper.to(len(journey.stepper))
        assert moment(journey) == end
    journey.to(22)
    assert moment(journey) == seen[22][0]


@settings(max_examples=20)
@given(places=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 99)), min_size=1, max_size=6))
def test_jumping_about_leads_to_the_same_moments(places):
    journey, straight = travelling(), travelling()
    for number, position in places:
        journey.to(number)
        journey.stepper.to(position)
    for _ in range(places[-1][0]):
        straight.to(straight.number + 1)
    straight.stepper.to(places[-1][1])
    assert moment(journey) == moment(straight)


def test_batches_follow_each_other_with_their_own_noise_and_rate():
    journey = travelling()
    masks, rates, sizes, numbers = set(), set(), [], []
    noise = next(s.index for s in journey.program.slots if s.role is Role.NOISE)
    for _ in range(6):
        if journey.stepper.n == 3:
            masks.add(journey.stepper.array(noise).tobytes())
        rates.add(journey.stepper.rate)
        sizes.append(journey.stepper.n)
        numbers.append(journey.stepper.batch_number)
        journey.to(journey.number + 1)
    assert (len(masks), len(rates)) == (4, 6)
    assert sizes == [1, 3, 3, 1, 3, 3]
    assert numbers == [2, 3, 4, 5, 6, 7]


# Other examples on the way -------------------------------------------------------------------------------------------


def test_another_example_on_the_way_is_met_again_when_one_comes_back():
    journey = travelling(0)
    journey.to(3)
    journey.divert(replace(journey.place, sample=6))
    assert journey.stepper.batch_number == 5
    there = moment(journey)
    journey.to(9)
    assert journey.place.sample == 5
    end = moment(journey)
    journey.to(0)
    journey.to(3)
    assert moment(journey) == there
    journey.to(9)
    assert moment(journey) == end


def test_examples_and_whole_batches_may_take_turns():
    journey = travelling(1)
    journey.to(2)
    journey.divert(replace(journey.place, sample=None))
    sizes = [journey.stepper.n]
    while journey.number < 5:
        journey.to(journey.number + 1)
        sizes.append(journey.stepper.n)
    assert (sizes, journey.place.progress.step) == ([1, 3, 3, 1], 7)
    end = moment(journey)
    journey.to(1)
    assert journey.stepper.n == 1
    journey.to(5)
    assert moment(journey) == end


def test_what_cannot_begin_leaves_everything_as_it_is(monkeypatch):
    journey = travelling(0)
    journey.to(3)
    journey.stepper.to(4)
    here = moment(journey)
    monkeypatch.setattr(journey.course, "at", lambda place: 1 / 0)
    for attempt in (lambda: journey.divert(journey.place), lambda: journey.to(2), lambda: journey.to(0)):
        with pytest.raises(ZeroDivisionError):
            attempt()
        assert moment(journey) == here


def test_after_a_loss_that_is_no_number_no_batch_follows():
    start = worked_example()
    wild = replace(start, weights={**start.weights, "hidden/W": np.full((2, 2), np.nan)})
    journey = Network(wild).journey(0)
    journey.stepper.to_phase_end(Phase.LOSS)
    assert journey.stuck
    with pytest.raises(TrainingError, match="no longer a finite number"):
        journey.to(1)
    assert journey.number == 0


# Stopping on the way -------------------------------------------------------------------------------------------------


def test_a_way_can_be_left_halfway_and_undone():
    journey = travelling()
    journey.to(9)
    journey.stepper.to(5)
    there, mark = moment(journey), journey.here()
    way = journey.way(30)
    while next(way) < 13:
        pass
    next(way)
    assert (journey.number, journey.stepper.position) == (13, 1)
    journey.return_to(9, mark)
    journey.stepper.to(5)
    assert moment(journey) == there


# Memory --------------------------------------------------------------------------------------------------------------


def everything_held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_thousand_batches_on_and_back_leave_no_growth():
    journey = Network(worked_example()).journey(None)
    journey.to(60)
    tracemalloc.start()
    try:
        before = everything_held()
        journey.to(1060)
        there = everything_held() - before
        while journey.number > 60:
            journey.to(journey.number - 1)
        back = everything_held() - before
        journey.to(1060)
        journey.to(60)
        again = everything_held() - before
    finally:
        tracemalloc.stop()
    # A loss of every batch and six figures of every epoch are written down; no array is.
    assert there < 120_000
    assert back < 140_000
    assert again - back < 5_000


def test_marks_are_few_and_the_further_apart_the_longer_the_way_is():
    journey = travelling()
    most = 0
    for _ in range(300):
        journey.to(journey.number + 1)
        most = max(most, journey.n_marks)
    assert most <= journeys.MOST_MARKS
    assert journey.spacing == 16
    while journey.number:
        journey.to(journey.number - 1)
        most = max(most, journey.n_marks)
    assert most <= 2 * journeys.MOST_MARKS


def test_going_back_batch_by_batch_does_every_stretch_once_more_not_for_each(monkeypatch):
    journey = travelling()
    journey.to(320)
    done = []
    after = journey.course.after
    monkeypatch.setattr(journey.course, "after", lambda place, run: done.append(1) or after(place, run))
    for _ in range(320):
        journey.to(journey.number - 1)
    assert len(done) < 2 * 320


class Still:
    """A course of one batch without feeds, over and over."""

    def at(self, place: int) -> object:
        return type("Fed", (), {"feeds": {}, "number": place, "rate": 0.0, "paced": None})()

    def after(self, place: int, run: object) -> int:
        return place + 1


def test_large_networks_are_kept_at_few_places(monkeypatch):
    slot = Slot(0, Role.PARAMETER, (1000,), "a", "w", batched=False)
    program = Program((slot,), (), (Parameter(0, "a", (1000,), ()),), (), (), {}, {}, None, {}, (), {}, False, True)
    monkeypatch.setattr(journeys, "MARK_BYTES", 40_000)
    journey = Journey(program, Arena(program, "float64"), Still(), 0)
    assert journey.most == 5
    journey.to(90)
    assert journey.n_marks <= 5
