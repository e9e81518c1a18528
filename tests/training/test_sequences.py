"""Sequences of different length: what is learned and judged is what lies before their ends."""

import math
from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.arrays import NpzFile
from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.plan import Plan
from annstudio.engine.run import Run
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.training.batch import Making, Told
from annstudio.training.batches import Rows
from annstudio.training.control import Control
from annstudio.training.metrics import judge_of
from tests.builders import chain, finished, project

STEPS, CLASSES = 4, 3
LENGTHS = np.array([4, 1, 2, 3, 1])


def sequences(tmp_path, *, padding: float = 0.0, steps: int = STEPS):
    """Five sequences whose steps are told their classes; behind their ends stands `padding`."""
    rng = np.random.default_rng(0)
    counts = np.arange(STEPS) < LENGTHS[:, None]
    x = rng.normal(size=(5, STEPS, 2))
    y = np.eye(CLASSES)[rng.integers(0, CLASSES, (5, STEPS))] * counts[..., None]
    x[~counts] = padding
    file = tmp_path / f"sequences{padding}.npz"
    np.savez(file, x=x[:, :steps], y=y[:, :steps], n=np.minimum(LENGTHS, steps))
    return NpzFile(path=str(file), lengths="n")


def tagger(data, *, lengths: str = "lengths", steps: int = STEPS, function: str = "cross_entropy", **settings):
    end = "softmax" if function == "cross_entropy" else "linear"
    graph = chain(
        Input(shape=(steps, 2), lengths=lengths), GRU(units=3, return_sequences=True),
        Dense(units=CLASSES, activation=end), Loss(function=function),
    )  # fmt: skip
    return project(graph, data, **{"batch_size": 5, "epochs": 4, **settings})


@pytest.mark.parametrize("function", ["cross_entropy", "mean_squared_error"])
def test_what_stands_behind_the_ends_is_not_learned_from(tmp_path, function):
    ends = [finished(tagger(sequences(tmp_path, padding=padding), function=function)) for padding in (0.0, 7.0)]
    for key, weight in ends[0].weights.items():
        np.testing.assert_allclose(ends[1].weights[key], weight, rtol=1e-12, err_msg=key)
    losses = [end.progress.record.epochs[:, 1] for end in ends]
    np.testing.assert_allclose(*losses, rtol=1e-12)
    if function == "mean_squared_error":
        counted = finished(tagger(sequences(tmp_path, padding=7.0), lengths="", function=function))
        assert not np.allclose(counted.progress.record.epochs[:, 1], losses[0], rtol=0.01), "else they would count"


@pytest.mark.parametrize("lengths", ["lengths", ""])
def test_accuracy_is_the_mean_over_sequences_of_their_share_of_right_steps(tmp_path, lengths):
    still = tagger(sequences(tmp_path), lengths=lengths, epochs=1, optimizer={"kind": "sgd", "learning_rate": 1e-300})
    network = Network(still)
    values = {name: column.values for name, column in network.dataset.columns.items()}
    found = network.predict(values)["dense_1"]
    right = found.argmax(-1) == values["y"].argmax(-1)
    ends = LENGTHS if lengths else np.full(5, STEPS)
    wanted = np.mean([right[n, :end].mean() for n, end in enumerate(ends)])
    assert 0 < wanted < 1
    assert finished(still).progress.record.last["accuracy"] == pytest.approx(wanted)


def test_distances_to_anything_but_classes_have_no_accuracy(tmp_path):
    data = sequences(tmp_path)
    assert not math.isnan(finished(tagger(data, function="mean_squared_error")).progress.record.last["accuracy"])
    arrays = dict(np.load(data.path))
    np.savez(data.path, **{**arrays, "y": arrays["y"] + 0.25})
    assert math.isnan(finished(tagger(data, function="mean_squared_error")).progress.record.last["accuracy"])


def test_yes_or_no_at_every_step_is_judged_step_by_step(tmp_path):
    data = sequences(tmp_path)
    arrays = dict(np.load(data.path))
    np.savez(data.path, **{**arrays, "y": arrays["y"][..., :1]})
    graph = chain(
        Input(shape=(STEPS, 2), lengths="lengths"), Dense(units=1, activation="sigmoid"),
        Loss(function="binary_cross_entropy"),
    )  # fmt: skip
    still = project(graph, data, epochs=1, batch_size=5, optimizer={"kind": "sgd", "learning_rate": 1e-300})
    found = Network(still).predict({"x": arrays["x"]})["dense_1"] > 0.5
    right = found == (arrays["y"][..., :1] > 0.5)
    wanted = np.mean([right[n, :end].mean() for n, end in enumerate(LENGTHS)])
    assert finished(still).progress.record.last["accuracy"] == pytest.approx(wanted)


def test_validation_goes_over_the_steps_that_count_too(tmp_path):
    ends = [
        finished(tagger(sequences(tmp_path, padding=padding), validation_share=0.4)).progress.record.last
        for padding in (0.0, 7.0)
    ]
    assert ends[0]["val_loss"] == pytest.approx(ends[1]["val_loss"], rel=1e-12)
    assert ends[0]["val_accuracy"] == ends[1]["val_accuracy"]


def test_a_batch_in_pieces_comes_to_the_same(tmp_path):
    start = tagger(sequences(tmp_path))
    network = Network(start)
    program, rows = network.programs.fast, network.rows("float64")
    judge = judge_of(program, network.need_dataset())
    found = []
    for plan in (Plan(), Plan(piece=2)):
        arena = Arena(program, "float64")
        arena.load(network.weights())
        arena.use(start.settings.optimizer)
        told = Told()
        batch = Making(program, arena, rows, judge, 0, plan, 5).of(5, everything=False)
        assert batch.go(np.arange(5), 0, 1, 0, told, Control())
        found.append((told.losses, told.hits, arena.gradients.copy()))
        batch.close()
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_lengths_reach_the_example_that_is_looked_at_and_stepped_through(tmp_path):
    network = Network(tagger(sequences(tmp_path)))
    stepper = network.stepper(2)
    stepper.to(len(stepper))
    alone = Network(replace(network.project, data=sequences(tmp_path, padding=3.0))).stepper(2)
    alone.to(len(alone))
    assert stepper.run.loss == pytest.approx(alone.run.loss, rel=1e-12)
    one = Run(network.programs.predict, stepper.run.arena, 1)
    one.load(Rows(network.need_dataset(), "float64").feeds(network.programs.predict, np.array([2])))
    one.finish()
    assert np.isfinite(one.loss)


def test_what_ran_away_is_told_with_its_time_step():
    memory = SimpleRNN(units=1, activation="linear")
    graph = chain(input=Input(shape=(3, 1)), memory=memory, output=Dense(units=1, activation="linear"), loss=Loss())
    large = {"memory/W": np.ones((1, 1)), "memory/U": np.full((1, 1), 1e200), "memory/b": np.ones(1)}
    start = project(graph, parse_source({"kind": "sunspots", "window": 3}), dtype="float64")
    end = finished(replace(start, weights={**Network(start).weights(), **large}))
    # b comes in at t = 1, U once at t = 2 and twice at t = 3.
    assert end.trouble == "it began in memory at t = 3, in the step “weighted sum” (forward)"
