"""Twins over sequences of different length: what the rules about steps behind the end mean in PyTorch.

Layers that work step by step and recurrent ones have no rule of their own here: the first need none, the others cut
their sequences.
"""

from tests.oracles.peers.place import Place, Tensor, Twin


def with_lengths(twin: Twin, at: Place, layer, *xs: Tensor) -> Tensor:
    """The layer's result where the steps of its inputs end as the columns `length0`, `length1`, … say."""
    rule = RULES.get(layer.kind())
    return twin(at, layer, *xs) if rule is None else rule(twin, at, layer, *xs)


def counts(at: Place, x: Tensor, i: int = 0) -> Tensor:
    """1 at the steps that count, else 0: (N, T, 1)."""
    steps = at.torch.arange(x.shape[1])
    return (steps[None] < at.columns[f"length{i}"][:, None])[..., None].to(x.dtype)


def blanked(twin: Twin, at: Place, layer, x: Tensor) -> Tensor:
    return twin(at, layer, x * counts(at, x))


def second_blanked(twin: Twin, at: Place, layer, a: Tensor, b: Tensor) -> Tensor:
    """The steps of the result are those of the first; those of the second become values."""
    return twin(at, layer, a, b * counts(at, b, 1))


def mean(twin: Twin, at: Place, layer, x: Tensor) -> Tensor:
    """The mean of what counts is the mean of all, 0 where it does not, by the share that counts."""
    share = counts(at, x).expand(x.shape)
    among = twin(at, layer, share)
    return twin(at, layer, x * share) / among.where(among > 0, at.torch.ones_like(among))


def largest(twin: Twin, at: Place, layer, x: Tensor) -> Tensor:
    found = twin(at, layer, x.where(counts(at, x) > 0, at.torch.full_like(x, -float("inf"))))
    return found.where(found.isfinite(), at.torch.zeros_like(found))


def windows_blanked(twin: Twin, at: Place, layer, *xs: Tensor) -> Tensor:
    """A window may reach behind the end."""
    if layer.apply != "windows" or layer.window == 1:
        return twin(at, layer, *xs)
    whole = [layer.inside.nodes[id].layer.whole for id in layer.inputs]
    parts = zip(xs, whole, strict=True)
    return twin(at, layer, *(x if kept else x * counts(at, x, i) for i, (x, kept) in enumerate(parts)))


def over_steps(twin: Twin, at: Place, layer, x: Tensor) -> Tensor:
    """The loss of every sequence by itself."""
    whole, scores = at.scores.get(id(x), (x, x))
    lengths, columns = at.columns["length0"].int().tolist(), at.columns
    each = []
    for n, length in enumerate(lengths):
        part = whole[n : n + 1, :length]
        at.scores[id(part)] = (part, scores[n : n + 1, :length])
        at.columns = {name: column[n : n + 1] for name, column in columns.items()}
        at.columns[layer.column] = columns[layer.column][n : n + 1, :length]
        each.append(twin(at, layer, part))
    at.columns = columns
    return at.torch.cat(each)


def batch_norm(twin: Twin, at: Place, layer, x: Tensor) -> Tensor:
    """Mean and variance of the steps that count, of all sequences in one row."""
    values = x[counts(at, x)[..., 0] > 0]
    mean, variance = values.mean(0), values.var(0, unbiased=False)
    for name, new in (("running_mean", mean), ("running_var", variance)):
        at.states[name] = layer.momentum * at.states[name] + (1 - layer.momentum) * new.detach()
    y = (x - mean) / at.torch.sqrt(variance + layer.epsilon)
    return y * at.weights["gamma"] + at.weights["beta"] if layer.affine else y


RULES = {
    "AveragePool1D": mean,
    "BatchNorm": batch_norm,
    "Block": windows_blanked,
    "Conv1D": blanked,
    "Dot": second_blanked,
    "Flatten": blanked,
    "GlobalAveragePool": mean,
    "GlobalMaxPool": largest,
    "Loss": over_steps,
    "MaxPool1D": largest,
    "Permute": blanked,
    "Reshape": blanked,
}
