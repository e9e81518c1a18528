"""Gradient accumulation: so many batches make one update, as if they were one batch."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.plan import Plan
from annstudio.layers.base import make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import train
from tests.builders import chain, finished, project, small_project, some_table, trained


def assert_same_weights(one: Finished, other: Finished, rtol: float = 1e-10) -> None:
    for key, weight in one.weights.items():
        np.testing.assert_allclose(other.weights[key], weight, rtol=rtol, err_msg=key)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_three_batches_of_two_are_one_of_six_the_uneven_rest_included(optimizer):
    whole = finished(small_project(batch_size=6, optimizer={"kind": optimizer}))
    added = finished(small_project(batch_size=2, accumulate=3, optimizer={"kind": optimizer}))
    assert added.progress.step == whole.progress.step
    assert_same_weights(whole, added)
    np.testing.assert_allclose(added.progress.record.epochs[:, 1], whole.progress.record.epochs[:, 1], rtol=1e-12)


def test_dropout_is_that_of_the_whole():
    def dropping(**settings):
        graph = chain(Input(shape=(3,)), Dense(units=5), make("Dropout", {"rate": 0.4}), Dense(units=2), Loss())
        return project(graph, some_table(), epochs=3, **settings)

    assert_same_weights(finished(dropping(batch_size=8)), finished(dropping(batch_size=4, accumulate=2)))


def normalising(**settings):
    graph = chain(
        input=Input(shape=(3,)), norm=make("BatchNorm", {}), output=Dense(units=2, activation="linear"), loss=Loss()
    )
    return project(graph, some_table(8), shuffle=False, optimizer={"kind": "sgd", "learning_rate": 1e-12}, **settings)


def test_batch_norm_looks_at_each_batch_by_itself_and_its_running_mean_moves_with_each():
    apart = finished(normalising(batch_size=4, epochs=1))
    added = finished(normalising(batch_size=4, accumulate=2, epochs=1))
    assert (apart.progress.step, added.progress.step) == (2, 1)
    for name in ("norm/running_mean", "norm/running_var"):
        np.testing.assert_allclose(added.weights[name], apart.weights[name], rtol=1e-9, err_msg=name)


def test_a_run_left_between_two_updates_goes_on_where_it_was():
    start = small_project(batch_size=2, accumulate=3, optimizer={"kind": "adam"})
    left = trained(start, 2)
    assert_same_weights(finished(start), finished(left), rtol=0)


def test_a_plan_with_threads_and_pieces_gives_the_same():
    start = small_project(batch_size=4, accumulate=2)
    job = replace(Network(start).job(), plan=Plan({}, 2, 2))
    *_, end = train(job)
    assert_same_weights(finished(start), end)
