"""Where a layer's weights and biases begin: the settings that say so, and what they come to."""

from typing import Annotated, Literal, Protocol

from pydantic import Field

from annstudio.engine.initializers import Initial, InitializerName, suited, suited_bias
from annstudio.layers.activation import ActivationName

InitializerField = Annotated[
    InitializerName,
    Field(title="Initialiser", description="Where the weights start; auto is He for ReLU, Glorot otherwise."),
]
ConstantField = Annotated[
    float,
    Field(
        ge=-1000,
        le=1000,
        title="Constant",
        description="What every weight starts as.",
        json_schema_extra={"needs": "initializer=constant"},
    ),
]
LimitField = Annotated[
    float,
    Field(
        gt=0,
        le=1000,
        title="Limit",
        description="Weights start anywhere between −a and a.",
        json_schema_extra={"needs": "initializer=uniform"},
    ),
]
DeviationField = Annotated[
    float,
    Field(
        gt=0,
        le=1000,
        title="Deviation",
        description="How far weights start from 0, as a standard deviation σ.",
        json_schema_extra={"needs": "initializer=normal"},
    ),
]
InputInitializerField = Annotated[
    InitializerName,
    Field(title="Initialiser", description="Where the weights of the inputs start; auto is Glorot."),
]
StateInitializerField = Annotated[
    Literal["orthogonal", "zeros", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
            "lecun_normal"],
    Field(
        title="State's initialiser",
        description="Where the weights of the state before start; orthogonal ones neither swell nor shrink it.",
    ),
]  # fmt: skip
PlacesInitializerField = Annotated[
    InitializerName,
    Field(title="Initialiser", description="Where the places start; auto is anywhere between −0.05 and 0.05."),
]
BiasStartField = Annotated[
    Literal["auto", "constant"],
    Field(
        title="Bias start",
        description="Where the biases start; auto is 0.01 before ReLU, so that its units are open, and 0 otherwise.",
        json_schema_extra={"needs": "bias"},
    ),
]
BiasValueField = Annotated[
    float,
    Field(
        ge=-1000,
        le=1000,
        title="Bias value",
        description="What every bias starts as.",
        json_schema_extra={"needs": "bias_start=constant"},
    ),
]


class Drawn(Protocol):
    """The settings that say where weights begin."""

    @property
    def initializer(self) -> InitializerName: ...
    @property
    def constant(self) -> float: ...
    @property
    def limit(self) -> float: ...
    @property
    def deviation(self) -> float: ...


class Starting(Drawn, Protocol):
    """The settings that say where weights and biases begin."""

    @property
    def activation(self) -> ActivationName: ...
    @property
    def bias_start(self) -> Literal["auto", "constant"]: ...
    @property
    def bias_value(self) -> float: ...


def weights_start(layer: Starting, fan_in: int, fan_out: int) -> Initial:
    """Where weights begin, given how many wires lead into a unit and out of it."""
    return drawn_start(layer, suited(layer.initializer, layer.activation), fan_in, fan_out)


def drawn_start(layer: Drawn, name: InitializerName, fan_in: int, fan_out: int) -> Initial:
    """Where weights begin by the initialiser called `name`, with the layer's own scales."""
    scales = {"constant": layer.constant, "uniform": layer.limit, "normal": layer.deviation}
    return Initial(name, fan_in, fan_out, scale=scales.get(name))


def biases_start(layer: Starting) -> Initial:
    """Where biases begin."""
    return Initial(constant=layer.bias_value) if layer.bias_start == "constant" else suited_bias(layer.activation)
