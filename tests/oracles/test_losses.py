"""Losses against PyTorch: the mean over the examples, and the gradient of what comes before."""

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.builder import Builder
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Phase
from annstudio.engine.run import Run
from annstudio.layers.activation import activate
from annstudio.layers.losses import ENDS, Loss, total_loss
from tests.layers.cases import Shifted, _view
from tests.oracles.bench import assert_near

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
readings = pytest.mark.parametrize("plain", [True, False])
N, K = 6, 4


def measured(loss, x, t, dtype, plain, weights=None):
    """The loss of scores x and its gradient by them."""
    net = Builder(plain=plain)
    with net.node("x"):
        feed = net.feed("x", x.shape[1:])
        # Behind a parameter, so that the fast reading has a reason to go back.
        value = net.apply(Shifted(), feed, net.parameter(x.shape[1:], [_view("p")]), name="x")
    with net.node("end"):
        end = activate(net, ENDS[loss.function][0], value) if loss.function in ENDS else value
    with net.node("loss", Phase.LOSS):
        loss.lower(net, end)
    program = quicken(net.finish(total_loss))
    arena = Arena(program, dtype)
    arena.use(SGD())
    run = Run(program, arena, len(x))
    columns = {"x": x, "y": t, "w": weights}
    run.load({f.slot: columns[f.column] for f in program.feeds})
    while run.cursor < len(program.steps) and program.steps[run.cursor].phase is not Phase.UPDATE:
        run.step()
    if plain:
        gradient = np.moveaxis(run.arrays[program.gradients[feed.slot]], -1, 0)
    else:
        gradient = arena.gradient(program.parameters[0])
    return run.loss, gradient


def judged(torch, f, x, t, dtype):
    kind = getattr(torch, dtype)
    scores = torch.tensor(x, dtype=kind, requires_grad=True)
    value = f(scores, torch.tensor(t, dtype=kind))
    value.backward()
    return value.item(), scores.grad.numpy()


def check(torch, loss, f, x, t, dtype, plain, weights=None):
    value, gradient = measured(loss, x, t, dtype, plain, weights)
    wanted, slope = judged(torch, f, x, t, dtype)
    assert_near(np.array(value), np.array(wanted), dtype, "E")
    assert_near(gradient, slope if plain else slope.sum(0), dtype, "dE/dx")


def scores(seed=0, scale=3.0):
    return np.random.default_rng(seed).normal(0, scale, (N, K))


def classes():
    return np.eye(K)[[0, 1, 2, 3, 1, 2]]


def distribution():
    x = np.exp(scores(5, 1.0))
    return x / x.sum(1, keepdims=True)


@dtypes
@readings
def test_distances(torch, plain, dtype):
    f = torch.nn.functional
    x, t = scores(), scores(1)
    check(torch, Loss(), lambda o, t: 0.5 * ((t - o) ** 2).sum(1).mean(), x, t, dtype, plain)
    check(torch, Loss(function="mean_squared_error"), f.mse_loss, x, t, dtype, plain)
    check(torch, Loss(function="mean_absolute_error"), f.l1_loss, x, t, dtype, plain)
    for delta in (0.3, 1.0, 4.0):
        loss = Loss(function="huber", delta=delta)
        check(torch, loss, lambda o, t, delta=delta: f.huber_loss(o, t, delta=delta), x, t, dtype, plain)


@dtypes
@readings
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("target", [classes, distribution])
def test_cross_entropy(torch, smoothing, target, plain, dtype):
    loss = Loss(function="cross_entropy", label_smoothing=smoothing)

    def f(o, t):
        return torch.nn.functional.cross_entropy(o, t, label_smoothing=smoothing)

    check(torch, loss, f, scores(), target(), dtype, plain)


@dtypes
@readings
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary_cross_entropy(torch, smoothing, plain, dtype):
    loss = Loss(function="binary_cross_entropy", label_smoothing=smoothing)

    def f(o, t):
        smoothed = t * (1 - smoothing) + smoothing / 2
        return K * torch.nn.functional.binary_cross_entropy_with_logits(o, smoothed)

    check(torch, loss, f, scores(), classes(), dtype, plain)


@dtypes
@readings
def test_margins(torch, plain, dtype):
    x, t = scores(scale=1.0), classes()

    def hinge(o, t):
        return (1 - (2 * t - 1) * o).clamp(min=0).mean()

    def perceptron(o, t):
        return (((o >= 0).to(o.dtype) - t).detach() * o).sum(1).mean()

    check(torch, Loss(function="hinge"), hinge, x, t, dtype, plain)
    check(torch, Loss(function="hinge"), hinge, x, t, dtype, plain)
    check(torch, Loss(function="perceptron"), perceptron, x, t, dtype, plain)


def test_hinge_as_keras_has_it(torch, keras):
    x, t = scores(scale=1.0), classes()
    value, _ = measured(Loss(function="hinge"), x, t, "float64", True)
    assert value == pytest.approx(float(keras.losses.Hinge()(torch.tensor(t), torch.tensor(x))), rel=1e-6)


@dtypes
@readings
def test_what_examples_and_classes_count_for(torch, plain, dtype):
    x, t = scores(), classes()
    counts, shares = np.array([1.0, 0.0, 2.5, 1.0, 0.5, 3.0]), (0.5, 2.0, 1.0, 4.0)
    loss = Loss(function="cross_entropy", weight=0.7, class_weights=shares, example_weights="w")

    def f(o, t):
        each = torch.nn.functional.cross_entropy(o, t, reduction="none")
        by_class = t @ torch.tensor(shares, dtype=o.dtype)
        return 0.7 * (each * by_class * torch.tensor(counts, dtype=o.dtype)).mean()

    check(torch, loss, f, x, t, dtype, plain, counts)


@pytest.mark.parametrize("function", ["cross_entropy", "binary_cross_entropy"])
def test_any_scores_give_a_finite_loss(torch, function):
    x = np.array([[1e4, -1e4, 0.0, 5e3]])
    value, gradient = measured(Loss(function=function), x, classes()[1:2], "float32", True)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
