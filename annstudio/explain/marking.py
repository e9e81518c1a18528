"""Judging a worksheet's answers: against the numbers of the engine's own run, and against typical slips.

What follows rightly from an own wrong number before is told as such: the batch is done again with that number.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from annstudio.errors import GraphError
from annstudio.explain.answers import digits_given, parse_answer
from annstudio.explain.case import Case, Slip
from annstudio.explain.catalogue import Asked, Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.rework import Meddle, Mistake
from annstudio.explain.slips import slips
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Part, Row
from annstudio.explain.worksheet import Answer, Measure, Tolerance, Worksheet

MOST_TERMS = 12
"""Sums of more terms are not looked through for one that was taken for the whole."""
FEWEST_DIGITS, MOST_DIGITS = 2, 14
"""With fewer right digits a number is no near miss."""
LEAST_SEPARATION = 1e-9
"""A slip whose number is nearer to the right one, relative to it, cannot be told from it."""


class Verdict(StrEnum):
    """How an answer is judged."""

    OPEN = "open"
    RIGHT = "right"
    FOLLOWS = "follows"
    """Right with an own number before it, which is wrong."""
    NEAR = "near"
    """Right, but with fewer digits than asked for."""
    SLIP = "slip"
    WRONG = "wrong"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Judgement:
    """A verdict, the number that was read, and what there is to say about it."""

    verdict: Verdict
    value: float | None = None
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """How many numbers are asked, answered, right, and right without having been shown."""

    asked: int
    answered: int
    right: int
    with_hints: int
    shown: int

    @property
    def points(self) -> int:
        return self.right - self.shown

    @property
    def words(self) -> str:
        told = f"{self.points} of {self.asked} right"
        if self.with_hints:
            told += f", {self.with_hints} with a hint"
        return told + (f", {self.shown} more after the solution was shown" if self.shown else "")


class Marker:
    """Marks answers to a worksheet. It has a stepper of its own, which nobody else moves."""

    def __init__(self, stepper: Stepper, sheet: Worksheet) -> None:
        self.stepper = stepper
        self.sheet = sheet
        """The sheet that it was made for: it marks any answers to the same questions."""
        self.explainer = Explainer(stepper)
        self.catalogue = Catalogue(self.explainer)
        self.missing: tuple[str, ...] = ()
        """Names on the sheet that this network does not have."""
        self.asked = self._found(sheet.asked)
        self.case = Case(self.catalogue, tuple(self.asked.values()))
        self._own: tuple[tuple[tuple[str, float], ...], dict[str, float]] = ((), {})

    def _found(self, names: tuple[str, ...]) -> dict[str, Asked]:
        found, missing = {}, []
        for name in names:
            try:
                found[name] = replace(self.catalogue.find(name), name=name)
            except GraphError:
                missing.append(name)
        self.missing = tuple(missing)
        return found

    def solution(self, name: str) -> float:
        """The right number."""
        return self.case.right[name]

    def symbol(self, name: str) -> str:
        """What the number is called, as LaTeX."""
        return self.catalogue.symbol(self.asked[name])

    # Judging ---------------------------------------------------------------------------------------------------------

    def judge(self, sheet: Worksheet, name: str) -> Judgement:
        """Judge the answer that the sheet holds."""
        text = sheet.answer(name).text
        if not text or name not in self.asked:
            return Judgement(Verdict.OPEN)
        try:
            value = parse_answer(text)
        except ValueError as error:
            return Judgement(Verdict.UNREADABLE, None, (str(error),))
        right, tolerance = self.solution(name), sheet.tolerance
        if tolerance.meets(value, right):
            return Judgement(Verdict.RIGHT, value)
        asked = self.asked[name]
        if _rounded(value, text, right):
            told = f"Right to {_counted(digits_given(text))}; give it {tolerance.words}."
            return Judgement(Verdict.NEAR, value, (told,))
        said = [slip.sentence(asked) for slip in self._matching(asked, value, tolerance)]
        said += self._one_term(asked, value, tolerance)
        said = said or self._another_line(asked, value, tolerance)
        follows = self._follows(sheet, asked, value)
        if follows:
            return Judgement(Verdict.FOLLOWS, value, (follows, *dict.fromkeys(said)))
        if said:
            return Judgement(Verdict.SLIP, value, tuple(dict.fromkeys(said)))
        near = _near_miss(value, right, tolerance)
        return Judgement(Verdict.NEAR, value, (near,)) if near else Judgement(Verdict.WRONG, value)

    def is_right(self, sheet: Worksheet, name: str) -> bool:
        """Whether a number has been answered rightly."""
        try:
            return sheet.tolerance.meets(parse_answer(sheet.answer(name).text), self.solution(name))
        except ValueError:
            return False

    def score(self, sheet: Worksheet) -> Score:
        """What has been reached so far."""
        right = [answer for answer in self._answers(sheet) if self.is_right(sheet, answer.name)]
        shown = sum(a.hints == 3 for a in right)
        hinted = sum(0 < a.hints < 3 for a in right)
        return Score(len(self.asked), len(self._answers(sheet)), len(right), hinted, shown)

    def _answers(self, sheet: Worksheet) -> list[Answer]:
        return [answer for answer in sheet.answers if answer.text and answer.name in self.asked]

    @cached_property
    def slips(self) -> tuple[Slip, ...]:
        """What comes out of every slip; worked out with the first answer that is not right."""
        return tuple(slips(self.case))

    def _matching(self, asked: Asked, value: float, tolerance: Tolerance) -> list[Slip]:
        """The slips that give this number."""
        right = self.solution(asked.name)
        found = []
        for slip in self.slips:
            number = slip.numbers.get(asked.name)
            if number is None or not np.isfinite(number) or abs(number - right) <= LEAST_SEPARATION * abs(right):
                continue
            if tolerance.meets(value, number):
                found.append(slip)
        return found

    def _one_term(self, asked: Asked, value: float, tolerance: Tolerance) -> list[str]:
        """Whether one term of a sum was taken for the whole, or one factor of the chain rule for the product."""
        if asked.new or asked.quantity.term is not None:
            return []
        with self.case.at_the_end():
            rows = self.explainer.derive(asked.quantity).rows
        if len(rows) == 1 and rows[0].through is not None:
            return [
                f"This is {plain(part.symbol)} alone. It has to be multiplied by {_others(rows[0], part)}."
                for part in rows[0].parts
                if len(rows[0].parts) > 1 and part.value and tolerance.meets(value, part.value)
            ]
        if not 2 <= len(rows) <= MOST_TERMS:
            return []
        return [
            f"This is one term of the sum alone, {plain(row.symbols)}. Add all {len(rows)}."
            for row in rows
            if row.value and tolerance.meets(value, row.value)
        ]

    def _another_line(self, asked: Asked, value: float, tolerance: Tolerance) -> list[str]:
        """Whether it is the number for another line, of the same array."""
        group = self.catalogue.group_of(asked)
        others = [n for n, other in self.asked.items() if other != asked and self.catalogue.group_of(other) == group]
        return [
            f"This is the number for {self.case.symbol(self.asked[name])}. Is it in the wrong line?"
            for name in others
            if self.solution(name) and tolerance.meets(value, self.solution(name))
        ][:1]

    # Own numbers before ----------------------------------------------------------------------------------------------

    def _follows(self, sheet: Worksheet, asked: Asked, value: float) -> str:
        """What is to be said where the answer is right with wrong answers before it; else nothing."""
        wrong = self.wrong_before(sheet, asked)
        if not wrong:
            return ""
        key = tuple(wrong.items())
        if self._own[0] != key:
            # All numbers of one array follow from the same ones before them.
            self._own = key, self.case.reworked(self._with_own(wrong))
        with_them = self._own[1][asked.name]
        apart = not sheet.tolerance.meets(with_them, self.solution(asked.name))
        if not apart or not sheet.tolerance.meets(value, with_them):
            return ""
        told = [plain(self.symbol(name)) for name in wrong]
        those = f"number for {told[0]}" if len(told) == 1 else "numbers before it"
        near = all(_near_miss(number, self.solution(name), sheet.tolerance) for name, number in wrong.items())
        verb = "is" if len(told) == 1 else "are"
        what = f"{verb} not exact enough" if near else f"{verb} not right"
        return f"It follows from your {those}, which {what}. Mend {'that' if len(told) == 1 else 'those'} first."

    def wrong_before(self, sheet: Worksheet, asked: Asked) -> dict[str, float]:
        """Wrong answers to numbers that are computed earlier: what a judgement depends on beside the answer itself."""
        own = self._at(asked)
        found = {}
        for answer in self._answers(sheet):
            other = self.asked[answer.name]
            if other.new or other.quantity.term is not None or self._at(other) >= own:
                continue
            with suppress(ValueError):
                number = parse_answer(answer.text)
                if not sheet.tolerance.meets(number, self.solution(answer.name)):
                    found[answer.name] = number
        return found

    def _with_own(self, numbers: Mapping[str, float]) -> Mistake:
        """The batch with these numbers in the place of those that come out."""
        by_step: dict[int, list[tuple[Asked, float]]] = {}
        for name, number in numbers.items():
            by_step.setdefault(self._at(self.asked[name]), []).append((self.asked[name], number))

        def meddle_of(given: list[tuple[Asked, float]]) -> Meddle:
            def meddle(stepper: Stepper) -> None:
                for asked, number in given:
                    batched = self.catalogue.program.slots[asked.quantity.slot].batched
                    index = (*asked.quantity.index, asked.quantity.example) if batched else asked.quantity.index
                    stepper.array(asked.quantity.slot)[index] = number

            return meddle

        return Mistake(after={step: meddle_of(given) for step, given in by_step.items()})

    def _at(self, asked: Asked) -> int:
        """The step that computes a number."""
        return len(self.stepper) if asked.new else self.stepper.written_by[asked.quantity.slot]


def _others(row: Row, one: Part) -> str:
    """The other factors of a product."""
    return " · ".join(plain(part.symbol) for part in row.parts if part is not one)


def _rounded(value: float, text: str, right: float) -> bool:
    """Whether an answer is the right number, only written with fewer digits."""
    given = digits_given(text)
    return FEWEST_DIGITS <= given <= MOST_DIGITS and _digits(given).meets(value, right)


def _near_miss(value: float, right: float, tolerance: Tolerance) -> str:
    """What is to be said about an answer that is right but for its last digits; else nothing."""
    for digits in range(MOST_DIGITS, FEWEST_DIGITS - 1, -1):
        if _digits(digits).meets(value, right):
            return f"Right to {_counted(digits)}; give it {tolerance.words}. Carry more digits and round at the end."
    return ""


def _digits(digits: int) -> Tolerance:
    return Tolerance(measure=Measure.DIGITS, digits=digits)


def _counted(digits: int) -> str:
    return f"{digits} digit{'s' if digits != 1 else ''}"
