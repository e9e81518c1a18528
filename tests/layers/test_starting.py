"""Where weights and biases begin: the textbook's bounds and variances, for every kind of layer that has them."""

import math
from typing import get_args

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.initializers import InitializerName
from annstudio.layers.base import Layer
from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.grouped import DepthwiseConv2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.transposed import Conv2DTranspose
from tests.builders import chain, project

SHAPES = {Dense: (50,), Conv1D: (8, 20), Conv2D: (6, 6, 20), DepthwiseConv2D: (6, 6, 60), Conv2DTranspose: (4, 4, 20)}
SIZES = {Dense: {"units": 80}, Conv1D: {"filters": 40}, Conv2D: {"filters": 30}, Conv2DTranspose: {"filters": 30}}
FANS = {
    # Wires into a unit and out of it, as Keras and PyTorch count them: a window's places count each.
    Dense: (50, 80),
    Conv1D: (3 * 20, 3 * 40),
    Conv2D: (9 * 20, 9 * 30),
    Conv2DTranspose: (9 * 20, 9 * 30),
}
KINDS = pytest.mark.parametrize("kind", FANS, ids=lambda kind: kind.__name__)


def begun(kind: type[Layer], view: str = "W", **settings) -> np.ndarray:
    """How a view of such a layer starts."""
    layer = kind(**{"activation": "linear", **SIZES.get(kind, {}), **settings})
    graph = chain(input=Input(shape=SHAPES[kind]), it=layer)
    return Network(project(graph)).weights()[f"it/{view}"]


VARIANCE = {
    "glorot_uniform": lambda i, o: 2 / (i + o),
    "glorot_normal": lambda i, o: 2 / (i + o),
    "he_uniform": lambda i, o: 2 / i,
    "he_normal": lambda i, o: 2 / i,
    "lecun_uniform": lambda i, o: 1 / i,
    "lecun_normal": lambda i, o: 1 / i,
}


@KINDS
@pytest.mark.parametrize("name", VARIANCE)
def test_the_variance_is_the_textbooks_and_uniform_ones_keep_to_their_bounds(kind, name):
    fan_in, fan_out = FANS[kind]
    w, variance = begun(kind, initializer=name), VARIANCE[name](*FANS[kind])
    assert w.mean() == pytest.approx(0, abs=4 * math.sqrt(variance / w.size))
    assert w.var() == pytest.approx(variance, rel=0.08)
    bound = math.sqrt(3 * variance)
    if name.endswith("uniform"):
        assert 0.98 * bound < np.abs(w).max() <= bound
    else:
        assert np.abs(w).max() > bound


@KINDS
def test_numbers_of_ones_own_choice(kind):
    assert (begun(kind, initializer="zeros") == 0).all()
    assert (begun(kind, initializer="ones") == 1).all()
    assert (begun(kind, initializer="constant", constant=-0.25) == -0.25).all()
    w = begun(kind, initializer="uniform", limit=0.3)
    assert 0.29 < np.abs(w).max() <= 0.3
    assert w.var() == pytest.approx(0.3**2 / 3, rel=0.08)
    assert begun(kind, initializer="normal", deviation=0.7).std() == pytest.approx(0.7, rel=0.05)


RECURRENT = pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU], ids=lambda kind: kind.__name__)


def recurrent(kind: type[Layer], view: str, **settings) -> np.ndarray:
    graph = chain(input=Input(shape=(5, 30)), it=kind(units=40, **settings))
    return Network(project(graph)).weights()[f"it/{view}"]


@RECURRENT
def test_recurrent_layers_have_an_initialiser_for_inputs_and_one_for_the_state(kind):
    gates = {SimpleRNN: 1, LSTM: 4, GRU: 3}[kind]
    usual = recurrent(kind, "W")
    assert 0.95 * math.sqrt(6 / (30 + 40 * gates)) < np.abs(usual).max() <= math.sqrt(6 / (30 + 40 * gates))
    assert recurrent(kind, "W", initializer="he_normal").var() == pytest.approx(2 / 30, rel=0.1)
    assert (recurrent(kind, "W", initializer="constant", constant=0.25) == 0.25).all()
    assert (recurrent(kind, "U", initializer="constant", constant=0.25) != 0.25).all()
    state = recurrent(kind, "U")
    np.testing.assert_allclose(state.T @ state, np.eye(40), atol=1e-12)
    assert (recurrent(kind, "U", recurrent_initializer="zeros") == 0).all()
    assert recurrent(kind, "U", recurrent_initializer="lecun_normal").var() == pytest.approx(1 / 40, rel=0.1)


def test_places_of_an_embedding_start_near_0_or_as_they_are_told():
    def places(**settings) -> np.ndarray:
        graph = chain(input=Input(shape=(5,)), it=Embedding(vocabulary=60, units=50, **settings))
        return Network(project(graph)).weights()["it/W"]

    assert 0.049 < np.abs(places()).max() <= 0.05
    assert places(initializer="normal", deviation=0.3).std() == pytest.approx(0.3, rel=0.05)
    assert places(initializer="glorot_normal").var() == pytest.approx(2 / 110, rel=0.1)
    assert (places(initializer="zeros") == 0).all()


@pytest.mark.parametrize("units", [20, 80])
def test_orthogonal_rows_stand_at_right_angles(units):
    w = begun(Dense, initializer="orthogonal", units=units)
    product = w @ w.T if units < 50 else w.T @ w
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_every_initialiser_is_tested_here_or_is_a_rule():
    assert {*VARIANCE, "zeros", "ones", "constant", "uniform", "normal", "orthogonal", "auto"} == set(
        get_args(InitializerName)
    )


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.__name__)
def test_biases_start_at_0_a_little_above_before_relu_or_where_they_are_told_to(kind):
    assert (begun(kind, "b") == 0).all()
    assert (begun(kind, "b", activation="relu") == 0.01).all()
    assert (begun(kind, "b", activation="relu", bias_start="constant", bias_value=-0.5) == -0.5).all()
    assert (begun(kind, "b", activation="relu", bias_start="constant") == 0).all()


@pytest.mark.parametrize(("activation", "wanted"), [("tanh", 0.0), ("sigmoid", 0.0), ("relu", 0.01)])
def test_units_that_remember_by_relu_start_open_too(activation, wanted):
    graph = chain(input=Input(shape=(5, 3)), it=SimpleRNN(units=4, activation=activation, direction="both"))
    weights = Network(project(graph)).weights()
    assert (weights["it/b"] == wanted).all()
    assert (weights["it/b_back"] == wanted).all()


@pytest.mark.parametrize(("settings", "wanted"), [({}, 1.0), ({"forget_bias": 2.5}, 2.5)])
def test_forget_gates_start_open(settings, wanted):
    graph = chain(input=Input(shape=(5, 3)), it=LSTM(units=4, **settings))
    b = Network(project(graph)).weights()["it/b"].reshape(4, 4)
    np.testing.assert_array_equal(b, [[0] * 4, [wanted] * 4, [0] * 4, [0] * 4])
