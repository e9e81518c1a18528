"""Activations with two ends: whatever comes in, what goes out lies between two bounds."""

import math

import numpy as np

from annstudio.engine.account import Remark, See
from annstudio.engine.op import Array, Index
from annstudio.layers.activation.elementwise import Elementwise


class Step(Elementwise):
    """A unit that fires or does not (McCulloch & Pitts, 1943). It is flat on both sides, so no gradient gets through:
    what lies before it learns by the perceptron rule (see the perceptron criterion) or not at all."""

    name = "step"
    formula = r"y = [\,x \geq 0\,]"
    template = r"[\,«0» \geq 0\,]"
    slope_template = r"0"
    range_text = "0 or 1"

    def forward(self, y: Array, x: Array) -> None:
        np.greater_equal(x, 0, y, casting="unsafe")

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return [
            Remark("A step is flat, its gradient is 0: what lies before it learns from the perceptron criterion alone.")
        ]

    def value(self, x: float) -> float:
        return float(x >= 0)

    def slope(self, number: float) -> float:
        return 0.0


class Sigmoid(Elementwise):
    """σ(x) = 1 / (1 + e⁻ˣ): squeezes any number into (0, 1)."""

    name = "sigmoid"
    rising = True
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

    def value(self, x: float) -> float:
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))

    def slope(self, number: float) -> float:
        return number * (1 - number)


class Tanh(Elementwise):
    """The hyperbolic tangent: a sigmoid that is centred on zero."""

    name = "tanh"
    rising = True
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


class Softsign(Elementwise):
    """x / (1 + |x|): like tanh, with tails that flatten out more slowly (Bergstra et al., 2009)."""

    name = "softsign"
    rising = True
    formula = r"y = \frac{x}{1 + |x|}"
    template = r"\frac{«0»}{1 + |«0»|}"
    slope_template = r"(1 - |«0»|)^2"
    range_text = "(−1, 1)"

    def forward(self, y: Array, x: Array) -> None:
        np.divide(x, 1 + np.abs(x), y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.subtract(1, np.abs(y), dx)
        np.multiply(dx, dx, dx)
        np.multiply(dx, dy, dx)

    def value(self, x: float) -> float:
        return x / (1 + abs(x))

    def slope(self, number: float) -> float:
        return (1 - abs(number)) ** 2
