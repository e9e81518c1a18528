"""Where weights start: a pure function of seed and name, of the size that the papers say."""

from typing import get_args

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import initial_weights
from annstudio.engine.initializers import Initial, InitializerName, initialise, suited
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from tests.builders import chain

SHAPE = (300, 200)
VARIANCE = {
    "zeros": 0,
    "ones": 0,
    "uniform": 1 / 12,
    "constant": 0,
    "normal": 0.05**2,
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 200,
    "he_normal": 2 / 200,
    "lecun_uniform": 1 / 200,
    "lecun_normal": 1 / 200,
    "orthogonal": 1 / 300,
}


def start(name: str, seed: int = 0, key: str = "hidden/W") -> np.ndarray:
    return initialise(Initial(name, 200, 300), SHAPE, seed, key)


def test_every_initialiser_is_tested():
    assert set(get_args(InitializerName)) == {"auto", *VARIANCE}


@pytest.mark.parametrize("name", VARIANCE)
def test_values_have_the_variance_that_suits_the_layer(name):
    values = start(name)
    assert values.shape == SHAPE
    assert values.var() == pytest.approx(VARIANCE[name], rel=0.03)
    assert values.mean() == pytest.approx({"ones": 1, "constant": 0.1}.get(name, 0), abs=0.01)


@pytest.mark.parametrize("name", [name for name, variance in VARIANCE.items() if variance])
def test_the_same_seed_and_name_give_the_same_bits_and_others_others(name):
    np.testing.assert_array_equal(start(name), start(name))
    assert (start(name, seed=1) != start(name)).any()
    assert (start(name, key="output/W") != start(name)).any()


def test_the_scale_is_the_constant_the_ends_and_the_spread():
    assert (initialise(Initial("constant", scale=-0.3), SHAPE, 0, "a") == -0.3).all()
    assert np.abs(initialise(Initial("uniform", scale=0.2), SHAPE, 0, "a")).max() == pytest.approx(0.2, rel=1e-3)
    assert initialise(Initial("normal", scale=2.0), SHAPE, 0, "a").std() == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6), (5, 2, 3, 3)])
def test_orthogonal_rows_or_columns_stand_at_right_angles(shape):
    matrix = initialise(Initial("orthogonal"), shape, 0, "a").reshape(shape[0], -1)
    squares = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(squares, np.eye(len(squares)), atol=1e-12)


def test_a_gates_biases_can_start_elsewhere_than_the_others():
    np.testing.assert_array_equal(initialise(Initial(parts=(0, 1, 0)), (6,), 0, "b"), [0, 0, 1, 1, 0, 0])


def test_auto_means_he_before_relu_and_glorot_otherwise():
    assert suited("auto", "relu") == suited("auto", "leaky_relu") == "he_normal"
    assert suited("auto", "selu") == "lecun_normal"
    assert suited("auto", "sigmoid") == "glorot_uniform"
    assert suited("zeros", "relu") == "zeros"


def test_a_constant_is_that_everywhere():
    assert (initialise(Initial(constant=0.5), (3,), 0, "b") == 0.5).all()


def test_a_network_starts_small_and_of_both_signs_with_open_units():
    graph = chain(input=Input(shape=(8, 8, 1)), conv=Conv2D(filters=16))
    weights = initial_weights(compile_graph(graph, {}, training=True, plain=True), seed=3)
    assert weights["conv/W"].shape == (16, 1, 3, 3)
    assert 0.35 < (weights["conv/W"] > 0).mean() < 0.65
    assert weights["conv/W"].std() == pytest.approx(np.sqrt(2 / 9), rel=0.2)
    assert (weights["conv/b"] == 0.01).all()


def test_layers_of_one_network_start_differently_and_adding_one_leaves_the_others_alone():
    dense = Dense(units=4, activation="tanh")
    two = initial_weights(
        compile_graph(chain(input=Input(shape=(4,)), a=dense, b=dense), {}, training=True, plain=True), 0
    )
    more = chain(input=Input(shape=(4,)), a=dense, b=dense, c=dense)
    three = initial_weights(compile_graph(more, {}, training=True, plain=True), 0)
    assert (two["a/W"] != two["b/W"]).any()
    assert all(np.array_equal(two[key], three[key]) for key in two)
