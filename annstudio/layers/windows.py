"""Pooling over windows that may overlap and reach over the edge, of images (C, H, W) and of sequences (T, D)."""

from collections.abc import Sequence
from itertools import product
from typing import ClassVar

import numpy as np

from annstudio.engine.account import Remark, See, Term, listed, local_slope, share, won
from annstudio.engine.lengths import counting
from annstudio.engine.op import Array, Index, Margin, Op, Shape
from annstudio.engine.sight import SAME, Axis, Sight, everything, windows
from annstudio.layers.framing import window_counts
from annstudio.layers.padded import counts, nothing
from annstudio.ordinals import nth


class WindowPool(Op):
    """One number of every window of an image (C, H, W) or of a sequence (T, D): channels and features stay apart."""

    fill: ClassVar[float]
    """What stands for the places over the edge."""

    def __init__(self, size: Shape, strides: Shape, frame: Margin) -> None:
        self.size = size
        self.strides = strides
        self.frame = frame

    def shape(self, *inputs: Shape) -> Shape:
        shape = inputs[0]
        framed = self.frame.around(shape)
        if len(shape) == 3:
            return (shape[0], *window_counts(framed[1:], self.size, self.strides))
        return (*window_counts(framed[:1], self.size, self.strides), shape[1])

    def margin(self, name: str, shape: Shape) -> Margin | None:
        return self.frame if name == "x" and any(self.frame.before + self.frame.after) else None

    @property
    def side_by_side(self) -> bool:
        """Whether windows lie inside and do not overlap."""
        return self.strides == self.size and not any(self.frame.before + self.frame.after)

    def unframed(self, framed: Shape) -> Shape:
        """The size of an input without its frame."""
        return tuple(n - b - a for n, b, a in zip(framed, self.frame.before, self.frame.after, strict=True))

    def parts(self, x: Array, shape: Shape) -> list[Array]:
        """For every place inside a window, the view of a framed x that has the value there for all windows."""
        lead = (slice(None),) if len(shape) == 3 else ()
        counts = shape[1:] if len(shape) == 3 else shape[:1]
        return [
            x[(*lead, *(slice(u, u + (n - 1) * s + 1, s) for u, n, s in zip(place, counts, self.strides, strict=True)))]
            for place in product(*map(range, self.size))
        ]

    def window(self, index: Index, shape: Shape) -> list[Index]:
        """The places of an input (without its frame) that the window of one result covers."""
        image = len(shape) == 3
        first = [i * s for i, s in zip(index[1:] if image else index[:1], self.strides, strict=True)]
        found = []
        for place in product(*map(range, self.size)):
            at = [f + u for f, u in zip(first, place, strict=True)]
            framed = (index[0], *at) if image else (*at, index[1])
            inner = tuple(i - b for i, b in zip(framed, self.frame.before, strict=True))
            if all(0 <= i < n for i, n in zip(inner, shape, strict=True)):
                found.append(inner)
        return found

    def sight(self, which: int, *inputs: Shape) -> Sight:
        result, given = self.shape(*inputs), inputs[which]
        if which:
            return everything(result, given)
        before = self.frame.before
        image = len(given) == 3
        sides: list[Axis] = [
            windows(result[k], given[k], size, stride, before=before[k])
            for k, (size, stride) in enumerate(zip(self.size, self.strides, strict=True), int(image))
        ]
        return Sight(result, given, (SAME, *sides) if image else (*sides, SAME))

    def seen(self, see: See, index: Index, shape: Shape) -> list[Index]:
        """Those of them that count."""
        return self.window(index, shape)

    def framed(self, index: Index) -> Index:
        """A place of an input as it is in its frame."""
        return tuple(i + b for i, b in zip(index, self.frame.before, strict=True))

    def over(self, index: Index, results: Shape) -> list[Index]:
        """The results whose windows cover a place of the input."""
        image = len(index) == 3
        inner = self.framed(index)
        ranges = [
            range(max(0, -(-(i - k + 1) // s)), min(n - 1, i // s) + 1)
            for i, k, s, n in zip(
                inner[1:] if image else inner[:1],
                self.size,
                self.strides,
                results[1:] if image else results[:1],
                strict=True,
            )
        ]
        return [(index[0], *at) if image else (*at, index[1]) for at in product(*ranges)]


class WindowMax(WindowPool):
    """The largest value of every window; on the way back the gradient goes to the first place that holds it."""

    formula = r"y_i = \max_u\; x_{i s + u}"
    chooses = True
    fill = -np.inf

    def forward(self, y: Array, x: Array) -> None:
        first, *others = self.parts(x, y.shape[:-1])
        np.copyto(y, first)
        for part in others:
            np.maximum(y, part, out=y)

    def backward(self, dx: Array, dy: Array, x: Array, y: Array) -> None:
        framed = np.zeros(x.shape, dx.dtype)
        free = np.ones(y.shape, bool)
        for part, gradient in zip(self.parts(x, y.shape[:-1]), self.parts(framed, y.shape[:-1]), strict=True):
            wins = (part == y) & free
            np.add(gradient, dy * wins, gradient)
            free &= ~wins
        dx[...] = framed[self.frame.inside(dx.shape[:-1])]

    def account(self, see: See, index: Index) -> Sequence[Term]:
        return [self._largest(see, index, self.unframed(see.shape("x")))]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        shape = see.shape("dx")
        terms = []
        for result in self.over(index, see.shape("y")):
            places = self.seen(see, result, shape)
            numbers = [see("x", *self.framed(place)) for place in places]
            terms.append(
                Term((see("dy", *result), local_slope(index, won(places.index(index), numbers, every=see.every))))
            )
        return terms

    def remarks(self, see: See, index: Index) -> list[Remark]:
        shape = self.unframed(see.shape("x"))
        places = self.seen(see, index, shape)
        if not places:
            return [Remark("The window lies wholly behind the end of the sequence: it gives 0.")]
        numbers = [see("x", *self.framed(place)).value for place in places]
        winner = numbers.index(max(numbers))
        ties = " (the first of them that are as large)" if numbers.count(numbers[winner]) > 1 else ""
        told = f"{nth('number', winner)} of {len(places)}, counted row by row,{ties} wins"
        return [Remark(f"In its window {told}: on the way back the gradient goes there alone.")]

    def _largest(self, see: See, index: Index, shape: Shape) -> Term:
        numbers = tuple(see("x", *self.framed(place)) for place in self.seen(see, index, shape))
        winner = max(range(len(numbers)), key=lambda n: numbers[n].value)
        return Term(numbers, rf"\max({listed(len(numbers), winner)})", lambda *values: max(values))


class WindowMean(WindowPool):
    """The mean of every window; what lies over the edge does not count."""

    formula = r"y_i = \frac{1}{n} \sum_u x_{i s + u}"
    fill = 0.0

    def forward(self, y: Array, x: Array) -> None:
        first, *others = self.parts(x, y.shape[:-1])
        np.copyto(y, first)
        for part in others:
            np.add(y, part, y)
        np.divide(y, self._counts(self.unframed(x.shape[:-1]), y), y)

    def backward(self, dx: Array, dy: Array, x: Array) -> None:
        framed = np.zeros(x.shape, dx.dtype)
        gradient = dy / self._counts(dx.shape[:-1], dy)
        for part in self.parts(framed, dy.shape[:-1]):
            np.add(part, gradient, part)
        dx[...] = framed[self.frame.inside(dx.shape[:-1])]

    def _counts(self, shape: Shape, y: Array) -> Array:
        """How many values every window holds, to divide by."""
        ones = np.zeros((*self.frame.around(shape), 1), y.dtype)
        ones[self.frame.inside(shape)] = 1
        return sum(self.parts(ones, y.shape[:-1]), np.zeros((*y.shape[:-1], 1), y.dtype))

    def account(self, see: See, index: Index) -> Sequence[Term]:
        shape = self.unframed(see.shape("x"))
        places = self.seen(see, index, shape)
        return [share(see("x", *self.framed(place)), len(places)) for place in places]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        shape = see.shape("dx")
        results = self.over(index, see.shape("dy"))
        return [share(see("dy", *result), len(self.seen(see, result, shape))) for result in results]


# Sequences of different length ---------------------------------------------------------------------------------------


class Counted(WindowPool):
    """Windows over the steps of sequences (T, D) that count: those behind a sequence's end have no part in them.

    A window that lies wholly behind the end gives 0.
    """

    without_gradient = frozenset({"lengths"})

    def counted(self, lengths: Array, framed: Shape, results: Shape) -> list[Array]:
        """For every place inside a window, whether it counts, for all windows (windows, 1, N)."""
        mask = np.zeros((framed[0], 1, len(lengths)), bool)
        first = self.frame.before[0]
        steps = framed[0] - first - self.frame.after[0]
        mask[first : first + steps, 0] = counting(lengths, steps)
        return self.parts(mask, results)

    def seen(self, see: See, index: Index, shape: Shape) -> list[Index]:
        return [place for place in self.window(index, shape) if counts(see, place[0])]

    def account(self, see: See, index: Index) -> Sequence[Term]:
        shape = self.unframed(see.shape("x"))
        return super().account(see, index) if self.seen(see, index, shape) else [self._beyond(see, index, shape)]

    def gradient_account(self, name: str, see: See, index: Index) -> Sequence[Term]:
        t = index[0]
        return super().gradient_account(name, see, index) if counts(see, t) else [nothing(see, t)]

    def _beyond(self, see: See, index: Index, shape: Shape) -> Term:
        return nothing(see, self.window(index, shape)[0][0])


class CountedMax(Counted, WindowMax):
    """The largest of the values in every window that count."""

    formula = r"y_i = \max_u\; x_{i s + u} \text{ where } i s + u < \text{length}"

    def forward(self, y: Array, x: Array, lengths: Array) -> None:  # type: ignore[override]
        shape = y.shape[:-1]
        y.fill(-np.inf)
        for part, counted in zip(self.parts(x, shape), self.counted(lengths, x.shape, shape), strict=True):
            np.maximum(y, part, out=y, where=counted)
        np.copyto(y, 0, where=np.isneginf(y))

    def backward(self, dx: Array, dy: Array, x: Array, y: Array, lengths: Array) -> None:  # type: ignore[override]
        shape, framed = y.shape[:-1], np.zeros(x.shape, dx.dtype)
        free = np.ones(y.shape, bool)
        places = zip(
            self.parts(x, shape), self.parts(framed, shape), self.counted(lengths, x.shape, shape), strict=True
        )
        for part, gradient, counted in places:
            wins = (part == y) & counted & free
            np.add(gradient, dy * wins, gradient)
            free &= ~wins
        dx[...] = framed[self.frame.inside(dx.shape[:-1])]


class CountedMean(Counted, WindowMean):
    """The mean of the values in every window that count."""

    formula = r"y_i = \frac{1}{n_i} \sum_u x_{i s + u} \text{ where } i s + u < \text{length}"

    def forward(self, y: Array, x: Array, lengths: Array) -> None:  # type: ignore[override]
        shape = y.shape[:-1]
        places = self.counted(lengths, x.shape, shape)
        y.fill(0)
        for part, counted in zip(self.parts(x, shape), places, strict=True):
            np.add(y, part, out=y, where=counted)
        np.divide(y, np.maximum(sum(places, np.zeros(1)), 1), y)

    def backward(self, dx: Array, dy: Array, lengths: Array) -> None:
        shape = dy.shape[:-1]
        framed = np.zeros((*self.frame.around(dx.shape[:-1]), dx.shape[-1]), dx.dtype)
        places = self.counted(lengths, framed.shape, shape)
        gradient = dy / np.maximum(sum(places, np.zeros(1)), 1)
        for part, counted in zip(self.parts(framed, shape), places, strict=True):
            np.add(part, gradient, out=part, where=counted)
        dx[...] = framed[self.frame.inside(dx.shape[:-1])]
