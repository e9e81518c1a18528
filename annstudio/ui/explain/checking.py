"""Checks of gradients for the panel: of a small network at once, of a large one in a thread while the page stands."""

import math

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.engine.program import Role
from annstudio.explain.check import Check, Nudge, check, nudge
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.trial import Trial
from annstudio.ui.explain.backroom import Backroom

AT_ONCE_NUMBERS, AT_ONCE_STEPS = 20_000, 400
"""Batches of at most so many numbers and steps are run again in about a hundredth of a second."""
POLL_MS = 15
_Asked = tuple[Quantity, Nudge, float]
"""A gradient, what changes for its check, and its value."""


class Checker(QObject):
    """Answers for one batch; each gradient is checked once. `found` says that an answer has come that was not there."""

    found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stepper: Stepper | None = None
        self._trial: Trial | None = None
        self._work: Backroom[_Asked, Check] | None = None
        self._known: dict[Quantity, Check] = {}
        self._small = False
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._take)

    def begin(self, stepper: Stepper | None) -> None:
        """Another batch, or none: what is still being worked out is dropped."""
        if stepper is self._stepper:
            return
        self._timer.stop()
        if self._work is not None:
            self._work.stop()
        self._stepper, self._trial, self._work, self._known = stepper, None, None, {}
        self._small = stepper is not None and is_small(stepper)

    def can(self, gradient: Quantity) -> bool:
        """Whether a run can tell this gradient."""
        return self._stepper is not None and nudge(self._stepper.program, gradient) is not None

    def check(self, gradient: Quantity, value: float) -> Check | None:
        """The check of a gradient; None while it is being worked out."""
        if gradient in self._known:
            return self._known[gradient]
        stepper = self._stepper
        assert stepper is not None
        asked = nudge(stepper.program, gradient)
        assert asked is not None, "no run can tell this gradient"
        if self._small:
            self._trial = self._trial or stepper.trial()
            self._known[gradient] = check(self._trial, asked, value)
            return self._known[gradient]
        self._work = self._work or Backroom(_Checks(stepper), "Check of a gradient")
        self._work.want((gradient, asked, value))
        self._timer.start()
        return None

    def leave(self) -> None:
        """Another question: what has not been begun is not wanted any more."""
        if self._work is not None:
            self._work.forget()

    def _take(self) -> None:
        assert self._work is not None
        found, done = self._work.take()
        if done:
            self._timer.stop()
        if found:
            self._known |= {gradient: check for (gradient, _, _), check in found.items()}
            self.found.emit()


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


def is_small(stepper: Stepper) -> bool:
    """Whether a batch is run again so quickly that no thread is worth it."""
    shapes = (slot.shape for slot in stepper.program.slots if slot.role is Role.VALUE)
    return len(stepper) <= AT_ONCE_STEPS and stepper.n * sum(map(math.prod, shapes)) <= AT_ONCE_NUMBERS
