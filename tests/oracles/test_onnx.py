"""Ops of ONNX, run by onnxruntime, beside the layers that will be written as them: gates, borders, strides, counts."""

import warnings

import numpy as np
import pytest

from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.normal import LayerNorm
from annstudio.layers.pool import AveragePool2D, MaxPool2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.transposed import Conv2DTranspose
from tests.layers.cases import Case
from tests.oracles.bench import numbers_for, ours

pytestmark = pytest.mark.oracle
IMAGE, SEQUENCE = (4, 7, 6), (5, 3)
UNITS = 4
BOTH_WAYS = pytest.mark.parametrize("direction", ["forward", "backward", "both"])


@pytest.fixture(scope="session")
def compute():
    """Runs one op: `compute("Conv", [x, w], group=2)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import onnx
        import onnxruntime

    def run(op, arrays, n_results=1, **attributes):
        known = {f"i{n}": np.asarray(a, "float32") for n, a in enumerate(arrays) if a is not None}
        names = [f"i{n}" if a is not None else "" for n, a in enumerate(arrays)]
        results = [f"o{n}" for n in range(n_results)]
        numbers = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node(op, names, results, **attributes)],
            op,
            [onnx.helper.make_tensor_value_info(name, numbers, a.shape) for name, a in known.items()],
            [onnx.helper.make_tensor_value_info(name, numbers, None) for name in results],
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(results, known)[0]

    return run


def here(layer, shape):
    """What the layer gives, its input with examples and channels first, and its weights."""
    case = Case(layer, (shape,))
    numbers = numbers_for(case)
    y = ours(case, numbers, "float32", plain=False).y
    own = {key.partition("/")[2]: w for key, w in numbers.weights.items() if key.startswith("layer/")}
    x = numbers.columns["x0"] + np.moveaxis(numbers.weights["before_0/p"], 0, -1 if len(shape) == 3 else 0)
    return y, np.moveaxis(x, -1, 1) if len(shape) == 3 else x, own


def near(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


# Gates ---------------------------------------------------------------------------------------------------------------


def recurrent(compute, op, layer, order, biases, **attributes):
    """ONNX stacks directions, puts gates in an order of its own and wants a bias of the input and one of the state."""
    y, x, w = here(layer, SEQUENCE)
    suffixes = ["", "_back"] if layer.direction == "both" else [""]

    def rows(array):
        return np.concatenate([np.split(array, len(order))[gate] for gate in order])

    stacked = [np.stack([rows(w[f"{name}{suffix}"]) for suffix in suffixes]) for name in "WU"]
    bias = np.stack([np.concatenate([rows(b) for b in biases(w, suffix)]) for suffix in suffixes])
    way = {"forward": "forward", "backward": "reverse", "both": "bidirectional"}[layer.direction]
    results = compute(
        op, [x.swapaxes(0, 1), *stacked, bias], hidden_size=UNITS, direction=way, **attributes
    )  # (T, directions, N, units)
    near(y, results.transpose(2, 0, 1, 3).reshape(len(x), SEQUENCE[0], -1))


def alone(w, suffix):
    return w[f"b{suffix}"], np.zeros_like(w[f"b{suffix}"])


@BOTH_WAYS
def test_lstm(compute, direction):
    layer = LSTM(units=UNITS, return_sequences=True, direction=direction)
    recurrent(compute, "LSTM", layer, (0, 3, 1, 2), alone)


@BOTH_WAYS
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru(compute, reset_after, direction):
    layer = GRU(units=UNITS, return_sequences=True, direction=direction, reset_after=reset_after)

    def biases(w, suffix):
        return (w[f"b{suffix}"], w[f"c{suffix}"]) if reset_after else alone(w, suffix)

    recurrent(compute, "GRU", layer, (1, 0, 2), biases, linear_before_reset=int(reset_after))


@BOTH_WAYS
@pytest.mark.parametrize(("name", "theirs"), [("tanh", "Tanh"), ("relu", "Relu"), ("sigmoid", "Sigmoid")])
def test_simple(compute, name, theirs, direction):
    layer = SimpleRNN(units=UNITS, return_sequences=True, direction=direction, activation=name)
    recurrent(compute, "RNN", layer, (0,), alone, activations=[theirs] * (2 if direction == "both" else 1))


# Windows -------------------------------------------------------------------------------------------------------------

PADDINGS = pytest.mark.parametrize(("padding", "auto"), [("same", "SAME_UPPER"), ("valid", "VALID")])
STRIDES = pytest.mark.parametrize("strides", [(1, 1), (2, 3)])


@PADDINGS
@STRIDES
@pytest.mark.parametrize(("dilation", "groups"), [((1, 1), 1), ((2, 1), 1), ((1, 1), 2)])
def test_convolution(compute, padding, auto, strides, dilation, groups):
    if padding == "same" and dilation != (1, 1):
        pytest.skip("onnxruntime lays no border for kernels with gaps")
    layer = Conv2D(
        filters=4, kernel_size=(3, 2), strides=strides, dilation=dilation, groups=groups, padding=padding,
        activation="linear",
    )  # fmt: skip
    y, x, w = here(layer, IMAGE)
    theirs = compute(
        "Conv", [x, w["W"], w["b"]], auto_pad=auto, strides=strides, dilations=dilation, group=groups,
        kernel_shape=(3, 2),
    )  # fmt: skip
    near(y, np.moveaxis(theirs, 1, -1))


@PADDINGS
def test_convolution_over_time(compute, padding, auto):
    y, x, w = here(Conv1D(filters=4, kernel_size=3, strides=2, padding=padding, activation="linear"), SEQUENCE)
    theirs = compute("Conv", [x.swapaxes(1, 2), w["W"], w["b"]], auto_pad=auto, strides=[2])
    near(y, theirs.swapaxes(1, 2))


@PADDINGS
@pytest.mark.parametrize(("kernel", "strides"), [((3, 3), (2, 2)), ((4, 2), (2, 1)), ((3, 5), (3, 2))])
def test_stamps(compute, padding, auto, kernel, strides):
    layer = Conv2DTranspose(filters=3, kernel_size=kernel, strides=strides, padding=padding, activation="linear")
    y, x, w = here(layer, IMAGE)
    theirs = compute("ConvTranspose", [x, w["W"], w["b"]], auto_pad=auto, strides=strides)
    near(y, np.moveaxis(theirs, 1, -1))


@PADDINGS
@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_pooling(compute, padding, auto, strides):
    settings = {"pool_size": (3, 2), "strides": strides, "padding": padding}
    theirs = {"kernel_shape": (3, 2), "strides": strides, "auto_pad": auto}
    y, x, _ = here(MaxPool2D(**settings), IMAGE)
    near(y, np.moveaxis(compute("MaxPool", [x], **theirs), 1, -1))
    y, x, _ = here(AveragePool2D(**settings), IMAGE)
    near(y, np.moveaxis(compute("AveragePool", [x], count_include_pad=0, **theirs), 1, -1))


def test_layer_norm(compute):
    y, x, w = here(LayerNorm(epsilon=0.01), SEQUENCE)
    near(y, compute("LayerNormalization", [x, w["gamma"], w["beta"]], axis=-1, epsilon=0.01))
