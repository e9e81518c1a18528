"""Normalising in one step, for the fast reading."""

import numpy as np

from annstudio.engine.op import Array, Buffer, Op, Shape
from annstudio.layers.normal.steps import Over, axes_of, beside, counted, mean_place


class Normal(Op):
    """Mean, variance and division in one. `mean` and `variance` are kept for the running ones."""

    formula = r"y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}"
    looked_at = frozenset({"mean", "variance"})

    def __init__(self, over: Over, epsilon: float) -> None:
        self.over = over
        self.epsilon = epsilon

    @property
    def couples_examples(self) -> bool:  # type: ignore[override]
        return self.over == "examples"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        kept = Buffer(mean_place(inputs[0], self.over), batched=self.over == "features")
        return {"mean": kept, "variance": kept}

    def forward(self, y: Array, x: Array, mean: Array, variance: Array) -> None:
        axes = axes_of(self.over, x)
        np.mean(x, axes, out=mean)
        np.subtract(x, beside(mean, x, self.over), y)
        np.mean(np.square(y), axes, out=variance)
        np.divide(y, beside(np.sqrt(variance + self.epsilon), x, self.over), y)

    def backward(self, dx: Array, dy: Array, y: Array, variance: Array) -> None:
        axes = axes_of(self.over, y)
        np.multiply(y, (dy * y).mean(axes, keepdims=True), dx)
        np.add(dx, dy.mean(axes, keepdims=True), dx)
        np.subtract(dy, dx, dx)
        np.divide(dx, beside(np.sqrt(variance + self.epsilon), y, self.over), dx)


class CountedNormal(Normal):
    """The same over the steps that count of all sequences (T, D)."""

    without_gradient = frozenset({"lengths"})

    def __init__(self, epsilon: float) -> None:
        super().__init__("examples", epsilon)

    def forward(  # type: ignore[override]
        self, y: Array, x: Array, lengths: Array, mean: Array, variance: Array
    ) -> None:
        mask, n = counted(lengths, len(x))
        np.divide(np.sum(x, (0, 2), where=mask), n, mean)
        np.subtract(x, beside(mean, x, self.over), y)
        np.divide(np.sum(np.square(y), (0, 2), where=mask), n, variance)
        np.divide(y, beside(np.sqrt(variance + self.epsilon), x, self.over), y)

    def backward(  # type: ignore[override]
        self, dx: Array, dy: Array, y: Array, variance: Array, lengths: Array
    ) -> None:
        mask, n = counted(lengths, len(y))
        # Every step was brought to mean and variance, but only those that count made them.
        np.multiply(y, (dy * y).sum((0, 2), keepdims=True) / n, dx)
        np.add(dx, dy.sum((0, 2), keepdims=True) / n, dx)
        np.multiply(dx, mask, dx)
        np.subtract(dy, dx, dx)
        np.divide(dx, beside(np.sqrt(variance + self.epsilon), y, self.over), dx)
