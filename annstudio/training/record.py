"""What is remembered of a run: every epoch's means, and the loss of every step, thinned as it grows.

Steps are kept as blocks of least, mean and largest loss: when there are too many, two neighbours become one. So a run
of any length keeps its peaks and fits in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from annstudio.engine.op import Array

MAX_BLOCKS = 4096
EPOCH_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")


@dataclass(frozen=True, eq=False)
class Record:
    """`epochs` (n, 6) as EPOCH_COLUMNS, NaN where there is none; `blocks` (m, 3) least, mean, largest loss of
    `per_block` steps each (the last may be of fewer: `in_last`)."""

    epochs: Array = field(default_factory=lambda: np.zeros((0, len(EPOCH_COLUMNS))))
    blocks: Array = field(default_factory=lambda: np.zeros((0, 3)))
    per_block: int = 1
    in_last: int = 0

    @property
    def n_steps(self) -> int:
        return (len(self.blocks) - 1) * self.per_block + self.in_last if len(self.blocks) else 0

    @property
    def last(self) -> dict[str, float]:
        """The newest epoch's numbers by name; empty before the first epoch is over."""
        return dict(zip(EPOCH_COLUMNS, map(float, self.epochs[-1]), strict=True)) if len(self.epochs) else {}


class Recorder:
    """Goes on with a record while training runs. `record` gives a value at any moment, cheap for runs of any length."""

    def __init__(self, record: Record) -> None:
        self._epochs = np.array(record.epochs)
        self._n_epochs = len(record.epochs)
        self._new: list[Array] = []
        self._n_new = 0
        self._blocks = np.array(record.blocks)
        self._per_block = record.per_block
        self._in_last = record.in_last

    def add_epoch(self, *numbers: float) -> None:
        """The numbers of one epoch, as EPOCH_COLUMNS."""
        self._new.append(np.array([numbers]))
        self._n_new += 1

    def add_epochs(self, first: int, losses: Sequence[float], accuracies: Array, seconds: float) -> None:
        """Several epochs from number `first` on that took `seconds` each, without anything kept back to judge by."""
        n = len(losses)
        rows = np.full((n, len(EPOCH_COLUMNS)), np.nan)
        rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 5] = np.arange(first, first + n), losses, accuracies, seconds
        self._new.append(rows)
        self._n_new += n

    def add_steps(self, losses: Array) -> None:
        """The losses of further steps."""
        with np.errstate(over="ignore"):
            # The mean of losses that run away may be infinite: training says so.
            self._add(np.asarray(losses, float))

    def _add(self, losses: Array) -> None:
        if len(self._blocks) and self._in_last < self._per_block and len(losses):
            n = min(self._per_block - self._in_last, len(losses))
            part = _blocks_of(losses[:n], n)
            self._blocks[-1:] = _joined(self._blocks[-1:], self._in_last, part, n)
            self._in_last += n
            losses = losses[n:]
        if len(losses):
            whole = len(losses) - len(losses) % self._per_block
            new = [_blocks_of(losses[:whole], self._per_block)] if whole else []
            if whole < len(losses):
                new.append(_blocks_of(losses[whole:], len(losses) - whole))
            self._blocks = np.concatenate([self._blocks, *new])
            self._in_last = len(losses) - whole or self._per_block
        while len(self._blocks) > MAX_BLOCKS:
            self._halve()

    def record(self) -> Record:
        """What is remembered by now."""
        self._take_new_epochs()
        epochs = self._epochs[: self._n_epochs]
        epochs.setflags(write=False)
        blocks = self._blocks.copy()
        blocks.setflags(write=False)
        return Record(epochs, blocks, self._per_block, self._in_last)

    def _take_new_epochs(self) -> None:
        n = self._n_epochs + self._n_new
        if n > len(self._epochs):
            # Rows that were handed out are never written again: a longer array takes their place.
            longer = np.empty((max(64, 2 * n), len(EPOCH_COLUMNS)))
            longer[: self._n_epochs] = self._epochs[: self._n_epochs]
            self._epochs = longer
        if self._new:
            self._epochs[self._n_epochs : n] = np.concatenate(self._new)
            self._n_epochs, self._n_new = n, 0
            self._new.clear()

    def _halve(self) -> None:
        """Join neighbours; a block left over at the end stays a partly filled one."""
        blocks, n = self._blocks, len(self._blocks)
        pairs = _joined(blocks[0 : n - 1 : 2], self._per_block, blocks[1::2], self._per_block)
        if n % 2 == 0:
            pairs[-1:] = _joined(blocks[-2:-1], self._per_block, blocks[-1:], self._in_last)
            self._in_last += self._per_block
            self._blocks = pairs
        else:
            self._blocks = np.concatenate([pairs, blocks[-1:]])
        self._per_block *= 2


def _blocks_of(losses: Array, per_block: int) -> Array:
    rows = losses.reshape(-1, per_block)
    return np.stack([rows.min(1), rows.mean(1), rows.max(1)], 1)


def _joined(a: Array, n_a: int, b: Array, n_b: int) -> Array:
    means = (a[:, 1] * n_a + b[:, 1] * n_b) / (n_a + n_b)
    return np.stack([np.minimum(a[:, 0], b[:, 0]), means, np.maximum(a[:, 2], b[:, 2])], 1)
