"""What is remembered of a run: every epoch's means, and the loss of every step, thinned as it grows.

Steps are kept as blocks of least, mean and largest loss: when there are too many, two neighbours become one. So a run
of any length keeps its peaks and fits in memory.
"""

from dataclasses import dataclass, field, replace

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

    def with_epoch(self, *numbers: float) -> "Record":
        return replace(self, epochs=np.vstack([self.epochs, np.array(numbers, float)]))

    def with_steps(self, losses: Array) -> "Record":
        """With the losses of further steps."""
        blocks, per_block, in_last = list(self.blocks), self.per_block, self.in_last
        losses = np.asarray(losses, float)
        if len(blocks) and in_last < per_block:
            n = min(per_block - in_last, len(losses))
            if n:
                blocks[-1] = _joined(blocks[-1], in_last, _block(losses[:n]), n)
                in_last += n
            losses = losses[n:]
        for start in range(0, len(losses), per_block):
            chunk = losses[start : start + per_block]
            blocks.append(_block(chunk))
            in_last = len(chunk)
        while len(blocks) > MAX_BLOCKS:
            # A block left over at the end stays a partly filled one.
            odd = len(blocks) % 2
            pairs = [_joined(blocks[i], per_block, blocks[i + 1], per_block if i + 2 < len(blocks) else in_last)
                     for i in range(0, len(blocks) - odd, 2)]  # fmt: skip
            in_last = in_last if odd else per_block + in_last
            blocks = [*pairs, *([blocks[-1]] if odd else [])]
            per_block *= 2
        array = np.array(blocks) if blocks else np.zeros((0, 3))
        return replace(self, blocks=array, per_block=per_block, in_last=in_last)

    @property
    def n_steps(self) -> int:
        return max(len(self.blocks) - 1, 0) * self.per_block + self.in_last if len(self.blocks) else 0

    @property
    def last(self) -> dict[str, float]:
        """The newest epoch's numbers by name; empty before the first epoch is over."""
        return dict(zip(EPOCH_COLUMNS, map(float, self.epochs[-1]), strict=True)) if len(self.epochs) else {}


def _block(losses: Array) -> Array:
    return np.array([losses.min(), losses.mean(), losses.max()])


def _joined(a: Array, n_a: int, b: Array, n_b: int) -> Array:
    return np.array([min(a[0], b[0]), (a[1] * n_a + b[1] * n_b) / (n_a + n_b), max(a[2], b[2])])
