"""A network asked again and again: with other weights and for other numbers of examples it answers as a fresh one."""

import numpy as np

from annstudio.document import answering
from annstudio.document.network import Network
from tests.builders import small_project


def fresh(weights, x):
    return Network(small_project()).predict({"x": x}, weights)["output"]


def test_other_weights_and_other_sizes_in_any_order():
    network, rng = Network(small_project()), np.random.default_rng(0)
    start = network.weights()
    for n in (1, 5, 1, 7, 2, 3, 4, 5, 300, 1):
        weights = {key: rng.normal(size=value.shape) for key, value in start.items()}
        x = rng.normal(size=(n, 3))
        np.testing.assert_array_equal(network.predict({"x": x}, weights)["output"], fresh(weights, x))


def test_an_answer_stays_what_it_was_when_the_next_is_given():
    network, x = Network(small_project()), np.ones((2, 3))
    first = network.predict({"x": x})["output"]
    before = first.copy()
    network.predict({"x": -x})
    np.testing.assert_array_equal(first, before)


def test_arrays_are_made_once_for_a_size_and_only_small_ones_are_kept(monkeypatch):
    made = []
    run = answering.Run
    monkeypatch.setattr(answering, "Run", lambda *args: made.append(args[-1]) or run(*args))
    network = Network(small_project())
    for n in (1, 5, 1, 5):
        network.predict({"x": np.ones((n, 3))})
    assert made == [1, 5]
    for n in (2, 3, 4, 1):
        network.predict({"x": np.ones((n, 3))})
    assert made == [1, 5, 2, 3, 4, 1]
    monkeypatch.setattr(answering, "KEPT_BYTES", 0)
    network = Network(small_project())
    for _ in range(2):
        network.predict({"x": np.ones((9, 3))})
    assert made[-2:] == [9, 9]
