"""Activations: the functions of the lecture, right everywhere and silent at the ends."""

import math

import numpy as np
import pytest

from annstudio.engine.op import Array, Op, signature
from annstudio.engine.twins import fast as quick
from annstudio.layers.activation import ACTIVATIONS, Elementwise

FORMULAS = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "relu": lambda x: max(0.0, x),
    "leaky_relu": lambda x: max(0.01 * x, x),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "step": lambda x: float(x >= 0),
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "softsign": lambda x: x / (1 + abs(x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
}
RANGES = {
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, np.inf),
    "leaky_relu": (-np.inf, np.inf),
    "softplus": (0, np.inf),
    "step": (0, 1),
    "elu": (-1, np.inf),
    "selu": (-1.7581, np.inf),
    "softsign": (-1, 1),
    "silu": (-0.2785, np.inf),
    "gelu": (-0.17, np.inf),
}
DIPPING = ("silu", "gelu")
"""Go down before they go up."""
READINGS = pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])


def applied(op: Op, x: Array) -> tuple[Array, Array]:
    """Values and slopes."""
    y, dx = np.empty_like(x), np.empty_like(x)
    kept = {name: np.empty_like(x) for name in op.buffers(x.shape[:-1])}
    names = {"dx": dx, "dy": np.ones_like(x), "x": x, "y": y, **kept}
    op.forward(*(names[name] for name in signature(op).forward))
    op.backward(*(names[name] for name in signature(op).backward))
    return y, dx


def reading(name: str, fast: bool) -> Op:
    return quick(ACTIVATIONS[name]) if fast else ACTIVATIONS[name]


def test_every_activation_is_tested():
    assert set(ACTIVATIONS) == {*FORMULAS, "softmax"}


@READINGS
@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_those_of_the_formula_and_slopes_those_of_the_values(name, fast):
    x = np.linspace(-4.05, 4.05, 40).reshape(4, 10)
    y, slope = applied(reading(name, fast), x)
    f = np.vectorize(FORMULAS[name])
    np.testing.assert_allclose(y, f(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(slope, (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-8)


@READINGS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_ends_are_quiet_and_inside_the_range(name, fast, dtype):
    x = np.array([[-1e4, -800.0, -50.0, 0.0, 50.0, 800.0, 1e4]], dtype)
    y, slope = applied(reading(name, fast), x)
    low, high = RANGES[name]
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    assert (y >= low).all()
    assert (y <= high).all()
    assert (slope >= 0).all() or name in DIPPING
    assert y.dtype == slope.dtype == dtype


@pytest.mark.parametrize("name", [name for name, op in ACTIVATIONS.items() if isinstance(op, Elementwise)])
def test_one_number_alone_is_worked_out_alike(name):
    op, x = ACTIVATIONS[name], np.array([[-700.0, -1.5, -0.1, 0.3, 2.0, 700.0]])
    y, slope = applied(op, x)
    for i in range(x.shape[1]):
        assert op.value(float(x[0, i])) == pytest.approx(y[0, i], rel=1e-12, abs=1e-300)
        given = x if op.slope_of == "x" else y
        assert op.slope(float(given[0, i])) == pytest.approx(slope[0, i], rel=1e-12, abs=1e-300)


def test_the_lectures_sum_of_sigmoids_is_softplus():
    x = np.linspace(-10, 10, 2001)[None]
    stairs = sum(applied(ACTIVATIONS["sigmoid"], x - i + 0.5)[0] for i in range(1, 201))
    apart = np.abs(applied(ACTIVATIONS["softplus"], x)[0] - stairs)
    assert apart.max() == pytest.approx(0.01058, abs=5e-6)
    assert x[0, apart.argmax()] == 0


@pytest.mark.parametrize("shape", [(3,), (5, 3), (3, 2, 4)], ids=["list", "sequence", "image"])
def test_softmax_gives_probabilities_however_large_the_scores(shape):
    x = np.random.default_rng(0).normal(size=(*shape, 6)) * 1e4
    y, _ = applied(ACTIVATIONS["softmax"], x)
    classes = 0 if len(shape) == 3 else len(shape) - 1
    np.testing.assert_allclose(y.sum(classes), 1)
    assert (y >= 0).all()


def test_two_classes_are_the_logistic_function():
    x = np.random.default_rng(0).normal(size=(2, 9))
    softmax, _ = applied(ACTIVATIONS["softmax"], x)
    sigmoid, _ = applied(ACTIVATIONS["sigmoid"], x[:1] - x[1:])
    np.testing.assert_allclose(softmax[:1], sigmoid)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_quick_form_is_right_in_float32(name):
    x = np.linspace(-30, 30, 6001)[None]
    values, slopes = applied(ACTIVATIONS[name], x)
    quick_values, quick_slopes = applied(quick(ACTIVATIONS[name]), x.astype(np.float32))
    np.testing.assert_allclose(quick_values, values, rtol=5e-7, atol=1e-6)
    smooth = np.abs(x) > 1e-3
    np.testing.assert_allclose(quick_slopes[smooth], slopes[smooth], rtol=5e-7, atol=1e-6)
