"""Layers that only lay values out anew: every number stays what it is."""

from math import prod
from typing import Annotated, ClassVar

from pydantic import Field

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.layout import engine_shape
from annstudio.engine.op import Array, Index, Op, Shape, shape_text
from annstudio.errors import Remedy
from annstudio.layers.base import Family, Layer


class Lay(Op):
    """The same values in another shape, read in channel-row-column order."""

    formula = r"y = x \text{ in another shape}"
    relays = True

    def __init__(self, target: Shape) -> None:
        self.target = target

    def shape(self, *inputs: Shape) -> Shape:
        return self.target

    def forward(self, y: Array, x: Array) -> None:
        y[...] = x.reshape(y.shape)

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = dy.reshape(dx.shape)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *_same_place(index, see.shape("y"), see.shape("x"))),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *_same_place(index, see.shape("x"), see.shape("y"))),))]


def _same_place(index: Index, shape: Shape, other: Shape) -> Index:
    """Where the value at `index` of one shape stands in the other."""
    flat = 0
    for i, size in zip(index, shape, strict=True):
        flat = flat * size + i
    place = []
    for size in reversed(other):
        flat, rest = divmod(flat, size)
        place.append(rest)
    return tuple(reversed(place))


class Flatten(Layer):
    """Lays an image out as one list of values, channel by channel and row by row."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "flatten"

    @classmethod
    def order(cls) -> int:
        return 10

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(Lay((prod(xs[0].shape),)), xs[0])


class Reshape(Layer):
    """Folds values into another shape of equal size."""

    family: ClassVar[Family] = Family.SHAPE
    prefix: ClassVar[str] = "reshape"

    target: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (1, 1, 1),
        min_length=1,
        max_length=3,
        title="Target shape",
        description="A number of values, time × values, or height × width × channels.",
    )

    @classmethod
    def order(cls) -> int:
        return 20

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        target = engine_shape(self.target)
        remedy = Remedy("set", f"Set target to {prod(x.shape)}", net.current, settings={"target": (prod(x.shape),)})
        wanted = f"{prod(target)} values for {shape_text(target)}"
        net.need(prod(target) == prod(x.shape), x, wanted, "Choose a target of equal size.", [remedy])
        return net.apply(Lay(target), x)

    @property
    def summary(self) -> str:
        return f"Reshape · {shape_text(engine_shape(self.target))}"
