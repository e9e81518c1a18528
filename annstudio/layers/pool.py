"""Pooling: it is enough to know where an edge is to within a few pixels."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term, derived
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.errors import ShapeError
from annstudio.layers.base import Family, Layer, Size2D
from annstudio.layers.conv import need_image


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


class MaxPool2D(Layer):
    """Keeps the largest value of every window and so makes images smaller."""

    family: ClassVar[Family] = Family.CONVOLUTION
    prefix: ClassVar[str] = "pool"

    pool_size: Size2D = Field((2, 2), title="Pool size", description="Height × width of the windows, side by side.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        need_image(net, x)
        (ph, pw), (_, height, width) = self.pool_size, x.shape
        if ph > height or pw > width:
            raise ShapeError(
                f"{net.current}'s window of {ph}×{pw} is larger than the image of {height}×{width}.",
                "Choose a smaller pool size.",
            )
        return net.apply(MaxPool(self.pool_size), x)

    @property
    def summary(self) -> str:
        return f"MaxPool2D · {self.pool_size[0]}×{self.pool_size[1]}"
