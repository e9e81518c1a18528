"""Every activation against PyTorch: alone, and behind a weighted sum."""

import numpy as np
import pytest

from annstudio.layers.activation import ACTIVATIONS, Activation
from annstudio.layers.dense import Dense
from tests.oracles.bench import compare

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def twin_of(torch, name, slope=0.01):
    f = torch.nn.functional
    return {
        "linear": lambda x: x,
        "step": lambda x: (x >= 0).to(x.dtype) + 0 * x,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda x: f.leaky_relu(x, slope),
        "softplus": f.softplus,
        "elu": f.elu,
        "selu": f.selu,
        "softsign": f.softsign,
        "silu": f.silu,
        "gelu": f.gelu,
        "softmax": lambda x: f.softmax(x, -1),
    }[name]


@dtypes
@pytest.mark.parametrize("name", ["linear", *ACTIVATIONS])
@pytest.mark.parametrize("shape", [(6,), (4, 6), (3, 4, 5)])
def test_activation(torch, name, shape, dtype):
    compare(torch, Activation(function=name), (shape,), twin_of(torch, name), dtype)


@dtypes
@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0])
def test_leaky_relu_of_any_slope(torch, slope, dtype):
    layer = Activation(function="leaky_relu", slope=slope)
    compare(torch, layer, ((7,),), twin_of(torch, "leaky_relu", slope), dtype)


@dtypes
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["linear", *ACTIVATIONS])
@pytest.mark.parametrize("shape", [(6,), (4, 6)])
def test_dense(torch, name, bias, shape, dtype):
    act = twin_of(torch, name)
    layer = Dense(units=5, activation=name, bias=bias)
    compare(torch, layer, (shape,), lambda x, W, b=None: act(torch.nn.functional.linear(x, W, b)), dtype)


@pytest.mark.parametrize("name", [*ACTIVATIONS])
def test_far_out_everything_stays_finite(torch, name):
    x = np.array([-1e4, -800.0, -50.0, 50.0, 800.0, 1e4])[None, :]
    y, dx, dy = np.empty_like(x.T), np.empty_like(x.T), np.ones_like(x.T)
    op = ACTIVATIONS[name]
    op.forward(y, x.T.copy())
    known = {"dx": dx, "dy": dy, "x": x.T, "y": y}
    import inspect

    op.backward(*(known[parameter] for parameter in inspect.signature(op.backward).parameters))
    t = torch.tensor(x, requires_grad=True)
    out = twin_of(torch, name)(t)
    out.sum().backward()
    np.testing.assert_allclose(y.T, out.detach().numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(dx.T, t.grad.numpy(), rtol=1e-12, atol=1e-14)
