"""Convolution over groups of channels, and with gaps in the window; a filter for every channel is the extreme case.

Sources: Yu & Koltun (2016) for dilation; Krizhevsky et al. (2012) for groups; Chollet (2017) for one a channel.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from pydantic import Field

from annstudio.engine.account import Factor, See, Sum, Term, uses
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Buffer, Index, Margin, Op, Shape
from annstudio.engine.sight import Sight, everything, grouped, windows
from annstudio.layers.activation import SLOPE, ActivationField, SlopeField, activate, label
from annstudio.layers.base import Family, Layer, Padding, TrainableField
from annstudio.layers.filters import (
    DilationField,
    FilterBiasField,
    KernelSizeField,
    PaddingField,
    StridesField,
    filter_parameter,
)
from annstudio.layers.framing import border, fitting_kernel, need_image, window_counts
from annstudio.layers.restraint import L1Field, L2Field, MaxNormField, restrain
from annstudio.layers.starting import (
    BiasStartField,
    BiasValueField,
    ConstantField,
    DeviationField,
    InitializerField,
    LimitField,
)


class GroupedCorrelate2D(Op):
    """net[f, i, j] = Σ w · patch + b, each filter seeing its own group of channels through a window with gaps.

    `x` (C, H, W, N) with its zero border, `w` (K + 1, F) with K = kh · kw · C / groups. `patches` keeps every window
    as a column, group by group, with a row of ones below for the bias. Ungrouped and without gaps it is Correlate2D.
    """

    formula = r"\text{net}_{i,j,f} = \sum_{c \in \text{group},u,v} w_{f,c,u,v}\, x_{i s+u d,\,j s+v d,\,c} + b_f"
    weighted_sum = True

    def __init__(
        self, kernel: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int], padding: Padding,
        groups: int, *, bias: bool,
    ) -> None:  # fmt: skip
        self.kernel = kernel
        self.strides = strides
        self.dilation = dilation
        self.padding = padding
        self.groups = groups
        self.bias = bias

    @property
    def reach(self) -> tuple[int, int]:
        """How far the window reaches, gaps included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return ((kh - 1) * dh + 1, (kw - 1) * dw + 1)

    def shape(self, *inputs: Shape) -> Shape:
        framed = self.border(inputs[0]).around(inputs[0])
        return (inputs[1][1], *window_counts(framed[1:], self.reach, self.strides))

    def margin(self, name: str, shape: Shape) -> Margin | None:
        return self.border(shape) if name == "x" else None

    def border(self, shape: Shape) -> Margin:
        return border(shape, self.reach, self.strides, self.padding)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        _, rows, columns = self.shape(*inputs)
        return {"patches": Buffer((self.groups, inputs[1][0], rows, columns), fill=1.0, shown=False)}

    def forward(self, y: Array, x: Array, w: Array, patches: Array) -> None:
        windows = self._windows(x, y.shape[1], y.shape[2])
        patches[:, : len(w) - self.bias].reshape(windows.shape)[...] = windows
        filters = w.T.reshape(self.groups, -1, len(w))
        np.copyto(y, np.matmul(filters, patches.reshape(self.groups, len(w), -1)).reshape(y.shape))

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> None:
        columns = dy.reshape(self.groups, len(dy) // self.groups, -1)
        if dw is not None:
            products = np.matmul(patches.reshape(self.groups, len(w), -1), columns.swapaxes(1, 2))
            dw[...] = products.transpose(1, 0, 2).reshape(dw.shape)
        if dx is not None:
            rows = len(w) - self.bias
            filters = w[:rows].reshape(rows, self.groups, -1).transpose(1, 0, 2)
            frame = self.border(dx.shape[:-1])
            framed = np.zeros((*frame.around(dx.shape[:-1]), dx.shape[-1]), dx.dtype)
            windows = self._windows(framed, dy.shape[1], dy.shape[2])
            shares = np.matmul(filters, columns).reshape(windows.shape)
            for u in range(self.kernel[0]):
                for v in range(self.kernel[1]):
                    np.add(windows[:, u, v], shares[:, u, v], windows[:, u, v])
            dx[...] = framed[frame.inside(dx.shape[:-1])]

    def _windows(self, x: Array, rows: int, columns: int) -> Array:
        """A view (groups, kh, kw, C / groups, rows, columns, N) of a framed picture."""
        c, h, w, n = x.strides
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilation
        channels = len(x) // self.groups
        shape = (self.groups, kh, kw, channels, rows, columns, x.shape[-1])
        return as_strided(x, shape, (channels * c, h * dh, w * dw, c, h * sh, w * sw, n))

    def sight(self, which: int, *inputs: Shape) -> Sight:
        result, given = self.shape(*inputs), inputs[which]
        if which:
            return everything(result, given)
        before = self.border(given).before
        rows, columns = (
            windows(result[k], given[k], self.kernel[k - 1], self.strides[k - 1], self.dilation[k - 1], before[k])
            for k in (1, 2)
        )
        return Sight(result, given, (grouped(result[0], given[0], self.groups), rows, columns))

    def account(self, see: See, index: Index) -> list[Term]:
        f, i, j = index
        channels = see.shape("x")[0] // self.groups
        first = f // (see.shape("w")[1] // self.groups) * channels
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilation
        terms = []
        for u, v, c in np.ndindex(kh, kw, channels):
            weight = see("w", (u * kw + v) * channels + c, f)
            terms.append(Term((weight, see("x", first + c, i * sh + u * dh, j * sw + v * dw))))
        return [*terms, Term((see("w", see.shape("w")[0] - 1, f),))] if self.bias else terms

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        filters, rows, columns = see.shape("dy")
        own = filters // self.groups
        if name == "w":
            return self._shares(see, *index)
        c, row, column = index
        channels = see.shape("x")[0] // self.groups
        group, c = divmod(c, channels)
        _, top, left = self.border(see.shape("dx")).before
        terms = []
        for u, v in np.ndindex(self.kernel):
            i, down = divmod(row + top - u * self.dilation[0], self.strides[0])
            j, right = divmod(column + left - v * self.dilation[1], self.strides[1])
            if down or right or not (0 <= i < rows and 0 <= j < columns):
                continue
            place = (u * self.kernel[1] + v) * channels + c
            terms += [Term((see("w", place, f), see("dy", f, i, j))) for f in range(group * own, (group + 1) * own)]
        return terms

    def _shares(self, see: See, place: int, f: int) -> Sum:
        """What every place where a kernel's weight was used adds to its gradient."""
        channels = see.shape("x")[0] // self.groups
        first = f // (see.shape("w")[1] // self.groups) * channels
        window, c = divmod(place, channels)
        u, v = divmod(window, self.kernel[1])
        (sh, sw), (dh, dw) = self.strides, self.dilation
        rows, columns = see.shape("dy")[1:]
        is_bias = self.bias and place == see.shape("w")[0] - 1

        def factors(n: int, i: int, j: int) -> tuple[Factor, ...]:
            dy = see("dy", f, i, j, example=n)
            return (dy,) if is_bias else (dy, see("x", first + c, i * sh + u * dh, j * sw + v * dw, example=n))

        met = None if is_bias else see.arrays["x"][first + c, u * dh :: sh, v * dw :: sw][:rows, :columns]
        return uses(see.arrays["dy"][f], met, factors)


class DepthwiseConv2D(Layer):
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
    activation: ActivationField = "relu"
    slope: SlopeField = SLOPE
    initializer: InitializerField = "auto"
    constant: ConstantField = 0.1
    limit: LimitField = 0.5
    deviation: DeviationField = 0.05
    bias: FilterBiasField = True
    bias_start: BiasStartField = "auto"
    bias_value: BiasValueField = 0.0
    trainable: TrainableField = True
    l1: L1Field = 0.0
    l2: L2Field = 0.0
    max_norm: MaxNormField = 0.0

    @classmethod
    def order(cls) -> int:
        return 30

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        fitting_kernel(net, x, self.kernel_size, self.dilation, self.padding)
        channels = x.shape[0]
        op = GroupedCorrelate2D(self.kernel_size, self.strides, self.dilation, self.padding, channels, bias=self.bias)
        w = filter_parameter(net, self, self.kernel_size, 1, channels * self.depth_multiplier)
        restrain(net, self)
        return activate(net, self.activation, net.apply(op, x, w, name="net"), self.slope)

    @property
    def summary(self) -> str:
        kh, kw = self.kernel_size
        return f"Depthwise {self.depth_multiplier} · {kh}×{kw} · {label(self.activation)}"
