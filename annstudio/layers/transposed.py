"""Transposed convolution: every pixel stamps its filter into a larger picture, and where stamps overlap they add.

It is the way back of a convolution, taken forwards (Zeiler et al., 2010).
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.program import View
from annstudio.engine.sight import ALL, Sight, everything, windows
from annstudio.layers.activation import activate, label
from annstudio.layers.base import Family, Layer, Padding, Size2D
from annstudio.layers.filters import Filtering
from annstudio.layers.framing import need_image
from annstudio.layers.restraint import Restrained, restrain


class Stamp2D(Op):
    """s[f, i·s + u − p, j·s + v − q] += w · x. `x` (C, H, W, N), `w` (C, kh · kw · F).

    `same` gives a picture of stride times the size, the rest of the stamps being cut off, more of it behind, as in
    Keras; `valid` keeps all.
    """

    formula = r"s_{i s+u-p,\,j s+v-q,\,f} = \sum_{c,u,v} w_{c,f,u,v}\, x_{i,j,c}"
    weighted_sum = True

    def __init__(self, kernel: tuple[int, int], strides: tuple[int, int], padding: Padding) -> None:
        self.kernel = kernel
        self.strides = strides
        self.padding = padding

    def shape(self, *inputs: Shape) -> Shape:
        _, height, width = inputs[0]
        sizes = [
            n * s if self.padding == "same" else (n - 1) * s + max(k, s)
            for n, k, s in zip((height, width), self.kernel, self.strides, strict=True)
        ]
        return (inputs[1][1] // (self.kernel[0] * self.kernel[1]), *sizes)

    @property
    def cut(self) -> tuple[int, int]:
        """How many rows and columns of the stamps are cut off before the picture."""
        if self.padding == "valid":
            return (0, 0)
        (kh, kw), (sh, sw) = self.kernel, self.strides
        return (max(kh - sh, 0) // 2, max(kw - sw, 0) // 2)

    def forward(self, y: Array, x: Array, w: Array) -> None:
        shares = np.matmul(w.T, x.reshape(len(x), -1)).reshape(*self.kernel, len(y), *x.shape[1:])
        whole = self._whole(y, x)
        for u, v in np.ndindex(self.kernel):
            part = self._stamped(whole, x.shape, u, v)
            np.add(part, shares[u, v], part)
        np.copyto(y, whole[self._inside(y)])

    def backward(self, dx: Array | None, dw: Array | None, dy: Array, x: Array, w: Array) -> None:
        whole = self._whole(dy, x)
        whole[self._inside(dy)] = dy
        parts = np.stack([self._stamped(whole, x.shape, u, v) for u, v in np.ndindex(self.kernel)])
        shares = parts.reshape(w.shape[1], -1)
        if dw is not None:
            np.matmul(x.reshape(len(x), -1), shares.T, dw)
        if dx is not None:
            dx[...] = np.matmul(w, shares).reshape(dx.shape)

    def _whole(self, y: Array, x: Array) -> Array:
        return np.zeros(self._whole_shape(y.shape, x.shape), y.dtype)

    def _whole_shape(self, y: Shape, x: Shape) -> Shape:
        """Room for all stamps and for the picture, which may reach further on either side."""
        sizes = [
            max((n - 1) * s + k, cut + out)
            for n, k, s, cut, out in zip(x[1:3], self.kernel, self.strides, self.cut, y[1:3], strict=True)
        ]
        return (y[0], *sizes, y[-1])

    def _inside(self, y: Array) -> tuple[slice, ...]:
        (top, left), (height, width) = self.cut, y.shape[1:3]
        return (slice(None), slice(top, top + height), slice(left, left + width))

    def _stamped(self, whole: Array, shape: Shape, u: int, v: int) -> Array:
        """The view that place (u, v) of all stamps falls on."""
        (sh, sw), (_, height, width, _) = self.strides, shape
        return whole[:, u : u + (height - 1) * sh + 1 : sh, v : v + (width - 1) * sw + 1 : sw]

    def _place(self, f: int, u: int, v: int, filters: int) -> int:
        return (u * self.kernel[1] + v) * filters + f

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """The other way about: the windows of the picture that is made."""
        result, given = self.shape(*inputs), inputs[which]
        if which:
            return everything(result, given)
        rows, columns = (
            windows(given[k], result[k], self.kernel[k - 1], self.strides[k - 1], before=self.cut[k - 1]).T
            for k in (1, 2)
        )
        return Sight(result, given, (ALL, rows, columns))

    def account(self, see: See, index: Index) -> list[Term]:
        f, row, column = index
        channels, height, width = see.shape("x")
        filters = see.shape("w")[1] // (self.kernel[0] * self.kernel[1])
        terms = []
        for u, v in np.ndindex(self.kernel):
            i, down = divmod(row + self.cut[0] - u, self.strides[0])
            j, right = divmod(column + self.cut[1] - v, self.strides[1])
            if not down and not right and 0 <= i < height and 0 <= j < width:
                place = self._place(f, u, v, filters)
                terms += [Term((see("w", c, place), see("x", c, i, j))) for c in range(channels)]
        return terms

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        filters, height, width = see.shape("dy")
        if name == "x":
            c, i, j = index
            return [
                Term((see("w", c, self._place(f, u, v, filters)), see("dy", f, *at)))
                for u, v in np.ndindex(self.kernel)
                if (at := self._at(i, j, u, v, height, width))
                for f in range(filters)
            ]
        c, place = index
        window, f = divmod(place, filters)
        u, v = divmod(window, self.kernel[1])
        return [
            Term((see("dy", f, *at, example=n), see("x", c, i, j, example=n)))
            for n in range(see.n_examples)
            for i, j in np.ndindex(see.shape("x")[1:])
            if (at := self._at(i, j, u, v, height, width))
        ]

    def _at(self, i: int, j: int, u: int, v: int, height: int, width: int) -> tuple[int, int] | None:
        """Where place (u, v) of the stamp of pixel (i, j) falls; None where it is cut off."""
        row, column = i * self.strides[0] + u - self.cut[0], j * self.strides[1] + v - self.cut[1]
        return (row, column) if 0 <= row < height and 0 <= column < width else None


class ChannelBias(Op):
    """net = s + b, one bias for every channel."""

    formula = r"\text{net}_{i,j,f} = s_{i,j,f} + b_f"
    weighted_sum = True
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, b: Array) -> None:
        np.add(x, b[:, None, None, None], y)

    def backward(self, dx: Array | None, db: Array | None, dy: Array) -> None:
        if dx is not None:
            np.copyto(dx, dy)
        if db is not None:
            db[...] = dy.sum((1, 2, 3))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("b", index[0]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        places = np.ndindex(see.shape("dy")[1:])
        return [Term((see("dy", *index, *at, example=n),)) for at in places for n in range(see.n_examples)]


class Conv2DTranspose(Layer, Filtering, Restrained):
    """Every pixel stamps filters into a larger picture: a convolution the other way round."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "deconv"

    filters: int = Field(16, ge=1, le=4096, title="Filters", description="How many channels the result has.")
    kernel_size: Size2D = Field((3, 3), title="Kernel size", description="Height × width of a stamp.")
    strides: Size2D = Field((2, 2), title="Stride", description="How far the stamps lie apart.")
    padding: Padding = Field(
        "same", title="Padding", description="same: the result is stride times as large; valid: all of the stamps."
    )

    @classmethod
    def order(cls) -> int:
        return 40

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        (kh, kw), channels = self.kernel_size, x.shape[0]
        start = self.weights_start(kh * kw * channels, kh * kw * self.filters)
        folded = (channels, kh, kw, self.filters)
        names = ("channel", "filter", "row", "column")
        view = View("W", (slice(None), slice(None)), start, folded, (0, 3, 1, 2), names)
        w = net.parameter((channels, kh * kw * self.filters), [view], trainable=self.trainable)
        restrain(net, self)
        op = Stamp2D(self.kernel_size, self.strides, self.padding)
        summed = net.apply(op, x, w, name="s" if self.bias else "net")
        if self.bias:
            view = View("b", (slice(None),), self.biases_start(), axis_names=("filter",))
            b = net.parameter((self.filters,), [view], trainable=self.trainable)
            summed = net.apply(ChannelBias(), summed, b, name="net")
        return activate(net, self.activation, summed, self.slope)

    @property
    def summary(self) -> str:
        kh, kw = self.kernel_size
        return f"Conv2DTranspose {self.filters} · {kh}×{kw} · {label(self.activation)}"
