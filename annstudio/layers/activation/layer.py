"""The Activation layer: one of the list, as a node of its own."""

from typing import Annotated, ClassVar

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.layers.activation.listed import SLOPE, ActivationName, activate, label, slope_field
from annstudio.layers.base import Family, Layer


class Activation(Layer):
    """An activation as a layer of its own: bends or squeezes every value."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "act"
    presets: ClassVar = {"Softmax": {"function": "softmax"}}

    function: ActivationName = Field("relu", title="Function", description="What is done with every value.")
    slope: Annotated[float, slope_field("function")] = SLOPE

    def lower(self, net: Builder, *xs: Value) -> Value:
        return activate(net, self.function, xs[0], self.slope)

    @property
    def summary(self) -> str:
        return f"Activation · {label(self.function)}"
