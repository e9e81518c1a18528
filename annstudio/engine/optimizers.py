"""How a gradient becomes a new weight: textbook optimisers on flat vectors, in order of difficulty.

A new optimiser is one class here: its settings are its fields, its memory the names in `vectors`.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.engine.account import Term
from annstudio.engine.calls import bound
from annstudio.engine.gemm import Call
from annstudio.engine.memory import like
from annstudio.engine.op import Array
from annstudio.engine.rules import (
    Clock,
    Optimizer,
    descent,
    number,
    running_mean,
    running_square,
    scaled_descent,
    scaled_pace,
)

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "AnyOptimizer",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSProp",
]


class SGD(Optimizer):
    """Stochastic gradient descent: a step of fixed rate against the gradient."""

    title: ClassVar[str] = "SGD"
    formula: ClassVar[str] = r"w^{+} = w - \eta\, g"
    kind: Literal["sgd"] = "sgd"

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        step = like(w)
        return [partial(np.multiply, g, rate, step), partial(np.subtract, w, step, w)]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        return [descent("w", w, self.learning_rate, "g", g)]


class Momentum(Optimizer):
    """SGD that keeps rolling: a share of the last step is added to the next (Polyak, 1964)."""

    title: ClassVar[str] = "Momentum"
    formula: ClassVar[str] = r"v^{+} = \mu v + g, \quad w^{+} = w - \eta\, v^{+}"
    vectors: ClassVar[tuple[str, ...]] = ("v",)
    kind: Literal["momentum"] = "momentum"
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="The share of the last step kept (μ).")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        v, step = vectors["v"], like(w)
        return [
            *rolled(v, self.momentum, g),
            partial(np.multiply, v, rate, step),
            partial(np.subtract, w, step, w),
        ]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        factors = (number(r"\mu", self.momentum), number("v", vectors["v"]), number("g", g))
        rolling = Term(factors, r"«0» \cdot «1» + «2»", lambda mu, v, g: mu * v + g)
        return [("v^{+}", rolling), descent("w", w, self.learning_rate, "v^{+}", rolling.value)]

    def carried(self, w: float, vectors: Mapping[str, float], lines: Mapping[str, float], t: int) -> dict[str, Term]:
        factors = (number(r"\eta", self.learning_rate), number(r"\mu", self.momentum), number("v", vectors["v"]))
        return {"momentum": Term(factors, r"-«0» \cdot «1» \cdot «2»", lambda rate, mu, v: -rate * mu * v)}


class Nesterov(Momentum):
    """Momentum that looks ahead: the gradient counts where the rolling step is going to (Nesterov, 1983)."""

    title: ClassVar[str] = "Nesterov"
    formula: ClassVar[str] = r"v^{+} = \mu v + g, \quad w^{+} = w - \eta\, (g + \mu v^{+})"
    kind: Literal["nesterov"] = "nesterov"  # type: ignore[assignment]

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        v, step = vectors["v"], like(w)
        return [
            *rolled(v, self.momentum, g),
            bound(np.multiply, v, self.momentum, step),
            partial(np.add, step, g, step),
            partial(np.multiply, step, rate, step),
            partial(np.subtract, w, step, w),
        ]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        (rolling, term), _ = super().account(w, g, vectors, t)
        factors = (
            number("w", w), number(r"\eta", self.learning_rate), number("g", g), number(r"\mu", self.momentum),
            number("v^{+}", term.value),
        )  # fmt: skip
        step = Term(factors, r"«0» - «1» \cdot («2» + «3» \cdot «4»)",
                    lambda w, rate, g, mu, v: w - rate * (g + mu * v))  # fmt: skip
        return [(rolling, term), ("w^{+}", step)]

    def pace(self, lines: Mapping[str, float], t: int) -> Term:
        factors = (number(r"\eta", self.learning_rate), number(r"\mu", self.momentum))
        return Term(factors, r"-«0» \cdot (1 + «1»)", lambda rate, mu: -rate * (1 + mu))

    def carried(self, w: float, vectors: Mapping[str, float], lines: Mapping[str, float], t: int) -> dict[str, Term]:
        factors = (number(r"\eta", self.learning_rate), number(r"\mu", self.momentum), number("v", vectors["v"]))
        return {"momentum": Term(factors, r"-«0» \cdot «1»^2 \cdot «2»", lambda rate, mu, v: -rate * mu * mu * v)}


class Adagrad(Optimizer):
    """A rate of its own for every weight, which shrinks with all gradients it ever had (Duchi et al., 2011)."""

    title: ClassVar[str] = "Adagrad"
    formula: ClassVar[str] = r"s^{+} = s + g^2, \quad w^{+} = w - \eta \frac{g}{\sqrt{s^{+}} + \epsilon}"
    vectors: ClassVar[tuple[str, ...]] = ("s",)
    kind: Literal["adagrad"] = "adagrad"
    learning_rate: float = Field(
        0.01, gt=0, le=1000, title="Learning rate", description="How far the first updates go (η)."
    )
    epsilon: float = Field(1e-10, gt=0, le=1, title="ε", description="Keeps the division finite.")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        s, step = vectors["s"], like(w)
        square: list[Call] = [partial(np.multiply, g, g, step), partial(np.add, s, step, s)]
        return [*square, *_scaled_descent(w, g, s, step, rate, np.array(self.epsilon, w.dtype))]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        square = Term((number("s", vectors["s"]), number("g", g)), r"«0» + «1»^2", lambda s, g: s + g * g)
        return [("s^{+}", square), scaled_descent(w, g, square.value, self.learning_rate, self.epsilon)]

    def pace(self, lines: Mapping[str, float], t: int) -> Term:
        return scaled_pace(lines["s^{+}"], self.learning_rate, self.epsilon)


class RMSProp(Optimizer):
    """A rate of its own for every weight, from a running mean of its squared gradients (Tieleman & Hinton, 2012)."""

    title: ClassVar[str] = "RMSProp"
    formula: ClassVar[str] = r"s^{+} = \rho s + (1-\rho) g^2, \quad w^{+} = w - \eta \frac{g}{\sqrt{s^{+}} + \epsilon}"
    vectors: ClassVar[tuple[str, ...]] = ("s",)
    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(
        0.001, gt=0, le=1000, title="Learning rate", description="How far each update goes for a usual gradient (η)."
    )
    rho: float = Field(0.9, ge=0, lt=1, title="ρ", description="How slowly the mean squared gradient forgets.")
    epsilon: float = Field(1e-8, gt=0, le=1, title="ε", description="Keeps the division finite.")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        s, step = vectors["s"], like(w)
        square: list[Call] = [
            partial(np.multiply, g, g, step),
            bound(np.multiply, step, 1 - self.rho, step),
            *rolled(s, self.rho, step),
        ]
        return [*square, *_scaled_descent(w, g, s, step, rate, np.array(self.epsilon, w.dtype))]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        square = running_square(number(r"\rho", self.rho), vectors["s"], g, "s")
        return [("s^{+}", square), scaled_descent(w, g, square.value, self.learning_rate, self.epsilon)]

    def pace(self, lines: Mapping[str, float], t: int) -> Term:
        return scaled_pace(lines["s^{+}"], self.learning_rate, self.epsilon)


def rolled(mean: Array, share: float, new: Array) -> list[Call]:
    """What is left of a running sum, and what comes to it."""
    return [bound(np.multiply, mean, share, mean), partial(np.add, mean, new, mean)]


def _scaled_descent(w: Array, g: Array, s: Array, step: Array, rate: Array, epsilon: Array) -> list[Call]:
    """W ← w − η g / (√s + ε)."""
    return [
        partial(np.sqrt, s, step),
        partial(np.add, step, epsilon, step),
        partial(np.divide, g, step, step),
        partial(np.multiply, step, rate, step),
        partial(np.subtract, w, step, w),
    ]


_MEANS = r"m^{+} = \beta_1 m + (1-\beta_1) g, \quad v^{+} = \beta_2 v + (1-\beta_2) g^2"
_STEP = r"\eta \frac{m^{+} / (1-\beta_1^t)}{\sqrt{v^{+} / (1-\beta_2^t)} + \epsilon}"


class Adam(Optimizer):
    """A rate of its own for every weight, from running means of the gradient and its square (Kingma & Ba, 2015)."""

    title: ClassVar[str] = "Adam"
    formula: ClassVar[str] = rf"{_MEANS}, \quad w^{{+}} = w - {_STEP}"
    vectors: ClassVar[tuple[str, ...]] = ("m", "v")
    kind: Literal["adam"] = "adam"
    learning_rate: float = Field(
        0.001, gt=0, le=1000, title="Learning rate", description="How far each update goes at most (η)."
    )
    beta_1: float = Field(0.9, ge=0, lt=1, title="β₁", description="How slowly the mean gradient forgets.")
    beta_2: float = Field(0.999, ge=0, lt=1, title="β₂", description="How slowly the mean squared gradient forgets.")
    epsilon: float = Field(1e-8, gt=0, le=1, title="ε", description="Keeps the division finite.")

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        m, v, step = vectors["m"], vectors["v"], like(w)
        unit_m, unit_v = self.unit("m", w.dtype), self.unit("v", w.dtype)
        beta_1, beta_2, tiny = self.beta_1, self.beta_2, self.epsilon
        pace, epsilon = np.zeros((), w.dtype), np.zeros((), w.dtype)
        rate_of, set_pace, set_epsilon = rate.item, partial(pace.__setitem__, ()), partial(epsilon.__setitem__, ())

        def correct() -> None:
            # Both bias corrections and the vectors' units go into one rate and one epsilon: fewer passes over memory.
            t = clock.t + 1
            correction = ((1 - beta_2**t) / unit_v) ** 0.5
            set_pace(rate_of() * correction * unit_m / (1 - beta_1**t))
            set_epsilon(tiny * correction)

        folded = unit_m != 1
        first: list[Call] = [] if folded else [bound(np.multiply, g, 1 - beta_1, step)]
        second: list[Call] = [] if folded else [bound(np.multiply, step, 1 - beta_2, step)]
        return [
            correct,
            *first,
            *rolled(m, beta_1, g if folded else step),
            partial(np.multiply, g, g, step),
            *second,
            *rolled(v, beta_2, step),
            *_scaled_descent(w, m, v, step, pace, epsilon),
        ]

    def unit(self, vector: str, dtype: np.dtype[Any]) -> float:
        # Kept as m/(1−β₁) and v/(1−β₂) in float32; float64 is for exactness and keeps the textbook's, bit by bit.
        return 1 - (self.beta_1 if vector == "m" else self.beta_2) if dtype == np.float32 else 1.0

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        b1, b2 = number(r"\beta_1", self.beta_1), number(r"\beta_2", self.beta_2)
        mean = running_mean(b1, vectors["m"], g, "m")
        square = running_square(b2, vectors["v"], g, "v")
        fair = rf"\frac{{«0»}}{{1 - «1»^{{{t}}}}}"
        fair_mean = Term((number("m^{+}", mean.value), b1), fair, lambda m, b: m / (1 - b**t))
        fair_square = Term((number("v^{+}", square.value), b2), fair, lambda v, b: v / (1 - b**t))
        factors = (
            number("w", w), number(r"\eta", self.learning_rate), number(r"\hat{m}", fair_mean.value),
            number(r"\hat{v}", fair_square.value), number(r"\epsilon", self.epsilon),
        )  # fmt: skip
        step = Term(factors, r"«0» - «1» \cdot \frac{«2»}{\sqrt{«3»} + «4»}",
                    lambda w, rate, m, v, e: w - rate * m / (math.sqrt(v) + e))  # fmt: skip
        lines = (mean, square, fair_mean, fair_square, step)
        return list(zip(("m^{+}", "v^{+}", r"\hat{m}", r"\hat{v}", "w^{+}"), lines, strict=True))

    def pace(self, lines: Mapping[str, float], t: int) -> Term:
        factors = (
            number(r"\eta", self.learning_rate), number(r"\beta_1", self.beta_1),
            number(r"\hat{v}", lines[r"\hat{v}"]), number(r"\epsilon", self.epsilon),
        )  # fmt: skip
        template = rf"-\frac{{«0»}}{{\sqrt{{«2»}} + «3»}} \cdot \frac{{1 - «1»}}{{1 - «1»^{{{t}}}}}"
        return Term(factors, template,
                    lambda rate, b, v, e: -rate / (math.sqrt(v) + e) * (1 - b) / (1 - b**t))  # fmt: skip

    def carried(self, w: float, vectors: Mapping[str, float], lines: Mapping[str, float], t: int) -> dict[str, Term]:
        factors = (number("p", self.pace(lines, t).value), number(r"\beta_1", self.beta_1), number("m", vectors["m"]))
        template = r"«0» \cdot \frac{«1»}{1 - «1»} \cdot «2»"
        return {"mean gradient so far": Term(factors, template, lambda p, b, m: p * b / (1 - b) * m)}


class AdamW(Adam):
    """Adam that also draws every weight towards 0 by a share of itself, apart from the gradient (Loshchilov & Hutter,
    2019)."""

    title: ClassVar[str] = "AdamW"
    formula: ClassVar[str] = rf"{_MEANS}, \quad w^{{+}} = w - \eta \lambda w - {_STEP}"
    kind: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: float = Field(
        0.01, ge=0, le=1, title="Weight decay", description="Which share of every weight the rate takes off (λ)."
    )

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        share = np.zeros((), w.dtype)

        def decay() -> None:
            share[()] = 1 - float(rate) * self.weight_decay

        return [decay, partial(np.multiply, w, share, w), *super().bind(w, g, vectors, clock, rate)]

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        factors = (number("w", w), number(r"\eta", self.learning_rate), number(r"\lambda", self.weight_decay))
        decayed = Term(factors, r"«0» - «1» \cdot «2» \cdot «0»", lambda w, rate, decay: w - rate * decay * w)
        *lines, (symbol, step) = super().account(decayed.value, g, vectors, t)
        first = number("w'", decayed.value)
        return [("w'", decayed), *lines, (symbol, replace(step, factors=(first, *step.factors[1:])))]

    def carried(self, w: float, vectors: Mapping[str, float], lines: Mapping[str, float], t: int) -> dict[str, Term]:
        factors = (number(r"\eta", self.learning_rate), number(r"\lambda", self.weight_decay), number("w", w))
        decay = Term(factors, r"-«0» \cdot «1» \cdot «2»", lambda rate, share, w: -rate * share * w)
        return {"weight decay": decay, **super().carried(w, vectors, lines, t)}


AnyOptimizer = Annotated[SGD | Momentum | Nesterov | Adagrad | RMSProp | Adam | AdamW, Field(discriminator="kind")]
OPTIMIZERS: tuple[type[Optimizer], ...] = (SGD, Momentum, Nesterov, Adagrad, RMSProp, Adam, AdamW)
