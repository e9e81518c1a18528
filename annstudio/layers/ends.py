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
    stands: ClassVar = "outside"

    shape: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (2,),
        min_length=1,
        max_length=4,
        title="Shape",
        description="Of one example: a number of values, time × values, height × width × channels, or time × these.",
    )
    column: str = Field("x", min_length=1, title="Data column", description="Which column of the data enters here.")

    lengths: str = Field(
        "",
        max_length=100,
        title="Lengths column",
        description="For sequences (or lists of ids) of different length: which column says how many steps count "
        "(masking); empty: all.",
    )

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
        # A class enters as one value for each class, 1 for its own.
        x = net.feed(self.column, shape, "onehot" if spec is not None and spec.n_classes else "values")
        if self.lengths:
            hint = "Clear the lengths column."
            net.need(len(shape) < 3, x, "a sequence, time × values, or a list of ids to have a length", hint)
            net.measure(x, self._lengths(net, shape[0]))
        return x

    def _lengths(self, net: Builder, steps: int) -> Value:
        spec = net.columns.get(self.lengths)
        if net.columns and (spec is None or spec.n_classes or spec.shape != (1,)):
            fault = "does not have" if spec is None else "has not as one number for each example"
            raise ShapeError(
                f"{net.current} reads lengths from the column {self.lengths!r}, which the data {fault}.",
                f"The data has {', '.join(net.columns)}.",
                (Remedy("set", "Let every step count", net.current, settings={"lengths": ""}),),
            )
        lengths = net.feed(self.lengths, (), "lengths", "int")
        _, stray = net.count(lengths, steps + 1)
        if stray is not None:
            raise ShapeError(
                f"{net.current} reads lengths from the column {self.lengths!r}, which holds {stray:g}; it has {steps} "
                f"steps.",
                f"Lengths are whole numbers from 0 to {steps}.",
                (Remedy("set", "Let every step count", net.current, settings={"lengths": ""}),),
            )
        return lengths

    @property
    def summary(self) -> str:
        return f"Input · {shape_text(engine_shape(self.shape))}"
