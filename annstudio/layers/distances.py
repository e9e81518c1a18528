"""Distances that forgive more than the squared error, margins of classifiers, and what an example counts for.

Sources: Huber (1964); Rosenblatt (1958) for the perceptron's criterion; Cortes & Vapnik (1995) for the hinge; Szegedy
et al. (2016) for label smoothing.
"""

import math
from copy import copy
from typing import Self

import numpy as np

from annstudio.engine.account import Factor, See, Term, constant, derived, local_slope, setting
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.engine.sight import ALL, SAME, Sight


class PerExample(Op):
    """A loss of one example: `x` the output (or the scores before it), `t` the target, both of one shape.

    `by_step`: one for each step of a sequence instead of one for the whole.
    """

    without_gradient = frozenset({"t"})
    mean = False
    """Whether it is a mean over the outputs, not a sum."""
    by_step = False

    def at_every_step(self) -> Self:
        """The same loss of each step of a sequence by itself."""
        op = copy(self)
        op.by_step = True
        return op

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)[: self.by_step]

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """All outputs, or those of its own step."""
        given = inputs[which]
        steps, rest = given[: self.by_step], given[self.by_step :]
        same = (SAME,) * len(steps)
        return Sight((*steps, *(1,) * len(rest)), given, (*same, *(ALL,) * len(rest)))

    def outputs(self, shape: Shape) -> Shape:
        """The shape of what one number is the loss of."""
        return shape[self.by_step :]

    def axes(self, x: Array) -> Shape:
        """What is summed over."""
        return tuple(range(self.by_step, x.ndim - 1))

    def beside(self, dy: Array, x: Array) -> Array:
        """The gradient of the losses, to reckon with the outputs."""
        return dy.reshape(*dy.shape[: self.by_step], *(1,) * len(self.axes(x)), -1)

    def places(self, index: Index, shape: Shape) -> list[Index]:
        """The outputs that the loss at `index` is the loss of."""
        return [(*index, *k) for k in np.ndindex(self.outputs(shape))]

    def handed_on(self, see: See, index: Index) -> Factor:
        """The gradient that comes to an output: that of its loss."""
        return see("dy", *index[: self.by_step])


class PlaceByPlace(PerExample):
    """A loss that is summed (or with `mean` averaged) over the outputs, each judged by itself."""

    mean = True

    def each(self, x: Array, t: Array) -> Array:
        """The shares of all outputs."""
        raise NotImplementedError

    def slopes(self, x: Array, t: Array) -> Array:
        """Their derivatives by the outputs."""
        raise NotImplementedError

    def told(self, t: Factor, x: Factor) -> Term:
        """One output's share (of the sum) as it is shown."""
        raise NotImplementedError

    def slope_told(self, t: Factor, x: Factor) -> Term:
        """Its derivative by the output as it is shown."""
        raise NotImplementedError

    def told_anywhere(self, t: Factor, x: Factor) -> Term:
        """The share told in such a way that it holds for any numbers."""
        return self.told(t, x)

    def slope_anywhere(self, t: Factor, x: Factor) -> Term:
        """The same of its derivative."""
        return self.slope_told(t, x)

    def forward(self, y: Array, x: Array, t: Array) -> None:
        np.multiply(self.each(x, t).sum(self.axes(x)), self._share(x.shape[:-1]), y)

    def backward(self, dx: Array, dy: Array, x: Array, t: Array) -> None:
        np.multiply(self.slopes(x, t), self._share(x.shape[:-1]), dx)
        np.multiply(dx, self.beside(dy, x), dx)

    def _share(self, shape: Shape) -> float:
        return 1 / math.prod(self.outputs(shape)) if self.mean else 1.0

    def account(self, see: See, index: Index) -> list[Term]:
        told = self.told_anywhere if see.every else self.told
        return [self._of_all(see, told(see("t", *k), see("x", *k))) for k in self.places(index, see.shape("x"))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        told = self.slope_anywhere if see.every else self.slope_told
        slope = self._of_all(see, told(see("t", *index), see("x", *index)))
        return [Term((self.handed_on(see, index), local_slope(index, slope)))]

    def _of_all(self, see: See, term: Term) -> Term:
        """Of a mean, what one output adds to it."""
        share = self._share(see.shape("x"))
        n = math.prod(self.outputs(see.shape("x")))
        told = rf"\tfrac{{1}}{{{n}}} · " if self.mean and n > 1 else ""
        return Term(term.factors, told + term.template, lambda *numbers: share * term.evaluate(*numbers))


class AbsoluteError(PlaceByPlace):
    """The mean of |t − o|: every step away counts the same, so outliers pull less than with squares."""

    formula = r"e = \frac{1}{n} \sum_k |t_k - o_k|"

    def told(self, t: Factor, x: Factor) -> Term:
        return Term((t, x), r"|«0» - «1»|", lambda t, x: abs(t - x))

    def slope_told(self, t: Factor, x: Factor) -> Term:
        return Term((t, x), r"\mathrm{sign}(«1» - «0»)", lambda t, x: sign(x - t))

    def each(self, x: Array, t: Array) -> Array:
        away: Array = np.abs(x - t)
        return away

    def slopes(self, x: Array, t: Array) -> Array:
        side: Array = np.sign(x - t)
        return side


class HuberError(PlaceByPlace):
    """Squared near the target, straight beyond δ: smooth at 0, and outliers pull no more than δ."""

    formula = (
        r"e = \frac{1}{n} \sum_k \tfrac{1}{2} d_k^2 \text{ where } d_k = |t_k - o_k| \leq \delta, "
        r"\text{ else } \delta (d_k - \tfrac{\delta}{2})"
    )

    def __init__(self, delta: float) -> None:
        self.delta = delta

    def told(self, t: Factor, x: Factor) -> Term:
        if abs(t.value - x.value) <= self.delta:
            return Term((t, x), r"\tfrac{1}{2}(«0» - «1»)^2", lambda t, x: 0.5 * (t - x) ** 2)
        numbers, template = (t, x, constant(r"\delta", self.delta)), r"«2» · (|«0» - «1»| - \tfrac{1}{2} · «2»)"
        return Term(numbers, template, lambda t, x, delta: delta * (abs(t - x) - 0.5 * delta))

    def slope_told(self, t: Factor, x: Factor) -> Term:
        if abs(t.value - x.value) <= self.delta:
            return Term((t, x), "(«1» - «0»)", lambda t, x: x - t)
        numbers = (t, x, constant(r"\delta", self.delta))
        return Term(numbers, r"«2» · \mathrm{sign}(«1» - «0»)", lambda t, x, delta: delta * sign(x - t))

    def told_anywhere(self, t: Factor, x: Factor) -> Term:
        near = r"\min(|«0» - «1»|,\; «2»)"
        return Term(
            (t, x, constant(r"\delta", self.delta)), rf"{near} · (|«0» - «1»| - \tfrac{{1}}{{2}} {near})",
            lambda t, x, delta: min(abs(t - x), delta) * (abs(t - x) - 0.5 * min(abs(t - x), delta)),
        )  # fmt: skip

    def slope_anywhere(self, t: Factor, x: Factor) -> Term:
        return Term(
            (t, x, constant(r"\delta", self.delta)), r"\max(-«2»,\; \min(«2»,\; «1» - «0»))",
            lambda t, x, delta: max(-delta, min(delta, x - t)),
        )  # fmt: skip

    def each(self, x: Array, t: Array) -> Array:
        away = np.abs(x - t)
        near = np.minimum(away, self.delta)
        straight: Array = near * (away - 0.5 * near)
        return straight

    def slopes(self, x: Array, t: Array) -> Array:
        slopes: Array = np.clip(x - t, -self.delta, self.delta)
        return slopes


class Hinge(PlaceByPlace):
    """The mean of max(0, 1 − s·o), s being +1 for targets above 0 and −1 for others: right is not enough, it must be
    right by a margin of 1."""

    formula = r"e = \frac{1}{n} \sum_k \max(0,\; 1 - s_k o_k), \quad s_k = \pm 1"

    def told(self, t: Factor, x: Factor) -> Term:
        return Term((self._side(t), x), r"\max(0,\; 1 - «0» · «1»)", lambda s, x: max(0.0, 1 - s * x))

    def slope_told(self, t: Factor, x: Factor) -> Term:
        return Term((self._side(t), x), r"(-«0»)\,[\,«0» · «1» < 1\,]", lambda s, x: -s * (s * x < 1))

    def _side(self, t: Factor) -> Factor:
        return derived("s", Term((t,), r"2\,[\,«0» > 0\,] - 1", lambda t: 1.0 if t > 0 else -1.0))

    def each(self, x: Array, t: Array) -> Array:
        margin: Array = np.maximum(0, 1 - np.where(t > 0, x, -x))
        return margin

    def slopes(self, x: Array, t: Array) -> Array:
        side = np.where(t > 0, 1, -1).astype(x.dtype)
        slopes: Array = -side * (side * x < 1)
        return slopes


class PerceptronCriterion(PlaceByPlace):
    """Σ (o − t)·net with o = step(net), worked out from net: what the perceptron rule w ← w + η (t − o) x goes down.

    It is 0 where all outputs are right. The step itself is flat: it has no part in the gradient.
    """

    formula = r"e = \sum_k (o_k - t_k) \cdot \text{net}_k, \quad o = \text{step}(\text{net})"
    mean = False

    def told(self, t: Factor, x: Factor) -> Term:
        return Term((t, x), r"([\,«1» \geq 0\,] - «0») · «1»", lambda t, x: ((x >= 0) - t) * x)

    def slope_told(self, t: Factor, x: Factor) -> Term:
        return Term((t, x), r"([\,«1» \geq 0\,] - «0»)", lambda t, x: (x >= 0) - t)

    def each(self, x: Array, t: Array) -> Array:
        share: Array = self.slopes(x, t) * x
        return share

    def slopes(self, x: Array, t: Array) -> Array:
        wrong: Array = (x >= 0).astype(x.dtype) - t
        return wrong


def sign(x: float) -> float:
    return float((x > 0) - (x < 0))


# What an example counts for ------------------------------------------------------------------------------------------


class Smoothed(Op):
    """t′ = (1 − ε) t + ε / K: no class is quite certain, so that scores need not grow without end."""

    formula = r"t' = (1 - \epsilon)\, t + \epsilon / K"
    without_gradient = frozenset({"t"})
    place_by_place = True

    def __init__(self, share: float, classes: int) -> None:
        self.share = share
        self.classes = classes

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, t: Array) -> None:
        np.multiply(t, 1 - self.share, y)
        np.add(y, self.share / self.classes, y)

    def backward(self) -> None:
        raise AssertionError("nothing is learned through a target")

    def account(self, see: See, index: Index) -> list[Term]:
        template = rf"(1 - {setting(self.share)}) · «0» + \tfrac{{{setting(self.share)}}}{{{self.classes}}}"
        return [Term((see("t", *index),), template, lambda t: (1 - self.share) * t + self.share / self.classes)]


class Counted(Op):
    """e′ = c · e: what a whole loss counts for beside others."""

    formula = r"e' = c \cdot e"
    place_by_place = True

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        np.multiply(x, self.weight, y)

    def backward(self, dx: Array, dy: Array) -> None:
        np.multiply(dy, self.weight, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),), f"{setting(self.weight)} · «0»", lambda x: self.weight * x)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index),), f"{setting(self.weight)} · «0»", lambda dy: self.weight * dy)]


class CountedByExample(Op):
    """e′ = w · e, with a weight of its own for every example, from the data."""

    formula = r"e'_n = w_n \cdot e_n"
    without_gradient = frozenset({"w"})
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, x: Array, w: Array) -> None:
        np.multiply(x, w, y)

    def backward(self, dx: Array, dy: Array, w: Array) -> None:
        np.multiply(dy, w, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("w", *index), see("x", *index)))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index), see("w", *index)))]


class CountedByClass(Op):
    """e′ = Σ w t · e: an example counts what its class counts. One output stands for two classes, 0 and 1."""

    formula = r"e' = \left(\sum_k w_k t_k\right) \cdot e"
    without_gradient = frozenset({"t"})
    place_by_place = True

    def __init__(self, weights: tuple[float, ...]) -> None:
        self.weights = weights

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, t: Array) -> None:
        np.multiply(x, self._counts(t), y)

    def backward(self, dx: Array, dy: Array, t: Array) -> None:
        np.multiply(dy, self._counts(t), dx)

    def _counts(self, t: Array) -> Array:
        if len(t) == 1:
            low, high = self.weights
            counts: Array = low + (high - low) * t[0]
            return counts
        return np.array(self.weights, t.dtype) @ t

    def account(self, see: See, index: Index) -> list[Term]:
        return [self._told(see("x"), see)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [self._told(see("dy"), see)]

    def _told(self, number: Factor, see: See) -> Term:
        classes = see.shape("t")[0]
        targets = tuple(see("t", k) for k in range(classes))
        if classes == 1:
            low, high = self.weights
            template = f"({setting(low)} (1 - «1») + {setting(high)} · «1») · «0»"
            return Term((number, *targets), template, lambda e, t: (low + (high - low) * t) * e)
        sums = " + ".join(f"{setting(weight)} · «{k + 1}»" for k, weight in enumerate(self.weights))
        return Term((number, *targets), f"({sums}) · «0»", self._product)

    def _product(self, e: float, *targets: float) -> float:
        return e * math.fsum(w * t for w, t in zip(self.weights, targets, strict=True))
