"""Twins of the core layers, of those that reshape, and of those that bring branches together."""

from tests.oracles.peers.place import Place, Tensor, Twin


def activation(at: Place, layer, x: Tensor) -> Tensor:
    return at.activated(layer.function, x, layer.slope)


def dense(at: Place, layer, x: Tensor) -> Tensor:
    net = at.f.linear(x, at.weights["W"], None if not layer.bias or layer.share_bias else at.weights["b"])
    if layer.bias and layer.share_bias:
        net = net + at.weights["b"]
    return at.activated(layer.activation, net, layer.slope)


def embedding(at: Place, layer, x: Tensor) -> Tensor:
    rows = x.clamp(0, layer.vocabulary - 1).long()
    # No gradient gets through to a row number.
    return at.f.embedding(rows, at.weights["W"]) + 0 * x[..., None]


def flatten(at: Place, layer, x: Tensor) -> Tensor:
    """Images are read channel by channel, as PyTorch lays them out."""
    return (x.movedim(-1, 1) if x.ndim == 4 else x).flatten(1)


def reshape(at: Place, layer, x: Tensor) -> Tensor:
    values, n = flatten(at, layer, x), len(x)
    if len(layer.target) != 3:
        return values.reshape(n, *layer.target)
    height, width, channels = layer.target
    return values.reshape(n, channels, height, width).movedim(1, -1)


def permute(at: Place, layer, x: Tensor) -> Tensor:
    return x.permute(0, *layer.order_of_axes)


def repeat_vector(at: Place, layer, x: Tensor) -> Tensor:
    return x[:, None].expand(-1, layer.times, -1)


def add(at: Place, layer, *xs: Tensor) -> Tensor:
    return sum(xs)


def subtract(at: Place, layer, a: Tensor, b: Tensor) -> Tensor:
    return a - b


def multiply(at: Place, layer, *xs: Tensor) -> Tensor:
    product = xs[0]
    for x in xs[1:]:
        product = product * x
    return product


def average(at: Place, layer, *xs: Tensor) -> Tensor:
    return at.torch.stack(xs).mean(0)


def maximum(at: Place, layer, *xs: Tensor) -> Tensor:
    return at.torch.stack(xs).max(0).values


def concatenate(at: Place, layer, *xs: Tensor) -> Tensor:
    return at.torch.cat(xs, -1)


def dot(at: Place, layer, a: Tensor, b: Tensor) -> Tensor:
    if layer.normalize:
        a, b = (at.f.normalize(x, dim=-1) for x in (a, b))
    return (a * b).sum(-1, keepdim=True) if a.ndim == 2 else a @ b.transpose(1, 2)


TWINS: dict[str, Twin] = {
    "Activation": activation,
    "Add": add,
    "Average": average,
    "Concatenate": concatenate,
    "Dense": dense,
    "Dot": dot,
    "Embedding": embedding,
    "Flatten": flatten,
    "Maximum": maximum,
    "Multiply": multiply,
    "Permute": permute,
    "RepeatVector": repeat_vector,
    "Reshape": reshape,
    "Subtract": subtract,
}
