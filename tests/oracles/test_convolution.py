"""Convolutions and poolings against PyTorch (borders put on by hand, as Keras lays them) and against Keras itself."""

import numpy as np
import pytest

from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.grouped import DepthwiseConv2D
from annstudio.layers.pool import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1D,
    MaxPool2D,
)
from annstudio.layers.resizing import UpSampling2D, ZeroPadding2D
from annstudio.layers.transposed import Conv2DTranspose
from tests.oracles.bench import N, assert_near, compare, ours, program_of, weights_of

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
IMAGE = (7, 6, 4)
SEQUENCE = (9, 3)


def framed(torch, x, kernel, strides, dilation, padding, value=0.0):
    """The border of `same` (more of it behind) or `causal` padding around the last axes of x."""
    pads = []
    for n, k, s, d in zip(x.shape[2:], kernel, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        total = max((-(-n // s) - 1) * s + reach - n, 0) if padding == "same" else 0
        pads.insert(0, (total // 2, total - total // 2))
        if padding == "causal":
            pads[0] = (reach - 1, 0)
    return torch.nn.functional.pad(x, [p for pair in pads for p in pair], value=value)


def last(y):
    return y.movedim(1, -1)


def first(x):
    return x.movedim(-1, 1)


def pair(n):
    return n if isinstance(n, tuple) else (n,)


def twin_conv(torch, layer, convolve, groups=1):
    kernel, strides, dilation = pair(layer.kernel_size), pair(layer.strides), pair(layer.dilation)

    def twin(x, W, b=None):
        inside = framed(torch, first(x), kernel, strides, dilation, layer.padding)
        y = convolve(inside, W, b, stride=strides, dilation=dilation, groups=groups)
        return last({"relu": torch.relu, "tanh": torch.tanh, "linear": lambda a: a}[layer.activation](y))

    return twin


@dtypes
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 4)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv2d(torch, padding, kernel, strides, dilation, groups, dtype):
    layer = Conv2D(
        filters=8, kernel_size=kernel, strides=strides, dilation=dilation, groups=groups, padding=padding,
        activation="tanh", bias=strides == (1, 1),
    )  # fmt: skip
    compare(torch, layer, (IMAGE,), twin_conv(torch, layer, torch.nn.functional.conv2d, groups), dtype)


@dtypes
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise(torch, padding, strides, multiplier, dtype):
    layer = DepthwiseConv2D(depth_multiplier=multiplier, strides=strides, padding=padding, activation="linear")
    compare(torch, layer, (IMAGE,), twin_conv(torch, layer, torch.nn.functional.conv2d, IMAGE[-1]), dtype)


@dtypes
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("kernel", [1, 2, 4])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv1d(torch, padding, kernel, strides, dilation, dtype):
    layer = Conv1D(
        filters=5, kernel_size=kernel, strides=strides, dilation=dilation, padding=padding, activation="tanh"
    )
    compare(torch, layer, (SEQUENCE,), twin_conv(torch, layer, torch.nn.functional.conv1d), dtype)


@dtypes
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (5, 2)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)])
def test_transposed(torch, kernel, strides, dtype):
    """All of the stamps: PyTorch's way, where windows are no smaller than strides."""
    layer = Conv2DTranspose(filters=5, kernel_size=kernel, strides=strides, padding="valid", activation="linear")

    def twin(x, W, b):
        return last(torch.nn.functional.conv_transpose2d(first(x), W, b, stride=strides))

    compare(torch, layer, (IMAGE,), twin, dtype)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 5)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 3)])
def test_transposed_as_keras_has_it(torch, keras, padding, kernel, strides):
    layer = Conv2DTranspose(filters=5, kernel_size=kernel, strides=strides, padding=padding, activation="linear")
    xs = [np.random.default_rng(1).normal(size=(N, *IMAGE))]
    weights = weights_of(program_of(layer, (IMAGE,)))
    found, r = ours(layer, xs, weights, None, "float64")
    twin = keras.layers.Conv2DTranspose(5, kernel, strides, padding)
    twin.build((N, *IMAGE))
    twin.set_weights([weights["W"].transpose(2, 3, 1, 0), weights["b"]])
    x = torch.tensor(xs[0], requires_grad=True)
    y = twin(x)
    (y * torch.tensor(r.copy())).sum().backward()
    assert_near(found.y, y.detach().numpy(), "float64", "y")
    assert_near(found.dxs[0], x.grad.numpy(), "float64", "dx")
    kernel_gradient, bias_gradient = (v.value.grad.numpy() for v in twin.trainable_variables)
    assert_near(found.dweights["W"], kernel_gradient.transpose(3, 2, 0, 1), "float64", "dW")
    assert_near(found.dweights["b"], bias_gradient, "float64", "db")


def twin_pool(torch, layer, pool, *, largest):
    size = pair(layer.pool_size)
    strides = tuple(s or k for s, k in zip(pair(layer.strides), size, strict=True))
    ones = (1,) * len(size)

    def twin(x):
        if largest:
            return last(pool(framed(torch, first(x), size, strides, ones, layer.padding, -torch.inf), size, strides))
        inside = pool(framed(torch, first(x), size, strides, ones, layer.padding), size, strides)
        counts = pool(framed(torch, torch.ones_like(first(x)), size, strides, ones, layer.padding), size, strides)
        return last(inside / counts)

    return twin


@dtypes
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [(2, 2), (3, 2)])
@pytest.mark.parametrize("strides", [(0, 0), (1, 1), (2, 3), (3, 0)])
def test_pooling_of_images(torch, padding, size, strides, dtype):
    f = torch.nn.functional
    settings = {"pool_size": size, "strides": strides, "padding": padding}
    layer = MaxPool2D(**settings)
    compare(torch, layer, (IMAGE,), twin_pool(torch, layer, f.max_pool2d, largest=True), dtype)
    layer = AveragePool2D(**settings)
    compare(torch, layer, (IMAGE,), twin_pool(torch, layer, f.avg_pool2d, largest=False), dtype)


@dtypes
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("strides", [0, 1, 3])
def test_pooling_of_sequences(torch, padding, size, strides, dtype):
    f = torch.nn.functional
    settings = {"pool_size": size, "strides": strides, "padding": padding}
    layer = MaxPool1D(**settings)
    compare(torch, layer, (SEQUENCE,), twin_pool(torch, layer, f.max_pool1d, largest=True), dtype)
    layer = AveragePool1D(**settings)
    compare(torch, layer, (SEQUENCE,), twin_pool(torch, layer, f.avg_pool1d, largest=False), dtype)


@dtypes
@pytest.mark.parametrize("shape", [IMAGE, SEQUENCE])
def test_pooling_over_everything(torch, shape, dtype):
    axes = tuple(range(1, len(shape)))
    compare(torch, GlobalMaxPool(), (shape,), lambda x: x.amax(axes), dtype)
    compare(torch, GlobalAveragePool(), (shape,), lambda x: x.mean(axes), dtype)


@dtypes
def test_resizing(torch, dtype):
    f = torch.nn.functional
    compare(
        torch, UpSampling2D(size=(2, 3)), (IMAGE,), lambda x: last(f.interpolate(first(x), scale_factor=(2, 3))), dtype
    )
    layer = ZeroPadding2D(rows=(1, 2), columns=(0, 3))
    compare(torch, layer, (IMAGE,), lambda x: last(f.pad(first(x), (0, 3, 1, 2))), dtype)
