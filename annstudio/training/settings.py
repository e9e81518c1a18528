"""How a network is trained: the numbers of the training form."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from annstudio.engine.arena import Clipping
from annstudio.engine.optimizers import SGD, AnyOptimizer
from annstudio.engine.schedules import AnySchedule, Constant


class TrainingSettings(BaseModel):
    """Everything about training but the loss, which lives in the loss node. Frozen: an edit is a new value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: AnyOptimizer = Field(
        default_factory=SGD, title="Optimiser", description="The rule that turns gradients into new weights."
    )
    schedule: AnySchedule = Field(
        default_factory=Constant, title="Schedule", description="How the learning rate changes while training goes on."
    )
    clip_value: float = Field(
        0.0, ge=0, le=1e9, title="Clip values", description="Every gradient is cut off at this size; 0: at none."
    )
    clip_norm: float = Field(
        0.0,
        ge=0,
        le=1e9,
        title="Clip norm",
        description="All gradients together are made no longer than this, keeping their direction; 0: as they are.",
    )
    patience: int = Field(
        0,
        ge=0,
        le=1_000_000,
        title="Patience",
        description="Stop after so many epochs without a better loss, with the best weights; 0: never.",
    )
    batch_size: int = Field(32, ge=1, le=100_000, title="Batch size", description="Examples per batch.")
    accumulate: int = Field(
        1,
        ge=1,
        le=10_000,
        title="Batches per update",
        description="The gradients of so many batches are averaged before the weights change.",
    )
    epochs: int = Field(20, ge=1, le=10_000_000, title="Epochs", description="How often all examples are used.")
    validation_share: float = Field(
        0.2, ge=0, le=0.9, title="Validation share", description="The share of the examples kept back to judge by."
    )
    shuffle: bool = Field(True, title="Shuffle", description="Whether the examples come in a new order every epoch.")
    group_by_length: bool = Field(
        True,
        title="Group by length",
        description="Whether sequences of similar length are put into one batch, which then has fewer steps to do; "
        "batches come in a random order all the same.",
        json_schema_extra={"needs": "shuffle"},
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Same seed, same start, same run.")
    dtype: Literal["float32", "float64"] = Field(
        "float32", title="Number format", description="float64 is more exact, float32 faster."
    )

    @property
    def examples_per_update(self) -> int:
        """How many examples are used before the weights change."""
        return self.batch_size * self.accumulate

    @property
    def clipping(self) -> Clipping:
        return Clipping(self.clip_value, self.clip_norm)
