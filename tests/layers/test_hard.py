"""Layers that are hard on the engine: an op that couples examples, and one that unrolls over time."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena
from annstudio.engine.builder import Spec
from annstudio.engine.differentiate import AddGradients
from annstudio.engine.op import Array
from annstudio.engine.optimizers import Adam
from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.engine.run import Run
from annstudio.explain.stepper import Stepper
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from tests.builders import chain, random_feeds, random_weights
from tests.hard import Centre, Loop

CENTRED = chain(input=Input(shape=(3,)), centre=Centre(), centre_2=Centre(share=0.1), out=Dense(units=2), loss=Loss())
LOOPED = chain(input=Input(shape=(5, 2)), loop=Loop(units=3), out=Dense(units=2, activation="tanh"), loss=Loss())
SHAPES = {"centred": (CENTRED, (3,), (2,)), "looped": (LOOPED, (5, 2), (5, 2))}


@pytest.fixture(params=SHAPES)
def hard(request) -> tuple[Graph, dict[str, Spec]]:
    graph, x, y = SHAPES[request.param]
    return graph, {"x": Spec(x), "y": Spec(y)}


def program(hard: tuple[Graph, dict[str, Spec]], *, training: bool = True, plain: bool = True) -> Program:
    return compile_graph(*hard, training=training, plain=plain)


def batches(of: Program, n_batches: int, n: int = 4) -> list[dict[int, Array]]:
    rng = np.random.default_rng(7)
    return [random_feeds(of, n, rng) for _ in range(n_batches)]


def learned(of: Program, n_batches: int) -> tuple[Run, list[float]]:
    """A run after some batches with Adam, and their losses."""
    arena = Arena(of, "float64")
    arena.load(random_weights(of, np.random.default_rng(3)))
    arena.use(Adam(learning_rate=0.05))
    run, losses = Run(of, arena, 4), []
    for batch in batches(of, n_batches):
        run.load(batch)
        run.finish()
        losses.append(run.loss)
    return run, losses


def states(run: Run) -> list[Array]:
    return [run.arrays[slot.index] for slot in run.program.slots if slot.role is Role.STATE]


def test_a_program_says_whether_its_ops_couple_examples(hard):
    coupling = hard[0] is CENTRED
    assert program(hard).couples_examples == coupling
    assert program(hard, plain=False).couples_examples == coupling
    assert not program(hard, training=False).couples_examples, "running numbers are one for all"


def test_both_readings_agree_over_many_batches_with_states_handed_on(hard):
    plain, plain_losses = learned(program(hard), 6)
    fast, fast_losses = learned(program(hard, plain=False), 6)
    assert fast_losses == pytest.approx(plain_losses, rel=1e-10)
    for key, weight in plain.arena.weights().items():
        np.testing.assert_allclose(fast.arena.view(key), weight, rtol=0, atol=1e-10)
    for a, b in zip(states(plain), states(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def test_states_are_carried_from_batch_to_batch():
    run, _ = learned(program((LOOPED, {"x": Spec((5, 2)), "y": Spec((5, 2))})), 2)
    np.testing.assert_array_equal(states(run)[0], run.output("loop")[-1])
    run, _ = learned(program((CENTRED, {"x": Spec((3,)), "y": Spec((2,))})), 2)
    means = [batch[run.program.feeds[0].slot].mean(0) for batch in batches(run.program, 2)]
    np.testing.assert_allclose(run.arena.view("centre/running_mean"), (0.25 + means[0]) / 4 + means[1] / 2)


def test_prediction_uses_the_running_numbers_of_training():
    hard = CENTRED, {"x": Spec((3,)), "y": Spec((2,))}
    trained, _ = learned(program(hard, plain=False), 3)
    predict = Run(program(hard, training=False), trained.arena, 1)
    (batch,) = batches(predict.program, 1, n=1)
    before = trained.arena.weights()
    predict.load(batch)
    predict.finish()
    x = batch[predict.program.feeds[0].slot][0]
    np.testing.assert_allclose(predict.output("centre")[:, 0], x - before["centre/running_mean"])
    after = trained.arena.weights()
    assert all(np.array_equal(before[key], after[key]) for key in before), "judging changes nothing"


def test_states_are_saved_and_taken_up_again_with_the_weights():
    of = program((CENTRED, {"x": Spec((3,)), "y": Spec((2,))}))
    run, _ = learned(of, 3)
    kept = run.arena.weights()
    other = Arena(of, "float64")
    other.load(kept)
    assert "centre/running_mean" in kept
    np.testing.assert_array_equal(other.view("centre/running_mean"), kept["centre/running_mean"])


def test_a_weight_used_at_every_moment_gathers_its_gradients_in_a_step_of_its_own():
    of = program((LOOPED, {"x": Spec((5, 2)), "y": Spec((5, 2))}))
    weight = next(p.slot for p in of.parameters if p.node == "loop")
    (gathering,) = (
        s
        for s in of.steps
        if isinstance(s, Step) and isinstance(s.op, AddGradients) and s.output == of.gradients[weight]
    )
    assert len(gathering.inputs) == 5
    scopes = [step.scope for step in of.steps if step.node == "loop" and step.phase is Phase.FORWARD]
    assert [*dict.fromkeys(scopes)] == ["t = 1", "t = 2", "t = 3", "t = 4", "t = 5", ""]
    backward = [step.scope for step in of.steps if step.node == "loop" and step.phase is Phase.BACKWARD]
    assert [scope for scope in dict.fromkeys(backward) if scope] == ["t = 5", "t = 4", "t = 3", "t = 2", "t = 1"]


def test_stepping_on_and_back_leaves_every_bit_in_place_states_too(hard):
    of = program(hard)
    arena = Arena(of, "float64")
    arena.load(random_weights(of, np.random.default_rng(3)))
    arena.use(Adam(learning_rate=0.05))
    (batch,) = batches(of, 1)
    stepper = Stepper(of, arena, batch)
    seen = [everything(stepper)]
    while stepper.step():
        seen.append(everything(stepper))
    for position in [*reversed(range(len(seen))), len(seen) - 1, 3, len(seen) - 2, 0, len(seen) - 1]:
        stepper.to(position)
        known = everything(stepper)
        assert known == {slot: seen[position][slot] for slot in known}, position
        assert known.keys() == seen[position].keys()


def everything(stepper: Stepper) -> dict[object, bytes]:
    """The bytes of all arrays that are known by now, and of the optimiser's memory."""
    known = {
        slot.index: stepper.array(slot.index).tobytes() for slot in stepper.program.slots if stepper.known(slot.index)
    }
    memory = stepper.arena.memory()
    return known | {"t": memory.t} | {name: array.tobytes() for name, array in memory.vectors.items()}
