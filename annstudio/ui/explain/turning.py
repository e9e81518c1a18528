"""Questions the other way round for the panel: of a small batch at once, of a large one in a thread while the page
stands."""

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.explain.attribution import Attribution, Contributions, Reached, Reverse
from annstudio.explain.stepper import Stepper
from annstudio.ui.explain.backroom import Backroom
from annstudio.ui.explain.checking import POLL_MS, is_small

Answer = Contributions | tuple[Reached, ...]
_Asked = tuple[Reverse, int]
"""A question, and the example that it is about."""
MOST_KEPT = 64
"""So many answers are kept for those who ask again."""


class Turner(QObject):
    """Answers for one batch; each is worked out once. `found`: an answer has come that was not there."""

    found = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stepper: Stepper | None = None
        self._at_once: Attribution | None = None
        self._work: Backroom[_Asked, Answer] | None = None
        self._known: dict[_Asked, Answer] = {}
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
        self._stepper, self._at_once, self._work, self._known = stepper, None, None, {}
        if stepper is not None and is_small(stepper):
            self._at_once = Attribution(stepper)

    def answer(self, question: Reverse, example: int) -> Answer | None:
        """The answer to a question about an example; None while it is being worked out."""
        asked = replace(question, example=None), example
        if asked in self._known:
            return self._known[asked]
        assert self._stepper is not None
        if self._at_once is not None:
            self._at_once.example = example
            self._keep({asked: self._at_once.answer(asked[0])})
            return self._known[asked]
        self._work = self._work or Backroom(_Turned(self._stepper), "A question the other way round")
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

    def _keep(self, found: dict[_Asked, Answer]) -> None:
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


class _Turned:
    """Answers questions on a double of the batch."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._attribution: Attribution | None = None
        self._given_up = False

    def find(self, asked: _Asked) -> Answer:
        question, example = asked
        attribution = self._attribution = self._attribution or Attribution(self._stepper.double())
        if self._given_up:
            attribution.given_up = True
        attribution.example = example
        return attribution.answer(question)

    def give_up(self) -> None:
        self._given_up = True
        if self._attribution is not None:
            self._attribution.given_up = True
