"""From columns of data to the arrays that a Run is fed with: the engine's layout, examples first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annstudio.data.base import Column, Dataset
from annstudio.engine.layout import to_engine
from annstudio.engine.op import Array, Margin
from annstudio.engine.program import Feed, Program
from annstudio.engine.run import Run

FRAME_BYTES = 1 << 26
"""Columns up to this size are kept a second time with their frame."""

Load = Callable[[Array], None]


def encode(column: Column, encoding: str, dtype: str) -> Array:
    """A column as a network reads it: values, one-hot vectors of class numbers, or class 1 as one number."""
    if encoding == "onehot":
        return np.eye(len(column.classes), dtype=dtype)[column.values]
    if encoding == "binary":
        return np.ascontiguousarray(column.values[:, None], dtype)
    if encoding == "number":
        return column.values[:, 0].astype(dtype)
    if encoding == "lengths":
        return column.values[:, 0].astype(np.intp)
    with np.errstate(over="ignore"):
        # Too large for this number format is infinite: training says so.
        return np.ascontiguousarray(to_engine(column.values), dtype)


@dataclass(frozen=True)
class Rows:
    """The encoded columns of a data set, made once and shared by the programs of a network."""

    dataset: Dataset
    dtype: str

    @cached_property
    def _encoded(self) -> dict[tuple[str, str], Array]:
        return {}

    @cached_property
    def _encoded_framed(self) -> dict[tuple[str, str, Margin], Array]:
        return {}

    def of(self, feed: Feed) -> Array:
        key = (feed.column, feed.encoding)
        if key not in self._encoded:
            self._encoded[key] = encode(self.dataset.columns[feed.column], feed.encoding, self.dtype)
        return self._encoded[key]

    def feeds(self, program: Program, indices: Array) -> dict[int, Array]:
        """What `Run.load` wants, for the examples at `indices`."""
        return {feed.slot: self.of(feed).take(indices, 0) for feed in program.feeds}

    def _framed(self, feed: Feed, margin: Margin) -> Array:
        """A column's rows with the frame that their place in a run has: they are copied there in one go."""
        key = (feed.column, feed.encoding, margin)
        if key not in self._encoded_framed:
            rows = self.of(feed)
            framed = np.full((len(rows), *margin.around(rows.shape[1:])), margin.fill, rows.dtype)
            framed[(slice(None), *margin.inside(rows.shape[1:]))] = rows
            self._encoded_framed[key] = framed
        return self._encoded_framed[key]

    def loader(self, run: Run) -> Load:
        """A function that puts the examples at some indices into a run, without new arrays each time."""
        ways = []
        for feed in run.program.feeds:
            source, target = self.of(feed), run.rows(feed.slot)
            framed = run.framed_rows(feed.slot)
            if framed is not None and source.nbytes <= FRAME_BYTES:
                target, margin = framed
                source = self._framed(feed, margin)
            direct = target.flags.c_contiguous and target.dtype == source.dtype
            gathered = target if direct else np.empty(target.shape, source.dtype)
            ways.append((source.take, gathered, None if direct else target))

        def load(indices: Array) -> None:
            for take, gathered, target in ways:
                take(indices, 0, gathered, "clip")
                if target is not None:
                    target[...] = gathered

        return load


def epoch_order(n: int, seed: int, epoch: int, shuffle: bool) -> Array:
    """In which order an epoch takes its examples: a pure function, so that a run can go on where it stopped."""
    if not shuffle:
        return np.arange(n)
    return np.random.default_rng([seed, 1 + epoch]).permutation(n)


def pieces(indices: Array, size: int) -> Iterator[Array]:
    """Indices in pieces of at most `size`, in order."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


FeedRows = Mapping[int, Array]
