"""Softmax: scores become probabilities."""

import math
from typing import ClassVar

import numpy as np

from annstudio.engine.account import Factor, Remark, See, Term, derived, listed, local_slope
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.sight import Sight, along


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

    def sight(self, which: int, *inputs: Shape) -> Sight:
        return along(inputs[0], class_axis(len(inputs[0])))

    def account(self, see: See, index: Index) -> list[Term]:
        return [probability(see, index)]

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return as_logistic(see, index)

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        own = see("y", *index)
        terms = []
        for j in range(see.shape("x")[class_axis(len(index))]):
            place = _at_class(index, j)
            if place == index:
                slope = Term((own,), "«0» (1 - «0»)", lambda y: y * (1 - y))
            else:
                slope = Term((see("y", *place), own), "-«0» · «1»", lambda yj, yk: -yj * yk)
            terms.append(Term((see("dy", *place), local_slope(index, slope))))
        return terms


def class_axis(n_axes: int) -> int:
    """Which axis of one example holds the classes: the channels of an image, else the last."""
    return 0 if n_axes == 3 else n_axes - 1


def _at_class(index: Index, j: int) -> Index:
    classes = class_axis(len(index))
    return (*index[:classes], j, *index[classes + 1 :])


# What accounts say ---------------------------------------------------------------------------------------------------

LARGE = 500.0
"""Powers of e of larger numbers are told with the largest score taken off: they would be too large for a float."""


def probability(see: See, index: Index) -> Term:
    """A class's probability, the scores being `x`: its power of e, over the sum of the powers of all classes."""
    scores = scores_of(see, index)
    own = see("x", *index)
    top = max(score.value for score in scores)
    if abs(top) > LARGE or min(score.value for score in scores) < -LARGE:
        largest, total = below_largest(scores)
        power = derived("power", Term((own, largest), "e^{«0» - «1»}", lambda x, top: math.exp(x - top)))
    else:
        total = derived("total", *(Term((score,), "e^{«0»}", math.exp) for score in scores))
        power = derived("power", Term((own,), "e^{«0»}", math.exp))
    return Term((power, total), r"\frac{«0»}{«1»}", lambda power, total: power / total)


def as_logistic(see: See, index: Index) -> list[Remark]:
    """With two classes softmax is the logistic function of the scores' difference."""
    classes = class_axis(len(index))
    if see.shape("x")[classes] != 2:
        return []
    factors = (see("x", *index), see("x", *_at_class(index, 1 - index[classes])))
    term = Term(factors, r"\frac{1}{1 + e^{-(«0» - «1»)}}", lambda own, other: _logistic(own - other))
    return [Remark("With two classes softmax is the logistic function of the difference of the scores:", term)]


def scores_of(see: See, index: Index) -> tuple[Factor, ...]:
    """The scores of all classes at the place of one of them."""
    n = see.shape("x")[class_axis(len(index))]
    return tuple(see("x", *_at_class(index, j)) for j in range(n))


def below_largest(scores: tuple[Factor, ...]) -> tuple[Factor, Factor]:
    """The largest score, and the sum of the powers of e of how far all lie below it."""
    values = [score.value for score in scores]
    told = listed(len(scores), values.index(max(values)))
    largest = derived("largest", Term(scores, rf"\max({told})", lambda *xs: max(xs)))
    powers = (Term((score, largest), "e^{«0» - «1»}", lambda x, top: math.exp(x - top)) for score in scores)
    return largest, derived("total", *powers)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
