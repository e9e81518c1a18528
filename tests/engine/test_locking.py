"""Single numbers that are locked: no optimiser, decay, memory or limit moves them, and the rest learns as if alone."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena, Clipping
from annstudio.engine.crew import Crew
from annstudio.engine.op import Array
from annstudio.engine.optimizers import OPTIMIZERS, SGD, AdamW
from annstudio.engine.passes import quicken
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain, random_feeds, random_weights
from tests.layers.cases import cases, written

READINGS = pytest.mark.parametrize("plain", [True, False], ids=["plain", "fast"])
KEYS = ("hidden/W", "hidden/b", "out/W", "out/b")


def program(*, plain: bool = False, **settings) -> Program:
    graph = chain(
        input=Input(shape=(3,)),
        hidden=Dense(units=4, activation="tanh", **settings),
        out=Dense(units=2, activation="linear"),
        loss=Loss(),
    )
    return quicken(compile_graph(graph, {}, training=True, plain=plain))


def masks(of: Program, share: float = 0.3, seed: int = 1) -> dict[str, Array]:
    """A share of all numbers, drawn."""
    rng = np.random.default_rng(seed)
    return {key: rng.random(array.shape) < share for key, array in Arena(of).weights().items()}


def arena_of(of: Program, optimizer=None, clipping: Clipping | None = None) -> Arena:
    arena = Arena(of, "float64")
    arena.load(random_weights(of, np.random.default_rng(9)))
    arena.use(optimizer or SGD(), clipping)
    return arena


def learn(arena: Arena, of: Program, batches: range) -> None:
    run = Run(of, arena, 5)
    for i in batches:
        run.load(random_feeds(of, 5, np.random.default_rng(i)))
        run.finish()


@READINGS
@pytest.mark.parametrize("clipping", [Clipping(), Clipping(0.01), Clipping(0, 0.1)], ids=["", "value", "norm"])
@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_locked_numbers_keep_every_bit_and_all_others_learn(plain, clipping, kind):
    of = program(plain=plain)
    arena, locked = arena_of(of, kind(learning_rate=0.05), clipping), masks(of)
    arena.lock(locked)
    before = arena.weights()
    learn(arena, of, range(6))
    for key, weight in arena.weights().items():
        np.testing.assert_array_equal(weight == before[key], locked[key], err_msg=key)


def test_a_number_locked_on_the_way_is_not_moved_by_what_the_optimiser_remembers():
    of = program()
    arena = arena_of(of, AdamW(learning_rate=0.1, weight_decay=0.5))
    learn(arena, of, range(4))
    before, locked = arena.weights(), masks(of)
    arena.lock(locked)
    learn(arena, of, range(4, 8))
    for key, weight in arena.weights().items():
        np.testing.assert_array_equal(weight == before[key], locked[key])
    arena.lock({})
    before = arena.weights()
    learn(arena, of, range(8, 9))
    assert all((weight != before[key]).all() for key, weight in arena.weights().items())


def test_what_is_locked_has_no_part_in_the_length_of_the_gradient():
    of = program()
    arena, locked = arena_of(of, SGD(learning_rate=1.0), Clipping(0, 0.05)), masks(of)
    arena.lock(locked)
    before = arena.weights()
    learn(arena, of, range(1))
    moved = np.concatenate([(weight - before[key]).ravel() for key, weight in arena.weights().items()])
    assert np.linalg.norm(moved) == pytest.approx(0.05)


def test_the_gradient_of_what_is_locked_stays_on_show():
    of = program()
    free, held = arena_of(of), arena_of(of)
    held.lock(masks(of))
    learn(free, of, range(1))
    learn(held, of, range(1))
    np.testing.assert_array_equal(held.gradients, free.gradients)


def test_the_unlocked_weights_learn_to_the_bit_as_they_would_without_locks():
    of = program()
    free, held, locked = arena_of(of), arena_of(of), masks(of)
    held.lock(locked)
    learn(free, of, range(1))
    learn(held, of, range(1))
    for key in KEYS:
        np.testing.assert_array_equal(held.view(key)[~locked[key]], free.view(key)[~locked[key]])


@pytest.mark.parametrize("held", [0.3, 0.9], ids=["room is left", "the locked ones alone are too long"])
def test_a_largest_norm_is_kept_by_the_free_weights_alone(held):
    mask = np.zeros((4, 3), bool)
    mask[:2, 0] = True
    ends = []
    for settings in ({}, {"max_norm": 0.5}):
        of = program(**settings)
        arena = arena_of(of)
        arena.view("hidden/W")[:2, 0] = held
        arena.lock({"hidden/W": mask})
        learn(arena, of, range(1))
        ends.append(arena.view("hidden/W"))
    unlimited, limited = ends
    np.testing.assert_array_equal(limited[:2, 0], held)
    np.testing.assert_allclose(limited[2:], unlimited[2:] * 0.5 / np.linalg.norm(unlimited[2:], axis=1, keepdims=True))
    room = max(0.25 - held**2, 0) ** 0.5
    shortened = unlimited[:2, 1:] * room / np.linalg.norm(unlimited[:2, 1:], axis=1, keepdims=True)
    np.testing.assert_allclose(limited[:2, 1:], shortened)


def test_going_back_to_earlier_weights_leaves_locked_ones_where_they_are():
    of = program()
    arena, locked = arena_of(of), masks(of)
    earlier = arena.weights()
    learn(arena, of, range(3))
    now = arena.weights()
    arena.lock(locked)
    arena.go_back(earlier)
    for key in KEYS:
        np.testing.assert_array_equal(arena.view(key), np.where(locked[key], now[key], earlier[key]))


def test_masks_of_another_shape_and_unknown_names_say_nothing():
    of = program()
    arena = arena_of(of)
    arena.lock({"hidden/W": np.ones((3, 4), bool), "nobody/W": np.ones(3, bool)})
    before = arena.weights()
    learn(arena, of, range(1))
    assert all((weight != before[key]).all() for key, weight in arena.weights().items())


def test_a_crew_leaves_locked_numbers_alone_too():
    of = program()
    arena, locked = arena_of(of), masks(of)
    arena.lock(locked)
    before = arena.weights()
    feeds = random_feeds(of, 8, np.random.default_rng(0))

    def loader(run: Run):
        return lambda indices: run.load({slot: rows[indices] for slot, rows in feeds.items()})

    crew = Crew(of, arena, 8, Plan(piece=2, threads=2), loader)
    try:
        crew.to_loss(np.arange(8), 0, 0)
        crew.update()
    finally:
        crew.close()
    for key, weight in arena.weights().items():
        np.testing.assert_array_equal(weight == before[key], locked[key])


def test_every_stored_number_of_every_layer_belongs_to_a_view_and_so_can_be_locked():
    for case in cases():
        of = written(case)
        arena = Arena(of)
        arena.lock({key: np.ones(array.shape, bool) for key, array in arena.weights().items()})
        free = Arena(of)
        for parameter in of.parameters:
            assert arena.still(parameter).all(), case
            learning = all(parameter.learns(view) for view in parameter.views)
            assert not (learning and free.still(parameter).any()), case
