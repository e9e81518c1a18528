"""The activations' laboratory below the window: curves of the engine's own ops, and a network's sums on them."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.formats.studio import load
from annstudio.layers.activation import ActivationName
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.places import SAMPLES
from annstudio.session.labs.activations import (
    collapsed,
    curve,
    flat,
    flat_stretches,
    range_text,
    sum_of_sigmoids,
    sums,
)

X = np.linspace(-10, 10, 2001)
every = pytest.mark.parametrize("name", get_args(ActivationName))


def network(name: str) -> Network:
    return Network(load(SAMPLES / f"{name}.annstudio"))


@every
def test_the_slope_is_that_of_the_curve(name):
    made, h = curve(name, X, 1.5, -0.7), 1e-6
    above, below = curve(name, X, 1.5, -0.7 + h), curve(name, X, 1.5, -0.7 - h)
    near_a_corner = np.abs(made.net) < 1e-5
    difference = (above.y - below.y) / (2 * h)
    np.testing.assert_allclose(made.slope[~near_a_corner], difference[~near_a_corner], atol=1e-8)


@every
def test_every_range_is_told_and_kept(name):
    y = curve(name, np.linspace(-700, 700, 4001)).y
    ends = {"(0, 1)": (0, 1), "(0, 1), sum 1": (0, 1), "0 or 1": (0, 1), "(−1, 1)": (-1, 1), "[0, ∞)": (0, np.inf),
            "(0, ∞)": (0, np.inf), "(−1, ∞)": (-1, np.inf), "(−1.758, ∞)": (-1.7582, np.inf),
            "[−0.278, ∞)": (-0.2785, np.inf), "[−0.170, ∞)": (-0.17, np.inf), "(−∞, ∞)": (-np.inf, np.inf)}  # fmt: skip
    low, high = ends[range_text(name)]
    assert (y >= low).all()
    assert (y <= high).all()


def test_a_bias_shifts_the_unit():
    at = np.array([2.0])
    assert f"{curve('sigmoid', at).y[0]:.9f}" == "0.880797078"
    assert f"{curve('sigmoid', at, b=-5.0).y[0]:.9f}" == "0.047425873"


def test_two_classes_of_softmax_are_the_logistic_function():
    np.testing.assert_allclose(curve("softmax", X).y, curve("sigmoid", X).y, atol=1e-15)
    np.testing.assert_allclose(curve("softmax", X).slope, curve("sigmoid", X).slope, atol=1e-15)


def test_softplus_is_a_sum_of_shifted_sigmoids():
    apart = np.abs(sum_of_sigmoids(X, 200) - curve("softplus", X).y)
    assert f"{apart.max():.5f}" == "0.01058"
    assert abs(X[apart.argmax()]) < 1e-12
    assert np.abs(sum_of_sigmoids(X, 200) - curve("relu", X).y).max() > 0.6


def test_flat_is_where_little_gets_through():
    assert flat("sigmoid", np.array([-8.0, 0.0, 4.0, 8.0])).tolist() == [True, False, False, True]
    assert flat("relu", np.array([-1.0, 1.0])).tolist() == [True, False]
    assert flat("step", X).all()
    assert not flat("linear", X).any()
    left, right = flat_stretches("sigmoid", curve("sigmoid", X))
    assert left[0] == -10
    assert right[1] == 10
    assert right[0] == pytest.approx(-left[1])
    assert right[0] == pytest.approx(np.log((1 + np.sqrt(0.95)) / (1 - np.sqrt(0.95))), abs=0.01)
    (whole,) = flat_stretches("sigmoid", curve("sigmoid", X, w=0.0, b=9.0))
    assert whole == (-10, 10)


def test_the_sums_are_those_of_the_network():
    worked = network("worked-example")
    found = sums(worked, worked.weights())
    assert list(found) == ["hidden", "output"]
    np.testing.assert_allclose(found["hidden"].net, [0.3775, 0.3925])
    assert [f"{v:.9f}" for v in found["output"].net] == ["1.105905967", "1.224921404"]
    assert found["hidden"].saturated == 0
    unit = network("one-unit")
    assert sums(unit, unit.weights())["unit"].saturated == pytest.approx(10 / 14)


def test_gates_have_sums_of_their_own():
    lstm = network("vowels-lstm")
    found = sums(lstm, lstm.weights())
    assert len([title for title in found if " · " in title]) >= 4
    assert {found[title].activation for title in found} >= {"sigmoid", "tanh"}


def test_layers_without_activation_are_one_layer():
    graph = Graph()
    shapes = (("input", "Input", {"shape": (2,)}), ("a", "Dense", {"units": 5, "activation": "linear"}),
              ("b", "Dense", {"units": 3, "activation": "linear", "bias": False}),
              ("c", "Dense", {"units": 2, "activation": "tanh"}))  # fmt: skip
    for i, (name, kind, settings) in enumerate(shapes):
        graph = graph.with_node(Node(name, make(kind, settings), 190.0 * i, 0.0))
    for source, target in (("input", "a"), ("a", "b"), ("b", "c")):
        graph = graph.connect(source, target)
    stacked = Network(replace(load(SAMPLES / "xor.annstudio"), graph=graph, weights={}, start={}))
    weights = dict(stacked.weights())
    weights["a/b"] = np.arange(5.0)
    (one,) = collapsed(stacked, weights)
    assert one.nodes == ("a", "b", "c")
    x = np.random.default_rng(0).normal(size=(7, 2))
    (y,) = stacked.predict({"x": x}, weights).values()
    np.testing.assert_allclose(np.tanh(x @ one.W.T + one.b), y, atol=1e-6)
    worked = network("worked-example")
    assert collapsed(worked, worked.weights()) == []
