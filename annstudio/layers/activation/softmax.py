"""Softmax: scores become probabilities."""

import math
from typing import ClassVar

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape


class Softmax(Op):
    """Turns scores into probabilities that add up to 1; with two classes it is the logistic function.

    In a sequence every step has probabilities of its own, in an image every place: over its channels.
    """

    name: ClassVar[str] = "softmax"
    formula = r"y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}"
    range_text: ClassVar[str] = "(0, 1), sum 1"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        axis = class_axis(x)
        np.subtract(x, x.max(axis, keepdims=True), y)
        np.exp(y, y)
        np.divide(y, y.sum(axis, keepdims=True), y)

    def backward(self, dx: Array, dy: Array, y: Array) -> None:
        np.multiply(dy, y, dx)
        np.subtract(dy, dx.sum(class_axis(y), keepdims=True), dx)
        np.multiply(dx, y, dx)

    def account(self, see: See, index: Index) -> list[Term]:
        places = _rivals(index, see.shape("x"))
        below = " + ".join(f"e^{{«{j}»}}" for j in range(len(places)))
        scores = tuple(see("x", *place) for place in places)
        return [Term(scores, rf"\frac{{e^{{«0»}}}}{{{below}}}", _softmax_of_first)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        own = see("y", *index)
        terms = [Term((see("dy", *index), own))]
        for place in _rivals(index, see.shape("x")):
            other = (see("dy", *place), see("y", *place), own)
            terms.append(Term(other, "-«0» · «1» · «2»", lambda dy, yj, yk: -dy * yj * yk))
        return terms


def class_axis(x: Array) -> int:
    """Where the classes of an array of examples are: the channels of images, the features of all else."""
    return 0 if x.ndim == 4 else -2


def _rivals(index: Index, shape: Shape) -> list[Index]:
    """The place itself, then all others that it shares 1 with."""
    axis = 0 if len(shape) == 3 else len(shape) - 1
    others = [k for k in range(shape[axis]) if k != index[axis]]
    return [(*index[:axis], k, *index[axis + 1 :]) for k in [index[axis], *others]]


def _softmax_of_first(*scores: float) -> float:
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return powers[0] / math.fsum(powers)
