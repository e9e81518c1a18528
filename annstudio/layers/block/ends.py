"""Where values enter a block and leave it: nodes of the drawing inside."""

from typing import ClassVar

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.errors import ShapeError
from annstudio.layers.base import Family, Layer

MOST_ENDS = 64


def _outside(net: Builder) -> ShapeError:
    return ShapeError(
        f"{net.current} stands outside of any block, where it has no meaning.", "Put it into a block, or delete it."
    )


class BlockInput(Layer):
    """Where values enter a block: one for each of the block's inputs."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "in"
    stands: ClassVar = "inside"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    position: int = Field(
        1, ge=1, le=MOST_ENDS, title="Position", description="Its place among the block's inputs; 1 is the uppermost."
    )
    whole: bool = Field(
        False,
        title="Whole sequence",
        description="In a block at every step: all steps at once at every one of them, not each at its own.",
    )

    @classmethod
    def order(cls) -> int:
        return 81

    def lower(self, net: Builder, *xs: Value) -> Value:
        # Inside a block nothing needs to be written: its value is there.
        raise _outside(net)

    @property
    def summary(self) -> str:
        return f"Block input {self.position}"


class BlockOutput(Layer):
    """Where values leave a block: one for each of the block's outputs."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "out"
    stands: ClassVar = "inside"
    films: ClassVar[bool] = True
    has_output: ClassVar[bool] = False

    position: int = Field(
        1, ge=1, le=MOST_ENDS, title="Position", description="Its place among the block's outputs; 1 is the uppermost."
    )

    @classmethod
    def order(cls) -> int:
        return 82

    def lower(self, net: Builder, *xs: Value) -> Value:
        if not net.room.path:
            raise _outside(net)
        return xs[0]

    @property
    def summary(self) -> str:
        return f"Block output {self.position}"
