"""A worksheet: which numbers of a batch are hidden and asked, how exactly they must be met, and what was answered.

It is a value and part of the project: a teacher's file is a project with a worksheet in it. Right numbers are never
kept; they come from a run of the network (`explain/marking.py`).
"""

import math
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from annstudio.explain.answers import MOST_CHARACTERS
from annstudio.explain.number_names import renamed

MOST_ASKED = 100
MOST_EXAMPLES = 32

Name = Annotated[str, Field(min_length=1, max_length=400)]
Example = Annotated[int, Field(ge=0, le=2**53)]


class Measure(StrEnum):
    """What a tolerance counts in."""

    DIGITS = "digits"
    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class Help(StrEnum):
    """How much a sheet tells, each more than the one before."""

    NOTHING = "nothing"
    """Answers are collected; what is right is seen in the report alone."""
    JUDGED = "judged"
    HINTS = "hints"
    SOLUTIONS = "solutions"

    def allows(self, other: "Help") -> bool:
        return _ORDER[self] >= _ORDER[other]


_ORDER = {help: i for i, help in enumerate(Help)}


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **fields: Any) -> Self:
        """With other values, whose limits are checked again. Raises pydantic's ValidationError."""
        return type(self).model_validate({**{name: getattr(self, name) for name in type(self).model_fields}, **fields})


class Tolerance(_Value):
    """How near an answer must be: to so many significant digits, to a share of the number, or to an amount."""

    measure: Measure = Measure.DIGITS
    digits: int = Field(4, ge=1, le=15)
    amount: float = Field(0.001, gt=0, le=1e6, allow_inf_nan=False)
    """The share or the amount, for the other two measures."""

    def margin(self, value: float) -> float:
        """How far an answer may be from the right number."""
        if not math.isfinite(value):
            return 0.0
        match self.measure:
            case Measure.ABSOLUTE:
                return self.amount
            case Measure.RELATIVE:
                return self.amount * abs(value)
            case Measure.DIGITS:
                return _half_unit(value, self.digits)

    def meets(self, answer: float, value: float) -> bool:
        """Whether an answer is the number. The last bits of a float are nobody's mistake."""
        slack = 1e-9 * self.margin(value) + 1e-14 * abs(value)
        return abs(answer - value) <= self.margin(value) + slack

    @property
    def words(self) -> str:
        match self.measure:
            case Measure.ABSOLUTE:
                return f"to within ±{self.amount:g}"
            case Measure.RELATIVE:
                return f"to within {100 * self.amount:g} %"
            case Measure.DIGITS:
                return f"to {self.digits} significant digit{'s' if self.digits != 1 else ''}"


def _half_unit(value: float, digits: int) -> float:
    """Half a unit of the last of so many significant digits."""
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1) if value else 0.0


class Answer(_Value):
    """What was written for one number, how often another thing had been, and how many hints were looked at."""

    name: Name
    text: Annotated[str, Field(max_length=MOST_CHARACTERS)] = ""
    tries: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    hints: Annotated[int, Field(ge=0, le=3)] = 0


class Worksheet(_Value):
    """The whole sheet, answers and all."""

    title: Annotated[str, Field(max_length=200)] = ""
    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=MOST_EXAMPLES)] = (0,)
    """The examples of the data (from 0) that make the batch."""
    asked: Annotated[tuple[Name, ...], Field(max_length=MOST_ASKED)] = ()
    """Names of the hidden numbers (`explain/number_names.py`), in the order of the calculation."""
    tolerance: Tolerance = Tolerance()
    rest: bool = True
    """Whether the numbers on the way that are not asked are shown."""
    help: Help = Help.SOLUTIONS
    student: Annotated[str, Field(max_length=200)] = ""
    answers: Annotated[tuple[Answer, ...], Field(max_length=MOST_ASKED)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.asked)) != len(self.asked):
            raise ValueError("should ask for every number once")
        names = [answer.name for answer in self.answers]
        if len(set(names)) != len(names) or not set(names) <= set(self.asked):
            raise ValueError("should have one answer at most for every number asked")
        return self

    def answer(self, name: str) -> Answer:
        """What was answered there; an empty answer where nothing was."""
        return next((answer for answer in self.answers if answer.name == name), Answer(name=name))

    def answered(self, name: str, text: str) -> Self:
        """With another answer; the same again is no other try."""
        before, text = self.answer(name), text.strip()[:MOST_CHARACTERS]
        if text == before.text:
            return self
        return self._with(before.changed(text=text, tries=before.tries + bool(text)))

    def hinted(self, name: str, hints: int) -> Self:
        """With so many hints looked at."""
        before = self.answer(name)
        return self._with(before.changed(hints=max(before.hints, hints)))

    def begun_again(self) -> Self:
        """Without any answer."""
        return self.changed(answers=())

    def asking(self, names: Iterable[str]) -> Self:
        """With other numbers asked; answers to those that stay are kept."""
        asked = tuple(names)
        return self.changed(asked=asked, answers=tuple(a for a in self.answers if a.name in set(asked)))

    def renamed(self, path: Callable[[str], str]) -> Self:
        """The same sheet for a network whose nodes are called otherwise: `path` tells how a path is called now."""
        return self.spelled(lambda name: renamed(name, path))

    def spelled(self, spelling: Callable[[str], str]) -> Self:
        """The same sheet with other names for its numbers."""
        answers = {spelling(answer.name): answer for answer in reversed(self.answers)}
        return self.changed(
            asked=tuple(dict.fromkeys(map(spelling, self.asked))),
            answers=tuple(answer.changed(name=name) for name, answer in reversed(answers.items())),
        )

    def _with(self, answer: Answer) -> Self:
        others = {a.name: a for a in self.answers} | {answer.name: answer}
        return self.changed(answers=tuple(others[name] for name in self.asked if name in others))
