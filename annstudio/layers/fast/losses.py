"""Losses together with their mean over the examples: the gradient is worked out on the way forward."""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np

from annstudio.engine.calls import bound, do, inner, reduced
from annstudio.engine.memory import empty, row
from annstudio.engine.op import Array, Buffer, Calls, Op, Shape
from annstudio.engine.twins import Ops, following
from annstudio.layers.activation.softmax import Softmax, class_axis
from annstudio.layers.activation.squashing import Sigmoid
from annstudio.layers.distances import PerExample
from annstudio.layers.losses import BinaryCrossEntropy, CrossEntropy, SquaredError
from annstudio.layers.totals import MeanOverExamples


class AveragedLoss(PerExample):
    """E = (1/N) Σ e. `slope` keeps ∂E/∂x; the way back multiplies it by what E itself counts."""

    keeps_gradient: ClassVar[Mapping[str, str]] = {"x": "slope"}

    def batched(self, *inputs: bool) -> bool:
        return False

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"slope": Buffer(inputs[0], shown=False)}

    def backward(self, dx: Array, dy: Array, slope: Array) -> None:
        np.multiply(slope, dy, dx)

    def backward_calls(self, dx: Array, dy: Array, slope: Array) -> Calls:
        return [bound(np.multiply, slope, dy.reshape(()), dx)]


class AveragedSquaredError(AveragedLoss):
    """E = (s/N) Σ (x − t)²."""

    def __init__(self, mean: bool) -> None:
        self.mean = mean

    def forward(self, y: Array, x: Array, t: Array, slope: Array) -> None:
        do(self.forward_calls(y, x, t, slope))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array) -> Calls:
        scale = (1 / (x.size // x.shape[-1]) if self.mean else 0.5) / x.shape[-1]
        # Scaling the errors costs less than scaling the one number that they come to.
        scaled = empty(slope.shape, slope.dtype)
        calls = [bound(np.subtract, x, t, slope), bound(np.multiply, slope, scale, scaled), inner(slope, scaled, y)]
        return calls if scale == 0.5 else [*calls, bound(np.multiply, scaled, 2, slope)]


class AveragedCrossEntropy(AveragedLoss):
    """E = −(1/N) Σ t ln softmax(x). `sure`: the targets of every place add up to 1, as classes do."""

    by_products: ClassVar[Mapping[str, Op]] = {"o": Softmax()}

    def __init__(self, *, sure: bool) -> None:
        self.sure = sure

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {**super().buffers(*inputs), "o": Buffer(inputs[0])}

    def forward(self, y: Array, x: Array, t: Array, slope: Array, o: Array) -> None:
        do(self.forward_calls(y, x, t, slope, o))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array, o: Array) -> Calls:
        classes = class_axis(x.ndim - 1)
        total = empty((*x.shape[:classes], 1, *x.shape[classes + 1 :]), x.dtype)
        places = total.squeeze(classes)
        logs, scaled = empty(x.shape, x.dtype), empty(x.shape, x.dtype)
        calls = [
            reduced(np.maximum, x, classes, places),
            bound(np.subtract, x, total, logs),
            # Scores may lie further apart than the largest number: 0 · −∞ would be no number.
            bound(np.maximum, logs, row(logs, np.finfo(logs.dtype).min), logs),
            bound(np.exp, logs, o),
            reduced(np.add, o, classes, places),
            bound(np.divide, o, total, o),
            bound(np.log, total, total),
            bound(np.subtract, logs, total, logs),
            bound(np.multiply, t, -1 / x.shape[-1], scaled),
            inner(logs, scaled, y),
            bound(np.multiply, o, 1 / x.shape[-1], slope),
        ]
        if not self.sure:
            calls += [reduced(np.add, t, classes, places), bound(np.multiply, slope, total, slope)]
        return [*calls, bound(np.add, slope, scaled, slope)]


class AveragedBinaryCrossEntropy(AveragedLoss):
    """E = (1/N) Σ ln(1 + eˣ) − t x, which is the binary cross-entropy of σ(x)."""

    by_products: ClassVar[Mapping[str, Op]] = {"o": Sigmoid()}

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {**super().buffers(*inputs), "o": Buffer(inputs[0])}

    def forward(self, y: Array, x: Array, t: Array, slope: Array, o: Array) -> None:
        do(self.forward_calls(y, x, t, slope, o))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array, o: Array) -> Calls:
        each, ones = empty(x.shape, x.dtype), np.ones(x.size, x.dtype)
        return [
            bound(np.multiply, t, x, slope),
            bound(np.logaddexp, x, 0, each),
            bound(np.subtract, each, slope, each),
            partial(ones.dot, each.reshape(-1), y),
            bound(np.multiply, y, 1 / x.shape[-1], y),
            partial(Sigmoid().forward, o, x),
            bound(np.subtract, o, t, slope),
            bound(np.multiply, slope, 1 / x.shape[-1], slope),
        ]


@following(MeanOverExamples)
def _averaged(op: MeanOverExamples, before: Op) -> Ops | None:
    if type(before) is SquaredError:
        return (AveragedSquaredError(before.mean),)
    if type(before) is CrossEntropy:
        return (AveragedCrossEntropy(sure=before.sure),)
    return (AveragedBinaryCrossEntropy(),) if type(before) is BinaryCrossEntropy else None
