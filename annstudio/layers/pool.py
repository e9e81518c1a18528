"""Pooling: it is enough to know where an edge is to within a few pixels.

Of sequences of different length only the steps that count are pooled, the others have no part in any window. Without
padding a sequence gives as many windows as it would give alone; with it one for every stride begun. Pooling everything
is the mean (or the largest) of the steps that count, as Keras' GlobalAveragePooling1D is with a mask; Keras' other
pooling layers know of no masks.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Shape
from annstudio.layers.base import Family, Layer, Padding, Size2D
from annstudio.layers.framing import border, fitting_kernel, need_image, need_sequence
from annstudio.layers.padded import measure_windows
from annstudio.layers.shaping import Lay
from annstudio.layers.windows import CountedMax, CountedMean, WindowMax, WindowMean, WindowPool

Length = Annotated[int, Field(ge=1, le=1024)]
Stride = Annotated[int, Field(ge=0, le=1024)]

COUNTED: dict[type[WindowPool], type[WindowPool]] = {WindowMax: CountedMax, WindowMean: CountedMean}
"""What pools sequences of different length."""


def over_windows(
    net: Builder, x: Value, kind: type[WindowPool], size: Shape, strides: Shape, padding: Padding = "valid"
) -> Value:
    """What windows of this size, so far apart, make of an image or of a sequence."""
    frame = border(x.shape, size, strides, padding, kind.fill)
    lengths = net.lengths(x)
    if lengths is None:
        return net.apply(kind(size, strides, frame), x, name="pooled")
    y = net.apply(COUNTED[kind](size, strides, frame), x, lengths, name="pooled")
    measure_windows(net, x, y, size[0], strides[0], padding, frame.before[0])
    return y


class Pool(Layer):
    """Pooling over windows. A layer says what becomes of each."""

    family: ClassVar[Family] = Family.CONVOLUTION
    op: ClassVar[type[WindowPool]]

    padding: Padding = Field(
        "valid",
        title="Padding",
        description="valid: windows lie inside; same: they may reach over the edge, where there is nothing.",
    )

    def pooled(self, net: Builder, x: Value, size: Shape, strides: Shape) -> Value:
        """Windows move by their own size where nothing is said."""
        fitting_kernel(net, x, size, (1,) * len(size), self.padding)
        moved = tuple(s or k for s, k in zip(strides, size, strict=True))
        return over_windows(net, x, self.op, size, moved, self.padding)


class Pool1D(Pool):
    """Pooling of sequences."""

    pool_size: Length = Field(2, title="Pool size", description="How many steps a window sees.")
    strides: Stride = Field(0, title="Stride", description="How far windows move; 0: by their own size.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        need_sequence(net, xs[0])
        return self.pooled(net, xs[0], (self.pool_size,), (self.strides,))

    @property
    def summary(self) -> str:
        return f"{type(self).__name__} · {self.pool_size}"


class Pool2D(Pool):
    """Pooling of images."""

    pool_size: Size2D = Field((2, 2), title="Pool size", description="Height × width of the windows.")
    strides: tuple[Stride, Stride] = Field(
        (0, 0), title="Stride", description="How far windows move down and right; 0: by their own size."
    )

    def lower(self, net: Builder, *xs: Value) -> Value:
        need_image(net, xs[0])
        return self.pooled(net, xs[0], self.pool_size, self.strides)

    @property
    def summary(self) -> str:
        return f"{type(self).__name__} · {self.pool_size[0]}×{self.pool_size[1]}"


class GlobalPool(Layer):
    """One window over everything, and its one result a channel as a list."""

    family: ClassVar[Family] = Family.CONVOLUTION
    op: ClassVar[type[WindowPool]]

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        net.need(len(x.shape) > 1, x, "an image or a sequence", "A list of values has nothing to pool over.")
        image = len(x.shape) == 3
        size = x.shape[1:] if image else x.shape[:1]
        pooled = over_windows(net, x, self.op, size, size)
        return net.apply(Lay((x.shape[0] if image else x.shape[1],)), pooled, name="out")


class MaxPool1D(Pool1D):
    """Keeps the largest value of every window and so makes sequences shorter."""

    prefix: ClassVar[str] = "pool"
    op: ClassVar[type[WindowPool]] = WindowMax

    @classmethod
    def order(cls) -> int:
        return 50


class MaxPool2D(Pool2D):
    """Keeps the largest value of every window and so makes images smaller."""

    prefix: ClassVar[str] = "pool"
    op: ClassVar[type[WindowPool]] = WindowMax

    @classmethod
    def order(cls) -> int:
        return 51


class AveragePool1D(Pool1D):
    """Keeps the mean of every window and so makes sequences shorter and smoother."""

    prefix: ClassVar[str] = "avgpool"
    op: ClassVar[type[WindowPool]] = WindowMean

    @classmethod
    def order(cls) -> int:
        return 60


class AveragePool2D(Pool2D):
    """Keeps the mean of every window and so makes images smaller and smoother."""

    prefix: ClassVar[str] = "avgpool"
    op: ClassVar[type[WindowPool]] = WindowMean

    @classmethod
    def order(cls) -> int:
        return 61


class GlobalMaxPool(GlobalPool):
    """Keeps of every channel of an image, or feature of a sequence, only its largest value anywhere."""

    prefix: ClassVar[str] = "globalmax"
    op: ClassVar[type[WindowPool]] = WindowMax

    @classmethod
    def order(cls) -> int:
        return 70


class GlobalAveragePool(GlobalPool):
    """Keeps of every channel of an image, or feature of a sequence, only its mean over all places."""

    prefix: ClassVar[str] = "globalavg"
    op: ClassVar[type[WindowPool]] = WindowMean

    @classmethod
    def order(cls) -> int:
        return 71
