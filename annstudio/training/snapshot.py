"""What training shows of itself: values that the worker makes and nobody writes to afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from annstudio.engine.arena import Memory, Weights
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.training.patience import Best
from annstudio.training.record import Record


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a run stands, all that is needed to go on exactly there; part of the project.

    `step` counts updates, `position` the examples used of the current `epoch` (from 0).
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    epoch_loss: float = 0.0
    """The sum of the losses of the examples used in this epoch so far."""
    epoch_hits: float = 0.0
    memory: Memory = field(default_factory=lambda: Memory(0, {}))
    record: Record = field(default_factory=Record)
    over: bool = False
    """The run was stopped for good: the next one begins anew, with the weights as they are."""
    plan: Plan | None = None
    """How it has been carried out; to go on with the same bits is to go on with the same plan."""
    best: Best | None = None
    """The best weights so far, for early stopping."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One look at a running training. Frames are latest-wins; nothing in them is needed for the record."""

    step: int
    epoch: int
    position: int
    n_train: int
    loss: float
    record: Record
    samples_per_second: float
    seconds_left: float
    views: "Views | None" = None
    rate: float = 0.0
    """The learning rate of the last step."""

    @property
    def epochs_done(self) -> float:
        """How many epochs are over, in fractions."""
        return self.epoch + self.position / max(self.n_train, 1)


@dataclass(frozen=True, eq=False)
class Views:
    """Copies of what is being watched: activations by node and weights by name, in users' layout.

    `activations` hold the watched examples first. `inputs` are the watched examples themselves.
    """

    activations: Mapping[str, Array]
    weights: Weights
    masks: Mapping[str, Array]
    """Dropout masks of the last batch's first example by node: 0 where a unit is off."""
    gradients: Mapping[str, float]
    """The size ‖∂E/∂w‖ of each view's gradient in the last batch."""


@dataclass(frozen=True, eq=False)
class Edited:
    """An edit that was carried out between two batches: weights and progress just before, and what was changed."""

    weights: Weights
    progress: Progress
    key: str
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True, eq=False)
class Finished:
    """How a run ended: its weights and where it stands. `reason` is `done`, `paused`, `limit`, `not finite`
    or `data`."""

    weights: Weights
    progress: Progress
    reason: str
    trouble: str = ""
    """For `not finite`: which op of which layer gave the first such value; for `data`: why examples were missing."""
    views: Views | None = None
    samples_per_second: float = 0.0

    @property
    def problem(self) -> str:
        """What stopped the run, in a sentence or two; empty where nothing was wrong."""
        if self.reason == "not finite":
            return (
                f"Training stopped: the loss is no longer a finite number; {self.trouble}. The last good weights are "
                "kept. Try a smaller learning rate."
            )
        return f"Training stopped: {self.trouble}" if self.reason == "data" else ""


@dataclass(frozen=True)
class Failed:
    """An exception in the worker, to be raised or shown where somebody sees it."""

    error: BaseException


Message = Snapshot | Edited | Finished | Failed
