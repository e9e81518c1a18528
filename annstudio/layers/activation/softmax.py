"""Softmax: scores become probabilities."""

import math
from typing import ClassVar

import numpy as np

from annstudio.engine.account import See, Term
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
