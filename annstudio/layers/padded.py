"""Sequences of different length: in one array the shorter ones are filled up behind their end, and what stands there
must change nothing.

Layers that work step by step pass the lengths on. Those that mix steps, and the losses, leave out the steps that do
not count, so that a sequence gives in any company what it gives alone.
"""

import numpy as np

from annstudio.engine.account import Factor, See, Term, share
from annstudio.engine.builder import Builder, Value
from annstudio.engine.lengths import counting
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.ordinals import ordinal


class Blank(Op):
    """y = x at the steps that count and 0 at those behind the end. `x` (T, D) or (T,)."""

    formula = r"y_t = x_t \text{ where } t \leq \text{length, else } 0"
    without_gradient = frozenset({"lengths"})
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, lengths: Array) -> None:
        # Not a product: whatever stands behind the end, were it infinite, is 0 afterwards.
        y.fill(0)
        np.copyto(y, x, where=self._counting(x, lengths))

    def backward(self, dx: Array, dy: Array, lengths: Array) -> None:
        np.multiply(dy, self._counting(dy, lengths), dx)

    def _counting(self, x: Array, lengths: Array) -> Array:
        counts = counting(lengths, len(x))
        return counts if x.ndim == 2 else counts[:, None]

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)) if counts(see, index[0]) else nothing(see, index[0])]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [through(see, see("dy", *index), index[0])]


class OverSteps(Op):
    """The losses of a sequence's steps become one: their sum, or their mean, over the steps that count."""

    without_gradient = frozenset({"lengths"})

    def __init__(self, *, mean: bool) -> None:
        self.mean = mean

    @property
    def formula(self) -> str:  # type: ignore[override]
        share = r"\frac{1}{\text{length}} " if self.mean else ""
        return rf"e = {share}\sum_{{t \leq \text{{length}}}} e_t"

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def forward(self, y: Array, x: Array, lengths: Array) -> None:
        np.sum(x, 0, out=y, where=counting(lengths, len(x)))
        if self.mean:
            np.divide(y, np.clip(lengths, 1, len(x)), y)

    def backward(self, dx: Array, dy: Array, lengths: Array) -> None:
        np.multiply(counting(lengths, len(dx)), dy, dx)
        if self.mean:
            np.divide(dx, np.clip(lengths, 1, len(dx)), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        steps = see.shape("x")[0]
        return [self._part(see("x", t), see, steps) if counts(see, t) else nothing(see, t) for t in range(steps)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        (t,) = index
        return [self._part(see("dy"), see, see.shape("dx")[0]) if counts(see, t) else through(see, see("dy"), t)]

    def _part(self, number: Factor, see: See, steps: int) -> Term:
        return share(number, min(int(see("lengths").value), steps)) if self.mean else Term((number,))


class WindowsCounted(Op):
    """How many windows have to do with the steps that count.

    Without a border those that lie wholly among them: as many as the sequence alone would give. With one, one for every
    stride begun; `shift` is by how much the strides begin before the sequence does.
    """

    result = "int"

    def __init__(self, steps: int, windows: int, reach: int, stride: int, shift: int | None) -> None:
        self.steps = steps
        self.windows = windows
        self.reach = reach
        self.stride = stride
        self.shift = shift

    @property
    def formula(self) -> str:  # type: ignore[override]
        return self._told(r"\text{length}")

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        n = np.clip(x, 0, self.steps)
        found = (n - self.reach) // self.stride + 1 if self.shift is None else -(-(n + self.shift) // self.stride)
        np.copyto(y, np.where(n > 0, np.clip(found, 0, self.windows), 0))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),), self._told("«0»"), self._number)]

    def _number(self, length: float) -> float:
        counted = np.zeros((), np.intp)
        self.forward(counted, np.array(length, np.intp))
        return float(counted)

    def _told(self, length: str) -> str:
        if self.shift is None:
            counted = rf"\lfloor ({length} - {self.reach}) / {self.stride} \rfloor + 1"
            return rf"\max(0,\; \min({self.windows},\; {counted}))"
        begun = f"({length} + {self.shift})" if self.shift else length
        counted = rf"\min({self.windows},\; \lceil {begun} / {self.stride} \rceil)"
        return rf"[\,{length} > 0\,]\, {counted}" if self.shift else counted


class IdsCounted(Op):
    """How many places of a list of ids count: all up to the last id that is not 0. `x` (T, N)."""

    formula = r"\text{length} = \max_t\; t\,[\,x_t \neq 0\,]"
    result = "int"

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def forward(self, y: Array, x: Array) -> None:
        np.max((x != 0) * np.arange(1, len(x) + 1)[:, None], 0, out=y)

    def account(self, see: See, index: Index) -> list[Term]:
        ids = tuple(see("x", t) for t in range(see.shape("x")[0]))
        template = r"\max(" + ",\\; ".join(rf"{ordinal(t)} · [\,«{t}» \neq 0\,]" for t in range(len(ids))) + ")"
        return [Term(ids, template, lambda *xs: float(max(ordinal(t) * (x != 0) for t, x in enumerate(xs))))]


# What layers do with them --------------------------------------------------------------------------------------------


def blanked(net: Builder, x: Value) -> Value:
    """A sequence with 0 at the steps that do not count: for layers that mix steps."""
    lengths = net.lengths(x)
    return x if lengths is None else net.apply(Blank(), x, lengths, name="blanked")


def measure_windows(net: Builder, x: Value, y: Value, reach: int, stride: int, padding: str, before: int) -> None:
    """Say how many steps count of what windows over the steps of `x` gave. `before`: so much border came first."""
    lengths = net.lengths(x)
    if lengths is None or (padding != "valid" and stride == 1):
        net.measure(y, lengths)
        return
    shift = {"valid": None, "causal": 0, "same": before - max(reach - stride, 0) // 2}[padding]
    op = WindowsCounted(x.shape[0], y.shape[0], reach, stride, shift)
    net.measure(y, net.apply(op, lengths, name="length"))


# What accounts say of them -------------------------------------------------------------------------------------------


def counts(see: See, t: int) -> bool:
    """Whether a step of the example that is looked at counts."""
    return t < see("lengths").value


def nothing(see: See, t: int) -> Term:
    """Nothing, since step t lies behind the end."""
    return Term((see("lengths"),), rf"[\,{ordinal(t)} \leq «0»\,]", lambda length: float(t < length))


def through(see: See, dy: Factor, t: int) -> Term:
    """A gradient that comes through at the steps that count only."""
    if counts(see, t):
        return Term((dy,))
    template = rf"«0» · [\,{ordinal(t)} \leq «1»\,]"
    return Term((dy, see("lengths")), template, lambda dy, length: dy * (t < length))
