"""Making images larger without learning anything: every pixel repeated, or a border put around."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import Remark, See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.sight import SAME, Sight, windows
from annstudio.layers.base import Family, Layer, Size2D
from annstudio.layers.framing import need_image

Edge = Annotated[int, Field(ge=0, le=1024)]
Edges = tuple[Edge, Edge]


class Enlarged(Op):
    """Every pixel becomes a rectangle of its own value."""

    formula = r"y_{i,j,c} = x_{\lfloor i/h \rfloor,\lfloor j/w \rfloor,c}"

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height * self.size[0], width * self.size[1])

    def forward(self, y: Array, x: Array) -> None:
        y[...] = np.repeat(np.repeat(x, self.size[0], 1), self.size[1], 2)

    def backward(self, dx: Array, dy: Array) -> None:
        (h, w), (channels, height, width, n) = self.size, dx.shape
        dx[...] = dy.reshape(channels, height, h, width, w, n).sum((2, 4))

    def sight(self, which: int, *inputs: Shape) -> Sight:
        given, result = inputs[0], self.shape(*inputs)
        rows, columns = (windows(given[k], result[k], self.size[k - 1], self.size[k - 1]).T for k in (1, 2))
        return Sight(result, given, (SAME, rows, columns))

    def account(self, see: See, index: Index) -> list[Term]:
        c, i, j = index
        return [Term((see("x", c, i // self.size[0], j // self.size[1]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        c, i, j = index
        (h, w) = self.size
        return [Term((see("dy", c, i * h + u, j * w + v),)) for u, v in np.ndindex(self.size)]


class Bordered(Op):
    """A frame of zeros around an image."""

    formula = r"y_{i,j,c} = x_{i-a,\,j-b,\,c} \text{ inside, 0 around}"

    def __init__(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        self.rows = rows
        self.columns = columns

    def shape(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height + sum(self.rows), width + sum(self.columns))

    def forward(self, y: Array, x: Array) -> None:
        y.fill(0)
        y[self._inside(x.shape)] = x

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = dy[self._inside(dx.shape)]

    def _inside(self, shape: Shape) -> tuple[slice, ...]:
        (top, _), (left, _) = self.rows, self.columns
        return (slice(None), slice(top, top + shape[1]), slice(left, left + shape[2]))

    def sight(self, which: int, *inputs: Shape) -> Sight:
        given, result = inputs[0], self.shape(*inputs)
        edges = (self.rows[0], self.columns[0])
        rows, columns = (windows(result[k], given[k], before=edges[k - 1]) for k in (1, 2))
        return Sight(result, given, (SAME, rows, columns))

    def account(self, see: See, index: Index) -> list[Term]:
        c, i, j = index[0], index[1] - self.rows[0], index[2] - self.columns[0]
        _, height, width = see.shape("x")
        return [Term((see("x", c, i, j),))] if 0 <= i < height and 0 <= j < width else []

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return [] if self.account(see, index) else [Remark("It lies in the border, which is 0.")]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        c, i, j = index
        return [Term((see("dy", c, i + self.rows[0], j + self.columns[0]),))]


class UpSampling2D(Layer):
    """Makes images larger: every pixel becomes a rectangle of its own value."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "upsample"

    size: Size2D = Field((2, 2), title="Size", description="Height × width of what one pixel becomes.")

    @classmethod
    def order(cls) -> int:
        return 80

    def lower(self, net: Builder, *xs: Value) -> Value:
        need_image(net, xs[0])
        return net.apply(Enlarged(self.size), xs[0])

    @property
    def summary(self) -> str:
        return f"UpSampling2D · {self.size[0]}×{self.size[1]}"


class ZeroPadding2D(Layer):
    """Puts a border of zeros around images."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "pad"

    rows: Edges = Field((1, 1), title="Rows", description="How many rows of zeros above and below.")
    columns: Edges = Field((1, 1), title="Columns", description="How many columns of zeros left and right.")

    @classmethod
    def order(cls) -> int:
        return 90

    def lower(self, net: Builder, *xs: Value) -> Value:
        need_image(net, xs[0])
        return net.apply(Bordered(self.rows, self.columns), xs[0])
