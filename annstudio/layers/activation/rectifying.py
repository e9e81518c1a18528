"""Activations with one end: they let large numbers through and hold small ones back."""

import math
from typing import ClassVar

import numpy as np

from annstudio.engine.account import Factor, constant
from annstudio.engine.op import Array
from annstudio.layers.activation.bell import share_below
from annstudio.layers.activation.elementwise import Elementwise
from annstudio.layers.activation.squashing import Sigmoid


class Relu(Elementwise):
    """Rectified linear unit: lets positive numbers through and stops the rest (Nair & Hinton, 2010)."""

    name = "relu"
    rising = True
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
    """A ReLU that never quite closes: negative numbers pass at a small share of their size (Maas et al., 2013).

    The share is a setting, because the usual ones differ: 0.01 in PyTorch, 0.2 or 0.3 in Keras.
    """

    name = "leaky_relu"
    rising = True
    formula = r"y = x \text{ where } x > 0, \text{ else } \alpha x"
    template = r"\max(«1» · «0»,\; «0»)"
    slope_template = r"[\,«0» > 0\,] + «1»\,[\,«0» \leq 0\,]"
    slope_of = "x"
    range_text = "(−∞, ∞)"

    def __init__(self, leak: float = 0.01) -> None:
        self.leak = leak

    @property
    def constants(self) -> tuple[Factor, ...]:
        return (constant(r"\alpha", self.leak),)

    def forward(self, y: Array, x: Array) -> None:
        np.multiply(x, self.leak, y)
        np.maximum(x, y, out=y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        np.multiply(dy, self.leak, dx)
        np.copyto(dx, dy, where=x > 0)

    def value(self, x: float) -> float:
        return max(self.leak * x, x)

    def slope(self, number: float) -> float:
        return 1.0 if number > 0 else self.leak


class Elu(Elementwise):
    """A ReLU that bends smoothly towards −1, so that the mean of its results is near 0 (Clevert et al., 2016)."""

    name = "elu"
    rising = True
    formula = r"y = x \text{ where } x > 0, \text{ else } e^x - 1"
    template = r"\max(0,\; «0») + e^{\min(0,\; «0»)} - 1"
    slope_template = r"\min(1,\; «0» + 1)"
    range_text = "(−1, ∞)"

    def forward(self, y: Array, x: Array) -> None:
        np.minimum(x, 0, out=y)
        np.expm1(y, y)
        np.copyto(y, x, where=x > 0)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.add(y, 1, dx)
        np.minimum(dx, 1, out=dx)
        np.multiply(dx, dy, dx)

    def value(self, x: float) -> float:
        return x if x > 0 else math.expm1(x)

    def slope(self, number: float) -> float:
        return min(1.0, number + 1)


class Selu(Elementwise):
    """ELU with two fixed numbers, λ and α, that keep mean 0 and variance 1 from layer to layer (Klambauer et al.,
    2017)."""

    name = "selu"
    rising = True
    formula = r"y = \lambda x \text{ where } x > 0, \text{ else } \lambda \alpha (e^x - 1)"
    template = r"«1» \max(0,\; «0») + «1» · «2»\,(e^{\min(0,\; «0»)} - 1)"
    slope_template = r"«1»\,[\,«0» > 0\,] + («0» + «1» · «2»)\,[\,«0» \leq 0\,]"
    range_text = "(−1.758, ∞)"
    scale: ClassVar[float] = 1.0507009873554805
    alpha: ClassVar[float] = 1.6732632423543772
    floor: ClassVar[float] = scale * alpha
    """λα: how far down it goes."""

    @property
    def constants(self) -> tuple[Factor, ...]:
        return (constant(r"\lambda", self.scale), constant(r"\alpha", self.alpha))

    def forward(self, y: Array, x: Array) -> None:
        np.minimum(x, 0, out=y)
        np.expm1(y, y)
        np.multiply(y, self.floor, y)
        np.multiply(x, self.scale, y, where=x > 0)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.add(y, self.floor, dx)
        np.copyto(dx, self.scale, where=y > 0)
        np.multiply(dx, dy, dx)

    def value(self, x: float) -> float:
        return self.scale * x if x > 0 else self.floor * math.expm1(x)

    def slope(self, number: float) -> float:
        return self.scale if number > 0 else number + self.floor


class Softplus(Elementwise):
    """A ReLU with its corner rounded: ln(1 + eˣ) (Dugas et al., 2000)."""

    name = "softplus"
    rising = True
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


class Silu(Elementwise):
    """x σ(x), also called swish: dips below zero before it opens (Elfwing et al., 2018; Ramachandran et al., 2017)."""

    name = "silu"
    formula = r"y = x\, \sigma(x)"
    template = r"\frac{«0»}{1 + e^{-«0»}}"
    slope_template = r"\sigma(«0»)\,(1 + «0»\,(1 - \sigma(«0»)))"
    slope_of = "x"
    range_text = "[−0.278, ∞)"

    def forward(self, y: Array, x: Array) -> None:
        Sigmoid().forward(y, x)
        np.multiply(y, x, y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        Sigmoid().forward(dx, x)
        np.multiply(dx * (1 + x * (1 - dx)), dy, dx)

    def value(self, x: float) -> float:
        return x * Sigmoid().value(x)

    def slope(self, number: float) -> float:
        share = Sigmoid().value(number)
        return share * (1 + number * (1 - share))


class Gelu(Elementwise):
    """x Φ(x): a number passes by the share of a bell curve that lies below it (Hendrycks & Gimpel, 2016).

    The exact form with the error function, as in PyTorch and Keras, not the approximation by tanh.
    """

    name = "gelu"
    formula = r"y = x\, \Phi(x) = \frac{x}{2} \left(1 + \mathrm{erf} \frac{x}{\sqrt{2}}\right)"
    template = r"«0»\, \Phi(«0»)"
    slope_template = r"\Phi(«0») + «0»\, \frac{e^{-«0»^2 / 2}}{\sqrt{2 \pi}}"
    slope_of = "x"
    range_text = "[−0.170, ∞)"

    def forward(self, y: Array, x: Array) -> None:
        np.multiply(x, share_below(x), y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        bell = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        np.multiply(share_below(x) + x * bell, dy, dx)

    def value(self, x: float) -> float:
        return x * 0.5 * math.erfc(-x / math.sqrt(2))

    def slope(self, number: float) -> float:
        bell = math.exp(-0.5 * number * number) / math.sqrt(2 * math.pi)
        return 0.5 * math.erfc(-number / math.sqrt(2)) + number * bell
