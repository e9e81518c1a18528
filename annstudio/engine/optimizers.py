"""How a gradient becomes a new weight: textbook optimisers on flat vectors, in order of difficulty.

A new optimiser is one class here: its settings are its fields, its memory the names in `vectors`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from annstudio.engine.account import Factor, Term
from annstudio.engine.op import Array

UpdateCall = Callable[[int], None]
"""Does one update; the argument is the number of the step, from 1."""


class Optimizer(BaseModel):
    """A rule for the next weights. `formula` and `account` tell it with `w`, `g` and the vectors' names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    vectors: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str] = ""
    title: ClassVar[str] = ""

    learning_rate: float = Field(
        0.1, gt=0, le=1000, title="Learning rate", description="How far each update goes along the gradient (η)."
    )

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array]) -> UpdateCall:
        """A function that changes `w` (and the vectors) in place, given the gradient in `g`."""
        raise NotImplementedError

    def unit(self, vector: str, dtype: np.dtype[Any]) -> float:
        """What the stored vector is multiplied by to give the textbook's: folding a factor in saves a pass."""
        return 1.0

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        """How one weight gets its new value in step `t` (from 1): each line's symbol, and the term it is worth."""
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: a step of fixed rate against the gradient."""

    title: ClassVar[str] = "SGD"
    formula: ClassVar[str] = r"w^{+} = w - \eta\, g"
    kind: Literal["sgd"] = "sgd"

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array]) -> UpdateCall:
        rate, step = np.array(self.learning_rate, w.dtype), np.empty_like(w)
        multiply, subtract = np.multiply, np.subtract

        def update(t: int) -> None:
            multiply(g, rate, step)
            subtract(w, step, w)

        return update

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        return [_descent("w", w, self.learning_rate, "g", g)]


class Momentum(Optimizer):
    """SGD that keeps rolling: a share of the last step is added to the next (Polyak, 1964)."""

    title: ClassVar[str] = "Momentum"
    formula: ClassVar[str] = r"v^{+} = \mu v + g, \quad w^{+} = w - \eta\, v^{+}"
    vectors: ClassVar[tuple[str, ...]] = ("v",)
    kind: Literal["momentum"] = "momentum"
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="The share of the last step kept (μ).")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array]) -> UpdateCall:
        v, step = vectors["v"], np.empty_like(w)
        rate, mu = np.array(self.learning_rate, w.dtype), np.array(self.momentum, w.dtype)

        def update(t: int) -> None:
            np.multiply(v, mu, v)
            np.add(v, g, v)
            np.multiply(v, rate, step)
            np.subtract(w, step, w)

        return update

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        factors = (_number(r"\mu", self.momentum), _number("v", vectors["v"]), _number("g", g))
        rolling = Term(factors, r"«0» \cdot «1» + «2»", lambda mu, v, g: mu * v + g)
        return [("v^{+}", rolling), _descent("w", w, self.learning_rate, "v^{+}", rolling.value)]


class Adam(Optimizer):
    """A rate of its own for every weight, from running means of the gradient and its square (Kingma & Ba, 2015)."""

    title: ClassVar[str] = "Adam"
    formula: ClassVar[str] = (
        r"m^{+} = \beta_1 m + (1-\beta_1) g, \quad v^{+} = \beta_2 v + (1-\beta_2) g^2, \quad "
        r"w^{+} = w - \eta \frac{m^{+} / (1-\beta_1^t)}{\sqrt{v^{+} / (1-\beta_2^t)} + \epsilon}"
    )
    vectors: ClassVar[tuple[str, ...]] = ("m", "v")
    kind: Literal["adam"] = "adam"
    learning_rate: float = Field(
        0.001, gt=0, le=1000, title="Learning rate", description="How far each update goes at most (η)."
    )
    beta_1: float = Field(0.9, ge=0, lt=1, title="β₁", description="How slowly the mean gradient forgets.")
    beta_2: float = Field(0.999, ge=0, lt=1, title="β₂", description="How slowly the mean squared gradient forgets.")
    epsilon: float = Field(1e-8, gt=0, le=1, title="ε", description="Keeps the division finite.")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array]) -> UpdateCall:
        m, v, step = vectors["m"], vectors["v"], np.empty_like(w)
        b1, b2 = np.array(self.beta_1, w.dtype), np.array(self.beta_2, w.dtype)
        unit_m, unit_v = self.unit("m", w.dtype), self.unit("v", w.dtype)
        # Both bias corrections and the vectors' units go into one rate and one epsilon: fewer passes over memory.
        rate, epsilon = np.zeros((), w.dtype), np.zeros((), w.dtype)
        folded = unit_m != 1
        c1, c2 = np.array(1 - self.beta_1, w.dtype), np.array(1 - self.beta_2, w.dtype)
        multiply, add, divide, subtract, sqrt = np.multiply, np.add, np.divide, np.subtract, np.sqrt

        def update(t: int) -> None:
            correction = ((1 - self.beta_2**t) / unit_v) ** 0.5
            rate[()] = self.learning_rate * correction * unit_m / (1 - self.beta_1**t)
            epsilon[()] = self.epsilon * correction
            multiply(m, b1, m)
            add(m, g if folded else multiply(g, c1, step), m)
            multiply(v, b2, v)
            multiply(g, g, step)
            add(v, step if folded else multiply(step, c2, step), v)
            sqrt(v, step)
            add(step, epsilon, step)
            divide(m, step, step)
            multiply(step, rate, step)
            subtract(w, step, w)

        return update

    def unit(self, vector: str, dtype: np.dtype[Any]) -> float:
        # Kept as m/(1−β₁) and v/(1−β₂) in float32; float64 is for exactness and keeps the textbook's, bit by bit.
        return 1 - (self.beta_1 if vector == "m" else self.beta_2) if dtype == np.float32 else 1.0

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        gradient = _number("g", g)
        b1, b2 = _number(r"\beta_1", self.beta_1), _number(r"\beta_2", self.beta_2)
        mean = Term((b1, _number("m", vectors["m"]), gradient), r"«0» \cdot «1» + (1 - «0») \cdot «2»",
                    lambda b, m, g: b * m + (1 - b) * g)  # fmt: skip
        square = Term((b2, _number("v", vectors["v"]), gradient), r"«0» \cdot «1» + (1 - «0») \cdot «2»^2",
                      lambda b, v, g: b * v + (1 - b) * g * g)  # fmt: skip
        fair = rf"\frac{{«0»}}{{1 - «1»^{{{t}}}}}"
        fair_mean = Term((_number("m^{+}", mean.value), b1), fair, lambda m, b: m / (1 - b**t))
        fair_square = Term((_number("v^{+}", square.value), b2), fair, lambda v, b: v / (1 - b**t))
        factors = (
            _number("w", w), _number(r"\eta", self.learning_rate), _number(r"\hat{m}", fair_mean.value),
            _number(r"\hat{v}", fair_square.value), _number(r"\epsilon", self.epsilon),
        )  # fmt: skip
        step = Term(factors, r"«0» - «1» \cdot \frac{«2»}{\sqrt{«3»} + «4»}",
                    lambda w, rate, m, v, e: w - rate * m / (math.sqrt(v) + e))  # fmt: skip
        lines = (mean, square, fair_mean, fair_square, step)
        return list(zip(("m^{+}", "v^{+}", r"\hat{m}", r"\hat{v}", "w^{+}"), lines, strict=True))


def _number(symbol: str, value: float) -> Factor:
    return Factor(symbol, (), value)


def _descent(symbol: str, w: float, rate: float, direction: str, d: float) -> tuple[str, Term]:
    """The weight less the rate times the direction."""
    factors = (_number(symbol, w), _number(r"\eta", rate), _number(direction, d))
    return f"{symbol}^{{+}}", Term(factors, r"«0» - «1» \cdot «2»", lambda w, rate, d: w - rate * d)


AnyOptimizer = Annotated[SGD | Momentum | Adam, Field(discriminator="kind")]
OPTIMIZERS: tuple[type[Optimizer], ...] = (SGD, Momentum, Adam)
