"""Sequences of different length against PyTorch (packed, or each alone) and against Keras with masks."""

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.builder import Builder, Value
from annstudio.engine.lengths import Shortest, counting
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Phase
from annstudio.engine.run import Run
from annstudio.layers.activation import activate
from annstudio.layers.base import Layer
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.embedding import Embedding
from annstudio.layers.losses import ENDS, TITLES, Loss, total_loss
from annstudio.layers.normal import BatchNorm, LayerNorm
from annstudio.layers.padded import IdsCounted, blanked
from annstudio.layers.pool import AveragePool1D, GlobalAveragePool, GlobalMaxPool, MaxPool1D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from tests.layers.cases import Shifted, _view
from tests.oracles.bench import N, assert_near, compare, ours, program_of, weights_of

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
readings = pytest.mark.parametrize("plain", [True, False])
STEPS, D, UNITS = 6, 3, 4
LENGTHS = np.array([4, 6, 2])
COUNTS = np.arange(STEPS) < LENGTHS[:, None]


class Ended(Layer):
    """A layer whose result is 0 behind the ends, as PyTorch unpacks it."""

    layer: Layer

    def lower(self, net: Builder, *xs: Value) -> Value:
        return blanked(net, self.layer.lower(net, *xs))


# Recurrent layers: packed sequences ----------------------------------------------------------------------------------


def packed(torch, module, layer):
    """The same layer in PyTorch over a packed batch: a backward direction begins at the true ends."""

    def named(weights, suffix, end):
        second = weights.get(f"c{suffix}", torch.zeros_like(weights[f"b{suffix}"]))
        return {
            f"weight_ih_l0{end}": weights[f"W{suffix}"], f"weight_hh_l0{end}": weights[f"U{suffix}"],
            f"bias_ih_l0{end}": weights[f"b{suffix}"], f"bias_hh_l0{end}": second,
        }  # fmt: skip

    def twin(x, **weights):
        both = layer.direction == "both"
        cell = module(D, layer.units, batch_first=True, bidirectional=both).to(x.dtype)
        state = named(weights, "", "") | (named(weights, "_back", "_reverse") if both else {})
        pack = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
        out, last = torch.func.functional_call(cell, state, (pack,))
        if layer.return_sequences:
            return torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=STEPS)[0]
        last = last[0] if isinstance(last, tuple) else last
        return torch.cat(list(last), -1)

    return twin


@dtypes
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_recurrent_layers_as_packed(torch, kind, direction, return_sequences, dtype):
    layer = kind(units=UNITS, direction=direction, return_sequences=return_sequences)
    module = {SimpleRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}[kind]
    compare(torch, Ended(layer=layer), ((STEPS, D),), packed(torch, module, layer), dtype, lengths=LENGTHS)


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_both_ways_as_keras_with_a_mask(torch, keras, reset_after, direction, return_sequences):
    """Keras on torch multiplies matrices in float32 only; behind an end it repeats the last state, or gives 0."""
    layer = GRU(units=UNITS, direction=direction, reset_after=reset_after, return_sequences=return_sequences)
    x = np.random.default_rng(1).normal(size=(N, STEPS, D))
    ended = Ended(layer=layer)
    weights = weights_of(program_of(ended, ((STEPS, D),), lengths=True))
    found, _ = ours(ended, [x], weights, None, "float64", lengths=LENGTHS)
    twin = keras.layers.GRU(UNITS, return_sequences=return_sequences, reset_after=reset_after, dtype="float64")
    if direction == "both":
        twin = keras.layers.Bidirectional(twin)
    twin.build((N, STEPS, D))
    twin.set_weights([array for end in ["", "_back"][: 1 + (direction == "both")] for array in keras_gru(weights, end)])
    y = twin(torch.tensor(x), mask=torch.tensor(COUNTS)).detach().numpy()
    assert_near(found.y, y * COUNTS[..., None] if return_sequences else y, "float32", "y")


def keras_gru(weights, end):
    """Gates z, r, h there and r, z, n here: rows change places."""

    def swapped(rows):
        r, z, n = np.split(rows, 3)
        return np.concatenate([z, r, n])

    bias = swapped(weights[f"b{end}"])
    if f"c{end}" in weights:
        bias = np.stack([bias, swapped(weights[f"c{end}"])])
    return [swapped(weights[f"W{end}"]).T, swapped(weights[f"U{end}"]).T, bias]


# Layers that mix steps: each sequence alone --------------------------------------------------------------------------


def alone(torch, f, steps=None):
    """What `f` makes of every sequence by itself, filled up with zeros to `steps`."""

    def twin(x, **weights):
        results = [f(x[n, :length].T[None], **weights)[0] for n, length in enumerate(LENGTHS)]
        if steps is None:
            return torch.stack(results)
        return torch.stack([torch.nn.functional.pad(y, (0, steps - y.shape[-1])).T for y in results])

    return twin


@dtypes
@pytest.mark.parametrize(
    ("padding", "stride", "dilation"),
    [("same", 1, 1), ("same", 1, 2), ("valid", 1, 1), ("valid", 2, 1), ("causal", 1, 1), ("causal", 2, 2)],
)
def test_convolution(torch, padding, stride, dilation, dtype):
    kernel = 2 if padding == "valid" or stride > 1 else 3
    layer = Conv1D(
        filters=UNITS, kernel_size=kernel, strides=stride, dilation=dilation, padding=padding, activation="tanh"
    )
    reach = (kernel - 1) * dilation
    before, after = {"same": (reach // 2, reach - reach // 2), "valid": (0, 0), "causal": (reach, 0)}[padding]

    def f(x, W, b):
        framed = torch.nn.functional.pad(x, (before, after))
        return torch.tanh(torch.nn.functional.conv1d(framed, W, b, stride, dilation=dilation))

    steps = (STEPS + before + after - reach - 1) // stride + 1
    compare(torch, Ended(layer=layer), ((STEPS, D),), alone(torch, f, steps), dtype, lengths=LENGTHS)


@dtypes
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (2, 1), (1, 2)])
def test_pooling(torch, size, stride, dtype):
    f = torch.nn.functional
    steps = (STEPS - size) // stride + 1
    for kind, twin in ((MaxPool1D, f.max_pool1d), (AveragePool1D, f.avg_pool1d)):
        layer = Ended(layer=kind(pool_size=size, strides=stride))
        one = alone(torch, lambda x, twin=twin: twin(x, size, stride), steps)
        compare(torch, layer, ((STEPS, D),), one, dtype, lengths=LENGTHS)


@dtypes
def test_global_pooling(torch, dtype):
    for layer, f in ((GlobalMaxPool(), lambda x: x.amax(2)), (GlobalAveragePool(), lambda x: x.mean(2))):
        compare(torch, layer, ((STEPS, D),), alone(torch, f), dtype, lengths=LENGTHS)


def test_global_average_as_keras_with_a_mask(torch, keras):
    x = np.random.default_rng(1).normal(size=(N, STEPS, D))
    found, _ = ours(GlobalAveragePool(), [x], {}, None, "float64", lengths=LENGTHS)
    y = keras.layers.GlobalAveragePooling1D(dtype="float64")(torch.tensor(x), mask=torch.tensor(COUNTS))
    assert_near(found.y, y.numpy(), "float64", "y")


@dtypes
def test_batch_norm(torch, dtype):
    """The steps that count of all sequences, in one row."""

    def twin(x, gamma, beta):
        normal = torch.nn.functional.batch_norm(x[torch.tensor(COUNTS)], None, None, gamma, beta, True, eps=1e-3)
        return torch.zeros_like(x).masked_scatter(torch.tensor(COUNTS[..., None]), normal)

    compare(torch, Ended(layer=BatchNorm()), ((STEPS, D),), twin, dtype, lengths=LENGTHS)


def test_batch_norm_as_keras_with_a_mask(torch, keras):
    """Keras adds 1e-7 to what it divides by."""
    x = np.random.default_rng(1).normal(2, 3, size=(N, STEPS, D))
    layer = Ended(layer=BatchNorm(affine=False))
    found, _ = ours(layer, [x], {}, None, "float64", lengths=LENGTHS)
    twin = keras.layers.BatchNormalization(center=False, scale=False, dtype="float64")
    y = twin(torch.tensor(x), training=True, mask=torch.tensor(COUNTS)).numpy()
    assert_near(found.y, y * COUNTS[..., None], "float32", "y")


@dtypes
def test_layer_norm(torch, dtype):
    def f(x, gamma, beta):
        return torch.nn.functional.layer_norm(x.swapaxes(1, 2), (D,), gamma, beta, 1e-3).swapaxes(1, 2)

    compare(torch, Ended(layer=LayerNorm()), ((STEPS, D),), alone(torch, f, STEPS), dtype, lengths=LENGTHS)


# Where lengths come from, and where they meet ------------------------------------------------------------------------


def test_ids_that_fill_up_are_those_that_keras_masks(torch, keras):
    ids = np.array([[3, 1, 2, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]])
    mask = keras.layers.Embedding(6, 2, mask_zero=True).compute_mask(torch.tensor(ids)).numpy()
    lengths = np.empty(len(ids), np.intp)
    IdsCounted().forward(lengths, ids.T.astype(float))
    np.testing.assert_array_equal(counting(lengths, 5).T, mask)
    assert Embedding(mask_zero=True).mask_zero


def test_where_sequences_meet_the_shortest_ends_first_and_in_keras_the_longest(torch, keras):
    ends = [np.array([4, 6, 2]), np.array([5, 1, 2])]
    masks = [torch.tensor(np.arange(STEPS) < end[:, None]) for end in ends]
    shortest = np.empty(N, np.intp)
    Shortest().forward(shortest, *ends)
    np.testing.assert_array_equal(counting(shortest, STEPS).T, (masks[0] & masks[1]).numpy())
    x = torch.zeros((N, STEPS, D))
    for layer in (keras.layers.Add(), keras.layers.Average(), keras.layers.Maximum()):
        np.testing.assert_array_equal(layer.compute_mask([x, x], masks).numpy(), (masks[0] | masks[1]).numpy())


# Losses --------------------------------------------------------------------------------------------------------------


def measured(loss, x, t, dtype, plain):
    """The loss of scores x of different length, and its gradient by what is added to them."""
    net = Builder(plain=plain)
    with net.node("x"):
        value = net.apply(Shifted(), net.feed("x", x.shape[1:]), net.parameter(x.shape[1:], [_view("p")]), name="x")
        net.measure(value, net.feed("lengths", (), "lengths", "int"))
    with net.node("end"):
        end = activate(net, ENDS[loss.function][0], value) if loss.function in ENDS else value
    with net.node("loss", Phase.LOSS):
        loss.lower(net, end)
    program = quicken(net.finish(total_loss))
    arena = Arena(program, dtype)
    arena.use(SGD())
    run = Run(program, arena, len(x))
    columns = {"x": x, "y": t, "lengths": LENGTHS}
    run.load({feed.slot: columns[feed.column] for feed in program.feeds})
    while run.cursor < len(program.steps) and program.steps[run.cursor].phase is not Phase.UPDATE:
        run.step()
    return run.loss, arena.gradient(program.parameters[0])


def distances(torch):
    """Of one sequence: scores (T, D) and targets of the same shape."""
    f = torch.nn.functional
    return {
        "half_squared_error": lambda o, t: 0.5 * ((t - o) ** 2).sum(),
        "mean_squared_error": f.mse_loss,
        "mean_absolute_error": f.l1_loss,
        "huber": f.huber_loss,
        "cross_entropy": lambda o, t: f.cross_entropy(o, t, reduction="sum"),
        "binary_cross_entropy": lambda o, t: f.binary_cross_entropy_with_logits(o, t, reduction="sum"),
        "hinge": lambda o, t: (1 - (2 * t - 1) * o).clamp(min=0).mean(),
        "perceptron": lambda o, t: (((o >= 0).to(o.dtype) - t).detach() * o).sum(),
    }


def scores_and_classes():
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, STEPS, D)), np.eye(D)[rng.integers(0, D, (N, STEPS))]


@dtypes
@readings
@pytest.mark.parametrize("function", TITLES)
def test_a_padded_sequence_has_the_loss_that_it_has_alone(torch, function, plain, dtype):
    x, t = scores_and_classes()
    kind, f = getattr(torch, dtype), distances(torch)[function]
    tensor = torch.tensor(x, dtype=kind, requires_grad=True)
    each = [f(tensor[n, :end], torch.tensor(t[n, :end], dtype=kind)) for n, end in enumerate(LENGTHS)]
    wanted = torch.stack(each).mean()
    wanted.backward()
    value, gradient = measured(Loss(function=function), x, t, dtype, plain)
    assert_near(np.array(value), np.array(wanted.item()), dtype, "E")
    assert_near(gradient, tensor.grad.numpy().sum(0), dtype, "dE/dx")


def test_others_divide_by_the_steps_of_the_whole_batch(torch, keras):
    """The same sum; there every step counts alike, here every sequence."""
    x, t = scores_and_classes()
    value, _ = measured(Loss(function="cross_entropy"), x, t, "float64", True)
    classes = torch.tensor(np.where(COUNTS, t.argmax(-1), -100))
    theirs = torch.nn.functional.cross_entropy(torch.tensor(x).swapaxes(1, 2), classes, ignore_index=-100)
    assert value * N / LENGTHS.sum() == pytest.approx(theirs.item(), rel=1e-12)
    prediction = torch.softmax(torch.tensor(x), -1)
    prediction._keras_mask = torch.tensor(COUNTS)
    masked = keras.losses.CategoricalCrossentropy(dtype="float64")(torch.tensor(t), prediction)
    assert value * N / LENGTHS.sum() == pytest.approx(float(masked), rel=1e-6)
