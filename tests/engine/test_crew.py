"""A batch in pieces and on several threads is the batch: same loss, same gradients, same noise, same bits each time."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.crew import Crew, divisible
from annstudio.engine.passes import quicken
from annstudio.engine.plan import Plan
from annstudio.engine.run import Run
from annstudio.layers.base import make
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.shaping import Flatten, Reshape
from tests.builders import chain, project, some_table
from tests.hard import Centre, Loop
from tests.layers.cases import Case, written

PLANS = [Plan({}, 3, 1), Plan({}, 0, 2), Plan({}, 2, 2), Plan({}, 4, 3), Plan({}, 7, 2), Plan({}, 1, 1)]


def small() -> Network:
    dropout = make("Dropout", {"rate": 0.4})
    graph = chain(
        Input(shape=(3,)), Dense(units=5, activation="tanh"), dropout, Dense(units=2, activation="sigmoid"), Loss()
    )
    return Network(project(graph, some_table(7), optimizer={"kind": "adam"}))


def arena_of(network: Network) -> Arena:
    arena = Arena(network.programs.fast, "float64")
    arena.load(network.weights())
    arena.use(network.project.settings.optimizer)
    return arena


def done_by_a_crew(network: Network, plan: Plan, indices: np.ndarray) -> tuple[float, Arena]:
    arena = arena_of(network)
    crew = Crew(network.programs.fast, arena, len(indices), plan, network.rows("float64").loader, lambda run: run.n)
    try:
        loss = crew.to_loss(indices, seed=3, step=5)
        assert crew.update() == len(indices)
    finally:
        crew.close()
    return loss, arena


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_pieces_make_the_whole(plan):
    network = small()
    indices = np.array([4, 0, 6, 2, 1, 3, 5])
    loss, arena = done_by_a_crew(network, plan, indices)
    whole = arena_of(network)
    run = Run(network.programs.fast, whole, len(indices))
    run.load(network.rows("float64").feeds(network.programs.fast, indices), seed=3, step=5)
    run.finish()
    assert loss == pytest.approx(run.loss, rel=1e-12)
    np.testing.assert_allclose(arena.gradients, whole.gradients, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(arena.values, whole.values, rtol=1e-9)
    assert arena.t == whole.t == 1


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_same_plan_gives_the_same_bits(plan):
    first, second = (done_by_a_crew(small(), plan, np.arange(7)) for _ in range(2))
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1].values, second[1].values)


def test_every_step_of_a_block_has_the_noise_in_pieces_that_it_has_in_the_whole():
    block = Block(apply="each step", inside=box_of(make("Dropout", {"rate": 0.5})))
    graph = chain(Input(shape=(6,)), Reshape(target=(3, 2)), block, Flatten(), Dense(units=2), Loss())
    network = Network(project(graph, some_table(7, 6)))
    arena = arena_of(network)
    run = Run(network.programs.fast, arena, 7)
    run.load(network.rows("float64").feeds(network.programs.fast, np.arange(7)), seed=3, step=5)
    run.to_loss()
    loss, _ = done_by_a_crew(network, Plan({}, 3, 1), np.arange(7))
    assert loss == pytest.approx(run.loss, rel=1e-12)


def test_what_goes_wrong_in_a_helper_goes_wrong_here():
    network = small()
    arena = arena_of(network)

    def load(run: Run):
        def fail(indices: np.ndarray) -> None:
            if 6 in indices:
                raise RuntimeError("no such example")

        return fail

    crew = Crew(network.programs.fast, arena, 7, Plan({}, 0, 2), load)
    try:
        with pytest.raises(RuntimeError, match="no such example"):
            crew.to_loss(np.arange(7), 0, 0)
    finally:
        crew.close()


def test_programs_whose_examples_know_of_each_other_are_not_cut_up():
    assert divisible(small().programs.fast)
    for layer in (Centre(), Loop()):
        assert not divisible(quicken(written(Case(layer, ((4, 3) if isinstance(layer, Loop) else (4,),)), plain=False)))
