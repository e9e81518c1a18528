"""Activations: what makes a stack of layers more than one weighted sum.

One list of ops, in order of difficulty, serves both the Activation layer and every layer with an activation setting.
"""

from annstudio.layers.activation.elementwise import Elementwise
from annstudio.layers.activation.layer import Activation
from annstudio.layers.activation.listed import (
    ACTIVATIONS,
    SLOPE,
    Activated,
    ActivationName,
    activate,
    activation_op,
    label,
)
from annstudio.layers.activation.rectifying import LeakyRelu, Relu, Softplus
from annstudio.layers.activation.softmax import Softmax, class_axis
from annstudio.layers.activation.squashing import Sigmoid, Step, Tanh

__all__ = [
    "ACTIVATIONS",
    "SLOPE",
    "Activated",
    "Activation",
    "ActivationName",
    "Elementwise",
    "LeakyRelu",
    "Relu",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
    "activate",
    "activation_op",
    "class_axis",
    "label",
]
