"""What a network costs before it is trained grows with its layers and no faster; counted in lines of Python, not timed.

A doubling of the layers must not do more than double the lines that are run: anything quadratic shows.
"""

import sys
from collections.abc import Callable

import pytest

from annstudio.document.compile import check, compile_graph
from annstudio.document.graph import Graph
from annstudio.document.network import Network
from annstudio.engine.arena import Arena, initial_weights
from annstudio.engine.passes import quicken
from annstudio.engine.program import Step
from annstudio.engine.run import Run
from annstudio.formats import studio
from annstudio.layers.base import Layer, make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain, finished, project, some_table, trained

FEW = 60
MOST = 2.1
"""How many times as many lines twice as many layers may take."""


def dense_layers(n: int) -> Graph:
    """Layers whose activations bend in place."""
    layers: list[Layer] = [Dense(units=3, activation="relu", l2=0.01) for _ in range(n - 1)]
    return chain(Input(shape=(3,)), *layers, Dense(units=2), Loss())


def convolutions(n: int) -> Graph:
    """Convolutions and poolings in turn: the fast reading changes their order, pair by pair."""
    conv = make("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"})
    pool = make("MaxPool1D", {"pool_size": 2, "strides": 1})
    return chain(Input(shape=(n, 2)), *[conv, pool] * (n // 2), make("Flatten", {}), Dense(units=2), Loss())


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of Python it takes."""
    count, before = 0, sys.gettrace()

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def stages(graph: Graph) -> dict[str, int]:
    """Lines of every stage between a drawing and its first batch."""
    written = compile_graph(graph, {}, training=True, plain=False)
    fast = quicken(written)
    arena = Arena(fast)
    weights = initial_weights(fast, 0)
    return {
        "check": lines_of(lambda: check(graph, {})),
        "plain": lines_of(lambda: compile_graph(graph, {}, training=True, plain=True)),
        "fast": lines_of(lambda: compile_graph(graph, {}, training=True, plain=False)),
        "passes": lines_of(lambda: quicken(written)),
        "weights": lines_of(lambda: initial_weights(fast, 0)),
        "arena": lines_of(lambda: Arena(fast)),
        "load": lines_of(lambda: arena.load(weights)),
        "copy": lines_of(arena.weights),
        "bind": lines_of(lambda: Run(fast, arena, 4)),
    }


@pytest.mark.parametrize("drawing", [dense_layers, convolutions])
def test_every_stage_grows_with_the_layers_and_no_faster(drawing):
    few, many = stages(drawing(FEW)), stages(drawing(2 * FEW))
    for stage, lines in few.items():
        assert many[stage] < MOST * lines, stage


@pytest.mark.parametrize("drawing", [dense_layers, convolutions])
def test_slots_steps_and_calls_grow_with_the_layers(drawing):
    found = []
    for n in (FEW, 2 * FEW):
        fast = quicken(compile_graph(drawing(n), {}, training=True, plain=False))
        found.append((len(fast.slots), len(fast.steps), Run(fast, Arena(fast), 4).n_calls))
    assert all(many < MOST * few for few, many in zip(*found, strict=True))


def test_the_passes_do_to_a_deep_network_what_they_do_to_a_small_one():
    fast = quicken(compile_graph(convolutions(2 * FEW), {}, training=True, plain=False))
    forward = [s for s in fast.steps if isinstance(s, Step) and not s.backward]
    names = [type(step.op).__name__.removeprefix("Fast") for step in forward]
    assert names[: 3 * FEW] == ["Correlate1D", "WindowMax", "Relu"] * FEW


def test_five_hundred_layers_are_checked_trained_stepped_and_saved(tmp_path):
    start = project(dense_layers(500), some_table(n_inputs=3), batch_size=4, epochs=1)
    assert finished(start, 2).progress.step == 2
    network = Network(trained(start, 1))
    assert network.checked.trainable
    stepper = network.stepper(0)
    while stepper.step():
        pass
    assert stepper.position == len(stepper)
    file = tmp_path / "deep.annstudio"
    studio.save(network.project, file, network.weights())
    assert studio.load(file).graph == start.graph
