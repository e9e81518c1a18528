"""Which of a layer's weights training changes: the settings that say so."""

from pydantic import Field

from annstudio.layers.base import Settings


class Trainable(Settings):
    """Whether a layer learns."""

    trainable: bool = Field(True, title="Trainable", description="Whether training changes this layer's weights.")


class BiasTrainable(Settings):
    """Whether a layer's biases learn with its weights."""

    train_bias: bool = Field(
        True,
        title="Train bias",
        description="Whether training changes the biases.",
        json_schema_extra={"needs": "bias"},
    )

    @property
    def frozen_views(self) -> frozenset[str]:
        """The views that training leaves alone."""
        return frozenset(() if self.train_bias else ("b",))
