"""What layers with several inputs have in common."""

from typing import ClassVar

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Op
from annstudio.layers.base import Family, Layer


class Merge(Layer):
    """A layer in which branches of a network meet."""

    family: ClassVar[Family] = Family.SHAPE
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    op: ClassVar[type[Op]]
    """What is done with the inputs."""

    def lower(self, net: Builder, *xs: Value) -> Value:
        return net.apply(self.op(), *xs)
