"""Checks of gradients for the panel."""

import math
from typing import ClassVar

from annstudio.explain.check import Check, Nudge, check, nudge
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.trial import Trial
from annstudio.ui.explain.answers import Answers
from annstudio.ui.explain.backroom import Finder

_Asked = tuple[Quantity, Nudge, float]
"""A gradient, what changes for its check, and its value."""


class Checker(Answers[_Asked, Check]):
    """Checks the gradients of one batch."""

    name: ClassVar[str] = "Check of a gradient"

    def finder(self, stepper: Stepper, *, beside: bool) -> Finder[_Asked, Check]:
        return _Checks(stepper)

    def can(self, gradient: Quantity) -> bool:
        """Whether a run can tell this gradient."""
        return self._stepper is not None and nudge(self._stepper.program, gradient) is not None

    def check(self, gradient: Quantity, value: float) -> Check | None:
        """The check of a gradient; None while it is being worked out."""
        assert self._stepper is not None
        asked = nudge(self._stepper.program, gradient)
        assert asked is not None, "no run can tell this gradient"
        # One NaN for all: any other is not equal to itself, and would be asked for again and again.
        return self.find((gradient, asked, math.nan if math.isnan(value) else value))


class _Checks:
    """Checks gradients with a trial of its own."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._trial: Trial | None = None
        self._given_up = False

    def find(self, asked: _Asked) -> Check:
        trial = self._trial = self._trial or self._stepper.trial()
        if self._given_up:
            trial.given_up = True
        _, nudged, value = asked
        return check(trial, nudged, value)

    def give_up(self) -> None:
        self._given_up = True
        if self._trial is not None:
            self._trial.given_up = True
