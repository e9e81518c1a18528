"""Batches one at a time lead exactly where training leads: same examples, noise, rates, record, early stopping."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.schedules import Cosine, OneCycle, Plateau, Steps
from annstudio.errors import TrainingError
from annstudio.layers.activation import Activation
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal.node import BatchNorm
from annstudio.layers.steady import Dropout
from annstudio.training.course import FLUSH_STEPS
from tests.builders import chain, finished, project, small_project, some_table, trained, worked_example

SETTINGS = [
    {},
    {"shuffle": False, "optimizer": {"kind": "momentum"}},
    {"optimizer": {"kind": "adam"}, "clip_norm": 0.1, "schedule": Cosine(warm_up=1)},
    {"validation_share": 0.3, "schedule": Plateau(patience=1), "optimizer": {"kind": "sgd", "learning_rate": 5.0}},
    {"batch_size": 50, "schedule": Steps(every=1)},
    {"accumulate": 2, "schedule": OneCycle(), "epochs": 4},
    {"validation_share": 0.3, "patience": 1, "optimizer": {"kind": "sgd", "learning_rate": 60.0}},
]


def noisy(**settings: object) -> Project:
    """Dropout and batch norm between dense layers."""
    graph = chain(
        input=Input(shape=(3,)),
        a=Dense(units=5),
        norm=BatchNorm(),
        bend=Activation(function="tanh"),
        drop=Dropout(rate=0.4),
        out=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )
    return project(graph, some_table(), batch_size=6, epochs=9, **settings)


def walked(start: Project, n: int) -> Project:
    """The project after so many batches were walked through."""
    journey = Network(start).journey(None)
    journey.to(n)
    return replace(start, weights=journey.arena.weights(), progress=journey.course.progress(journey.place))


def stepped(start: Project, n: int) -> Project:
    """The same by training, batch by batch."""
    for _ in range(n):
        start = trained(start, 1)
    return start


def assert_same(mine: Project, trained: Project) -> None:
    for key, weight in trained.weights.items():
        np.testing.assert_allclose(mine.weights[key], weight, rtol=0, atol=1e-10)
    a, b = mine.progress, trained.progress
    assert (a.step, a.epoch, a.position, a.memory.t) == (b.step, b.epoch, b.position, b.memory.t)
    assert a.epoch_hits == b.epoch_hits
    assert a.epoch_loss == pytest.approx(b.epoch_loss, abs=1e-10)
    np.testing.assert_allclose(a.record.epochs[:, :5], b.record.epochs[:, :5], rtol=0, atol=1e-10)
    np.testing.assert_allclose(a.record.blocks, b.record.blocks, rtol=0, atol=1e-10)
    assert a.memory.vectors.keys() == b.memory.vectors.keys()
    for name, vector in b.memory.vectors.items():
        np.testing.assert_allclose(a.memory.vectors[name], vector, rtol=0, atol=1e-10)
    assert (a.best is None) == (b.best is None)
    if a.best is not None:
        assert a.best.loss == pytest.approx(b.best.loss, abs=1e-10)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("before", [0, 5])
def test_walking_is_stepping_batch_by_batch(settings, before):
    start = small_project(**settings)
    start = trained(start, before) if before else start
    assert_same(walked(start, 23), stepped(start, 23))


@pytest.mark.parametrize("settings", [{}, {"validation_share": 0.3}], ids=str)
def test_noise_and_running_means_are_those_of_training(settings):
    start = noisy(**settings)
    assert_same(walked(start, 9), stepped(start, 9))


def test_training_goes_on_from_there_as_if_it_had_trained_all_the_time():
    start = small_project(optimizer={"kind": "adam"}, epochs=8)
    there = walked(start, 7)
    assert_same(trained(there), trained(start))


def test_early_stopping_goes_back_to_the_best_weights_on_the_way():
    start = small_project(patience=2, validation_share=0.3, epochs=90, optimizer={"kind": "sgd", "learning_rate": 60.0})
    end = finished(start)
    n = end.progress.step
    assert end.progress.epoch < 90, "early stopping has to happen"
    for key, weight in walked(start, n).weights.items():
        np.testing.assert_allclose(weight, end.weights[key], rtol=0, atol=1e-10)


def test_a_run_that_is_over_begins_anew_and_one_at_its_end_goes_on():
    start = trained(small_project(schedule=Cosine()))
    assert_same(walked(start, 4), stepped(start, 4))
    over = replace(start, progress=replace(start.progress, over=True))
    assert walked(over, 4).progress.step == 4
    assert_same(walked(over, 4), stepped(over, 4))


def test_an_epoch_that_has_used_enough_already_ends_first():
    start = trained(small_project(), 3)
    fewer = replace(start, settings=start.settings.model_copy(update={"validation_share": 0.5}))
    assert_same(walked(fewer, 3), stepped(fewer, 3))


def test_examples_one_by_one_count_as_steps_and_leave_the_epoch_alone():
    start = trained(small_project(), 2)
    journey = Network(start).journey(18)
    seen = []
    for _ in range(5):
        seen.append(journey.place.sample)
        journey.to(journey.number + 1)
    assert seen == [18, 19, 0, 1, 2]
    progress = journey.course.progress(journey.place)
    assert (progress.step, progress.position, progress.epoch) == (7, start.progress.position, 0)
    assert progress.record.n_steps == 7


def test_an_example_that_is_trainings_next_batch_is_that_batch():
    shuffled = small_project(batch_size=1)
    journey = Network(shuffled).journey(None)
    first = int(journey.course.examples(journey.place)[0])
    for start, sample, n in ((worked_example(), 0, 5), (shuffled, first, 1)):
        journey = Network(start).journey(sample)
        journey.to(n)
        mine = replace(start, weights=journey.arena.weights(), progress=journey.course.progress(journey.place))
        assert_same(mine, stepped(start, n))


def test_a_batch_whose_parts_know_each_other_cannot_be_shown_as_several():
    with pytest.raises(TrainingError, match="Batches per update"):
        Network(noisy(accumulate=2)).journey(None)
    assert Network(noisy(accumulate=2)).journey(0).stepper.n == 1


def test_the_optimisers_memory_is_freed_of_next_to_nothing_as_in_training():
    start = small_project(batch_size=20, epochs=FLUSH_STEPS * 2, optimizer={"kind": "momentum"})
    tiny = {key: np.full_like(a, 1e-200) for key, a in trained(start, 1).progress.memory.vectors.items()}
    done = trained(start, FLUSH_STEPS - 2)
    locked = {key: np.ones(a.shape, bool) for key, a in done.weights.items() if key != "output/b"}
    start = replace(done, progress=replace(done.progress, memory=replace(done.progress.memory, vectors=tiny)))
    start = replace(start, locked=locked)
    for n, is_free in ((1, False), (2, True)):
        for way in (walked, stepped):
            vector = next(v for name, v in way(start, n).progress.memory.vectors.items() if "hidden/W" in name)
            assert is_free == (not vector.any())
