"""Where a network begins: the input layer is passive, it has no weights and hands the data on."""

from typing import Annotated, ClassVar

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.layout import engine_shape, user_shape
from annstudio.engine.op import shape_text
from annstudio.errors import Remedy, ShapeError
from annstudio.layers.base import Family, Layer


class Input(Layer):
    """Where examples enter: hands the data on as it is, without weights."""

    family: ClassVar[Family] = Family.DATA
    prefix: ClassVar[str] = "input"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    shape: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (2,),
        min_length=1,
        max_length=3,
        title="Shape",
        description="Of one example: a number of values, time × values, or height × width × channels.",
    )
    column: str = Field("x", min_length=1, title="Data column", description="Which column of the data enters here.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        shape = engine_shape(self.shape)
        spec = net.columns.get(self.column)
        if net.columns and spec is None:
            raise ShapeError(
                f"{net.current} reads the column {self.column!r}, which the data does not have.",
                f"The data has {', '.join(net.columns)}.",
                tuple(Remedy("set", f"Read {name}", net.current, settings={"column": name}) for name in net.columns),
            )
        if spec is not None and spec.shape != shape:
            raise ShapeError(
                f"{net.current} is set to {shape_text(shape)}; the data gives {shape_text(spec.shape)}.",
                "Set the shape to that of the data, or choose other data.",
                (Remedy("set", f"Set shape to {shape_text(spec.shape)}", net.current,
                        settings={"shape": user_shape(spec.shape)}),),
            )  # fmt: skip
        return net.feed(self.column, shape)

    @property
    def summary(self) -> str:
        return f"Input · {shape_text(engine_shape(self.shape))}"
