"""One batch on its way: stepping is running, margins are there for whoever wants them, nothing grows."""

import gc
import tracemalloc

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena
from annstudio.engine.builder import Spec
from annstudio.engine.optimizers import Adam
from annstudio.engine.passes import quicken
from annstudio.engine.program import Phase
from annstudio.engine.run import Run
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from tests.builders import chain, random_feeds, random_weights, run_of, with_branch

COLUMNS = {"x": Spec((2, 6, 6)), "y": Spec((3,))}
READINGS = pytest.mark.parametrize("plain", [True, False], ids=["plain", "fast"])


def everything() -> Graph:
    """Convolution, pooling, dropout, a dense end."""
    return chain(
        input=Input(shape=(6, 6, 2)),
        conv=Conv2D(filters=3),
        pool=MaxPool2D(),
        flatten=Flatten(),
        dropout=Dropout(rate=0.4),
        end=Dense(units=3, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )


def started(graph: Graph, *, plain: bool = True, dtype: str = "float64", n: int = 4) -> Run:
    program = quicken(compile_graph(graph, COLUMNS, training=True, plain=plain))
    arena = Arena(program, dtype)
    arena.load(random_weights(program, np.random.default_rng(1)))
    arena.use(Adam())
    run = Run(program, arena, n)
    load(run, 0)
    return run


def load(run: Run, i: int) -> None:
    run.load(random_feeds(run.program, run.n, np.random.default_rng(i)), seed=5, step=i)


def state_of(run: Run) -> list[bytes]:
    """The bytes of every array and of the optimiser's memory."""
    return [array.tobytes() for array in [*run.arrays, *run.arena.memory().vectors.values()]] + [bytes(run.arena.t)]


@READINGS
@pytest.mark.parametrize("stop_at", [0, 1, 5, 100])
def test_stepping_finishing_and_both_in_turn_give_the_same_bits(plain, stop_at):
    finished = started(everything(), plain=plain)
    finished.finish()
    stepped = started(everything(), plain=plain)
    while not stepped.done and stepped.cursor < stop_at:
        stepped.step()
    stepped.finish()
    assert state_of(stepped) == state_of(finished)
    assert stepped.arena.t == 1


@READINGS
def test_running_to_the_loss_and_on_is_running_it_all(plain):
    finished, in_two = started(everything(), plain=plain), started(everything(), plain=plain)
    finished.finish()
    in_two.to_loss()
    assert in_two.program.steps[in_two.cursor - 1].phase is Phase.LOSS
    assert in_two.loss == finished.loss
    in_two.finish()
    assert state_of(in_two) == state_of(finished)


@READINGS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits(plain, dtype):
    runs = [started(everything(), plain=plain, dtype=dtype) for _ in range(2)]
    for run in runs:
        for i in range(20):
            load(run, i)
            run.finish()
    assert state_of(runs[0]) == state_of(runs[1])
    assert all(array.dtype == dtype for array in runs[0].arena.weights().values())


def test_a_step_that_is_finished_twice_is_done_once():
    run = started(everything())
    run.finish()
    before = state_of(run)
    run.finish()
    assert state_of(run) == before


@READINGS
def test_consumers_that_want_different_margins_are_all_served(plain):
    """One picture is framed with a border of one, of two, uneven ones and none, and added to what came of them."""
    branches = {
        "three": Conv2D(filters=2, kernel_size=(3, 3), activation="linear"),
        "five": Conv2D(filters=2, kernel_size=(5, 5), activation="linear"),
        "tall": Conv2D(filters=2, kernel_size=(4, 1), activation="linear"),
        "dot": Conv2D(filters=2, kernel_size=(1, 1), activation="linear", padding="valid"),
    }
    start = {"input": Input(shape=(6, 6, 2)), "first": Conv2D(filters=2, kernel_size=(1, 1), activation="tanh")}
    graph = chain(**start, sum=Add(), flatten=Flatten(), end=Dense(units=3, activation="tanh"), loss=Loss())
    for name, layer in branches.items():
        graph = with_branch(graph, "first", "sum", **{name: layer})
    run = started(graph, plain=plain)
    weights, feeds = run.arena.weights(), random_feeds(run.program, run.n, np.random.default_rng(0))
    run.finish()
    assert run.output("sum") == pytest.approx(sum(run.output(name) for name in ("first", *branches)))
    for name, layer in branches.items():
        alone = compile_graph(chain(**start, **{name: layer}), COLUMNS, training=False, plain=plain)
        arena = Arena(alone, "float64")
        arena.load(weights)
        other = Run(alone, arena, run.n)
        other.load({alone.feeds[0].slot: feeds[run.program.feeds[0].slot]})
        other.finish()
        np.testing.assert_array_equal(run.output(name), other.output(name))


@READINGS
def test_a_list_serves_units_with_and_without_bias_and_a_sum_at_once(plain):
    dense = Dense(units=4, activation="tanh")
    graph = chain(input=Input(shape=(4,)), first=dense, second=dense, sum=Add(), end=Dense(units=3), loss=Loss())
    graph = with_branch(graph, "first", "sum", bare=dense.changed(bias=False))
    graph = with_branch(graph, "first", "sum")
    program = quicken(compile_graph(graph, {"x": Spec((4,)), "y": Spec((3,))}, training=True, plain=plain))
    weights = random_weights(program, np.random.default_rng(1))
    run = run_of(program, random_feeds(program, 5, np.random.default_rng(2)), weights)
    run.to_loss()
    first = run.output("first")
    second = np.tanh(weights["second/W"] @ first + weights["second/b"][:, None])
    np.testing.assert_allclose(run.output("second"), second)
    np.testing.assert_allclose(run.output("sum"), second + first + np.tanh(weights["bare/W"] @ first))


@READINGS
def test_two_thousand_steps_take_no_more_memory_than_two_hundred(plain):
    run = started(everything(), plain=plain, dtype="float32")
    feeds = random_feeds(run.program, run.n, np.random.default_rng(0))

    def go(steps: range) -> None:
        for step in steps:
            run.load(feeds, 0, step)
            run.finish()

    go(range(200))
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        go(range(200, 2200))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000
