"""From columns of data to the arrays that a Run is fed with: the engine's layout, examples first."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annstudio.data.base import Dataset, Extremes
from annstudio.data.lazy import LARGE_BYTES, LazyArray
from annstudio.data.order import Indices, Order
from annstudio.engine.layout import to_engine
from annstudio.engine.op import Array, Margin, Shape
from annstudio.engine.program import Feed, Program
from annstudio.engine.run import Run
from annstudio.errors import DataError

WHOLE_BYTES = LARGE_BYTES
"""Columns up to this size are encoded once, and kept a second time with their frame; others batch by batch."""

Load = Callable[[Array], None]


def encode(values: Array, n_classes: int, encoding: str, dtype: str) -> Array:
    """Values of a column as a network reads them: numbers, class numbers as one-hot vectors, or class 1 as a number."""
    if encoding == "onehot":
        vectors = np.zeros((len(values), n_classes), dtype)
        vectors[np.arange(len(values)), values] = 1
        return vectors
    if encoding == "binary":
        return np.ascontiguousarray(values[:, None], dtype)
    if encoding == "number":
        return values[:, 0].astype(dtype)
    if encoding == "lengths":
        return values[:, 0].astype(np.intp)
    with np.errstate(over="ignore"):
        # Too large for this number format is infinite: training says so.
        return np.ascontiguousarray(to_engine(values), dtype)


@dataclass(frozen=True)
class Rows:
    """The columns of a data set as networks read them, shared by the programs of a network.

    Small ones are encoded as a whole, once. Large ones stay what they are, in a file perhaps, and only the examples
    that are asked for are encoded.
    """

    dataset: Dataset
    dtype: str

    @cached_property
    def _encoded(self) -> dict[tuple[str, str], Array | None]:
        return {}

    @cached_property
    def _encoded_framed(self) -> dict[tuple[str, str, Margin], Array]:
        return {}

    def whole(self, feed: Feed) -> Array | None:
        """All examples of a column, encoded; None where that would be another copy of something large."""
        key = (feed.column, feed.encoding)
        if key not in self._encoded:
            self._encoded[key] = self._as_a_whole(feed)
        return self._encoded[key]

    def _as_a_whole(self, feed: Feed) -> Array | None:
        column, encoding = self.dataset.columns[feed.column], feed.encoding
        if isinstance(column.values, LazyArray):
            return None
        if encoding == "values":
            as_it_is = to_engine(column.values)
            if as_it_is.dtype == self.dtype and as_it_is.flags.c_contiguous:
                return as_it_is
        size = math.prod(column.shape) if encoding in ("values", "onehot") else 1
        large = len(column) * size * np.dtype(self.dtype).itemsize > WHOLE_BYTES
        return None if large else encode(column.values, len(column.classes), encoding, self.dtype)

    def some(self, feed: Feed, indices: Array) -> Array:
        """The examples at `indices`, encoded: a new array."""
        whole = self.whole(feed)
        if whole is not None:
            return whole.take(indices, 0)
        column = self.dataset.columns[feed.column]
        values = column.values[indices]
        if feed.end:
            # Of a large column only an excerpt was looked at when the network was checked.
            need_counts(values, feed)
        return encode(values, len(column.classes), feed.encoding, self.dtype)

    def feeds(self, program: Program, indices: Array) -> dict[int, Array]:
        """What `Run.load` wants, for the examples at `indices`; of sequences the first steps where it has no more."""
        return {
            feed.slot: first_steps(self.some(feed, indices), program.slots[feed.slot].shape) for feed in program.feeds
        }

    def _framed(self, feed: Feed, rows: Array, margin: Margin) -> Array:
        """A column's rows with the frame that their place in a run has: they are copied there in one go."""
        key = (feed.column, feed.encoding, margin)
        if key not in self._encoded_framed:
            framed = np.full((len(rows), *margin.around(rows.shape[1:])), margin.fill, rows.dtype)
            framed[(slice(None), *margin.inside(rows.shape[1:]))] = rows
            self._encoded_framed[key] = framed
        return self._encoded_framed[key]

    def loader(self, run: Run) -> Load:
        """A function that puts the examples at some indices into a run; without new arrays where the data is small."""
        ways, cut, large = [], [], []
        for feed in run.program.feeds:
            source, target = self.whole(feed), run.rows(feed.slot)
            if source is None:
                large.append((feed, target))
                continue
            if source.shape[1:] != target.shape[1:]:
                cut.append((first_steps(source, target.shape[1:]), target))
                continue
            framed = run.framed_rows(feed.slot)
            if framed is not None and source.nbytes <= WHOLE_BYTES:
                target, margin = framed
                source = self._framed(feed, source, margin)
            direct = target.flags.c_contiguous and target.dtype == source.dtype
            gathered = target if direct else np.empty(target.shape, source.dtype)
            ways.append((source.take, gathered, None if direct else target))

        def load(indices: Array) -> None:
            for take, gathered, target in ways:
                take(indices, 0, gathered, "clip")
                if target is not None:
                    target[...] = gathered

        def load_others(indices: Array) -> None:
            load(indices)
            for source, target in cut:
                # Not `take`: that would first copy all of what does not lie in one piece.
                target[...] = source[indices]
            for feed, target in large:
                target[...] = first_steps(self.some(feed, indices), target.shape[1:])

        return load_others if cut or large else load


def first_steps(rows: Array, shape: Shape) -> Array:
    """Of sequences, examples first, as many steps as an example of this shape has: a view."""
    return rows if rows.shape[1:] == shape else rows[:, : shape[0]]


def need_counts(values: Array, feed: Feed) -> None:
    """Raise DataError where ids or lengths are none."""
    stray = Extremes.of(values).stray(feed.end)
    if stray is not None:
        hint = "Give no length that is larger than the number of steps."
        if feed.encoding != "lengths":
            hint = "Leave such examples out, or set a larger vocabulary and train again."
        raise DataError(
            f"The column {feed.column!r} holds {stray:.12g}; the network knows the whole numbers 0 to {feed.end - 1} "
            f"there.",
            hint,
        )


def epoch_order(examples: Indices, seed: int, epoch: int) -> Indices:
    """The examples in the order of one epoch: a pure function, so that a run can go on where it stopped."""
    if isinstance(examples, Order):
        return examples.shuffled(seed, 1 + epoch)
    return examples[np.random.default_rng([seed, 1 + epoch]).permutation(len(examples))]


def pieces(indices: Indices, size: int) -> Iterator[Array]:
    """Indices in pieces of at most `size`, in order."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
