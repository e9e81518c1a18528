"""Where learned numbers live: they come back as they went in, what is frozen stays, memory goes on."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena, initial_weights
from annstudio.engine.builder import Spec
from annstudio.engine.optimizers import SGD, Adam, Momentum, Optimizer
from annstudio.engine.passes import quicken
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.shaping import Flatten
from tests.builders import assert_same_arrays, chain, random_feeds, random_weights

COLUMNS = {"x": Spec((1, 4, 4)), "y": Spec((2,))}
READINGS = pytest.mark.parametrize("plain", [True, False], ids=["plain", "fast"])


def network(**settings) -> Graph:
    """Convolution and two dense layers; the settings are those of the middle one."""
    return chain(
        input=Input(shape=(4, 4, 1)),
        conv=Conv2D(filters=2, activation="tanh"),
        flatten=Flatten(),
        middle=Dense(units=3, activation="sigmoid", **settings),
        end=Dense(units=2, activation="linear"),
        loss=Loss(),
    )


def program(graph: Graph, *, plain: bool = True) -> Program:
    return quicken(compile_graph(graph, COLUMNS, training=True, plain=plain))


def learn(arena: Arena, of: Program, batches: range) -> None:
    run = Run(of, arena, 3)
    for i in batches:
        run.load(random_feeds(of, 3, np.random.default_rng(i)))
        run.finish()


def arena_of(of: Program, optimizer: Optimizer, dtype: str = "float64") -> Arena:
    arena = Arena(of, dtype)
    arena.load(random_weights(of, np.random.default_rng(9)))
    arena.use(optimizer)
    return arena


@READINGS
def test_weights_come_back_as_they_went_in(plain):
    of = program(network(), plain=plain)
    weights = random_weights(of, np.random.default_rng(0))
    arena = Arena(of, "float64")
    arena.load(weights)
    back = arena.weights()
    assert back.keys() == weights.keys() == {f"{node}/{view}" for node in ("conv", "middle", "end") for view in "Wb"}
    assert_same_arrays(back, weights)
    assert not any(array.flags.writeable for array in back.values())


def test_both_readings_know_the_weights_by_the_same_names_and_shapes():
    fast, plain = (Arena(program(network(trainable=False), plain=plain)) for plain in (False, True))
    assert {k: v.shape for k, v in fast.weights().items()} == {k: v.shape for k, v in plain.weights().items()}


def test_weights_of_another_shape_are_refused_and_unknown_ones_passed_over():
    arena = Arena(program(network()), "float64")
    arena.load({"nobody/W": np.ones(3)})
    with pytest.raises(ValueError, match="middle/b has shape"):
        arena.load({"middle/b": np.ones(4)})


@READINGS
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
@pytest.mark.parametrize(
    ("settings", "still"),
    [({"train_bias": False}, {"middle/b"}), ({"trainable": False}, {"middle/W", "middle/b"}), ({}, set())],
)
def test_what_is_frozen_keeps_every_bit_and_the_rest_learns(plain, optimizer, settings, still):
    of = program(network(**settings), plain=plain)
    arena = arena_of(of, optimizer)
    before = arena.weights()
    learn(arena, of, range(5))
    after = arena.weights()
    unchanged = {key for key in before if np.array_equal(before[key], after[key])}
    assert unchanged == still


def test_frozen_views_leave_the_learning_of_others_untouched():
    """As if the frozen bias were no parameter at all."""
    frozen, free = (program(network(train_bias=train)) for train in (False, True))
    arenas = [arena_of(frozen, Momentum()), arena_of(free, Momentum())]
    learn(arenas[0], frozen, range(1))
    learn(arenas[1], free, range(1))
    for key, weight in arenas[0].weights().items():
        if key != "middle/b":
            np.testing.assert_array_equal(arenas[1].view(key), weight)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
def test_memory_taken_up_again_goes_on_bit_for_bit(optimizer, plain):
    of = program(network(), plain=plain)
    whole = arena_of(of, optimizer)
    learn(whole, of, range(8))

    first = arena_of(of, optimizer)
    learn(first, of, range(4))
    second = Arena(of, "float64")
    second.use(optimizer)
    second.load(first.weights())
    second.remember(first.memory())
    learn(second, of, range(4, 8))
    assert second.t == whole.t == 8
    for key, weight in whole.weights().items():
        np.testing.assert_array_equal(second.view(key), weight)


@pytest.mark.parametrize("first", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
@pytest.mark.parametrize("then", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
def test_another_kind_of_optimiser_begins_with_a_memory_of_its_own(first, then):
    """Momentum's v is a mean gradient, Adam's v a mean square: one taken for the other would be a root of −1."""
    of = program(network())
    before = arena_of(of, first)
    learn(before, of, range(4))

    fresh = Arena(of, "float64")
    fresh.load(before.weights())
    fresh.use(then)
    learn(fresh, of, range(4, 6))

    resumed = Arena(of, "float64")
    resumed.load(before.weights())
    resumed.use(then)
    resumed.remember(before.memory())
    learn(resumed, of, range(4, 6))

    before.use(then)
    learn(before, of, range(4, 6))
    for key, weight in resumed.weights().items():
        np.testing.assert_array_equal(before.view(key), weight)
        if type(first) is not type(then):
            np.testing.assert_array_equal(fresh.view(key), weight)
        assert np.isfinite(weight).all()


def test_another_rate_of_the_same_optimiser_keeps_its_memory():
    of = program(network())
    arena = arena_of(of, Adam())
    learn(arena, of, range(3))
    before = arena.memory()
    arena.use(Adam(learning_rate=0.5))
    after = arena.memory()
    assert before.t == after.t
    assert all(np.array_equal(before.vectors[name], after.vectors[name]) for name in before.vectors)


@READINGS
def test_a_checkpoint_brings_every_bit_back(plain):
    of = program(network(), plain=plain)
    arena = arena_of(of, Adam())
    learn(arena, of, range(3))
    weights, memory, checkpoint = arena.weights(), arena.memory(), arena.checkpoint()
    learn(arena, of, range(3, 6))
    arena.restore(checkpoint)
    assert arena.t == 3
    assert all(np.array_equal(arena.view(key), weight) for key, weight in weights.items())
    assert all(np.array_equal(arena.memory().vectors[name], v) for name, v in memory.vectors.items())


def test_initial_weights_are_a_pure_function_of_the_seed():
    of = program(network())
    first, again, other = (initial_weights(of, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert any((first[key] != other[key]).any() for key in first)
    assert first.keys() == Arena(of).weights().keys()
