"""What convolutions have in common: the settings of a sliding window, and the weights of filters."""

import math
from typing import Annotated

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Shape
from annstudio.engine.program import View
from annstudio.layers.base import Padding, Size2D
from annstudio.layers.starting import Summing

KernelSizeField = Annotated[Size2D, Field(title="Kernel size", description="Height × width of the sliding window.")]
StridesField = Annotated[Size2D, Field(title="Stride", description="How far the window moves at a time.")]
DilationField = Annotated[
    Size2D, Field(title="Dilation", description="From one place of the window to the next; 1: no gap.")
]
PaddingField = Annotated[
    Padding, Field(title="Padding", description="same: a border of zeros keeps the size; valid: no border.")
]
GroupsField = Annotated[
    int,
    Field(ge=1, le=4096, title="Groups", description="Filters and channels go in so many groups that do not mix."),
]

_WINDOW_AXES = {1: ("step",), 2: ("row", "column")}


class Filtering(Summing):
    """What layers have that look for the same at every place."""

    bias: bool = Field(True, title="Bias", description="Whether every filter has a bias.")


def filter_parameter(
    net: Builder, layer: Filtering, kernel: Shape, channels: int, n_filters: int, *, trainable: bool,
    frozen: frozenset[str] = frozenset(),
) -> Value:  # fmt: skip
    """The weights (filters, channels that one of them sees, window) and biases of a convolution, (K + 1, F).

    A column holds one filter: the window's places in order, at each place the channels; the bias below.
    """
    places = math.prod(kernel)
    k, axes = places * channels, len(kernel)
    start = layer.weights_start(k, places * n_filters)
    names = ("filter", "channel", *_WINDOW_AXES[axes])
    order = (axes + 1, axes, *range(axes))
    views = [View("W", (slice(k), slice(None)), start, (*kernel, channels, n_filters), order, names)]
    if layer.bias:
        views.append(View("b", (k, slice(None)), layer.biases_start(), axis_names=("filter",)))
    return net.parameter((k + layer.bias, n_filters), views, trainable=trainable, frozen=frozen)
