"""Sequences of different length in one array: which of their steps count, and which are padding behind their end."""

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape, same_shape


def counting(lengths: Array, steps: int) -> Array:
    """Whether step t of example n lies before its end, (T, N)."""
    before_end: Array = np.arange(steps)[:, None] < lengths
    return before_end


class Shortest(Op):
    """The smallest of several lengths: of sequences that meet, only steps that count in all of them do.

    Keras goes on to the end of the longest, with numbers that change nothing in the place of those that have ended.
    """

    formula = r"\text{length} = \min(\text{length}_1, \text{length}_2, \dots)"
    result = "int"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, np.min(xs, 0))

    def account(self, see: See, index: Index) -> list[Term]:
        lengths = tuple(see(name, *index) for name in see.branches)
        template = r"\min(" + ",\\; ".join(f"«{i}»" for i in range(len(lengths))) + ")"
        return [Term(lengths, template, lambda *numbers: min(numbers))]
