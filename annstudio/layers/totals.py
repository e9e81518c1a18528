"""From the losses of single examples to the one number that training makes small."""

import numpy as np

from annstudio.engine.account import See, Term, share
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Index, Op, Shape


class MeanOverExamples(Op):
    """E = (1/N) Σ e: the mean over all examples of the batch."""

    formula = r"E = \frac{1}{N} \sum_n e_n"

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def batched(self, *inputs: bool) -> bool:
        return False

    def forward(self, y: Array, x: Array) -> None:
        np.add.reduce(x, axis=0, out=y)
        np.divide(y, x.shape[-1], y)

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(dy[()] / dx.shape[-1])

    def account(self, see: See, index: Index) -> list[Term]:
        return [share(see("x", example=i), see.n_examples) for i in range(see.n_examples)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        n = see.n_examples
        return [Term((see("dy"),), "«0»" if n == 1 else rf"\tfrac{{«0»}}{{{n}}}", lambda dy: dy / n)]


class TotalLoss(Op):
    """The network's loss is the sum of its loss nodes and of the penalties on weights."""

    formula = r"E = E_1 + E_2 + \dots"

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def forward(self, y: Array, *xs: Array) -> None:
        np.copyto(y, sum(xs))

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for dx in dxs:
            if dx is not None:
                np.copyto(dx, dy)

    def account(self, see: See, index: Index) -> list[Term]:
        n = sum(name.startswith("xs[") for name in see.arrays)
        return [Term((see(f"xs[{i}]"),)) for i in range(n)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy"),))]


def total_loss(net: Builder, losses: list[Value]) -> Value:
    """The sum of several losses."""
    return net.apply(TotalLoss(), *losses, name="E")
