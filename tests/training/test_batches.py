"""Batches: encoded as a whole where that is small, else example by example, and the same numbers either way."""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pytest

from annstudio.data import base
from annstudio.data.base import BuiltIn, Column, Dataset, parse_source
from annstudio.data.generated import Clouds
from annstudio.data.lazy import LazyArray, numbers_of
from annstudio.data.order import Order
from annstudio.document import network as networks
from annstudio.document.network import Network
from annstudio.engine.plan import PLAIN_PLAN
from annstudio.errors import DataError
from annstudio.layers.base import make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.training import batches
from annstudio.training.trainer import train
from tests.builders import assert_same_arrays, chain, finished, project, small_project, trained


def pictures():
    """Framed inputs and one-hot targets."""
    conv = make("Conv2D", {"filters": 3, "kernel_size": (3, 3), "padding": "same", "activation": "relu"})
    graph = chain(
        Input(shape=(8, 8, 1)), conv, make("Flatten", {}), Dense(units=10, activation="softmax"),
        Loss(function="cross_entropy"),
    )  # fmt: skip
    return project(graph, parse_source({"kind": "digits"}), batch_size=200, epochs=2, validation_share=0.3)


def two_classes():
    """A class as one number."""
    graph = chain(
        Input(shape=(2,)), Dense(units=1, activation="sigmoid"), Loss(function="binary_cross_entropy")
    )  # fmt: skip
    data = parse_source({"kind": "blobs", "classes": 2})
    return project(graph, data, batch_size=30, epochs=2, validation_share=0.3)


@pytest.mark.parametrize("start", [small_project(validation_share=0.3), pictures(), two_classes()], ids=lambda p: "")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_encoding_batch_by_batch_changes_no_bit(monkeypatch, start, dtype):
    start = replace(start, settings=start.settings.model_copy(update={"dtype": dtype}))
    # By one plan: found out anew, on a busy machine it may be another.
    *_, whole = train(replace(Network(start).job(), plan=PLAIN_PLAN))
    monkeypatch.setattr(batches, "WHOLE_BYTES", 0)
    rows = Network(start).rows(dtype)
    *_, one_by_one = train(replace(Network(start).job(), plan=PLAIN_PLAN))
    assert_same_arrays(one_by_one.weights, whole.weights)
    np.testing.assert_array_equal(one_by_one.progress.record.epochs[:, :-1], whole.progress.record.epochs[:, :-1])
    feeds = Network(start).programs.fast.feeds
    as_it_is = [rows.whole(feed) is not None for feed in feeds]
    assert not all(as_it_is) or dtype == "float64"


def test_numbers_that_need_no_change_are_not_copied_whatever_their_size(monkeypatch):
    monkeypatch.setattr(batches, "WHOLE_BYTES", 0)
    network = Network(small_project())
    rows = network.rows("float64")
    for feed in network.programs.fast.feeds:
        assert np.shares_memory(rows.whole(feed), network.need_dataset().columns[feed.column].array)


class Fleeting(BuiltIn):
    """Examples that are noted when they are made; from `gone` on they can no longer be had."""

    title: ClassVar = "Fleeting"
    note: ClassVar = "For tests."
    stands_for: ClassVar = "A file."
    order: ClassVar = 0
    kind: Literal["fleeting"] = "fleeting"
    examples: int = 600
    gone: int = 10**9
    asked: ClassVar[list[int]] = []

    def make(self) -> Dataset:
        def read(where):
            numbers = numbers_of(where, self.examples)
            self.asked.extend(numbers.tolist())
            if len(self.asked) > self.gone:
                raise DataError("The file is gone.", "Put it back.")
            return np.stack([np.sin(numbers), np.cos(numbers)], 1)

        values = LazyArray((self.examples, 2), np.float64, read)
        return Dataset("fleeting", {"x": Column(values), "y": Column(values)})


def copying(data, **settings):
    """A network that learns to say what it is told."""
    graph = chain(Input(shape=(2,)), Dense(units=2), Loss(function="mean_squared_error"))
    return project(graph, data, **{"batch_size": 50, "epochs": 2, **settings})


@pytest.fixture(autouse=True)
def _nothing_asked_yet():
    Fleeting.asked.clear()
    base._made.cache_clear()


def test_only_the_examples_of_a_batch_are_made():
    network = Network(copying(Fleeting()))
    job = network.job(max_steps=3)
    assert len(network.need_dataset().excerpt) == 600
    before = len(Fleeting.asked)
    list(train(job))
    assert len(Fleeting.asked) - before == 3 * 50 * 2, "inputs and targets of three batches"


@pytest.mark.parametrize("stops", [(3,), (5, 7), (12, 1)])
def test_a_run_over_an_order_that_is_worked_out_goes_on_bit_for_bit(monkeypatch, stops):
    monkeypatch.setattr(base, "MANY", 100)
    start = copying(Fleeting(), validation_share=0.1, batch_size=70, optimizer={"kind": "adam"})
    assert isinstance(Network(start).job().train, Order)
    whole = finished(start)
    parts = start
    for steps in stops:
        parts = trained(parts, steps)
    end = finished(parts)
    assert end.progress.step == whole.progress.step == 16
    assert_same_arrays(end.weights, whole.weights)


def test_every_epoch_over_such_an_order_uses_every_example_once(monkeypatch):
    monkeypatch.setattr(base, "MANY", 100)
    job = Network(copying(Fleeting(), validation_share=0.25)).job()
    kept_back = set(job.validation.tolist())
    epochs = [batches.epoch_order(job.train, 0, epoch)[:].tolist() for epoch in (0, 1)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(set(range(600)) - kept_back)
    assert epochs[0] != epochs[1]


def test_a_bounded_number_of_examples_judges(monkeypatch):
    monkeypatch.setattr(networks, "JUDGES", 40)
    network = Network(copying(Fleeting(), validation_share=0.5))
    job = network.job()
    assert (len(job.train), len(job.validation)) == (300, 40)
    *_, end = train(job)
    assert np.isfinite(end.progress.record.epochs[:, 3]).all()


def test_examples_that_are_gone_end_a_run_and_keep_what_was_learned():
    start = copying(Fleeting(gone=2 * 600 + 7 * 100))
    end = finished(start)
    assert end.reason == "data"
    assert end.problem == "Training stopped: The file is gone. Put it back."
    assert 0 < end.progress.step < 24
    Fleeting.asked.clear()
    same = finished(copying(Fleeting()), end.progress.step)
    assert_same_arrays(end.weights, same.weights)


def test_endless_clouds_are_learned():
    graph = chain(Input(shape=(16,)), Dense(units=4, activation="softmax"), Loss(function="cross_entropy"))
    start = project(
        graph, Clouds(examples=10**8), dtype="float32", batch_size=64, validation_share=0.1,
        optimizer={"kind": "adam", "learning_rate": 0.05},
    )  # fmt: skip
    end = finished(start, 300)
    assert end.progress.record.blocks[-20:, 1].mean() < 0.3 * end.progress.record.blocks[0, 1]
    assert end.progress.position == 300 * 64
