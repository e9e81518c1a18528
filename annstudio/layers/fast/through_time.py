"""What recurrent layers have in common as bound calls: the states of all moments or of one, and the way back through
them.

The state of a moment is written straight to where the next one looks for it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from annstudio.engine.calls import bound
from annstudio.engine.gemm import Call
from annstudio.engine.memory import full
from annstudio.engine.op import Array, Buffer, Op, Shape
from annstudio.engine.twins import Ops, following, twin_of
from annstudio.layers.recurrent.moments import AllMoments, flowing
from annstudio.layers.recurrent.steps import Moment


class ThroughTime(AllMoments):
    """The quick form of an op that goes through time, named before it: `class FastElman(ThroughTime, Elman)`.

    It gives all states, or that of the moment `only`. `states` keeps what every moment ended with.
    """

    def __init__(self, *settings: Any, backwards: bool, only: int | None = None) -> None:
        super().__init__(*settings, backwards=backwards)
        self.only = only

    def shape(self, *inputs: Shape) -> Shape:
        return super().shape(*inputs)[0 if self.only is None else 1 :]

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {**super().buffers(*inputs), "states": Buffer(super().shape(*inputs), shown=False)}

    def moments(self, steps: int) -> Sequence[int]:
        """The moments that count for the result, as they are gone through."""
        order = list(flowing(steps, backwards=self.backwards))
        return order if self.only is None else order[: order.index(self.only) + 1]

    def given(self, y: Array, states: Array) -> Call:
        """What is given of the states."""
        return partial(np.copyto, y, states if self.only is None else states[self.only])

    def gathered(self, states: Array, before: Array) -> Call:
        """All states but the last, from where they were put."""
        to, seen = (states[1:], before[:-1]) if self.backwards else (states[:-1], before[1:])
        return partial(np.copyto, to, seen)


def quick(kind: type[Op], make: Callable[[Any, int | None], ThroughTime]) -> None:
    """Register the quick form of an op: of all its states, and of one of them where the others do not count."""
    twin_of(kind)(lambda op: make(op, None))

    @following(Moment)
    def one_moment(op: Moment, before: Op) -> Ops | None:
        return (make(before, op.t),) if type(before) is kind else None


def line(before: Array, states: Array, moments: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """The state that every moment begins with, and where its own is put: where the next one looks for it; of the last,
    in `states`."""
    before[moments[0]] = 0
    begins = [before[t] for t in moments]
    return begins, [*begins[1:], states[moments[-1]]]


def stretch(moments: Sequence[int]) -> slice:
    """The moments as a part of all."""
    return slice(min(moments), max(moments) + 1)


class WayBack:
    """The gradient of the states on its way back through time: `come` to a moment's state, `left` for the one before.

    Both have arrays of their own, since a sequence that has ended hands on what came. `kept` (T, u, N) holds what came
    to every state, where that is asked for.
    """

    def __init__(self, dy: Array, shape: Shape, only: int | None, kept: Array | None = None) -> None:
        self._dy, self._only, self._kept = dy, only, kept
        self._arrays = full(shape, 0, dy.dtype), full(shape, 0, dy.dtype)
        self._first = True
        self.come, self.left = self._arrays[::-1]

    def arrive(self, t: int) -> list[Call]:
        """The calls that add what the moment's own result brings, if it has one."""
        first, self._first = self._first, False
        alone = self._only is not None
        if self._kept is not None:
            self.come = self._kept[t]
        elif alone:
            # Nothing is added on the way: what was left is what comes.
            a, b = self._arrays
            self.come = self._dy if first else self.left
            self.left = b if self.come is a else a
            return []
        if first:
            return [partial(np.copyto, self.come, self._dy if alone else self._dy[t])]
        return [partial(np.copyto, self.come, self.left) if alone else bound(np.add, self._dy[t], self.left, self.come)]
