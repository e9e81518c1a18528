"""How the learning rate changes while training goes on: each schedule is a factor on the optimiser's own rate.

A schedule is a pure function of where training stands, so a run can go on where it stopped. Sources: Loshchilov &
Hutter (2017) for the cosine, Smith & Topin (2019) for one cycle, Goyal et al. (2017) for warming up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from annstudio.engine.account import Factor, Term


@dataclass(frozen=True)
class Moment:
    """Where training stands: epochs that are over (in fractions), epochs in all, and every past epoch's loss."""

    epoch: float
    epochs: int
    losses: Sequence[float] = ()


class Schedule(BaseModel):
    """A rule for the factor. All can begin with a warm-up: the rate grows from 0 in a straight line."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: ClassVar[str] = ""
    formula: ClassVar[str] = ""

    warm_up: float = Field(
        0.0, ge=0, le=1e6, title="Warm-up", description="Over how many epochs the rate grows from 0 to its full size."
    )

    def factor(self, at: Moment) -> float:
        """What the optimiser's rate is multiplied by."""
        factor = self.term(at).value
        return factor * at.epoch / self.warm_up if at.epoch < self.warm_up else factor

    def term(self, at: Moment) -> Term:
        """The factor after the warm-up with the numbers that it is made of."""
        raise NotImplementedError

    def account(self, rate: float, at: Moment) -> list[tuple[str, Term]]:
        """How the learning rate of a moment comes about from the optimiser's own: each line's symbol, and its term."""
        term = self.term(at)
        lines, factors = [("f", term)], [Factor(r"\eta_0", (), rate), Factor("f", (), term.value)]
        if at.epoch < self.warm_up:
            growing = Term((Factor("e", (), at.epoch), Factor("e_w", (), self.warm_up)), r"\frac{«0»}{«1»}", _ratio)
            lines.append(("u", growing))
            factors.append(Factor("u", (), growing.value))
        return [*lines, (r"\eta", Term(tuple(factors)))]

    @property
    def steady(self) -> bool:
        """Whether the factor is always 1."""
        return False


class Constant(Schedule):
    """The rate stays what it is."""

    title: ClassVar[str] = "Constant"
    formula: ClassVar[str] = r"\eta_t = \eta"
    kind: Literal["constant"] = "constant"

    def term(self, at: Moment) -> Term:
        return Term((), "1", lambda: 1.0)

    @property
    def steady(self) -> bool:
        return self.warm_up == 0


class Steps(Schedule):
    """The rate falls by a factor every few epochs."""

    title: ClassVar[str] = "Steps"
    formula: ClassVar[str] = r"\eta_t = \eta\, \gamma^{\lfloor e / k \rfloor}"
    kind: Literal["steps"] = "steps"
    every: int = Field(10, ge=1, le=1_000_000, title="Every", description="After how many epochs it falls.")
    gamma: float = Field(0.5, gt=0, le=1, title="Factor", description="What it is multiplied by.")

    def term(self, at: Moment) -> Term:
        factors = (Factor(r"\gamma", (), self.gamma), Factor("e", (), at.epoch), Factor("k", (), self.every))
        return Term(factors, r"«0»^{\lfloor «1» / «2» \rfloor}", lambda gamma, e, k: gamma ** math.floor(e / k))


class Exponential(Schedule):
    """The rate falls by the same share all the time."""

    title: ClassVar[str] = "Exponential"
    formula: ClassVar[str] = r"\eta_t = \eta\, \gamma^{e}"
    kind: Literal["exponential"] = "exponential"
    gamma: float = Field(0.95, gt=0, le=1, title="Factor", description="What it is multiplied by in one epoch.")

    def term(self, at: Moment) -> Term:
        factors = (Factor(r"\gamma", (), self.gamma), Factor("e", (), at.epoch))
        return Term(factors, "«0»^{«1»}", lambda gamma, e: gamma**e)


class Cosine(Schedule):
    """The rate falls along half a wave: slowly at first and at the end."""

    title: ClassVar[str] = "Cosine"
    formula: ClassVar[str] = r"\eta_t = \eta\, (f + \tfrac{1}{2} (1 - f) (1 + \cos \pi \tfrac{e}{E}))"
    kind: Literal["cosine"] = "cosine"
    floor: float = Field(0.0, ge=0, le=1, title="Floor", description="Which share of the rate is left at the end.")

    def term(self, at: Moment) -> Term:
        length = max(at.epochs - self.warm_up, 1e-12)
        share = min(max((at.epoch - self.warm_up) / length, 0.0), 1.0)
        return _wave(1.0, self.floor, share)


class OneCycle(Schedule):
    """The rate rises to its full size and then falls to next to nothing, each along half a wave."""

    title: ClassVar[str] = "One cycle"
    formula: ClassVar[str] = r"\eta_t: \tfrac{\eta}{d} \to \eta \to \tfrac{\eta}{d \cdot D}"
    kind: Literal["one_cycle"] = "one_cycle"
    rising: float = Field(0.3, gt=0, lt=1, title="Rising", description="In which share of the time the rate rises.")
    start: float = Field(25.0, ge=1, le=1e9, title="Start", description="By what the full rate is divided at first.")
    end: float = Field(1e4, ge=1, le=1e12, title="End", description="By what the first rate is divided at the end.")

    def term(self, at: Moment) -> Term:
        share = min(at.epoch / at.epochs, 1.0)
        if share < self.rising:
            return _wave(1 / self.start, 1.0, share / self.rising)
        return _wave(1.0, 1 / (self.start * self.end), (share - self.rising) / (1 - self.rising))


class Plateau(Schedule):
    """The rate falls when the loss has not become smaller for a while."""

    title: ClassVar[str] = "On a plateau"
    formula: ClassVar[str] = r"\eta_t = \eta\, \gamma^{n}, \quad n \text{ plateaus so far}"
    kind: Literal["plateau"] = "plateau"
    patience: int = Field(5, ge=1, le=1_000_000, title="Patience", description="How many epochs without a better loss.")
    gamma: float = Field(0.5, gt=0, lt=1, title="Factor", description="What the rate is then multiplied by.")
    least: float = Field(1e-4, ge=0, le=1, title="Least", description="The factor never falls below this.")
    margin: float = Field(
        1e-4, ge=0, lt=1, title="Margin", description="By which share a loss must be better to count."
    )

    def term(self, at: Moment) -> Term:
        best, waited, plateaus = math.inf, 0, 0
        for loss in at.losses:
            waited += 1
            if loss < best - abs(best) * self.margin if math.isfinite(best) else loss < best:
                best, waited = loss, 0
            if waited >= self.patience:
                plateaus, waited = plateaus + 1, 0
        factors = (Factor(r"\gamma", (), self.gamma), Factor("n", (), plateaus), Factor("f_0", (), self.least))
        return Term(factors, r"\max(«0»^{«1»}, «2»)", lambda gamma, n, least: max(gamma**n, least) if n else 1.0)


def _wave(start: float, end: float, share: float) -> Term:
    """From one number to another along half a wave, of which a share is done."""
    factors = (Factor("a", (), start), Factor("b", (), end), Factor("s", (), share))
    return Term(factors, r"«1» + \tfrac{1}{2} («0» - «1») (1 + \cos(\pi \cdot «2»))",
                lambda a, b, s: b + 0.5 * (a - b) * (1 + math.cos(math.pi * s)))  # fmt: skip


def _ratio(part: float, whole: float) -> float:
    return part / whole


AnySchedule = Annotated[Constant | Steps | Exponential | Cosine | OneCycle | Plateau, Field(discriminator="kind")]
SCHEDULES: tuple[type[Schedule], ...] = (Constant, Steps, Exponential, Cosine, OneCycle, Plateau)
