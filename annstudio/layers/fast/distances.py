"""Losses that judge every output by itself, together with their mean over the examples."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound, do, inner
from annstudio.engine.memory import empty, full, row
from annstudio.engine.op import Array, Calls, Op
from annstudio.engine.twins import Ops, following
from annstudio.layers.distances import AbsoluteError, Hinge, HuberError
from annstudio.layers.fast.losses import AveragedLoss
from annstudio.layers.totals import MeanOverExamples


class AveragedAbsoluteError(AveragedLoss):
    """E = (1/nN) Σ |x − t|."""

    def forward(self, y: Array, x: Array, t: Array, slope: Array) -> None:
        do(self.forward_calls(y, x, t, slope))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array) -> Calls:
        away = empty(x.shape, x.dtype)
        return [
            bound(np.subtract, x, t, away),
            bound(np.sign, away, slope),
            bound(np.multiply, slope, 1 / x.size, slope),
            inner(slope, away, y),
        ]


class AveragedHuberError(AveragedLoss):
    """E = (1/nN) Σ s (d − s/2) with d = x − t and s = d within ±δ."""

    def __init__(self, delta: float) -> None:
        self.delta = delta

    def forward(self, y: Array, x: Array, t: Array, slope: Array) -> None:
        do(self.forward_calls(y, x, t, slope))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array) -> Calls:
        away, half = empty(x.shape, x.dtype), empty(x.shape, x.dtype)
        return [
            bound(np.subtract, x, t, away),
            bound(np.minimum, away, row(x, self.delta), slope),
            bound(np.maximum, slope, row(x, -self.delta), slope),
            bound(np.multiply, slope, 0.5, half),
            bound(np.subtract, away, half, away),
            bound(np.multiply, slope, 1 / x.size, slope),
            inner(slope, away, y),
        ]


class AveragedHinge(AveragedLoss):
    """E = (1/nN) Σ max(0, 1 − s x), s being +1 for targets above 0 and −1 for others."""

    def forward(self, y: Array, x: Array, t: Array, slope: Array) -> None:
        do(self.forward_calls(y, x, t, slope))

    def forward_calls(self, y: Array, x: Array, t: Array, slope: Array) -> Calls:
        yes, missing = empty(x.shape, bool), empty(x.shape, x.dtype)
        shares = full(x.size, 1 / x.size, x.dtype)
        return [
            bound(np.greater, t, 0, yes),
            bound(np.multiply, yes, np.array(-2, x.dtype), slope),
            bound(np.add, slope, 1, slope),
            bound(np.multiply, slope, x, missing),
            bound(np.add, missing, 1, missing),
            bound(np.maximum, missing, row(x, 0), missing),
            partial(shares.dot, missing.reshape(-1), y),
            bound(np.greater, missing, 0, yes),
            bound(np.multiply, slope, yes, slope),
            bound(np.multiply, slope, 1 / x.size, slope),
        ]


@following(MeanOverExamples)
def _averaged(op: MeanOverExamples, before: Op) -> Ops | None:
    if type(before) is HuberError:
        return (AveragedHuberError(before.delta),)
    if type(before) is AbsoluteError:
        return (AveragedAbsoluteError(),)
    return (AveragedHinge(),) if type(before) is Hinge else None
