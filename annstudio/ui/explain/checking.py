"""Checks of gradients for the panel: of a small network at once, of a large one in a thread while the page stands."""

import math
import threading
from collections import deque

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.engine.program import Role
from annstudio.explain.check import Check, Nudge, check, nudge
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.trial import GivenUp, Trial

AT_ONCE_NUMBERS, AT_ONCE_STEPS = 20_000, 400
"""Batches of at most so many numbers and steps are run again in about a hundredth of a second."""
_POLL_MS = 15


class Checker(QObject):
    """Answers for one batch; each gradient is checked once. `found` says that an answer has come that was not there."""

    found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stepper: Stepper | None = None
        self._trial: Trial | None = None
        self._work: _Work | None = None
        self._known: dict[Quantity, Check] = {}
        self._small = False
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._take)

    def begin(self, stepper: Stepper | None) -> None:
        """Another batch, or none: what is still being worked out is dropped."""
        if stepper is self._stepper:
            return
        self._timer.stop()
        if self._work is not None:
            self._work.stop()
        self._stepper, self._trial, self._work, self._known = stepper, None, None, {}
        self._small = stepper is not None and _is_small(stepper)

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
        self._work = self._work or _Work(stepper)
        self._work.want(gradient, asked, value)
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
            self._known |= found
            self.found.emit()


class _Work:
    """Checks what is wanted, one gradient after the other, in a thread that lives while there is something to do."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._trial: Trial | None = None
        self._lock = threading.Lock()
        self._wanted: deque[tuple[Quantity, Nudge, float]] = deque()
        self._found: dict[Quantity, Check] = {}
        self._trouble: list[BaseException] = []
        self._busy_with: Quantity | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def want(self, gradient: Quantity, asked: Nudge, value: float) -> None:
        with self._lock:
            if gradient == self._busy_with or gradient in self._found or (gradient, asked, value) in self._wanted:
                return
            self._wanted.append((gradient, asked, value))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="Check of a gradient", daemon=True)
                self._thread.start()

    def forget(self) -> None:
        with self._lock:
            self._wanted.clear()

    def take(self) -> tuple[dict[Quantity, Check], bool]:
        """What has been found since the last time, and whether all is done. Raises what went wrong."""
        with self._lock:
            found, self._found = self._found, {}
            if self._trouble:
                raise self._trouble.pop()
            return found, self._thread is None

    def stop(self) -> None:
        """Give up; nobody waits for the thread, which ends before its next step and touches nothing of ours."""
        with self._lock:
            self._wanted.clear()
            self._stopped = True
            if self._trial is not None:
                self._trial.given_up = True

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    self._busy_with = None
                    if not self._wanted or self._stopped:
                        self._thread = None
                        return
                    gradient, asked, value = self._wanted.popleft()
                    self._busy_with = gradient
                trial = self._trial or self._stepper.trial()
                with self._lock:
                    self._trial, trial.given_up = trial, self._stopped
                found = check(trial, asked, value)
                with self._lock:
                    self._found[gradient] = found
        except GivenUp:
            pass
        except BaseException as error:
            with self._lock:
                self._trouble.append(error)
                self._thread = None


def _is_small(stepper: Stepper) -> bool:
    shapes = (slot.shape for slot in stepper.program.slots if slot.role is Role.VALUE)
    return len(stepper) <= AT_ONCE_STEPS and stepper.n * sum(map(math.prod, shapes)) <= AT_ONCE_NUMBERS
