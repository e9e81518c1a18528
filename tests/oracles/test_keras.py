"""What PyTorch has not, or has in its own way, against Keras: borders, the first GRU, running numbers, the hinge."""

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.optimizers import SGD
from annstudio.engine.run import Run
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.transposed import Conv2DTranspose
from tests.layers.cases import Case, written
from tests.oracles.bench import N, Outcome, numbers_for, ours

pytestmark = pytest.mark.oracle


def near(found, wanted, closeness, name):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=closeness * np.abs(wanted).max(), err_msg=name)


def side_by_side(torch, case, twin, weights, **call) -> tuple[Outcome, dict]:
    """Our outcome, and Keras's values and gradients: of the result, the input and its weights in its own order."""
    numbers = numbers_for(case)
    found = ours(case, numbers, "float64", plain=True)
    own = {key.partition("/")[2]: w for key, w in numbers.weights.items() if key.startswith("layer/")}
    shift = numbers.weights["before_0/p"]
    x = torch.tensor(numbers.columns["x0"] + (np.moveaxis(shift, 0, -1) if shift.ndim == 3 else shift))
    x.requires_grad_()
    twin.build(x.shape)
    twin.set_weights(weights(own))
    if "mask" in call:
        call["mask"] = torch.tensor(np.arange(x.shape[1])[None, :] < numbers.lengths[:, None])
    y = twin(x, **call)
    (y * torch.tensor(numbers.columns["r0"])).flatten(1).sum(1).mean().backward()
    gradients = [v.value.grad.numpy() for v in twin.trainable_variables]
    return found, {"y": y.detach().numpy(), "x": x.grad.numpy(), "weights": gradients}


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 5)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
def test_stamps(torch, keras, padding, kernel, strides):
    layer = Conv2DTranspose(filters=5, kernel_size=kernel, strides=strides, padding=padding, activation="linear")
    twin = keras.layers.Conv2DTranspose(5, kernel, strides, padding)
    found, wanted = side_by_side(
        torch, Case(layer, ((4, 7, 6),)), twin, lambda w: [w["W"].transpose(2, 3, 1, 0), w["b"]]
    )
    near(found.y, wanted["y"], 1e-10, "y")
    near(found.gradients["x0"], wanted["x"], 1e-10, "dx")
    near(found.gradients["layer/W"], wanted["weights"][0].transpose(3, 2, 0, 1), 1e-10, "dW")
    near(found.gradients["layer/b"], wanted["weights"][1], 1e-10, "db")


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_both_grus(torch, keras, reset_after, cut):
    """Gates z, r, h there and r, z, n here: rows change places. Keras on torch multiplies matrices in float32 only."""
    layer = GRU(units=4, return_sequences=True, reset_after=reset_after)
    twin = keras.layers.GRU(4, return_sequences=True, reset_after=reset_after, dtype="float64")

    def weights(w):
        bias = np.stack([swapped(w["b"]), swapped(w["c"])]) if reset_after else swapped(w["b"])
        return [swapped(w["W"]).T, swapped(w["U"]).T, bias]

    call = {"mask": None} if cut else {}
    found, wanted = side_by_side(torch, Case(layer, ((5, 3),), cut), twin, weights, **call)
    near(found.y, wanted["y"], 1e-5, "y")
    near(found.gradients["x0"], wanted["x"], 1e-5, "dx")
    kernel, recurrent, bias = wanted["weights"]
    near(found.gradients["layer/W"], swapped(kernel.T), 1e-5, "dW")
    near(found.gradients["layer/U"], swapped(recurrent.T), 1e-5, "dU")
    near(found.gradients["layer/b"], swapped(bias[0] if reset_after else bias), 1e-5, "db")


def swapped(rows):
    r, z, n = np.split(rows, 3)
    return np.concatenate([z, r, n])


@pytest.mark.parametrize("shape", [(4,), (5, 3), (6, 4, 3)])
@pytest.mark.parametrize("plain", [True, False])
def test_running_means_and_variances(torch, keras, shape, plain):
    case = Case(BatchNorm(momentum=0.8), (shape,))
    program = written(case, plain=plain)
    arena = Arena(program, "float64")
    arena.load({"layer/gamma": np.ones(arena.view("layer/gamma").shape), "before_0/p": np.zeros(shape)})
    arena.use(SGD(learning_rate=1e-300))
    twin = keras.layers.BatchNormalization(momentum=0.8)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.normal(2, 3, (N, *shape))
        run = Run(program, arena, N)
        run.load({f.slot: x if f.column == "x0" else np.zeros((N, *shape)) for f in program.feeds})
        run.finish()
        twin(torch.tensor(np.moveaxis(x, 1, -1) if len(shape) == 3 else x), training=True)
    # Keras keeps these two in float32.
    means, variances = (v.value.detach().numpy() for v in (twin.moving_mean, twin.moving_variance))
    np.testing.assert_allclose(arena.view("layer/running_mean"), means, rtol=1e-6)
    np.testing.assert_allclose(arena.view("layer/running_var"), variances, rtol=1e-6)


def test_hinge(torch, keras):
    case = Case(Loss(function="hinge"), ((4,),))
    numbers = numbers_for(case)
    found = ours(case, numbers, "float64", plain=True)
    x, t = numbers.columns["x0"] + numbers.weights["before_0/p"], numbers.columns["y"]
    assert found.loss == pytest.approx(float(keras.losses.Hinge()(torch.tensor(t), torch.tensor(x))), rel=1e-6)
