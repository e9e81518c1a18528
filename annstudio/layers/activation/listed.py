"""The one list of activations, in order of difficulty, and how a layer applies one by name."""

from typing import Annotated, Any, Literal

from pydantic import Field

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Op
from annstudio.layers.activation.rectifying import Elu, Gelu, LeakyRelu, Relu, Selu, Silu, Softplus
from annstudio.layers.activation.softmax import Softmax
from annstudio.layers.activation.squashing import Sigmoid, Softsign, Step, Tanh
from annstudio.layers.base import Settings

ActivationName = Literal[
    "linear", "step", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "selu", "softsign", "silu", "gelu",
    "softmax",
]  # fmt: skip

ACTIVATIONS: dict[str, Op] = {
    op.name: op
    for op in (
        Step(), Sigmoid(), Tanh(), Relu(), LeakyRelu(), Softplus(), Elu(), Selu(), Softsign(), Silu(), Gelu(),
        Softmax(),
    )
}  # fmt: skip
"""By name; linear passes its input on and needs no op."""

_LABELS = {
    "relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "selu": "SELU", "silu": "SiLU", "gelu": "GELU",
}  # fmt: skip

SLOPE = 0.01


def slope_field(chosen_in: str) -> Any:
    """A slope that counts where the field `chosen_in` says leaky ReLU."""
    return Field(
        ge=0,
        le=1,
        title="Slope",
        description="At which share of their size a leaky ReLU lets negative numbers pass.",
        json_schema_extra={"needs": f"{chosen_in}=leaky_relu"},
    )


class Activated(Settings):
    """What is done with a weighted sum."""

    activation: ActivationName = Field(
        "relu", title="Activation", description="What every unit does with its weighted sum."
    )
    slope: Annotated[float, slope_field("activation")] = SLOPE


def activation_op(name: str, slope: float = SLOPE) -> Op:
    """The op of any activation but linear."""
    return LeakyRelu(slope) if name == "leaky_relu" else ACTIVATIONS[name]


def activate(net: Builder, name: ActivationName, net_value: Value, slope: float = SLOPE) -> Value:
    """Apply an activation by name."""
    return net_value if name == "linear" else net.apply(activation_op(name, slope), net_value, name="out")


def label(name: str) -> str:
    """The name as users read it."""
    return _LABELS.get(name, name)
