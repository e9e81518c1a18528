"""A stretch of a whole: some of the steps, rows or units along one axis."""

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.sight import SAME, Sight, windows


class Span(Op):
    """What lies along an axis from `start` to before `stop`."""

    formula = r"y = x_{a \dots b}"

    def __init__(self, axis: int, start: int, stop: int) -> None:
        self.axis, self.start, self.stop = axis, start, stop

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (*x[: self.axis], self.stop - self.start, *x[self.axis + 1 :])

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, self._within(x))

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)
        self._within(dx)[...] = dy

    def sight(self, which: int, *inputs: Shape) -> Sight:
        given, result = inputs[0], self.shape(*inputs)
        axes = [SAME] * len(given)
        axes[self.axis] = windows(result[self.axis], given[self.axis], before=-self.start)
        return Sight(result, given, tuple(axes))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *self._moved(index, self.start)),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if not self.start <= index[self.axis] < self.stop:
            return []
        return [Term((see("dy", *self._moved(index, -self.start)),))]

    def _moved(self, index: Index, by: int) -> Index:
        return (*index[: self.axis], index[self.axis] + by, *index[self.axis + 1 :])

    def _within(self, x: Array) -> Array:
        part: Array = x[(*(slice(None),) * self.axis, slice(self.start, self.stop))]
        return part
