"""What others may ask of a training that is under way; it is read between two batches."""

from collections import deque
from dataclasses import dataclass, field

from annstudio.engine.arena import Weights
from annstudio.training.settings import TrainingSettings
from annstudio.training.trace import Trace


@dataclass(frozen=True)
class WeightEdit:
    """One number of one view to be changed between two batches."""

    key: str
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True, eq=False)
class Locking:
    """From the next batch on these numbers, and no others, must not move."""

    locked: Weights


@dataclass
class Control:
    """Plain attributes and a deque: safe to write from another thread. `asked` is raised after everything else was
    written, so that the loop over batches has one thing to look at."""

    asked: bool = False
    stop: bool = False
    settings: TrainingSettings | None = None
    edits: deque[WeightEdit | Locking] = field(default_factory=deque)
    watch: int | None = None
    """The example whose activations are wanted in snapshots; None for none."""
    trace: Trace | None = None
    """Who notes where single weights go; to be given before training begins. Batches are then done one by one."""

    def halt(self) -> None:
        """Stop within one batch."""
        self.stop = True
        self.asked = True

    def change(self, settings: TrainingSettings) -> None:
        """Go on with other settings."""
        self.settings = settings
        self.asked = True

    def edit(self, edit: WeightEdit | Locking) -> None:
        """Change weights, or what may change them."""
        self.edits.append(edit)
        self.asked = True
