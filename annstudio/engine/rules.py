"""What every optimiser is: a rule that turns gradients into new weights, and tells how it did."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from annstudio.engine.account import Factor, Term
from annstudio.engine.gemm import Call
from annstudio.engine.op import Array


class Clock(Protocol):
    """Whoever counts the updates."""

    t: int
    """How many updates are done."""


class Optimizer(BaseModel):
    """A rule for the next weights. `formula` and `account` tell it with `w`, `g` and the vectors' names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    vectors: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[str] = ""
    title: ClassVar[str] = ""

    learning_rate: float = Field(
        0.1, gt=0, le=1000, title="Learning rate", description="How far each update goes along the gradient (η)."
    )

    def bind(self, w: Array, g: Array, vectors: Mapping[str, Array], clock: Clock, rate: Array) -> list[Call]:
        """The calls that change `w` (and the vectors) in place, given the gradient in `g`.

        `rate` is a 0-d array of w's format with the learning rate of the step; the step is number `clock.t` + 1.
        """
        raise NotImplementedError

    def unit(self, vector: str, dtype: np.dtype[Any]) -> float:
        """What the stored vector is multiplied by to give the textbook's: folding a factor in saves a pass."""
        return 1.0

    def account(self, w: float, g: float, vectors: Mapping[str, float], t: int) -> list[tuple[str, Term]]:
        """How one weight gets its new value in step `t` (from 1): each line's symbol, and the term it is worth."""
        raise NotImplementedError

    def pace(self, lines: Mapping[str, float], t: int) -> Term:
        """What the gradient is multiplied by in the weight's change: p. `lines` are `account`'s results by symbol."""
        return Term((number(r"\eta", self.learning_rate),), "-«0»", lambda rate: -rate)

    def carried(self, w: float, vectors: Mapping[str, float], lines: Mapping[str, float], t: int) -> dict[str, Term]:
        """What else changes the weight, by name: with p · g these amounts sum to the whole change."""
        return {}


def number(symbol: str, value: float) -> Factor:
    return Factor(symbol, (), value)


def running_mean(beta: Factor, mean: float, g: float, symbol: str) -> Term:
    """What a running mean of gradients becomes: it keeps the share β, and the rest is new."""
    return Term((beta, number(symbol, mean), number("g", g)), r"«0» \cdot «1» + (1 - «0») \cdot «2»",
                lambda b, m, g: b * m + (1 - b) * g)  # fmt: skip


def running_square(beta: Factor, mean: float, g: float, symbol: str) -> Term:
    """What a running mean of squared gradients becomes."""
    return Term((beta, number(symbol, mean), number("g", g)), r"«0» \cdot «1» + (1 - «0») \cdot «2»^2",
                lambda b, v, g: b * v + (1 - b) * g * g)  # fmt: skip


def descent(symbol: str, w: float, rate: float, direction: str, d: float) -> tuple[str, Term]:
    """The weight less the rate times the direction."""
    factors = (number(symbol, w), number(r"\eta", rate), number(direction, d))
    return f"{symbol}^{{+}}", Term(factors, r"«0» - «1» \cdot «2»", lambda w, rate, d: w - rate * d)


def scaled_descent(w: float, g: float, s: float, rate: float, epsilon: float) -> tuple[str, Term]:
    """The weight less the rate times the gradient over the root of a mean of its squares."""
    factors = (
        number("w", w), number(r"\eta", rate), number("g", g), number("s^{+}", s), number(r"\epsilon", epsilon),
    )  # fmt: skip
    template = r"«0» - «1» \cdot \frac{«2»}{\sqrt{«3»} + «4»}"
    return "w^{+}", Term(factors, template, lambda w, rate, g, s, e: w - rate * g / (math.sqrt(s) + e))


def scaled_pace(s: float, rate: float, epsilon: float) -> Term:
    """The rate over the root of a mean of squares: what a gradient counts."""
    factors = (number(r"\eta", rate), number("s^{+}", s), number(r"\epsilon", epsilon))
    return Term(factors, r"-\frac{«0»}{\sqrt{«1»} + «2»}", lambda rate, s, e: -rate / (math.sqrt(s) + e))
