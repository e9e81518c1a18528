"""Twins of the recurrent layers: PyTorch's own modules where it has them, else loops written out in tensors."""

from tests.oracles.peers.place import Place, Tensor, Twin


def both_ways(at: Place, layer, x: Tensor, states) -> Tensor:
    """`states(x, suffix)` gives the states of sequences that are read forwards; padded steps are cut off before."""
    ways = {"forward": [False], "backward": [True], "both": [False, True]}[layer.direction]
    results = []
    for backwards in ways:
        suffix = "_back" if backwards and layer.direction == "both" else ""
        found = _cut(at, x, lambda part, suffix=suffix: states(part, suffix), backwards)
        results.append(found if layer.return_sequences else found[:, 0 if backwards else -1])
    return at.torch.cat(results, -1)


def _cut(at: Place, x: Tensor, states, backwards: bool) -> Tensor:
    """The states of every example over its own steps; behind its end a sequence holds its last state."""
    if at.lengths is None:
        return states(x.flip(1)).flip(1) if backwards else states(x)
    found = []
    for row, length in zip(x, at.lengths.tolist(), strict=True):
        part = row[None, :length]
        h = states(part.flip(1)).flip(1) if backwards else states(part)
        # Read from the end, padding comes first: nothing has been said then.
        rest = at.torch.zeros_like(h[:, :1]) if backwards else h[:, -1:]
        found.append(at.torch.cat([h, rest.expand(-1, x.shape[1] - length, -1)], 1))
    return at.torch.cat(found)


def by_module(at: Place, layer, x: Tensor, module) -> Tensor:
    def states(part: Tensor, suffix: str) -> Tensor:
        b = at.weights[f"b{suffix}"]
        named = {
            "weight_ih_l0": at.weights[f"W{suffix}"],
            "weight_hh_l0": at.weights[f"U{suffix}"],
            "bias_ih_l0": b,
            "bias_hh_l0": at.weights.get(f"c{suffix}", at.torch.zeros_like(b)),
        }
        cell = module(x.shape[-1], layer.units, batch_first=True).to(x.dtype)
        return at.torch.func.functional_call(cell, named, (part,))[0]

    return both_ways(at, layer, x, states)


def by_hand(at: Place, layer, x: Tensor, moment) -> Tensor:
    """`moment(x, h, W, U, b)` is the state after one step."""

    def states(part: Tensor, suffix: str) -> Tensor:
        w, u, b = (at.weights[f"{name}{suffix}"] for name in "WUb")
        h, all_states = at.torch.zeros(len(part), layer.units, dtype=x.dtype), []
        for t in range(part.shape[1]):
            h = moment(part[:, t], h, w, u, b)
            all_states.append(h)
        return at.torch.stack(all_states, 1)

    return both_ways(at, layer, x, states)


def lstm(at: Place, layer, x: Tensor) -> Tensor:
    return by_module(at, layer, x, at.torch.nn.LSTM)


def gru(at: Place, layer, x: Tensor) -> Tensor:
    """The later GRU is PyTorch's; that of the first paper, whose reset gate acts on the state, it has not."""
    if layer.reset_after:
        return by_module(at, layer, x, at.torch.nn.GRU)
    torch = at.torch

    def moment(now: Tensor, h: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Tensor:
        (wr, wz, wn), (ur, uz, un), (br, bz, bn) = w.chunk(3), u.chunk(3), b.chunk(3)
        r = torch.sigmoid(now @ wr.T + h @ ur.T + br)
        z = torch.sigmoid(now @ wz.T + h @ uz.T + bz)
        n = torch.tanh(now @ wn.T + (r * h) @ un.T + bn)
        return (1 - z) * n + z * h

    return by_hand(at, layer, x, moment)


def simple(at: Place, layer, x: Tensor) -> Tensor:
    torch, name = at.torch, layer.activation
    if name in ("tanh", "relu"):
        return by_module(at, layer, x, lambda d, u, **kw: torch.nn.RNN(d, u, nonlinearity=name, **kw))
    return by_hand(at, layer, x, lambda now, h, w, u, b: at.activated(name, now @ w.T + h @ u.T + b, 0.0))


TWINS: dict[str, Twin] = {"GRU": gru, "LSTM": lstm, "SimpleRNN": simple}
