"""Twins of convolutions and poolings; borders are put on by hand, as Keras lays them."""

from tests.oracles.peers.place import Place, Tensor, Twin


def framed(at: Place, x: Tensor, reach, strides, padding: str, value: float = 0.0) -> Tensor:
    """Examples and channels first, with the border of `same` (more of it behind) or `causal` padding."""
    pads: list[int] = []
    for n, r, s in zip(x.shape[2:], reach, strides, strict=True):
        total = {"valid": 0, "same": max((-(-n // s) - 1) * s + r - n, 0), "causal": r - 1}[padding]
        before = total if padding == "causal" else total // 2
        pads = [before, total - before, *pads]
    return at.f.pad(x, pads, value=value)


def pair(n) -> tuple[int, ...]:
    return n if isinstance(n, tuple) else (n,)


def conv(at: Place, layer, x: Tensor, groups: int) -> Tensor:
    kernel, strides, dilation = pair(layer.kernel_size), pair(layer.strides), pair(layer.dilation)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    inside = framed(at, x.movedim(-1, 1), reach, strides, layer.padding)
    convolve = at.f.conv1d if len(kernel) == 1 else at.f.conv2d
    net = convolve(
        inside, at.weights["W"], at.weights.get("b"), stride=strides, dilation=dilation, groups=groups
    )  # fmt: skip
    return at.activated(layer.activation, net.movedim(1, -1), layer.slope)


def conv_1d(at: Place, layer, x: Tensor) -> Tensor:
    return conv(at, layer, x, layer.groups)


def conv_2d(at: Place, layer, x: Tensor) -> Tensor:
    return conv(at, layer, x, layer.groups)


def depthwise(at: Place, layer, x: Tensor) -> Tensor:
    return conv(at, layer, x, x.shape[-1])


def transposed(at: Place, layer, x: Tensor) -> Tensor:
    """All of the stamps; `same` cuts them (more behind) to stride times the size, gaps behind the last are zeros."""
    stamped = at.f.conv_transpose2d(x.movedim(-1, 1), at.weights["W"], stride=layer.strides)
    cut: list[int] = []
    for n, k, s in zip(x.shape[1:-1], layer.kernel_size, layer.strides, strict=True):
        over = max(k - s, 0) if layer.padding == "same" else 0
        size = n * s + (max(k - s, 0) - over)
        cut = [-(over // 2), size - ((n - 1) * s + k) + over // 2, *cut]
    net = at.f.pad(stamped, cut).movedim(1, -1)
    return at.activated(layer.activation, net + at.weights["b"] if layer.bias else net, layer.slope)


def pooled(at: Place, layer, x: Tensor, pool, *, largest: bool) -> Tensor:
    size = pair(layer.pool_size)
    strides = tuple(s or k for s, k in zip(pair(layer.strides), size, strict=True))
    x = x.movedim(-1, 1)
    if largest:
        return pool(framed(at, x, size, strides, layer.padding, -at.torch.inf), size, strides).movedim(1, -1)
    # The mean times the size is the sum; what lies over the edge does not count.
    sums = pool(framed(at, x, size, strides, layer.padding), size, strides)
    counts = pool(framed(at, at.torch.ones_like(x), size, strides, layer.padding), size, strides)
    return (sums / counts).movedim(1, -1)


def max_pool_1d(at: Place, layer, x: Tensor) -> Tensor:
    return pooled(at, layer, x, at.f.max_pool1d, largest=True)


def max_pool_2d(at: Place, layer, x: Tensor) -> Tensor:
    return pooled(at, layer, x, at.f.max_pool2d, largest=True)


def average_pool_1d(at: Place, layer, x: Tensor) -> Tensor:
    return pooled(at, layer, x, at.f.avg_pool1d, largest=False)


def average_pool_2d(at: Place, layer, x: Tensor) -> Tensor:
    return pooled(at, layer, x, at.f.avg_pool2d, largest=False)


def global_max(at: Place, layer, x: Tensor) -> Tensor:
    return x.flatten(1, -2).max(1).values


def global_average(at: Place, layer, x: Tensor) -> Tensor:
    return x.flatten(1, -2).mean(1)


def up_sampling(at: Place, layer, x: Tensor) -> Tensor:
    rows, columns = layer.size
    return x.repeat_interleave(rows, 1).repeat_interleave(columns, 2)


def zero_padding(at: Place, layer, x: Tensor) -> Tensor:
    return at.f.pad(x, (0, 0, *layer.columns, *layer.rows))


TWINS: dict[str, Twin] = {
    "AveragePool1D": average_pool_1d,
    "AveragePool2D": average_pool_2d,
    "Conv1D": conv_1d,
    "Conv2D": conv_2d,
    "Conv2DTranspose": transposed,
    "DepthwiseConv2D": depthwise,
    "GlobalAveragePool": global_average,
    "GlobalMaxPool": global_max,
    "MaxPool1D": max_pool_1d,
    "MaxPool2D": max_pool_2d,
    "UpSampling2D": up_sampling,
    "ZeroPadding2D": zero_padding,
}
