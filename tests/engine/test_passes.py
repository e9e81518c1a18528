"""What the passes do to programs: fewer steps, shared memory, and nothing that is still needed lost."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.passes import quicken
from annstudio.engine.program import Step
from annstudio.engine.run import Run
from annstudio.layers.activation import Activation
from annstudio.layers.base import Layer, make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain, project, run_of
from tests.layers.boxes import drawn


def programs(*layers: Layer):
    network = Network(project(chain(*layers)))
    return network.programs.fast, network


def names(program, *, backward: bool = False) -> list[str]:
    found = [step for step in program.steps if isinstance(step, Step) and step.backward == backward]
    return [type(step.op).__name__ for step in found]


def image_network():
    conv = make("Conv2D", {"filters": 2, "kernel_size": (3, 3), "padding": "valid", "activation": "relu"})
    pool = make("MaxPool2D", {"pool_size": (2, 2)})
    return programs(
        Input(shape=(9, 9, 1)), conv, pool, make("Flatten", {}), Dense(units=3, activation="softmax"),
        Loss(function="cross_entropy"),
    )  # fmt: skip


def test_pooling_comes_before_bending_and_what_it_drops_is_not_worked_out():
    fast, _ = image_network()
    assert names(fast)[:2] == ["PooledCorrelate2D", "FastRelu"]
    conv = next(step for step in fast.steps if isinstance(step, Step) and type(step.op).__name__ == "PooledCorrelate2D")
    assert fast.slots[conv.buffers["sums"]].shape == (2, 6, 6)
    assert fast.slots[conv.output].shape == (2, 3, 3)


def test_laying_out_and_softmax_beside_its_loss_cost_no_step():
    fast, _ = image_network()
    assert names(fast)[2:] == ["FastWeightedSum", "AveragedCrossEntropy"]
    assert "Lay" not in names(fast, backward=True)
    assert fast.slots[fast.judged[0].output].name == "o"


def test_the_gradient_of_the_loss_is_there_before_the_way_back_begins():
    fast, network = image_network()
    arena = Arena(fast)
    arena.use(network.project.settings.optimizer)
    run = Run(fast, arena, 4)
    first_back = next(i for i, step in enumerate(fast.steps) if isinstance(step, Step) and step.backward)
    assert run._calls[first_back] == []
    shared = Run(fast, arena, 4, share=0.5)
    assert len(shared._calls[first_back]) == 1


def test_activations_bend_in_place_where_nobody_looks_again():
    fast, network = programs(Input(shape=(3,)), Dense(units=4, activation="relu"), Dense(units=2), Loss())
    run = Run(fast, Arena(fast), 5)
    relu = next(step for step in fast.steps if isinstance(step, Step) and type(step.op).__name__ == "FastRelu")
    assert np.shares_memory(run.arrays[relu.inputs[0]], run.arrays[relu.output])
    plain = Run(network.plain, Arena(network.plain), 5)
    bend = next(step for step in network.plain.steps if isinstance(step, Step) and type(step.op).__name__ == "Relu")
    assert not np.shares_memory(plain.arrays[bend.inputs[0]], plain.arrays[bend.output])


def test_an_activation_that_is_looked_at_twice_keeps_its_input():
    fast, _ = programs(Input(shape=(3,)), Dense(units=4, activation="gelu"), Dense(units=2), Loss())
    gelu = next(step for step in fast.steps if isinstance(step, Step) and type(step.op).__name__ == "FastGelu")
    assert gelu.inputs[0] not in fast.shares


@pytest.mark.parametrize("kind", ["Add", "Average"])
def test_a_sum_that_meets_its_first_input_again_does_not_take_its_place(kind):
    graph = drawn(
        "x>before before>sum x>sum:1 before>sum:2 sum>loss",
        x=Input(shape=(3,)), before=Activation(function="tanh"), sum=make(kind, {}), loss=Loss(),
    )  # fmt: skip
    x = np.arange(6.0).reshape(2, 3) + 1
    for training in (True, False):
        program = quicken(compile_graph(graph, {}, training=training, plain=False))
        run = run_of(program, {feed.slot: x for feed in program.feeds}, {})
        run.finish()
        total = 2 * np.tanh(x) + x
        np.testing.assert_allclose(run.output("sum").T, total if kind == "Add" else total / 3)


def test_plain_programs_share_nothing():
    _, network = image_network()
    assert not network.plain.shares
