"""A batch whose numbers are asked, and a slip: what comes out of it where a mistake is made."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import Parameter, Phase, Step
from annstudio.explain.catalogue import Asked, Catalogue, Kind, symbol_text
from annstudio.explain.derivation import Explainer
from annstudio.explain.rework import Mistake, reworked
from annstudio.explain.stepper import Stepper

BACKWARD = frozenset({Kind.DELTA, Kind.GRADIENT, Kind.NEW})
"""Numbers that come out on the way back, and behind it."""


@dataclass(frozen=True)
class Slip:
    """A mistake: the numbers that come out with it, by their names, and what it says about one of them."""

    name: str
    numbers: Mapping[str, float]
    sentence: Callable[[Asked], str]


@dataclass(frozen=True)
class Case:
    """A batch whose numbers are asked."""

    catalogue: Catalogue
    asked: tuple[Asked, ...]

    @property
    def stepper(self) -> Stepper:
        return self.catalogue.stepper

    @cached_property
    def right(self) -> dict[str, float]:
        """The right numbers: those of the engine's own run."""
        with self.at_the_end():
            return {asked.name: self.number(asked) for asked in self.asked}

    def at_the_end(self) -> AbstractContextManager[None]:
        """Stand where every number has come out, rightly."""
        return self.stepper.visit(len(self.stepper))

    def reworked(self, mistake: Mistake) -> dict[str, float]:
        """The asked numbers where a mistake is made."""
        with reworked(self.stepper, mistake):
            return {asked.name: self.number(asked) for asked in self.asked}

    def number(self, asked: Asked) -> float:
        """A number as it stands now, at the end of the batch."""
        if asked.new:
            return float(self.stepper.array(asked.quantity.slot)[asked.quantity.index])
        explainer = self.catalogue.explainer
        if asked.quantity.term is not None:
            # An explainer keeps what it has told: of a batch that is done otherwise another one is asked.
            explainer = Explainer(self.stepper, names=self.catalogue.names)
        return explainer.value(asked.quantity)

    def slip(self, name: str, mistake: Mistake, sentence: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Slip:
        """A slip made by doing the batch again; it counts for numbers of some kinds."""
        numbers = self.reworked(mistake)
        kept = {asked.name: numbers[asked.name] for asked in self.asked if asked.kind in kinds}
        return Slip(name, kept, lambda _: sentence)

    # Places in the program -------------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> dict[int, Step]:
        return {i: s for i, s in enumerate(self.catalogue.program.steps) if isinstance(s, Step)}

    def forward(self) -> dict[int, Step]:
        return {i: s for i, s in self.steps.items() if not s.backward and s.phase is Phase.FORWARD}

    def backward(self) -> dict[int, Step]:
        return {i: s for i, s in self.steps.items() if s.backward}

    def activations(self, steps: Mapping[int, Step]) -> dict[int, Step]:
        """Those steps in which every number goes through a function by itself."""
        return {i: s for i, s in steps.items() if s.op.elementwise and len(s.inputs) == 1}

    @staticmethod
    def by_node(steps: Mapping[int, Step]) -> dict[str, dict[int, Step]]:
        """Steps by the layer that they belong to: a slip is made in all time steps of a layer alike."""
        found: dict[str, dict[int, Step]] = {}
        for i, step in steps.items():
            found.setdefault(step.node, {})[i] = step
        return found

    def weights(self, step: Step) -> Parameter | None:
        """The weights of a step's sum, where there are any."""
        return next((p for p in self.catalogue.program.parameters if p.slot in step.inputs), None)

    def stored(self, slot: int) -> Array:
        """The numbers of a parameter that the batch began with."""
        return np.array(self.stepper.before_update(slot))

    def symbol(self, asked: Asked) -> str:
        """What it is called, as plain text."""
        return symbol_text(self.catalogue.symbol(asked))
