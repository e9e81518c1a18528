"""Activations: what makes a stack of layers more than one weighted sum.

One list of ops, in order of difficulty, serves both the Activation layer and every layer with an activation setting.
"""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term, derived
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.layers.base import Family, Layer

ActivationName = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "softmax"]


class Elementwise(Op):
    """A function of each value alone. `template` and `slope_template` are LaTeX with «0» for the number put in."""

    elementwise = True
    name: ClassVar[str]
    template: ClassVar[str]
    slope_template: ClassVar[str]
    slope_of: ClassVar[str] = "y"
    """Whether the slope is told by the result (y) or by the input (x)."""
    range_text: ClassVar[str]

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def value(self, x: float) -> float:
        """The function of one number."""
        raise NotImplementedError

    def slope(self, number: float) -> float:
        """The derivative, given the result or the input as `slope_of` says."""
        raise NotImplementedError

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),), self.template, self.value)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        slope = Term((see(self.slope_of, *index),), self.slope_template, self.slope)
        return [Term((see("dy", *index), derived("slope", index, slope, see.example)))]


class Sigmoid(Elementwise):
    """σ(x) = 1 / (1 + e⁻ˣ): squeezes any number into (0, 1)."""

    name = "sigmoid"
    formula = r"y = \frac{1}{1 + e^{-x}}"
    template = r"\frac{1}{1 + e^{-«0»}}"
    slope_template = r"«0»\,(1 - «0»)"
    range_text = "(0, 1)"

    def forward(self, y: Array, x: Array) -> None:
        # e^-|x| cannot overflow; for negative x the fraction is widened by e^x.
        power = np.exp(-np.abs(x))
        np.divide(np.where(x >= 0, 1, power), 1 + power, y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.subtract(1, y, dx)
        np.multiply(dx, y, dx)
        np.multiply(dx, dy, dx)

    def fast(self) -> Op:
        return FastSigmoid()

    def value(self, x: float) -> float:
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))

    def slope(self, number: float) -> float:
        return number * (1 - number)


class FastSigmoid(Sigmoid):
    """σ(x) = ½ tanh(½x) + ½: the same function in half the time, right to 1e-7 in the far tail."""

    def forward(self, y: Array, x: Array) -> None:
        np.multiply(x, 0.5, y)
        np.tanh(y, y)
        np.multiply(y, 0.5, y)
        np.add(y, 0.5, y)


class Tanh(Elementwise):
    """The hyperbolic tangent: a sigmoid that is centred on zero."""

    name = "tanh"
    formula = r"y = \tanh x"
    template = r"\tanh(«0»)"
    slope_template = r"1 - «0»^2"
    range_text = "(−1, 1)"

    def forward(self, y: Array, x: Array) -> None:
        np.tanh(x, y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.multiply(y, y, dx)
        np.subtract(1, dx, dx)
        np.multiply(dx, dy, dx)

    def value(self, x: float) -> float:
        return math.tanh(x)

    def slope(self, number: float) -> float:
        return 1 - number * number


class Relu(Elementwise):
    """Rectified linear unit: lets positive numbers through and stops the rest (Nair & Hinton, 2010)."""

    name = "relu"
    formula = r"y = \max(0, x)"
    template = r"\max(0,\; «0»)"
    slope_template = r"[\,«0» > 0\,]"
    range_text = "[0, ∞)"

    def forward(self, y: Array, x: Array) -> None:
        np.maximum(x, 0, out=y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.multiply(dy, y > 0, dx)

    def value(self, x: float) -> float:
        return max(0.0, x)

    def slope(self, number: float) -> float:
        return float(number > 0)


class LeakyRelu(Elementwise):
    """A ReLU that never quite closes: negative numbers pass at a hundredth of their size (Maas et al., 2013)."""

    name = "leaky_relu"
    formula = r"y = \max(0.01\,x, x)"
    template = r"\max(0.01 \cdot «0»,\; «0»)"
    slope_template = r"[\,«0» > 0\,] + 0.01\,[\,«0» \leq 0\,]"
    slope_of = "x"
    range_text = "(−∞, ∞)"
    leak: ClassVar[float] = 0.01

    def forward(self, y: Array, x: Array) -> None:
        np.multiply(x, self.leak, y)
        np.maximum(x, y, out=y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        np.multiply(dy, np.where(x > 0, 1, self.leak), dx, casting="unsafe")

    def value(self, x: float) -> float:
        return max(self.leak * x, x)

    def slope(self, number: float) -> float:
        return 1.0 if number > 0 else self.leak


class Softplus(Elementwise):
    """A ReLU with its corner rounded: ln(1 + eˣ) (Dugas et al., 2000)."""

    name = "softplus"
    formula = r"y = \ln(1 + e^x)"
    template = r"\ln(1 + e^{«0»})"
    slope_template = r"1 - e^{-«0»}"
    range_text = "(0, ∞)"

    def forward(self, y: Array, x: Array) -> None:
        np.logaddexp(x, 0, y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.negative(y, dx)
        np.expm1(dx, dx)
        np.multiply(dx, dy, dx)
        np.negative(dx, dx)

    def value(self, x: float) -> float:
        return max(x, 0.0) + math.log1p(math.exp(-abs(x)))

    def slope(self, number: float) -> float:
        return -math.expm1(-number)


class Softmax(Op):
    """Turns scores into probabilities that add up to 1; with two classes it is the logistic function.

    The classes are the values of a list, of each moment of a sequence, or the channels of each pixel.
    """

    name: ClassVar[str] = "softmax"
    formula = r"y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}"
    range_text: ClassVar[str] = "(0, 1), sum 1"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        classes = class_axis(x.ndim - 1)
        np.subtract(x, x.max(classes, keepdims=True), y)
        np.exp(y, y)
        np.divide(y, y.sum(classes, keepdims=True), y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.multiply(dy, y, dx)
        np.subtract(dy, dx.sum(class_axis(y.ndim - 1), keepdims=True), dx)
        np.multiply(dx, y, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        classes = class_axis(len(index))
        n = see.shape("x")[classes]
        order = [index[classes], *(j for j in range(n) if j != index[classes])]
        scores = tuple(see("x", *_at_class(index, j)) for j in order)
        below = " + ".join(f"e^{{«{j}»}}" for j in range(n))
        return [Term(scores, rf"\frac{{e^{{«0»}}}}{{{below}}}", _softmax_of_first)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        own = see("y", *index)
        terms = [Term((see("dy", *index), own))]
        for j in range(see.shape("x")[class_axis(len(index))]):
            place = _at_class(index, j)
            other = (see("dy", *place), see("y", *place), own)
            terms.append(Term(other, "-«0» · «1» · «2»", lambda dy, yj, yk: -dy * yj * yk))
        return terms


def class_axis(n_axes: int) -> int:
    """Which axis of one example holds the classes: the channels of an image, else the last."""
    return 0 if n_axes == 3 else n_axes - 1


def _at_class(index: Index, j: int) -> Index:
    classes = class_axis(len(index))
    return (*index[:classes], j, *index[classes + 1 :])


def _softmax_of_first(*scores: float) -> float:
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return powers[0] / math.fsum(powers)


ACTIVATIONS: dict[str, Op] = {
    op.name: op for op in (Sigmoid(), Tanh(), Relu(), LeakyRelu(), Softplus(), Softmax())
}  # fmt: skip


def activate(net: Builder, name: ActivationName, net_value: Value) -> Value:
    """Apply an activation by name; linear passes its input on and needs no op."""
    return net_value if name == "linear" else net.apply(ACTIVATIONS[name], net_value, name="out")


def label(name: str) -> str:
    """The name as users read it."""
    return {"relu": "ReLU", "leaky_relu": "leaky ReLU"}.get(name, name)


class Activation(Layer):
    """An activation as a layer of its own: bends or squeezes every value."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "act"
    presets: ClassVar = {"Softmax": {"function": "softmax"}}

    function: ActivationName = Field("relu", title="Function", description="What is done with every value.")

    def lower(self, net: Builder, *xs: Value) -> Value:
        return activate(net, self.function, xs[0])

    @property
    def summary(self) -> str:
        return f"Activation · {label(self.function)}"
