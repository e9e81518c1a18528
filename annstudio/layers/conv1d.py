"""Convolution over time: copies of one neuron look at one stretch of a sequence each, all with the same weights."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from pydantic import Field

from annstudio.engine.account import Factor, See, Sum, Term, uses
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Buffer, Index, Margin, Op, Shape
from annstudio.engine.sight import Sight, everything, grouped, windows
from annstudio.layers.activation import activate, label
from annstudio.layers.base import Family, Layer
from annstudio.layers.filters import Filtering, GroupsField, filter_parameter
from annstudio.layers.framing import border, fitting_kernel, need_groups, need_sequence, window_counts
from annstudio.layers.padded import blanked, measure_windows
from annstudio.layers.products import weight_gradient
from annstudio.layers.restraint import Restrained, restrain

TimePadding = Literal["valid", "same", "causal"]
Length = Annotated[int, Field(ge=1, le=1024)]


class Correlate1D(Op):
    """net[t, f] = Σ w · stretch + b. `x` (T, D, N) with its zero border, `w` (K + 1, F) with K = k · D.

    `patches` keeps every stretch as a column, with a row of ones below for the bias.
    """

    formula = r"\text{net}_{t,f} = \sum_{u,c} w_{f,c,u}\, x_{t s + u d,\,c} + b_f"
    weighted_sum = True
    groups: int = 1

    def __init__(self, kernel: int, stride: int, dilation: int, padding: TimePadding, *, bias: bool) -> None:
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.bias = bias

    @property
    def reach(self) -> int:
        """How many steps the window spans, gaps included."""
        return (self.kernel - 1) * self.dilation + 1

    def shape(self, *inputs: Shape) -> Shape:
        framed = self.border(inputs[0]).around(inputs[0])
        return (*window_counts(framed[:1], (self.reach,), (self.stride,)), inputs[1][1])

    def margin(self, name: str, shape: Shape) -> Margin | None:
        return self.border(shape) if name == "x" else None

    def border(self, shape: Shape) -> Margin:
        return border(shape, (self.reach,), (self.stride,), self.padding)

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"patches": Buffer((self.shape(*inputs)[0], inputs[1][0]), fill=1.0, shown=False)}

    def forward(self, y: Array, x: Array, w: Array, patches: Array) -> None:
        windows = self._windows(x, len(y))
        patches[:, : len(w) - self.bias].reshape(windows.shape)[...] = windows
        np.matmul(w.T, patches, y)

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> None:
        if dw is not None:
            weight_gradient(dw, patches, dy)
        if dx is not None:
            frame = self.border(dx.shape[:-1])
            framed = np.zeros((*frame.around(dx.shape[:-1]), dx.shape[-1]), dx.dtype)
            windows = self._windows(framed, len(dy))
            shares = np.matmul(w[: len(w) - self.bias], dy).reshape(windows.shape)
            for u in range(self.kernel):
                np.add(windows[:, u], shares[:, u], windows[:, u])
            dx[...] = framed[frame.inside(dx.shape[:-1])]

    def _windows(self, x: Array, places: int) -> Array:
        """A view (places, k, D, N) of a framed sequence: [t, u] is what place u of the window at t sees."""
        t, d, n = x.strides
        shape = (places, self.kernel, x.shape[1], x.shape[-1])
        return as_strided(x, shape, (t * self.stride, t * self.dilation, d, n))

    def sight(self, which: int, *inputs: Shape) -> Sight:
        result, given = self.shape(*inputs), inputs[which]
        if which:
            return everything(result, given)
        before = self.border(given).before[0]
        steps = windows(result[0], given[0], self.kernel, self.stride, self.dilation, before)
        return Sight(result, given, (steps, grouped(result[1], given[1], self.groups)))

    def account(self, see: See, index: Index) -> list[Term]:
        t, f = index
        features = see.shape("x")[1] // self.groups
        first = f // (see.shape("w")[1] // self.groups) * features
        terms = [
            Term((see("w", u * features + c, f), see("x", t * self.stride + u * self.dilation, first + c)))
            for u, c in np.ndindex(self.kernel, features)
        ]
        return [*terms, Term((see("w", see.shape("w")[0] - 1, f),))] if self.bias else terms

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        places, filters = see.shape("dy")
        own, features = filters // self.groups, see.shape("x")[1] // self.groups
        if name == "w":
            return self._shares(see, *index)
        step, c = index
        group, c = divmod(c, features)
        before = self.border(see.shape("dx")).before[0]
        terms = []
        for u in range(self.kernel):
            t, beside = divmod(step + before - u * self.dilation, self.stride)
            if not beside and 0 <= t < places:
                weights = [see("w", u * features + c, f) for f in range(group * own, (group + 1) * own)]
                terms += [Term((w, see("dy", t, group * own + i))) for i, w in enumerate(weights)]
        return terms

    def _shares(self, see: See, place: int, f: int) -> Sum:
        """What every place where a kernel's weight was used adds to its gradient."""
        features = see.shape("x")[1] // self.groups
        first = f // (see.shape("w")[1] // self.groups) * features
        u, c = divmod(place, features)
        ahead = u * self.dilation
        is_bias = self.bias and place == see.shape("w")[0] - 1

        def factors(n: int, t: int) -> tuple[Factor, ...]:
            dy = see("dy", t, f, example=n)
            return (dy,) if is_bias else (dy, see("x", t * self.stride + ahead, first + c, example=n))

        met = None if is_bias else see.arrays["x"][ahead :: self.stride, first + c][: see.shape("dy")[0]]
        return uses(see.arrays["dy"][:, f], met, factors)


class GroupedCorrelate1D(Correlate1D):
    """net[t, f] = Σ w · stretch + b, each filter seeing its own group of features.

    `w` (K + 1, F) with K = k · D / groups. `patches` keeps every stretch as a column, group by group, with a row of
    ones below for the bias. With one group it is Correlate1D.
    """

    formula = r"\text{net}_{t,f} = \sum_{u,\,c \in \text{group}} w_{f,c,u}\, x_{t s + u d,\,c} + b_f"

    def __init__(
        self, kernel: int, stride: int, dilation: int, padding: TimePadding, groups: int, *, bias: bool
    ) -> None:
        super().__init__(kernel, stride, dilation, padding, bias=bias)
        self.groups = groups

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        places = self.shape(*inputs)[0]
        return {"patches": Buffer((self.groups, places, inputs[1][0]), fill=1.0, shown=False)}

    def forward(self, y: Array, x: Array, w: Array, patches: Array) -> None:
        windows = self._windows(x, len(y))
        for own, features, group in self._parts(w, windows.shape[2], patches):
            seen = windows[:, :, features]
            group[:, : len(w) - self.bias].reshape(seen.shape)[...] = seen
            y[:, own] = np.matmul(w[:, own].T, group)

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, w: Array, patches: Array) -> None:
        features = (len(w) - self.bias) // self.kernel * self.groups
        parts = list(self._parts(w, features, patches))
        if dw is not None:
            for own, _, group in parts:
                weight_gradient(dw[:, own], group, dy[:, own])
        if dx is not None:
            frame = self.border(dx.shape[:-1])
            framed = np.zeros((*frame.around(dx.shape[:-1]), dx.shape[-1]), dx.dtype)
            windows = self._windows(framed, len(dy))
            for own, seen, _ in parts:
                shares = np.matmul(w[: len(w) - self.bias, own], dy[:, own]).reshape(windows[:, :, seen].shape)
                for u in range(self.kernel):
                    windows[:, u, seen] += shares[:, u]
            dx[...] = framed[frame.inside(dx.shape[:-1])]

    def _parts(self, w: Array, features: int, patches: Array) -> Iterator[tuple[slice, slice, Array]]:
        """Of every group its filters, its features and its patches."""
        f, d = w.shape[1] // self.groups, features // self.groups
        return ((slice(g * f, (g + 1) * f), slice(g * d, (g + 1) * d), patches[g]) for g in range(self.groups))


class Conv1D(Layer, Filtering, Restrained):
    """Filters slide along a sequence; each tells at every step how much it finds of what it looks for."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "conv1d"

    filters: int = Field(16, ge=1, le=4096, title="Filters", description="How many kernels, and so outputs a step.")
    kernel_size: Length = Field(3, title="Kernel size", description="How many steps the window sees.")
    strides: Length = Field(1, title="Stride", description="How far the window moves at a time.")
    dilation: Length = Field(1, title="Dilation", description="From one place of the window to the next; 1: no gap.")
    padding: TimePadding = Field(
        "same",
        title="Padding",
        description="same: a border of zeros keeps the length; causal: all of it before the start; valid: no border.",
    )
    groups: GroupsField = 1

    @classmethod
    def order(cls) -> int:
        return 10

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_sequence(net, x)
        fitting_kernel(net, x, (self.kernel_size,), (self.dilation,), self.padding)
        need_groups(net, x, self.groups, x.shape[1], self.filters)
        channels = x.shape[1] // self.groups
        w = filter_parameter(net, self, (self.kernel_size,), channels, self.filters, trainable=self.trainable)
        window = self.kernel_size, self.strides, self.dilation, self.padding
        op = Correlate1D(*window, bias=self.bias)
        if self.groups > 1:
            op = GroupedCorrelate1D(*window, self.groups, bias=self.bias)
        restrain(net, self)
        sums = net.apply(op, blanked(net, x), w, name="net")
        measure_windows(net, x, sums, op.reach, self.strides, self.padding, op.border(x.shape).before[0])
        return activate(net, self.activation, sums, self.slope)

    @property
    def summary(self) -> str:
        return f"Conv1D {self.filters} · {self.kernel_size} · {label(self.activation)}"
