"""Every optimiser against its textbook formula, written out here, over twenty steps."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from annstudio.engine.op import Array
from annstudio.engine.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from tests.builders import updating


def gradient_at(w: Array, t: int) -> Array:
    return w * np.array([1.0, -0.3, 2.0]) + math.sin(t)


def sgd(w: Array, steps: int) -> Array:
    for t in range(1, steps + 1):
        w = w - 0.1 * gradient_at(w, t)
    return w


def momentum(w: Array, steps: int) -> Array:
    v = np.zeros_like(w)
    for t in range(1, steps + 1):
        v = 0.9 * v + gradient_at(w, t)
        w = w - 0.1 * v
    return w


def adam(w: Array, steps: int) -> Array:
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient_at(w, t)
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


def nesterov(w: Array, steps: int) -> Array:
    v = np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient_at(w, t)
        v = 0.9 * v + g
        w = w - 0.1 * (g + 0.9 * v)
    return w


def adagrad(w: Array, steps: int) -> Array:
    s = np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient_at(w, t)
        s = s + g**2
        w = w - 0.1 * g / (np.sqrt(s) + 1e-10)
    return w


def rmsprop(w: Array, steps: int) -> Array:
    s = np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient_at(w, t)
        s = 0.9 * s + (1 - 0.9) * g**2
        w = w - 0.1 * g / (np.sqrt(s) + 1e-8)
    return w


def adamw(w: Array, steps: int) -> Array:
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient_at(w, t)
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        w = w - 0.1 * 0.01 * w
        w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


TEXTBOOK = {
    SGD: sgd, Momentum: momentum, Nesterov: nesterov, Adagrad: adagrad, RMSProp: rmsprop, Adam: adam, AdamW: adamw,
}  # fmt: skip


def engine(optimizer: Optimizer, w: Array, steps: int) -> Array:
    w, g = w.copy(), np.empty_like(w)
    update = updating(optimizer, w, g, {name: np.zeros_like(w) for name in optimizer.vectors})
    for t in range(1, steps + 1):
        g[...] = gradient_at(w, t)
        update(t)
    return w


def test_every_optimiser_is_tested():
    assert set(OPTIMIZERS) == set(TEXTBOOK)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_twenty_steps_are_those_of_the_textbook(kind):
    w = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(engine(kind(learning_rate=0.1), w, 20), TEXTBOOK[kind](w, 20), rtol=1e-12)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_float32_stays_float32_and_close(kind):
    w = np.array([1.0, -2.0, 0.5], np.float32)
    found = engine(kind(learning_rate=0.1), w, 20)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, TEXTBOOK[kind](w.astype(float), 20), rtol=1e-4)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_the_account_of_one_weight_comes_to_what_the_engine_does(kind):
    optimizer, w, g = kind(learning_rate=0.1), np.array([0.7]), np.empty(1)
    vectors = {name: np.zeros(1) for name in optimizer.vectors}
    update = updating(optimizer, w, g, vectors)
    for t in range(1, 21):
        g[...] = gradient_at(w.repeat(3), t)[:1]
        told = optimizer.account(float(w[0]), float(g[0]), {name: float(v[0]) for name, v in vectors.items()}, t)
        update(t)
        computed = {f"{name}^{{+}}": float(array[0]) for name, array in [("w", w), *vectors.items()]}
        assert {symbol: term.value for symbol, term in told if symbol in computed} == pytest.approx(computed, rel=1e-12)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("rate", [0, -1, math.inf, math.nan, 1001])
def test_a_learning_rate_that_makes_no_sense_is_refused(kind, rate):
    with pytest.raises(ValidationError):
        kind(learning_rate=rate)
