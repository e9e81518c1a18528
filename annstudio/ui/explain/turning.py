"""Questions the other way round for the panel."""

from dataclasses import replace
from typing import ClassVar

from annstudio.explain.attribution import Attribution, Contributions, Reached, Reverse
from annstudio.explain.stepper import Stepper
from annstudio.ui.explain.answers import Answers
from annstudio.ui.explain.backroom import Finder

Answer = Contributions | tuple[Reached, ...]
_Asked = tuple[Reverse, int]
"""A question, and the example that it is about."""


class Turner(Answers[_Asked, Answer]):
    """Answers the questions about one batch."""

    name: ClassVar[str] = "A question the other way round"

    def finder(self, stepper: Stepper, *, beside: bool) -> Finder[_Asked, Answer]:
        return _Turned(stepper, beside=beside)

    def answer(self, question: Reverse, example: int) -> Answer | None:
        """The answer to a question about an example; None while it is being worked out."""
        return self.find((replace(question, example=None), example))


class _Turned:
    """Answers questions; `beside` somebody who steps, on a double of the batch."""

    def __init__(self, stepper: Stepper, *, beside: bool) -> None:
        self._stepper = stepper
        self._beside = beside
        self._attribution: Attribution | None = None
        self._given_up = False

    def find(self, asked: _Asked) -> Answer:
        question, example = asked
        if self._attribution is None:
            self._attribution = Attribution(self._stepper.double() if self._beside else self._stepper)
        attribution = self._attribution
        if self._given_up:
            attribution.given_up = True
        attribution.example = example
        return attribution.answer(question)

    def give_up(self) -> None:
        self._given_up = True
        if self._attribution is not None:
            self._attribution.given_up = True
