"""Losses: the lecture's figures, finite for any scores, and right for targets of every kind."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.op import Array, Op
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.fast.losses import AveragedCrossEntropy
from annstudio.layers.losses import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from tests.builders import chain, project, table, worked_example


def loss_and_gradient(op: Op, x: Array, t: Array) -> tuple[Array, Array]:
    """Of each example (columns), the loss and the gradient of what the loss works from."""
    buffers = {
        name: np.full((*b.shape, x.shape[-1]) if b.batched else b.shape, b.fill)
        for name, b in op.buffers(x.shape[:-1], t.shape[:-1]).items()
    }
    y, dx = np.empty(x.shape[-1]), np.empty_like(x)
    op.forward(y, x, t, *buffers.values())
    kept = {"t": t, **buffers} if not isinstance(op, SquaredError) else buffers
    op.backward(dx, np.ones(x.shape[-1]), **{k: v for k, v in kept.items() if k in ("t", "o", "error")})
    return y, dx


def test_the_worked_example_has_the_lectures_errors():
    stepper = Network(worked_example()).stepper(0)
    stepper.to(len(stepper))
    of_loss = next(step for step in stepper.program.steps if isinstance(step.op, SquaredError))
    shares = stepper.run.named(of_loss)["error"][:, 0] ** 2 / 2
    assert shares == pytest.approx([0.274811083, 0.023560026], abs=5e-10)
    assert stepper.run.loss == pytest.approx(0.298371109, abs=5e-10)


@pytest.mark.parametrize("right", [0, 1])
def test_cross_entropy_is_finite_for_any_scores(right):
    x = np.array([[1e4], [-1e4]])
    t = np.eye(2)[:, [right]]
    loss, gradient = loss_and_gradient(CrossEntropy(), x, t)
    assert loss[0] == (0 if right == 0 else 2e4)
    np.testing.assert_array_equal(gradient[:, 0], [0, 0] if right == 0 else [1, -1])


@pytest.mark.parametrize("right", [0, 1])
@pytest.mark.parametrize("quick", [False, True])
def test_cross_entropy_is_finite_where_scores_lie_further_apart_than_the_largest_number(right, quick):
    x = np.array([[3e38], [-3e38]], np.float32)
    t = np.eye(2, dtype=np.float32)[:, [right]]
    loss, o, slope = np.zeros(() if quick else 1, np.float32), np.empty_like(x), np.empty_like(x)
    with np.errstate(over="ignore"):
        if quick:
            AveragedCrossEntropy(sure=True).forward(loss, x, t, slope, o)
        else:
            op = CrossEntropy(sure=True)
            op.forward(loss, x, t, o, np.empty_like(x[0]))
            op.backward(slope, np.ones(1, np.float32), t, o)
    assert loss == (0 if right == 0 else np.finfo(np.float32).max)
    np.testing.assert_array_equal(slope[:, 0], [0, 0] if right == 0 else [1, -1])


@pytest.mark.parametrize(("score", "target"), [(1e4, 1), (1e4, 0), (-1e4, 1), (-1e4, 0)])
def test_binary_cross_entropy_is_finite_for_any_score(score, target):
    loss, gradient = loss_and_gradient(BinaryCrossEntropy(), np.array([[score]]), np.array([[float(target)]]))
    right = (score > 0) == (target == 1)
    assert loss[0] == (0 if right else 1e4)
    assert gradient[0, 0] == (0 if right else np.sign(score))


def test_cross_entropy_is_what_its_formula_says_even_where_targets_do_not_add_up_to_one():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(4, 3)), rng.uniform(size=(4, 3))
    o = np.exp(x) / np.exp(x).sum(0)
    loss, gradient = loss_and_gradient(CrossEntropy(), x, t)
    np.testing.assert_allclose(loss, -(t * np.log(o)).sum(0), rtol=1e-14)
    np.testing.assert_allclose(gradient, o * t.sum(0) - t, rtol=1e-14)


def test_the_mean_squared_error_averages_and_the_lectures_halves():
    x, t = np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])
    assert loss_and_gradient(SquaredError(mean=False), x, t)[0] == [5.0]
    assert loss_and_gradient(SquaredError(mean=True), x, t)[0] == [5.0]
    assert loss_and_gradient(SquaredError(mean=True), x, t)[1].tolist() == [[1.0], [3.0]]


@pytest.mark.parametrize("function", ["cross_entropy", "binary_cross_entropy"])
def test_a_network_with_huge_scores_trains_and_is_explained_without_a_hitch(function):
    activation = "softmax" if function == "cross_entropy" else "sigmoid"
    graph = chain(input=Input(shape=(1,)), output=Dense(units=2, activation=activation), loss=Loss(function=function))
    weights = {"output/W": [[1e4], [-1e4]], "output/b": [0, 0]}
    stepper = Network(project(graph, table([[1.0]], [[0.0, 1.0]]), weights)).stepper(0)
    stepper.to(len(stepper))
    assert stepper.run.loss == 2e4
    assert all(np.isfinite(array).all() for array in stepper.run.arrays)
