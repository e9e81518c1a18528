"""The small steps of normalising: mean, centring, variance, dividing by its root, then another scale and offset."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from annstudio.engine.account import Factor, See, Term, setting, share
from annstudio.engine.lengths import counting
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.sight import ALL, SAME, Axis, Sight, everything, in_place
from annstudio.layers.padded import counts, nothing

Over = Literal["examples", "features"]
"""What is averaged over: for every feature all places of all examples, or at every place all features."""


def feature_axis(n_axes: int) -> int:
    """Where the features of an example of so many axes are: channels of images first, values of sequences last."""
    return 1 if n_axes == 2 else 0


def axes_of(over: Over, x: Array) -> tuple[int, ...]:
    """What is averaged over."""
    features = feature_axis(x.ndim - 1)
    return (features,) if over == "features" else tuple(axis for axis in range(x.ndim) if axis != features)


def beside(m: Array, x: Array, over: Over) -> Array:
    """A mean, with the axes back that were averaged over, to reckon with x."""
    axes = axes_of(over, x)
    return m.reshape(tuple(1 if axis in axes else size for axis, size in enumerate(x.shape)))


def mean_sight(x: Shape, over: Over) -> tuple[Shape, tuple[Axis, ...]]:
    """The shape of a mean with the axes back that were averaged over, and what it sees of x along each."""
    features = feature_axis(len(x))
    averaged = [(k == features) == (over == "features") for k in range(len(x))]
    shape = tuple(1 if gone else size for gone, size in zip(averaged, x, strict=True))
    return shape, tuple(ALL if gone else SAME for gone in averaged)


def mean_place(index: Index, over: Over) -> Index:
    """Where the mean stands that belongs to a value."""
    features = feature_axis(len(index))
    return (index[features],) if over == "examples" else (*index[:features], *index[features + 1 :])


def _values(see: See, name: str, place: Index, over: Over) -> list[Factor]:
    """All values that belong to the mean at `place`."""
    shape = see.shape(name)
    features = feature_axis(len(shape))
    if over == "features":
        return [see(name, *place[:features], k, *place[features:]) for k in range(shape[features])]
    rest = (*shape[:features], *shape[features + 1 :])
    return [
        see(name, *at[:features], *place, *at[features:], example=n)
        for at in np.ndindex(rest)
        for n in range(see.n_examples)
    ]


class _Averaging(Op):
    """Something averaged over the examples, or over the features."""

    def __init__(self, over: Over) -> None:
        self.over = over

    @property
    def couples_examples(self) -> bool:  # type: ignore[override]
        return self.over == "examples"

    def shape(self, *inputs: Shape) -> Shape:
        return mean_place(inputs[0], self.over)

    def batched(self, *inputs: bool) -> bool:
        return self.over == "features"

    def sight(self, which: int, *inputs: Shape) -> Sight:
        if which:
            return everything(self.shape(*inputs), inputs[which])
        shape, axes = mean_sight(inputs[0], self.over)
        return Sight(shape, inputs[0], axes)

    def values(self, see: See, name: str, place: Index) -> list[Factor]:
        """The values that the mean at `place` is made of."""
        return _values(see, name, place, self.over)

    def _count(self, x: Array) -> int:
        return math.prod(x.shape[axis] for axis in axes_of(self.over, x))


class MeanOf(_Averaging):
    """The mean."""

    formula = r"\mu = \frac{1}{n} \sum x"

    def forward(self, y: Array, x: Array) -> None:
        np.mean(x, axes_of(self.over, x), out=y)

    def backward(self, dx: Array, dy: Array) -> None:
        dx[...] = beside(dy / self._count(dx), dx, self.over)

    def account(self, see: See, index: Index) -> list[Term]:
        values = self.values(see, "x", index)
        return [share(x, len(values)) for x in values]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        place = mean_place(index, self.over)
        return [share(see("dy", *place), len(self.values(see, "dx", place)))]


class MeanSquareOf(_Averaging):
    """The mean of the squares: of values without their mean it is the variance."""

    formula = r"\sigma^2 = \frac{1}{n} \sum x^2"

    def forward(self, y: Array, x: Array) -> None:
        np.mean(np.square(x), axes_of(self.over, x), out=y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        np.multiply(x, beside(2 / self._count(x) * dy, x, self.over), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        values = self.values(see, "x", index)
        return [Term((x,), rf"\tfrac{{1}}{{{len(values)}}} · «0»^2", lambda x: x * x / len(values)) for x in values]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        place = mean_place(index, self.over)
        n = len(self.values(see, "x", place))
        factors = (see("dy", *place), see("x", *index))
        return [Term(factors, rf"\tfrac{{2}}{{{n}}} · «0» · «1»", lambda dy, x: 2 / n * dy * x)]


class _Counted(_Averaging):
    """Averaged over the steps that count of all sequences (T, D)."""

    without_gradient = frozenset({"lengths"})

    def __init__(self) -> None:
        super().__init__("examples")

    def values(self, see: See, name: str, place: Index) -> list[Factor]:
        steps = range(see.shape(name)[0])
        ends = [see("lengths", example=n).value for n in range(see.n_examples)]
        return [see(name, t, *place, example=n) for t in steps for n, end in enumerate(ends) if t < end]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        return super().gradient_account(name, see, index) if counts(see, index[0]) else [nothing(see, index[0])]


class CountedMeanOf(_Counted, MeanOf):
    """The mean of the steps that count."""

    def forward(self, y: Array, x: Array, lengths: Array) -> None:  # type: ignore[override]
        mask, n = counted(lengths, len(x))
        np.divide(np.sum(x, (0, 2), where=mask), n, y)

    def backward(self, dx: Array, dy: Array, lengths: Array) -> None:  # type: ignore[override]
        mask, n = counted(lengths, len(dx))
        np.multiply(mask, beside(dy / n, dx, "examples"), dx)


class CountedMeanSquareOf(_Counted, MeanSquareOf):
    """The mean of the squares of the steps that count."""

    def forward(self, y: Array, x: Array, lengths: Array) -> None:  # type: ignore[override]
        mask, n = counted(lengths, len(x))
        np.divide(np.sum(np.square(x), (0, 2), where=mask), n, y)

    def backward(self, dx: Array, dy: Array, x: Array, lengths: Array) -> None:  # type: ignore[override]
        mask, n = counted(lengths, len(x))
        np.multiply(x, beside(2 / n * dy, x, "examples"), dx)
        np.multiply(dx, mask, dx)


def counted(lengths: Array, steps: int) -> tuple[Array, int]:
    """Which steps of sequences count, (T, 1, N), and how many do in all; at least one, to divide by."""
    mask = counting(lengths, steps)[:, None]
    return mask, max(int(np.count_nonzero(mask)), 1)


class _Adjusted(Op):
    """Every value, changed by the mean of some number that belongs to it."""

    def __init__(self, over: Over) -> None:
        self.over = over

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def sight(self, which: int, *inputs: Shape) -> Sight:
        if not which:
            return in_place(inputs[0])
        shape, axes = mean_sight(inputs[0], self.over)
        return Sight(inputs[0], shape, axes)


class Centred(_Adjusted):
    """y = x − μ."""

    formula = r"y = x - \mu"

    def forward(self, y: Array, x: Array, mean: Array) -> None:
        np.subtract(x, beside(mean, x, self.over), y)

    def backward(self, dx: Array | None, dmean: Array | None, dy: Array) -> None:
        if dx is not None:
            np.copyto(dx, dy)
        if dmean is not None:
            np.negative(dy.sum(axes_of(self.over, dy)), dmean)

    def account(self, see: See, index: Index) -> list[Term]:
        mean = see("mean", *mean_place(index, self.over))
        return [Term((see("x", *index),)), Term((mean,), "-«0»", lambda m: -m)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        return [Term((dy,), "-«0»", lambda dy: -dy) for dy in _values(see, "dy", index, self.over)]


class Standardised(_Adjusted):
    """y = x / √(σ² + ε)."""

    formula = r"y = \frac{x}{\sqrt{\sigma^2 + \epsilon}}"

    def __init__(self, over: Over, epsilon: float) -> None:
        super().__init__(over)
        self.epsilon = epsilon

    def forward(self, y: Array, x: Array, variance: Array) -> None:
        np.divide(x, beside(np.sqrt(variance + self.epsilon), x, self.over), y)

    def backward(self, dx: Array | None, dvariance: Array | None, dy: Array, x: Array, variance: Array) -> None:
        deviation = np.sqrt(variance + self.epsilon)
        if dx is not None:
            np.divide(dy, beside(deviation, x, self.over), dx)
        if dvariance is not None:
            dvariance[...] = -0.5 * (dy * x).sum(axes_of(self.over, x)) / deviation**3

    def account(self, see: See, index: Index) -> list[Term]:
        factors = (see("x", *index), see("variance", *mean_place(index, self.over)))
        return [Term(factors, rf"\frac{{«0»}}{{{self._root}}}", self._scaled)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            factors = (see("dy", *index), see("variance", *mean_place(index, self.over)))
            return [Term(factors, rf"\frac{{«0»}}{{{self._root}}}", self._scaled)]
        variance = see("variance", *index)
        pairs = zip(_values(see, "dy", index, self.over), _values(see, "x", index, self.over), strict=True)
        template = rf"-\frac{{«0» · «2»}}{{2 {self._root}^3}}"
        return [
            Term((dy, variance, x), template, lambda dy, v, x: -0.5 * dy * x / math.sqrt(v + self.epsilon) ** 3)
            for dy, x in pairs
        ]

    @property
    def _root(self) -> str:
        return rf"\sqrt{{«1» + {setting(self.epsilon)}}}"

    def _scaled(self, x: float, variance: float) -> float:
        return x / math.sqrt(variance + self.epsilon)


class ScaledAndShifted(Op):
    """y = γ x + β, with numbers of its own for every feature. `p` (2, features) holds γ and β."""

    formula = r"y = \gamma x + \beta"
    place_by_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, p: Array) -> None:
        np.multiply(x, beside(p[0], x, "examples"), y)
        np.add(y, beside(p[1], x, "examples"), y)

    def backward(self, dx: Array | None, dp: Array | None, dy: Array, x: Array, p: Array) -> None:
        if dx is not None:
            np.multiply(dy, beside(p[0], dy, "examples"), dx)
        if dp is not None:
            axes = axes_of("examples", dy)
            dp[0] = (dy * x).sum(axes)
            dp[1] = dy.sum(axes)

    def account(self, see: See, index: Index) -> list[Term]:
        (k,) = mean_place(index, "examples")
        return [Term((see("p", 0, k), see("x", *index))), Term((see("p", 1, k),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            (k,) = mean_place(index, "examples")
            return [Term((see("dy", *index), see("p", 0, k)))]
        which, k = index
        dys, xs = (_values(see, values, (k,), "examples") for values in ("dy", "x"))
        return [Term((dy,) if which else (dy, x)) for dy, x in zip(dys, xs, strict=True)]
