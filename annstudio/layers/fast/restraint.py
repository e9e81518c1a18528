"""Penalties on weights as bound calls, without arrays in between that are made anew at every step."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound
from annstudio.engine.gemm import Call
from annstudio.engine.memory import empty, full
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.restraint import Penalty, parts_of


class FastPenalty(Penalty):
    """λ₁ Σ |w| + λ₂ Σ w²."""

    def forward_calls(self, y: Array, w: Array) -> Calls:
        calls: list[Call] = [partial(y.fill, 0)]
        more = empty(1, w.dtype)
        for part in parts_of(self.regions):
            each = empty(w[part].shape, w.dtype)
            for share, sizes in ((self.l1, np.absolute), (self.l2, np.square)):
                if share:
                    calls += [
                        bound(sizes, w[part], each),
                        partial(full(each.size, share, w.dtype).dot, each.reshape(-1), more[0:1].reshape(())),
                        bound(np.add, y, more, y),
                    ]
        return calls

    def backward_calls(self, dw: Array, dy: Array, w: Array) -> Calls:
        calls: list[Call] = [partial(dw.fill, 0)]
        l1, l2 = empty(1, w.dtype), empty(1, w.dtype)
        for part in parts_of(self.regions):
            if self.l2:
                calls += [bound(np.multiply, dy, 2 * self.l2, l2), bound(np.multiply, w[part], l2, dw[part])]
            if self.l1:
                side = empty(w[part].shape, w.dtype)
                calls += [
                    bound(np.multiply, dy, self.l1, l1),
                    bound(np.sign, w[part], side),
                    bound(np.multiply, side, l1, side),
                    bound(np.add, dw[part], side, dw[part]),
                ]
        return calls


twin_of(Penalty)(lambda op: FastPenalty(op.l1, op.l2, op.regions))
