"""The small steps that recurrent layers are unrolled into: taking a moment, a gate's part, mixing, holding still."""

import numpy as np

from annstudio.engine.account import Remark, See, Term
from annstudio.engine.op import Array, Index, Op, Shape, same_shape
from annstudio.engine.sight import SAME, Sight, windows
from annstudio.ordinals import nth


class Moment(Op):
    """One moment of a sequence: (T, D) → (D,)."""

    formula = r"y = x_t"
    only_brings = True

    def __init__(self, t: int) -> None:
        self.t = t

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0][1:]

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x[self.t])

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)
        dx[self.t] = dy

    def sight(self, which: int, *inputs: Shape) -> Sight:
        steps, *rest = inputs[0]
        same = (SAME,) * len(rest)
        return Sight((1, *rest), inputs[0], (windows(1, steps, before=-self.t), *same))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", self.t, *index),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index[1:]),))] if index[0] == self.t else []


class Stack(Op):
    """The moments one after the other: T times (D,) → (T, D)."""

    formula = r"y = (x_1, x_2, \dots)"

    def shape(self, *inputs: Shape) -> Shape:
        return (len(inputs), *same_shape(*inputs))

    def forward(self, y: Array, *xs: Array) -> None:
        np.stack(xs, out=y)

    def backward(self, dxs: tuple[Array | None, ...], dy: Array) -> None:
        for t, dx in enumerate(dxs):
            if dx is not None:
                np.copyto(dx, dy[t])

    def sight(self, which: int, *inputs: Shape) -> Sight:
        rest = inputs[which]
        same = (SAME,) * len(rest)
        return Sight((len(inputs), *rest), (1, *rest), (windows(len(inputs), 1, before=which), *same))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see(f"xs[{index[0]}]", *index[1:]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", int(name[3:-1]), *index),))]


class Rest(Op):
    """The state before the first moment: nothing has been seen, so all is 0."""

    formula = "y = 0"

    def __init__(self, units: int) -> None:
        self.units = units

    def shape(self, *inputs: Shape) -> Shape:
        return (self.units,)

    def batched(self, *inputs: bool) -> bool:
        return True

    def forward(self, y: Array) -> None:
        y.fill(0)

    def remarks(self, see: See, index: Index) -> list[Remark]:
        return [Remark("Before the first step nothing has been seen: it starts at 0.")]


class Part(Op):
    """Some of the units: one gate's share of the sums, or its rows of the weights."""

    formula = r"y = x_{a \dots b}"
    only_parts = True

    def __init__(self, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop

    def shape(self, *inputs: Shape) -> Shape:
        return (self.stop - self.start, *inputs[0][1:])

    def forward(self, y: Array, x: Array) -> None:
        np.copyto(y, x[self.start : self.stop])

    def backward(self, dx: Array, dy: Array) -> None:
        dx.fill(0)
        dx[self.start : self.stop] = dy

    def sight(self, which: int, *inputs: Shape) -> Sight:
        given, result = inputs[0], self.shape(*inputs)
        same = (SAME,) * (len(given) - 1)
        return Sight(result, given, (windows(result[0], given[0], before=-self.start), *same))

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", self.start + index[0], *index[1:]),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if not self.start <= index[0] < self.stop:
            return []
        return [Term((see("dy", index[0] - self.start, *index[1:]),))]


class Gated(Op):
    """y = a · b, unit by unit: a gate lets a share of a number pass."""

    formula = r"y = a \cdot b"
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, a: Array, b: Array) -> None:
        np.multiply(a, b, y)

    def backward(self, da: Array | None, db: Array | None, dy: Array, a: Array, b: Array) -> None:
        if da is not None:
            np.multiply(dy, b, da)
        if db is not None:
            np.multiply(dy, a, db)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("a", *index), see("b", *index)))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index), see("b" if name == "a" else "a", *index)))]


class Mix(Op):
    """y = (1 − z) · new + z · old: the update gate says how much of the old state stays."""

    formula = r"y = (1 - z) \cdot n + z \cdot h"
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, z: Array, new: Array, old: Array) -> None:
        np.subtract(old, new, y)
        np.multiply(y, z, y)
        np.add(y, new, y)

    def backward(
        self, dz: Array | None, dnew: Array | None, dold: Array | None, dy: Array, z: Array, new: Array, old: Array
    ) -> None:  # fmt: skip
        if dz is not None:
            np.multiply(dy, old - new, dz)
        if dnew is not None:
            np.multiply(dy, 1 - z, dnew)
        if dold is not None:
            np.multiply(dy, z, dold)

    def account(self, see: See, index: Index) -> list[Term]:
        z = see("z", *index)
        return [
            Term((z, see("new", *index)), "(1 - «0») · «1»", lambda z, new: (1 - z) * new),
            Term((z, see("old", *index))),
        ]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        dy, z = see("dy", *index), see("z", *index)
        if name == "z":
            numbers = (dy, see("old", *index), see("new", *index))
            return [Term(numbers, "«0» · («1» - «2»)", lambda dy, old, new: dy * (old - new))]
        if name == "old":
            return [Term((dy, z))]
        return [Term((dy, z), "«0» · (1 - «1»)", lambda dy, z: dy * (1 - z))]


class Hold(Op):
    """y = new while t < length, else old: past its end a sequence changes nothing any more."""

    formula = r"y = n \text{ where } t < \text{length, else } h"
    without_gradient = frozenset({"lengths"})
    place_by_place = True

    def __init__(self, t: int) -> None:
        self.t = t

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, new: Array, old: Array, lengths: Array) -> None:
        np.copyto(y, old)
        np.copyto(y, new, where=self.t < lengths)

    def backward(self, dnew: Array | None, dold: Array | None, dy: Array, lengths: Array) -> None:
        going = self.t < lengths
        if dnew is not None:
            np.multiply(dy, going, dnew)
        if dold is not None:
            np.multiply(dy, ~going, dold)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("new" if self._going(see) else "old", *index),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("dy", *index),))] if (name == "new") == self._going(see) else []

    def remarks(self, see: See, index: Index) -> list[Remark]:
        length = int(see("lengths").value)
        if self._going(see):
            return [Remark(f"The sequence has {length} steps: {nth('step', self.t)} counts.")]
        return [Remark(f"The sequence has {length} steps: it has ended, and what it came to is held.")]

    def _going(self, see: See) -> bool:
        return self.t < see("lengths").value
