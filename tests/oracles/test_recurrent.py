"""Recurrent layers against PyTorch (and the GRU of the first paper, which PyTorch has not, against Keras)."""

import numpy as np
import pytest

from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from tests.oracles.bench import N, assert_near, compare, ours, program_of, weights_of

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_step = pytest.mark.parametrize("return_sequences", [True, False])
directions = pytest.mark.parametrize("direction", ["forward", "backward", "both"])
cut = pytest.mark.parametrize("lengths", [None, np.array([5, 1, 3])], ids=["whole", "cut"])

STEPS, D, UNITS = 5, 3, 4


def twin_of(torch, module, layer, lengths):
    """The functional form of a torch module: weights by our names, padded steps cut off by packing."""
    back = layer.direction != "forward"
    both = layer.direction == "both"

    def one(x, w, suffix, backwards):
        u, d = layer.units, x.shape[-1]
        cell = module(d, u, batch_first=True).to(x.dtype)
        second = w.get(f"c{suffix}", torch.zeros(w[f"b{suffix}"].shape, dtype=x.dtype))
        named = {
            "weight_ih_l0": w[f"W{suffix}"], "weight_hh_l0": w[f"U{suffix}"], "bias_ih_l0": w[f"b{suffix}"],
            "bias_hh_l0": second,
        }  # fmt: skip
        states = []
        for n in range(len(x)):
            count = STEPS if lengths is None else int(lengths[n])
            seen = x[n : n + 1, :count]
            seen = seen.flip(1) if backwards else seen
            out = torch.func.functional_call(cell, named, (seen,))[0]
            out = out.flip(1) if backwards else out
            rest = torch.zeros_like(out[:, :1]) if backwards else out[:, -1:]
            states.append(torch.cat([out, rest.expand(-1, STEPS - count, -1)], 1))
        states = torch.cat(states)
        if layer.return_sequences:
            return states
        return states[:, 0] if backwards else states[:, -1]

    def twin(x, **w):
        if both:
            return torch.cat([one(x, w, "", False), one(x, w, "_back", True)], -1)
        return one(x, w, "", back)

    return twin


@dtypes
@every_step
@directions
@cut
def test_lstm(torch, return_sequences, direction, lengths, dtype):
    layer = LSTM(units=UNITS, return_sequences=return_sequences, direction=direction)
    compare(torch, layer, ((STEPS, D),), twin_of(torch, torch.nn.LSTM, layer, lengths), dtype, lengths=lengths)


@dtypes
@every_step
@directions
@cut
def test_gru(torch, return_sequences, direction, lengths, dtype):
    layer = GRU(units=UNITS, return_sequences=return_sequences, direction=direction)
    compare(torch, layer, ((STEPS, D),), twin_of(torch, torch.nn.GRU, layer, lengths), dtype, lengths=lengths)


@dtypes
@every_step
@directions
@cut
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_simple(torch, return_sequences, direction, lengths, activation, dtype):
    layer = SimpleRNN(units=UNITS, return_sequences=return_sequences, direction=direction, activation=activation)

    def module(d, u, batch_first):
        return torch.nn.RNN(d, u, nonlinearity=activation, batch_first=batch_first)

    compare(torch, layer, ((STEPS, D),), twin_of(torch, module, layer, lengths), dtype, lengths=lengths)


@dtypes
@every_step
def test_gru_of_the_first_paper(torch, return_sequences, dtype):
    """Written out in torch, which has no such module: its derivatives are what is compared."""
    layer = GRU(units=UNITS, return_sequences=return_sequences, reset_after=False)

    def twin(x, W, U, b):
        (wr, wz, wn), (ur, uz, un), (br, bz, bn) = W.chunk(3), U.chunk(3), b.chunk(3)
        h, states = torch.zeros(len(x), UNITS, dtype=x.dtype), []
        for t in range(STEPS):
            r = torch.sigmoid(x[:, t] @ wr.T + h @ ur.T + br)
            z = torch.sigmoid(x[:, t] @ wz.T + h @ uz.T + bz)
            n = torch.tanh(x[:, t] @ wn.T + (r * h) @ un.T + bn)
            h = (1 - z) * n + z * h
            states.append(h)
        return torch.stack(states, 1) if return_sequences else h

    compare(torch, layer, ((STEPS, D),), twin, dtype)


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("lengths", [None, np.array([5, 1, 3])], ids=["whole", "cut"])
def test_gru_as_keras_has_it(torch, keras, reset_after, lengths):
    """Gates z, r, h there and r, z, n here: rows change places. Keras on torch multiplies matrices in float32 only."""
    layer = GRU(units=UNITS, return_sequences=True, reset_after=reset_after)
    xs = [np.random.default_rng(1).normal(size=(N, STEPS, D))]
    weights = weights_of(program_of(layer, ((STEPS, D),), lengths=lengths is not None))
    found, r = ours(layer, xs, weights, None, "float64", lengths=lengths)
    twin = keras.layers.GRU(UNITS, return_sequences=True, reset_after=reset_after, dtype="float64")
    twin.build((N, STEPS, D))
    bias = swapped(weights["b"])
    biases = np.stack([bias, swapped(weights["c"])]) if reset_after else bias
    twin.set_weights([swapped(weights["W"]).T, swapped(weights["U"]).T, biases])
    x = torch.tensor(xs[0], requires_grad=True)
    counted = np.full(N, STEPS) if lengths is None else lengths
    mask = torch.tensor(np.arange(STEPS)[None, :] < counted[:, None])
    y = twin(x, mask=mask)
    (y * torch.tensor(r.copy())).sum().backward()
    assert_near(found.y, y.detach().numpy(), "float32", "y")
    assert_near(found.dxs[0], x.grad.numpy(), "float32", "dx")
    gradients = [v.value.grad.numpy() for v in twin.trainable_variables]
    assert_near(found.dweights["W"], swapped(gradients[0].T), "float32", "dW")
    assert_near(found.dweights["U"], swapped(gradients[1].T), "float32", "dU")
    assert_near(found.dweights["b"], swapped(gradients[2][0] if reset_after else gradients[2]), "float32", "db")


def swapped(rows):
    r, z, n = np.split(rows, 3)
    return np.concatenate([z, r, n])
