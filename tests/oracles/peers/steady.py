"""Twins of layers that keep training steady: noise is what our side drew, running numbers are Keras's."""

from tests.oracles.peers.place import Place, Tensor, Twin


def dropout(at: Place, layer, x: Tensor) -> Tensor:
    noise = at.drawn()
    return x if noise is None else x * noise


def spatial_dropout(at: Place, layer, x: Tensor) -> Tensor:
    noise = at.drawn()
    return x if noise is None else x * noise.reshape(len(x), *(1,) * (x.ndim - 2), -1)


def gaussian_noise(at: Place, layer, x: Tensor) -> Tensor:
    noise = at.drawn()
    return x if noise is None else x + noise


def batch_norm(at: Place, layer, x: Tensor) -> Tensor:
    """As in training. PyTorch would keep the unbiased variance, so the running numbers are worked out by hand."""
    gamma, beta = at.weights.get("gamma"), at.weights.get("beta")
    values = x.detach().flatten(0, -2)
    new = {"running_mean": values.mean(0), "running_var": values.var(0, unbiased=False)}
    for name, number in new.items():
        at.states[name] = layer.momentum * at.states[name] + (1 - layer.momentum) * number
    features_second = x.movedim(-1, 1)
    y = at.f.batch_norm(features_second, None, None, gamma, beta, training=True, eps=layer.epsilon)
    return y.movedim(1, -1)


def layer_norm(at: Place, layer, x: Tensor) -> Tensor:
    return at.f.layer_norm(x, x.shape[-1:], at.weights.get("gamma"), at.weights.get("beta"), layer.epsilon)


TWINS: dict[str, Twin] = {
    "BatchNorm": batch_norm,
    "Dropout": dropout,
    "GaussianNoise": gaussian_noise,
    "LayerNorm": layer_norm,
    "SpatialDropout": spatial_dropout,
}
