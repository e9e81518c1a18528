"""Where a layer's weights and biases begin: the settings that say so, and what they come to."""

from typing import Literal

from pydantic import Field

from annstudio.engine.initializers import Initial, InitializerName, suited, suited_bias
from annstudio.layers.activation import Activated
from annstudio.layers.base import Settings


class Initialised(Settings):
    """Where weights begin. Layers that look for something else than sums say in a text of their own what auto is."""

    initializer: InitializerName = Field(
        "auto", title="Initialiser", description="Where the weights start; auto is He for ReLU, Glorot otherwise."
    )
    constant: float = Field(
        0.1,
        ge=-1000,
        le=1000,
        title="Constant",
        description="What every weight starts as.",
        json_schema_extra={"needs": "initializer=constant"},
    )
    limit: float = Field(
        0.5,
        gt=0,
        le=1000,
        title="Limit",
        description="Weights start anywhere between −a and a.",
        json_schema_extra={"needs": "initializer=uniform"},
    )
    deviation: float = Field(
        0.05,
        gt=0,
        le=1000,
        title="Deviation",
        description="How far weights start from 0, as a standard deviation σ.",
        json_schema_extra={"needs": "initializer=normal"},
    )

    def begun(self, name: InitializerName, fan_in: int, fan_out: int) -> Initial:
        """Where weights begin by the initialiser called `name`, with the layer's own scales, given how many wires lead
        into a unit and out of it."""
        scales = {"constant": self.constant, "uniform": self.limit, "normal": self.deviation}
        return Initial(name, fan_in, fan_out, scale=scales.get(name))


class Biased(Settings):
    """Whether units have biases, and where these begin."""

    bias: bool = Field(True, title="Bias", description="Whether every unit has a bias: a weight from a unit always on.")
    bias_start: Literal["auto", "constant"] = Field(
        "auto",
        title="Bias start",
        description="Where the biases start; auto is 0.01 before ReLU, so that its units are open, and 0 otherwise.",
        json_schema_extra={"needs": "bias"},
    )
    bias_value: float = Field(
        0.0,
        ge=-1000,
        le=1000,
        title="Bias value",
        description="What every bias starts as.",
        json_schema_extra={"needs": "bias_start=constant"},
    )


class Summing(Activated, Initialised, Biased):
    """What units have that sum their inputs, each times a weight, and apply an activation."""

    def weights_start(self, fan_in: int, fan_out: int) -> Initial:
        """Where weights begin, given how many wires lead into a unit and out of it."""
        return self.begun(suited(self.initializer, self.activation), fan_in, fan_out)

    def biases_start(self) -> Initial:
        """Where biases begin."""
        return Initial(constant=self.bias_value) if self.bias_start == "constant" else suited_bias(self.activation)
