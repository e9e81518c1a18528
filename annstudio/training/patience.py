"""Early stopping: when the loss has not become smaller for a while, training ends with the best weights it had."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from annstudio.engine.arena import Arena, Weights
from annstudio.training.record import EPOCH_COLUMNS, Record


@dataclass(frozen=True, eq=False)
class Best:
    """The smallest loss of an epoch so far, and the weights that had it."""

    loss: float
    weights: Weights


def known_best(best: Best | None, mine: Weights) -> Best | None:
    """The best weights of before, if they are still weights of the network that `mine` are of."""
    if best is None or any(key not in mine or mine[key].shape != a.shape for key, a in best.weights.items()):
        return None
    return best


@dataclass
class Patience:
    """Waits `epochs` epochs for a better loss (0: for ever). A run that goes on waits on, knowing its `record`."""

    epochs: int
    record: Record
    best: Best | None = None
    waited: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        smallest = math.inf
        for loss in watched_losses(self.record):
            self.waited = 0 if loss < smallest else self.waited + 1
            smallest = min(smallest, loss)
        if self.epochs and self.waited >= self.epochs:
            # It was stopped before, and is asked to go on all the same.
            self.waited = 0

    def is_over(self, loss: float, arena: Arena) -> bool:
        """Told of an epoch's loss: keeps the weights if it is the best so far, says whether to stop."""
        if not self.epochs:
            return False
        if self.best is None or loss < self.best.loss:
            self.best, self.waited = Best(loss, arena.weights()), 0
            return False
        self.waited += 1
        return self.waited >= self.epochs


def watched_losses(record: Record) -> Sequence[float]:
    """What plateaus and patience look at: every epoch's loss on what is kept back, else on what is learned from."""
    kept_back, learned = EPOCH_COLUMNS.index("val_loss"), EPOCH_COLUMNS.index("loss")
    return [float(row[learned] if math.isnan(row[kept_back]) else row[kept_back]) for row in record.epochs]
