"""Branches side by side: the channels of images, the features of lists and of sequence steps."""

from typing import ClassVar

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape, shape_text
from annstudio.engine.sight import SAME, Sight, windows
from annstudio.errors import ShapeError
from annstudio.layers.merge.node import Merge


class Join(Op):
    """The inputs one after the other: channels of images, features of lists and of sequence steps."""

    formula = r"y = [x_1;\; x_2;\; \dots]"
    only_brings = True

    def shape(self, *inputs: Shape) -> Shape:
        first, axis = inputs[0], _joined_axis(inputs[0])
        for shape in inputs[1:]:
            if len(shape) != len(first) or _without(shape, axis) != _without(first, axis):
                told = " and ".join(shape_text(s) for s in inputs)
                raise ShapeError(
                    f"needs inputs that differ in their channels only; got {told}.", "Bring them to one size."
                )
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])

    def forward(self, y: Array, *xs: Array) -> None:
        np.concatenate(xs, _joined_axis(y.shape[:-1]), y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array, xs: tuple[Array, ...]) -> None:
        axis, start = _joined_axis(dy.shape[:-1]), 0
        for dx, x in zip(dxs, xs, strict=True):
            part = slice(start, start + x.shape[axis])
            if dx is not None:
                np.copyto(dx, dy[(slice(None),) * axis + (part,)])
            start = part.stop

    def sight(self, which: int, *inputs: Shape) -> Sight:
        given, result, axis = inputs[which], self.shape(*inputs), _joined_axis(inputs[0])
        axes = [SAME] * len(given)
        axes[axis] = windows(result[axis], given[axis], before=sum(shape[axis] for shape in inputs[:which]))
        return Sight(result, given, tuple(axes))

    def account(self, see: See, index: Index) -> list[Term]:
        axis = _joined_axis(index)
        place = index[axis]
        for name in see.branches:
            size = see.shape(name)[axis]
            if place < size:
                return [Term((see(name, *index[:axis], place, *index[axis + 1 :]),))]
            place -= size
        return []

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        axis = _joined_axis(index)
        start = sum(see.shape(before)[axis] for before in see.branches[: see.branches.index(name)])
        return [Term((see("dy", *index[:axis], start + index[axis], *index[axis + 1 :]),))]


def _joined_axis(shape: Shape | Index) -> int:
    """Images (C, H, W) and lists (D,) are joined along their first axis, sequences (T, D) along the features."""
    return 1 if len(shape) == 2 else 0


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


class Concatenate(Merge):
    """Puts its inputs one after the other: channels of images, values of lists."""

    prefix: ClassVar[str] = "concat"
    op: ClassVar[type[Op]] = Join
