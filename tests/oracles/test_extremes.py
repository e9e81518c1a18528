"""Far out and at nothing: what stays finite here is what stays finite there."""

import numpy as np
import pytest

from annstudio.engine.op import signature
from annstudio.layers.activation import ACTIVATIONS
from annstudio.layers.losses import Loss
from tests.layers.cases import Case
from tests.oracles.bench import Numbers, ours, theirs
from tests.oracles.peers.place import Place

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_far_out(torch, name):
    x = np.array([-1e4, -800.0, -50.0, 50.0, 800.0, 1e4])[None, :]
    y, dx, dy = np.empty_like(x.T), np.empty_like(x.T), np.ones_like(x.T)
    op = ACTIVATIONS[name]
    op.forward(y, x.T.copy())
    known = {"dx": dx, "dy": dy, "x": x.T, "y": y}
    op.backward(*(known[parameter] for parameter in signature(op).backward))
    t = torch.tensor(x, requires_grad=True)
    out = Place(torch, {}).activated(name, t, 0.01)
    out.sum().backward()
    np.testing.assert_allclose(y.T, out.detach().numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(dx.T, t.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", ["cross_entropy", "binary_cross_entropy"])
def test_any_scores_give_a_finite_loss(torch, function, dtype, plain):
    case = Case(Loss(function=function), ((4,),))
    scores, nothing = np.array([[1e4, -1e4, 0.0, 5e3]] * 3), {"before_0/p": np.zeros(4)}
    numbers = Numbers({"x0": scores, "y": np.eye(4)[[0, 1, 3]]}, nothing, frozenset({"before_0/p"}))
    found, wanted = ours(case, numbers, dtype, plain=plain), theirs(torch, case, numbers, {}, dtype)
    assert found.loss == pytest.approx(wanted.loss, rel=1e-6)
    for key, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, wanted.gradients[key], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("plain", [True, False])
def test_a_single_output_stands_for_two_classes(torch, plain):
    layer = Loss(function="binary_cross_entropy", class_weights=(0.5, 3.0), example_weights="w", label_smoothing=0.1)
    case = Case(layer, ((1,),))
    columns = {"x0": np.array([[0.3], [-2.0], [1.1]]), "y": np.array([[0.0], [1.0], [1.0]]), "w": np.array([2, 0, 0.5])}
    numbers = Numbers(columns, {"before_0/p": np.array([0.2])}, frozenset({"before_0/p"}))
    found, wanted = ours(case, numbers, "float64", plain=plain), theirs(torch, case, numbers, {}, "float64")
    assert found.loss == pytest.approx(wanted.loss, rel=1e-12)
    np.testing.assert_allclose(found.gradients["before_0/p"], wanted.gradients["before_0/p"], rtol=1e-12)
