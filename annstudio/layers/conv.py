"""Convolution: one small neuron slides over the picture and looks for the same thing everywhere.

The patches under the window are laid side by side (im2col), so that a convolution is one matrix product. Windows with
gaps: Yu & Koltun (2016); groups of channels: Krizhevsky et al. (2012).
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
from annstudio.layers.activation import activate, label
from annstudio.layers.base import Family, Layer, Padding
from annstudio.layers.filters import (
    DilationField,
    Filtering,
    GroupsField,
    KernelSizeField,
    PaddingField,
    StridesField,
    filter_parameter,
)
from annstudio.layers.framing import border, fitting_kernel, need_groups, need_image, window_counts
from annstudio.layers.restraint import Restrained, restrain
from annstudio.layers.trained import BiasTrainable


class Correlate2D(Op):
    """net[f, i, j] = Σ w · patch + b. `x` (C, H, W, N) with its zero border, `w` (K + 1, F), K = kh · kw · C.

    Called convolution in this field, cross-correlation in signal processing: the kernel is not flipped. `patches`
    keeps every window as a column, with a row of ones below for the bias.
    """

    formula = r"\text{net}_{i,j,f} = \sum_{c,u,v} w_{f,c,u,v}\, x_{i s+u,\,j s+v,\,c} + b_f"
    weighted_sum = True
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __init__(self, kernel: tuple[int, int], strides: tuple[int, int], padding: Padding, *, bias: bool) -> None:
        self.kernel = kernel
        self.strides = strides
        self.padding = padding
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
        return {"patches": Buffer((inputs[1][0], rows, columns), fill=1.0, shown=False)}

    def forward(self, y: Array, x: Array, w: Array, patches: Array) -> None:
        rows = w.shape[0] - self.bias
        kh, kw = self.kernel
        windows = self.windows(x, y.shape[1], y.shape[2])
        patches[:rows].reshape(kh, kw, x.shape[0], *y.shape[1:])[...] = windows
        np.copyto(y, np.matmul(w.T, patches.reshape(w.shape[0], -1)).reshape(y.shape))

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> None:
        columns = dy.reshape(dy.shape[0], -1)
        if dw is not None:
            np.matmul(patches.reshape(w.shape[0], -1), columns.T, dw)
        if dx is not None:
            rows = w.shape[0] - self.bias
            kh, kw = self.kernel
            shares = np.matmul(w[:rows], columns).reshape(kh, kw, dx.shape[0], *dy.shape[1:])
            border = self.border(dx.shape[:-1])
            framed = np.zeros((*border.around(dx.shape[:-1]), dx.shape[-1]), dx.dtype)
            windows = self.windows(framed, dy.shape[1], dy.shape[2])
            for u in range(kh):
                for v in range(kw):
                    np.add(windows[u, v], shares[u, v], windows[u, v])
            dx[...] = framed[border.inside(dx.shape[:-1])]

    def windows(self, x: Array, rows: int, columns: int) -> Array:
        """A view (kh, kw, C, rows, columns, N) of a framed picture: element [u, v] is what kernel place u, v sees."""
        c, h, w, n = x.strides
        (kh, kw), (sh, sw) = self.kernel, self.strides
        return as_strided(x, (kh, kw, x.shape[0], rows, columns, x.shape[-1]), (h, w, c, h * sh, w * sw, n))

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


class GroupedCorrelate2D(Correlate2D):
    """net[f, i, j] = Σ w · patch + b, each filter seeing its own group of channels through a window with gaps.

    `w` (K + 1, F) with K = kh · kw · C / groups. `patches` keeps every window as a column, group by group.
    """

    formula = r"\text{net}_{i,j,f} = \sum_{c \in \text{group},u,v} w_{f,c,u,v}\, x_{i s+u d,\,j s+v d,\,c} + b_f"

    def __init__(
        self, kernel: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int], padding: Padding,
        groups: int, *, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__(kernel, strides, padding, bias=bias)
        self.dilation = dilation
        self.groups = groups

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


class Conv2D(Layer, Filtering, BiasTrainable, Restrained):
    """Filters slide over the image; each gives a map of where it found what it looks for."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "conv"

    filters: int = Field(16, ge=1, le=4096, title="Filters", description="How many kernels, and so feature maps.")
    kernel_size: KernelSizeField = (3, 3)
    strides: StridesField = (1, 1)
    dilation: DilationField = (1, 1)
    padding: PaddingField = "same"
    groups: GroupsField = 1

    @classmethod
    def order(cls) -> int:
        return 20

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        fitting_kernel(net, x, self.kernel_size, self.dilation, self.padding)
        need_groups(net, x, self.groups, x.shape[0], self.filters)
        w = filter_parameter(
            net, self, self.kernel_size, x.shape[0] // self.groups, self.filters, trainable=self.trainable,
            frozen=self.frozen_views,
        )  # fmt: skip
        op: Op = Correlate2D(self.kernel_size, self.strides, self.padding, bias=self.bias)
        if self.groups > 1 or self.dilation != (1, 1):
            op = GroupedCorrelate2D(
                self.kernel_size, self.strides, self.dilation, self.padding, self.groups, bias=self.bias
            )
        restrain(net, self)
        return activate(net, self.activation, net.apply(op, x, w, name="net"), self.slope)

    @property
    def summary(self) -> str:
        return f"Conv2D {self.filters} · {self.kernel_size[0]}×{self.kernel_size[1]} · {label(self.activation)}"
