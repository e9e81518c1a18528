"""Depthwise convolution: a filter for every channel, the extreme case of groups (Chollet, 2017)."""

from typing import ClassVar

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.layers.activation import activate, label
from annstudio.layers.base import Family, Layer
from annstudio.layers.conv import GroupedCorrelate2D
from annstudio.layers.filters import (
    DilationField,
    Filtering,
    KernelSizeField,
    PaddingField,
    StridesField,
    filter_parameter,
)
from annstudio.layers.framing import fitting_kernel, need_image
from annstudio.layers.restraint import Restrained, restrain


class DepthwiseConv2D(Layer, Filtering, Restrained):
    """Every channel has filters of its own; nothing is summed over channels."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "depthwise"

    depth_multiplier: int = Field(
        1, ge=1, le=64, title="Filters a channel", description="How many maps a channel gives."
    )
    kernel_size: KernelSizeField = (3, 3)
    strides: StridesField = (1, 1)
    dilation: DilationField = (1, 1)
    padding: PaddingField = "same"

    @classmethod
    def order(cls) -> int:
        return 30

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        fitting_kernel(net, x, self.kernel_size, self.dilation, self.padding)
        channels = x.shape[0]
        op = GroupedCorrelate2D(self.kernel_size, self.strides, self.dilation, self.padding, channels, bias=self.bias)
        n_filters = channels * self.depth_multiplier
        w = filter_parameter(net, self, self.kernel_size, 1, n_filters, trainable=self.trainable)
        restrain(net, self)
        return activate(net, self.activation, net.apply(op, x, w, name="net"), self.slope)

    @property
    def summary(self) -> str:
        kh, kw = self.kernel_size
        return f"Depthwise {self.depth_multiplier} · {kh}×{kw} · {label(self.activation)}"
