"""Answers that a batch must be run again for: of a small one at once, of a large one in a thread while the page
stands."""

import math
from typing import ClassVar, Generic

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.engine.program import Role
from annstudio.explain.stepper import Stepper
from annstudio.ui.explain.backroom import Asked, Backroom, Finder, Found

AT_ONCE_NUMBERS, AT_ONCE_STEPS = 20_000, 400
"""Batches of at most so many numbers and steps are run again in about a hundredth of a second."""
POLL_MS = 15
MOST_KEPT = 64
"""So many answers are kept for those who ask again."""


class Answers(QObject, Generic[Asked, Found]):
    """Answers for one batch; each is worked out once. `found` says that one has come that was not there."""

    found = Signal()
    name: ClassVar[str]
    """What the thread does."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stepper: Stepper | None = None
        self._at_once: Finder[Asked, Found] | None = None
        self._work: Backroom[Asked, Found] | None = None
        self._known: dict[Asked, Found] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._take)

    def finder(self, stepper: Stepper, *, beside: bool) -> Finder[Asked, Found]:
        """Who finds the answers; `beside`: in a thread, while the batch itself is looked at and stepped."""
        raise NotImplementedError

    def begin(self, stepper: Stepper | None) -> None:
        """Another batch, or none: what is still being worked out is dropped."""
        if stepper is self._stepper:
            return
        self._timer.stop()
        if self._work is not None:
            self._work.stop()
        self._stepper, self._at_once, self._work, self._known = stepper, None, None, {}
        if stepper is not None and _is_small(stepper):
            self._at_once = self.finder(stepper, beside=False)

    def find(self, asked: Asked) -> Found | None:
        """The answer; None while it is being worked out."""
        if asked in self._known:
            return self._known[asked]
        if self._at_once is not None:
            self._keep({asked: self._at_once.find(asked)})
            return self._known[asked]
        assert self._stepper is not None
        self._work = self._work or Backroom(self.finder(self._stepper, beside=True), self.name)
        self._work.want(asked)
        self._timer.start()
        return None

    @property
    def busy(self) -> bool:
        """Whether something is being worked out."""
        return self._timer.isActive()

    def leave(self) -> None:
        """Another question: what has not been begun is not wanted any more."""
        if self._work is not None:
            self._work.forget()

    def _keep(self, found: dict[Asked, Found]) -> None:
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        self._known |= found

    def _take(self) -> None:
        assert self._work is not None
        found, done = self._work.take()
        if done:
            self._timer.stop()
        if found:
            self._keep(found)
            self.found.emit()


def _is_small(stepper: Stepper) -> bool:
    """Whether a batch is run again so quickly that no thread is worth it."""
    shapes = (slot.shape for slot in stepper.program.slots if slot.role is Role.VALUE)
    return len(stepper) <= AT_ONCE_STEPS and stepper.n * sum(map(math.prod, shapes)) <= AT_ONCE_NUMBERS
