"""Slopes of small activations are worked out at once, and nothing but the number of calls changes by it."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.program import Step
from annstudio.engine.run import Run
from annstudio.layers.base import make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain, project, some_table, with_branch


def deep(activation: str, units: int = 5) -> Network:
    hidden = Dense(units=units, activation=activation)
    graph = chain(Input(shape=(3,)), hidden, hidden, hidden, Dense(units=2, activation="sigmoid"), Loss())
    return Network(project(graph, some_table(7)))


def branched() -> Network:
    """A sigmoid that two ways read, which meet again."""
    hidden = Dense(units=4, activation="sigmoid")
    graph = chain(
        input=Input(shape=(3,)), one=hidden, two=hidden, sum=make("Add", {}), output=Dense(units=2), loss=Loss()
    )
    return Network(project(with_branch(graph, "one", "sum", three=hidden), some_table(7)))


def names(network: Network) -> list[str]:
    return [type(step.op).__name__ for step in network.programs.fast.steps if isinstance(step, Step) and step.backward]


def gradients(program, network: Network) -> dict[str, np.ndarray]:
    arena = Arena(program, "float64")
    arena.load(network.weights())
    arena.use(network.project.settings.optimizer)
    indices = np.arange(7)
    run = Run(program, arena, 7)
    run.load(network.rows("float64").feeds(program, indices))
    run.to_loss()
    run.to_update()
    return {p.key(view): view.of(arena.gradient(p)).copy() for p in program.parameters for view in p.views}


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_one_pass_serves_every_layer_of_a_kind(activation):
    network = deep(activation)
    steps = [step for step in network.programs.fast.steps if isinstance(step, Step)]
    assert sum(type(step.op).__name__ == "Slopes" for step in steps) == 1
    assert names(network).count("WithSlope") == (4 if activation == "sigmoid" else 3)


def test_wide_layers_are_left_alone():
    assert "WithSlope" not in names(deep("tanh", units=300))


@pytest.mark.parametrize("network", [deep("sigmoid"), deep("tanh"), branched()], ids=["sigmoid", "tanh", "branched"])
def test_gradients_are_those_of_the_plain_reading(network):
    fast, plain = gradients(network.programs.fast, network), gradients(network.programs.plain, network)
    for key, wanted in plain.items():
        np.testing.assert_allclose(fast[key], wanted, rtol=0, atol=1e-10 * np.abs(wanted).max(), err_msg=key)
