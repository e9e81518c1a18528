"""Penalties and limits: what they add to the loss and its gradient, and what an update leaves."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.transposed import Conv2DTranspose
from tests.builders import chain, finished, project, some_table


def dense_project(**settings):
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, activation="tanh", **settings), loss=Loss())
    return project(graph, some_table(), batch_size=20, epochs=1, optimizer={"kind": "sgd", "learning_rate": 0.1})


def test_the_loss_grows_by_the_penalty_and_is_told_apart():
    free, held = Network(dense_project()), Network(dense_project(l1=0.3, l2=0.2))
    w = free.weights()["out/W"]
    penalty = 0.3 * np.abs(w).sum() + 0.2 * (w**2).sum()
    first = finished(dense_project()).progress.record.blocks[0, 1]
    assert finished(dense_project(l1=0.3, l2=0.2)).progress.record.blocks[0, 1] == pytest.approx(first + penalty)
    assert list(held.plain.penalties) == ["out"]
    assert list(held.plain.losses) == ["loss"]


def test_weights_learn_from_it_and_biases_do_not():
    w = Network(dense_project()).weights()["out/W"]
    free, held = finished(dense_project()).weights, finished(dense_project(l1=0.3, l2=0.2)).weights
    slope = 0.3 * np.sign(w) + 2 * 0.2 * w
    np.testing.assert_allclose(held["out/W"], free["out/W"] - 0.1 * slope, atol=1e-12)
    np.testing.assert_array_equal(held["out/b"], free["out/b"])


def test_the_weights_into_a_unit_are_no_longer_than_the_limit():
    free, held = finished(dense_project()).weights["out/W"], finished(dense_project(max_norm=0.4)).weights["out/W"]
    lengths = np.linalg.norm(free, axis=1, keepdims=True)
    assert (lengths > 0.4).any()
    np.testing.assert_allclose(held, free * np.minimum(1, 0.4 / lengths), atol=1e-12)


def test_a_filter_is_as_long_as_all_its_weights():
    layer = Conv1D(filters=4, activation="linear", max_norm=0.2)
    graph = chain(input=Input(shape=(6, 3)), conv=layer, loss=Loss())
    network = Network(project(graph))
    assert network.checked.problems == ()
    (step,) = [s for s in network.plain.steps if type(getattr(s, "op", None)).__name__ == "Shortened"]
    w = np.random.default_rng(0).normal(size=(10, 4))
    y = w.copy()
    step.op.forward(y, y)
    np.testing.assert_allclose(np.linalg.norm(y[:9], axis=0), 0.2)
    np.testing.assert_array_equal(y[9], w[9])


def test_a_stamp_is_as_long_as_all_its_weights_whatever_the_pixel():
    layer = Conv2DTranspose(filters=3, kernel_size=(2, 2), activation="linear", max_norm=0.2)
    network = Network(project(chain(input=Input(shape=(4, 4, 2)), stamp=layer, loss=Loss())))
    (step,) = [s for s in network.plain.steps if type(getattr(s, "op", None)).__name__ == "Shortened"]
    w = np.random.default_rng(0).normal(size=(2, 2 * 2 * 3))
    y = w.copy()
    step.op.forward(y, y)
    np.testing.assert_allclose(np.linalg.norm(y.reshape(-1, 3), axis=0), 0.2)
    held = w.copy()
    locked = np.zeros(w.shape, bool)
    locked[0, 0] = True
    held[0, 0] = 0.1
    step.op.bound(held, locked)
    assert held[0, 0] == 0.1
    np.testing.assert_allclose(np.linalg.norm(held.reshape(-1, 3), axis=0), 0.2)


def test_what_is_frozen_is_not_shortened():
    program = Network(dense_project(max_norm=0.01, trainable=False)).plain
    assert not [step for step in program.steps if type(getattr(step, "op", None)).__name__ == "Shortened"]
