"""Pooling: it is enough to know where an edge is to within a few pixels."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term, derived
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Margin, Op, Shape
from annstudio.layers.base import Family, Layer, Padding, Size2D
from annstudio.layers.framing import border, fitting_kernel, need_image, need_sequence
from annstudio.layers.shaping import Lay
from annstudio.layers.windows import WindowMax, WindowMean, WindowPool

Length = Annotated[int, Field(ge=1, le=1024)]
Stride = Annotated[int, Field(ge=0, le=1024)]


class MaxPool(Op):
    """The largest value of every window. Windows do not overlap; rows and columns that fill none are left out.

    On the way back the gradient goes to exactly one place of each window: the first that holds the largest value.
    """

    formula = r"y_{c,i,j} = \max_{u,v}\; x_{c,\,i h+u,\,j w+v}"

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height // self.size[0], width // self.size[1])

    def forward(self, y: Array, x: Array) -> None:
        parts = self._parts(x, y.shape)
        np.copyto(y, parts[0])
        for part in parts[1:]:
            np.maximum(y, part, out=y)

    def backward(self, dx: Array, dy: Array, x: Array, y: Array) -> None:
        dx.fill(0)
        free = np.ones(y.shape, bool)
        for part, share in zip(self._parts(x, y.shape), self._parts(dx, y.shape), strict=True):
            wins = (part == y) & free
            np.multiply(dy, wins, share)
            free &= ~wins

    def _parts(self, x: Array, shape: Shape) -> list[Array]:
        """For every place inside a window, the view of x that has the value there for all windows."""
        (ph, pw), (_, rows, columns, _) = self.size, shape
        return [x[:, u : rows * ph : ph, v : columns * pw : pw] for u in range(ph) for v in range(pw)]

    def account(self, see: See, index: Index) -> list[Term]:
        c, i, j = index
        (ph, pw) = self.size
        window = tuple(see("x", c, i * ph + u, j * pw + v) for u in range(ph) for v in range(pw))
        template = r"\max(" + ",\\; ".join(f"«{n}»" for n in range(len(window))) + ")"
        return [Term(window, template, lambda *numbers: max(numbers))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        c, row, column = index
        (ph, pw) = self.size
        i, j = row // ph, column // pw
        _, rows, columns = see.shape("y")
        if i >= rows or j >= columns:
            return []
        window = self.account(see, (c, i, j))[0].factors
        place = (row - i * ph) * pw + column - j * pw
        numbers = ",\\; ".join(f"«{n}»" for n in range(len(window)))
        template = rf"[\,«{place}» = \max({numbers})\,]"

        def wins(*values: float) -> float:
            return float(values.index(max(values)) == place)

        return [Term((see("dy", c, i, j), derived("wins", index, Term(window, template, wins), see.example)))]


class Pool(Layer):
    """Settings of pooling layers, and how windows are laid."""

    padding: Padding = Field(
        "valid",
        title="Padding",
        description="valid: windows lie inside; same: they may reach over the edge, where there is nothing.",
    )

    def windows(self, net: Builder, x: Value, size: Shape, strides: Shape) -> tuple[Shape, Shape]:
        """The size of the windows and how far they move: by their own size where nothing is said."""
        fitting_kernel(net, x, size, (1,) * len(size), self.padding)
        return size, tuple(s or k for s, k in zip(strides, size, strict=True))

    def frame(self, x: Value, size: Shape, strides: Shape, fill: float) -> Margin:
        return border(x.shape, size, strides, self.padding, fill)


class Pool1D(Pool):
    """Pooling of sequences."""

    pool_size: Length = Field(2, title="Pool size", description="How many steps a window sees.")
    strides: Stride = Field(0, title="Stride", description="How far windows move; 0: by their own size.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_sequence(net, x)
        size, strides = self.windows(net, x, (self.pool_size,), (self.strides,))
        kind = self.op
        return net.apply(kind(size, strides, self.frame(x, size, strides, kind.fill)), x)

    op: ClassVar[type[WindowPool]]

    @property
    def summary(self) -> str:
        return f"{type(self).__name__} · {self.pool_size}"


class Pool2D(Pool):
    """Pooling of images."""

    pool_size: Size2D = Field((2, 2), title="Pool size", description="Height × width of the windows.")
    strides: tuple[Stride, Stride] = Field(
        (0, 0), title="Stride", description="How far windows move down and right; 0: by their own size."
    )

    @property
    def summary(self) -> str:
        return f"{type(self).__name__} · {self.pool_size[0]}×{self.pool_size[1]}"


class MaxPool1D(Pool1D):
    """Keeps the largest value of every window and so makes sequences shorter."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "pool"
    op: ClassVar[type[WindowPool]] = WindowMax

    @classmethod
    def order(cls) -> int:
        return 50


class MaxPool2D(Pool2D):
    """Keeps the largest value of every window and so makes images smaller."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "pool"

    @classmethod
    def order(cls) -> int:
        return 51

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        size, strides = self.windows(net, x, self.pool_size, self.strides)
        if strides == size and self.padding == "valid":
            return net.apply(MaxPool(self.pool_size), x)
        return net.apply(WindowMax(size, strides, self.frame(x, size, strides, WindowMax.fill)), x)


class AveragePool1D(Pool1D):
    """Keeps the mean of every window and so makes sequences shorter and smoother."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "avgpool"
    op: ClassVar[type[WindowPool]] = WindowMean

    @classmethod
    def order(cls) -> int:
        return 60


class AveragePool2D(Pool2D):
    """Keeps the mean of every window and so makes images smaller and smoother."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "avgpool"

    @classmethod
    def order(cls) -> int:
        return 61

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        size, strides = self.windows(net, x, self.pool_size, self.strides)
        return net.apply(WindowMean(size, strides, self.frame(x, size, strides, WindowMean.fill)), x)


class GlobalMaxPool(Layer):
    """Keeps of every channel of an image, or feature of a sequence, only its largest value anywhere."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "globalmax"

    @classmethod
    def order(cls) -> int:
        return 70

    def lower(self, net: Builder, *xs: Value) -> Value:
        return _everywhere(net, xs[0], WindowMax)


class GlobalAveragePool(Layer):
    """Keeps of every channel of an image, or feature of a sequence, only its mean over all places."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "globalavg"

    @classmethod
    def order(cls) -> int:
        return 71

    def lower(self, net: Builder, *xs: Value) -> Value:
        return _everywhere(net, xs[0], WindowMean)


def _everywhere(net: Builder, x: Value, op: type[WindowPool]) -> Value:
    """One window over everything, and its one result a channel as a list."""
    net.need(len(x.shape) > 1, x, "an image or a sequence", "A list of values has nothing to pool over.")
    size = x.shape[1:] if len(x.shape) == 3 else x.shape[:1]
    pooled = net.apply(op(size, size, border(x.shape, size, size, "valid")), x, name="pooled")
    return net.apply(Lay((x.shape[0] if len(x.shape) == 3 else x.shape[1],)), pooled, name="out")
