"""The small steps of a block that is applied many times: taking a row, and putting results together."""

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.engine.sight import SAME, Sight, windows


class Row(Op):
    """One row of a picture as a sequence: (C, H, W) → (W, C)."""

    formula = r"y_{w,c} = x_{h,w,c}"

    def __init__(self, h: int) -> None:
        self.h = h

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0][2], inputs[0][0]

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x[:, self.h].swapaxes(0, 1))

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)
        dx[:, self.h] = dy.swapaxes(0, 1)

    def sight(self, which: int, *inputs: Shape) -> Sight:
        channels, rows, columns = inputs[0]
        row = windows(1, rows, before=-self.h)
        return Sight((channels, 1, columns), inputs[0], (SAME, row, SAME), (1, 0))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", index[1], self.h, index[0]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", index[2], index[0]),))] if index[1] == self.h else []


class StackRows(Op):
    """Sequences as the rows of a picture: H times (W, C) → (C, H, W)."""

    formula = r"y_{h,w,c} = (x_h)_{w,c}"

    def shape(self, *inputs: Shape) -> Shape:
        steps, values = same_shape(*inputs)
        return values, len(inputs), steps

    def forward(self, y: Array, *xs: Array) -> None:
        for h, x in enumerate(xs):
            np.copyto(y[:, h], x.swapaxes(0, 1))

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for h, dx in enumerate(dxs):
            if dx is not None:
                np.copyto(dx, dy[:, h].swapaxes(0, 1))

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """Row `which` of the picture, whose places are pairs of step and value."""
        steps, values = inputs[which]
        row = windows(len(inputs), 1, before=which)
        return Sight((steps, values, len(inputs)), (steps, values, 1), (SAME, SAME, row), (2, 0, 1))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see(f"xs[{index[1]}]", index[2], index[0]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", index[1], int(name[3:-1]), index[0]),))]
