"""The loss's twin: what every example's outputs cost, before the mean over the examples is taken."""

from tests.oracles.peers.place import Place, Tensor, Twin


def loss(at: Place, layer, x: Tensor) -> Tensor:
    """One number for each example, counted as the settings say."""
    target = at.columns[layer.column]
    each = layer.weight * _each(at, layer, x, _smoothed(layer, target)).flatten(1).sum(1)
    if layer.class_weights:
        low, *_ = counts = at.torch.tensor(layer.class_weights, dtype=x.dtype)
        each = each * (low + (counts[1] - low) * target[:, 0] if target.shape[1] == 1 else target @ counts)
    if layer.example_weights:
        each = each * at.columns[layer.example_weights]
    return each


def _smoothed(layer, t: Tensor) -> Tensor:
    classes = {"cross_entropy": t.shape[-1], "binary_cross_entropy": 2}.get(layer.function)
    share = layer.label_smoothing
    return t if classes is None else (1 - share) * t + share / classes


def _each(at: Place, layer, x: Tensor, t: Tensor) -> Tensor:
    """What every output costs; the cross-entropies and the perceptron's criterion are reckoned from the scores."""
    f, size, none = at.f, x[0].numel(), {"reduction": "none"}
    _, scores = at.scores.get(id(x), (x, x))
    match layer.function:
        case "half_squared_error":
            return 0.5 * (t - x) ** 2
        case "mean_squared_error":
            return f.mse_loss(x, t, **none) / size
        case "mean_absolute_error":
            return f.l1_loss(x, t, **none) / size
        case "huber":
            return f.huber_loss(x, t, delta=layer.delta, **none) / size
        case "cross_entropy":
            return f.cross_entropy(scores.movedim(-1, 1), t.movedim(-1, 1), **none).reshape(len(x), -1)
        case "binary_cross_entropy":
            return f.binary_cross_entropy_with_logits(scores, t, **none)
        case "hinge":
            return f.relu(1 - at.torch.where(t > 0, 1.0, -1.0).to(x.dtype) * x) / size
        case "perceptron":
            return ((scores >= 0).to(x.dtype) - t) * scores
    raise AssertionError(f"no twin of the loss {layer.function}")


TWINS: dict[str, Twin] = {"Loss": loss}
