"""Sequences of different length as others have them: packed in PyTorch, masked in Keras.

Every layer's rule about steps behind the end is compared in `test_every_layer.py`, by the rules in `peers/padded.py`.
"""

import numpy as np
import pytest

from annstudio.engine.builder import Builder, Value
from annstudio.engine.lengths import Shortest, counting
from annstudio.layers.base import Layer
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.padded import IdsCounted, blanked
from annstudio.layers.pool import GlobalAveragePool
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from tests.layers.cases import Case
from tests.oracles.bench import CLOSENESS, N, numbers_for, ours

pytestmark = pytest.mark.oracle
STEPS, D, UNITS = 6, 3, 4


class Ended(Layer):
    """A layer whose result is 0 behind the ends, as PyTorch unpacks it."""

    layer: Layer

    def lower(self, net: Builder, *xs: Value) -> Value:
        return blanked(net, self.layer.lower(net, *xs))


def started(layer):
    """A case with its numbers, and what counts in it (N, T, 1)."""
    case = Case(Ended(layer=layer), ((STEPS, D),), cut=True)
    numbers = numbers_for(case)
    return case, numbers, (np.arange(STEPS) < numbers.lengths[:, None])[..., None]


def given(torch, numbers, dtype="float64"):
    """The layer's input and its weights as tensors."""
    kind = getattr(torch, dtype)
    x = torch.tensor(numbers.columns["x0"] + numbers.weights["before_0/p"], dtype=kind).requires_grad_()
    own = {key.partition("/")[2]: w for key, w in numbers.weights.items() if key.startswith("layer/")}
    return x, {name: torch.tensor(w, dtype=kind).requires_grad_() for name, w in own.items()}


def near(found, wanted, closeness):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=closeness * np.abs(wanted).max())


# Recurrent layers ----------------------------------------------------------------------------------------------------


def packed(torch, layer, x, weights, lengths):
    """The same layer in PyTorch over a packed batch: a backward direction begins at the true ends."""
    both = layer.direction == "both"
    module = {SimpleRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}[type(layer)]
    cell = module(D, layer.units, batch_first=True, bidirectional=both).to(x.dtype)
    state = {}
    for ours_, theirs in [("", ""), ("_back", "_reverse")][: 1 + both]:
        b = weights[f"b{ours_}"]
        state |= {
            f"weight_ih_l0{theirs}": weights[f"W{ours_}"], f"weight_hh_l0{theirs}": weights[f"U{ours_}"],
            f"bias_ih_l0{theirs}": b, f"bias_hh_l0{theirs}": weights.get(f"c{ours_}", torch.zeros_like(b)),
        }  # fmt: skip
    pack = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    out, last = torch.func.functional_call(cell, state, (pack,))
    if layer.return_sequences:
        return torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=STEPS)[0]
    return torch.cat(list(last[0] if isinstance(last, tuple) else last), -1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_recurrent_layers_as_packed(torch, kind, direction, return_sequences, plain, dtype):
    layer = kind(units=UNITS, direction=direction, return_sequences=return_sequences)
    case, numbers, _ = started(layer)
    found = ours(case, numbers, dtype, plain=plain)
    x, weights = given(torch, numbers, dtype)
    y = packed(torch, layer, x, weights, numbers.lengths)
    (y * torch.tensor(numbers.columns["r0"], dtype=y.dtype)).flatten(1).sum(1).mean().backward()
    near(found.y, y.detach().numpy(), CLOSENESS[dtype])
    near(found.gradients["before_0/p"], x.grad.numpy().sum(0), CLOSENESS[dtype])
    for name, weight in weights.items():
        near(found.gradients[f"layer/{name}"], weight.grad.numpy(), CLOSENESS[dtype])


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_both_ways_as_keras_with_a_mask(torch, keras, reset_after, direction, return_sequences):
    """Gates z, r, h there and r, z, n here. Keras on torch multiplies matrices in float32 only."""
    layer = GRU(units=UNITS, direction=direction, reset_after=reset_after, return_sequences=return_sequences)
    case, numbers, counts = started(layer)
    x, weights = given(torch, numbers)
    twin = keras.layers.GRU(UNITS, return_sequences=return_sequences, reset_after=reset_after, dtype="float64")
    if direction == "both":
        twin = keras.layers.Bidirectional(twin)
    twin.build(x.shape)
    own = {name: weight.detach().numpy() for name, weight in weights.items()}
    twin.set_weights([array for end in ("", "_back")[: 1 + (direction == "both")] for array in keras_gru(own, end)])
    y = twin(x, mask=torch.tensor(counts[..., 0])).detach().numpy()
    # Behind an end Keras repeats the last state, or gives 0.
    near(ours(case, numbers, "float64", plain=True).y, y * counts if return_sequences else y, 1e-5)


def keras_gru(weights, end):
    def swapped(rows):
        r, z, n = np.split(rows, 3)
        return np.concatenate([z, r, n])

    bias = swapped(weights[f"b{end}"])
    if f"c{end}" in weights:
        bias = np.stack([bias, swapped(weights[f"c{end}"])])
    return [swapped(weights[f"W{end}"]).T, swapped(weights[f"U{end}"]).T, bias]


# Means ---------------------------------------------------------------------------------------------------------------


def test_global_average_as_keras_with_a_mask(torch, keras):
    case, numbers, counts = started(GlobalAveragePool())
    x, _ = given(torch, numbers)
    y = keras.layers.GlobalAveragePooling1D(dtype="float64")(x, mask=torch.tensor(counts[..., 0]))
    near(ours(case, numbers, "float64", plain=True).y, y.detach().numpy(), 1e-10)


def test_batch_norm_as_keras_with_a_mask(torch, keras):
    """Keras adds 1e-7 to what it divides by."""
    case, numbers, counts = started(BatchNorm(affine=False))
    x, _ = given(torch, numbers)
    twin = keras.layers.BatchNormalization(center=False, scale=False, dtype="float64")
    y = twin(x, training=True, mask=torch.tensor(counts[..., 0])).detach().numpy()
    near(ours(case, numbers, "float64", plain=True).y, y * counts, 1e-5)


# Where lengths come from, and where they meet ------------------------------------------------------------------------


def test_ids_that_fill_up_are_those_that_keras_masks(torch, keras):
    ids = np.array([[3, 1, 2, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]])
    mask = keras.layers.Embedding(6, 2, mask_zero=True).compute_mask(torch.tensor(ids)).numpy()
    lengths = np.empty(len(ids), np.intp)
    IdsCounted().forward(lengths, ids.T.astype(float))
    np.testing.assert_array_equal(counting(lengths, 5).T, mask)


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


def test_others_divide_by_the_steps_of_the_whole_batch(torch, keras):
    """The same sum; there every step counts alike, here every sequence."""
    case = Case(Loss(function="cross_entropy"), ((STEPS, D),), cut=True)
    numbers = numbers_for(case)
    counts = np.arange(STEPS) < numbers.lengths[:, None]
    t = np.eye(D)[np.random.default_rng(3).integers(0, D, (N, STEPS))]
    numbers.columns["y"][...] = t
    per_step = ours(case, numbers, "float64", plain=True).loss * N / numbers.lengths.sum()
    x, _ = given(torch, numbers)
    classes = torch.tensor(np.where(counts, t.argmax(-1), -100))
    theirs = torch.nn.functional.cross_entropy(x.swapaxes(1, 2), classes, ignore_index=-100)
    assert per_step == pytest.approx(theirs.item(), rel=1e-12)
    prediction = torch.softmax(x, -1)
    prediction._keras_mask = torch.tensor(counts)
    masked = keras.losses.CategoricalCrossentropy(dtype="float64")(torch.tensor(t), prediction)
    assert per_step == pytest.approx(masked.item(), rel=1e-6)
