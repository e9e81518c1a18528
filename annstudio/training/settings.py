"""How a network is trained: the numbers of the training form."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from annstudio.engine.optimizers import SGD, AnyOptimizer


class TrainingSettings(BaseModel):
    """Everything about training but the loss, which lives in the loss node. Frozen: an edit is a new value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: AnyOptimizer = Field(
        default_factory=SGD, title="Optimiser", description="The rule that turns gradients into new weights."
    )
    batch_size: int = Field(32, ge=1, le=100_000, title="Batch size", description="Examples per update.")
    epochs: int = Field(20, ge=1, le=10_000_000, title="Epochs", description="How often all examples are used.")
    validation_share: float = Field(
        0.2, ge=0, le=0.9, title="Validation share", description="The share of the examples kept back to judge by."
    )
    shuffle: bool = Field(True, title="Shuffle", description="Whether the examples come in a new order every epoch.")
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Same seed, same start, same run.")
    dtype: Literal["float32", "float64"] = Field(
        "float32", title="Number format", description="float64 is more exact, float32 faster."
    )
