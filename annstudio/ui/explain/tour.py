"""Batches being walked through: where we are, what is asked, and how numbers are written.

View, panel, timeline and bar all follow one Tour; none of them knows the others.
"""

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from annstudio.engine.op import Array
from annstudio.engine.program import Parameter, Program, Role
from annstudio.errors import StudioError
from annstudio.explain.attribution import Attribution, Reverse
from annstudio.explain.derivation import Explainer
from annstudio.explain.journey import Journey
from annstudio.explain.moments import Grain
from annstudio.explain.names import Names
from annstudio.explain.numbers import DEFAULT_DIGITS, MAX_DIGITS, MIN_DIGITS, number_text
from annstudio.explain.receptive import Fields, Receptive
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Walk
from annstudio.explain.weight import WeightAnswer, WeightQuestion, answer, question_of
from annstudio.training.course import Place
from annstudio.ui.explain.checking import Checker
from annstudio.ui.explain.travel import Travel
from annstudio.ui.explain.turning import Answer, Turner
from annstudio.ui.numbers import localised, places_text

WORKED_DIGITS = 9
SMALL_NETWORK = 30
"""Networks with at most so many parameters are worked examples: nine digits, number by number."""


@dataclass(frozen=True)
class Totals:
    """What the whole batch does to one parameter, in its stored shape."""

    before: Array
    gradient: Array | None
    after: Array


@dataclass(frozen=True)
class _Before:
    """A question that was left, and where that was."""

    question: Quantity | None
    place: int
    example: int
    number: int


class Tour(Travel):
    """What several widgets follow, with what is asked and how numbers are written.

    `asked(Quantity)`: another question, None for what the step at hand does.
    """

    asked = Signal(object)
    digits_changed = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.example = 0
        """Which example of the batch is looked at, counted from 0."""
        self.question: Quantity | None = None
        self.digits = DEFAULT_DIGITS
        self._digits_chosen = False
        self._history: list[_Before] = []
        self._answers: dict[tuple[str, tuple[int, ...]], WeightAnswer] = {}
        self._totals: dict[int, Totals] = {}
        self._attribution: Attribution | None = None
        self._receptive: Receptive | None = None
        self._fields: tuple[Quantity, Fields, Fields] | None = None
        self.checker = Checker(self)
        self.turner = Turner(self)

    # Beginning -------------------------------------------------------------------------------------------------------

    def begin(self, stepper: Stepper, journey: Journey[Place] | None = None) -> None:
        """Walk through another batch; of the same network at the same moment and with the same question. With a
        `journey` one can go on to others."""
        before = self.walk
        same = before is not None and before.program is stepper.program
        small = stepper.program.n_parameters <= SMALL_NETWORK
        self.journey = journey
        if before is not None and same:
            self._walk_through(stepper, before.grain, before.place)
        else:
            self.question, self._history, self.example = None, [], 0
            self._walk_through(stepper, Grain.NUMBER if small else Grain.OP)
        if not self._digits_chosen:
            self.digits = WORKED_DIGITS if small else DEFAULT_DIGITS
        self.begun.emit()

    def _walk_through(self, stepper: Stepper, grain: Grain, place: int | None = None) -> None:
        before = self.walk
        names = before.explainer.names if before is not None and before.program is stepper.program else None
        self.example = min(self.example, stepper.n - 1)
        opened = before.opened if before is not None and before.program is stepper.program else ()
        self.walk = Walk(Explainer(stepper, self.example, names), grain, opened)
        self._answers, self._totals, self._attribution = {}, {}, None
        self.checker.begin(stepper)
        self.turner.begin(stepper)
        if place is not None:
            self.walk.to(place)

    def end(self) -> None:
        """Nothing is walked through."""
        self.walk, self.journey, self.question, self._history, self.example = None, None, None, [], 0
        self._answers, self._totals, self._attribution = {}, {}, None
        self.checker.begin(None)
        self.turner.begin(None)
        self.begun.emit()

    # Reading ---------------------------------------------------------------------------------------------------------

    @property
    def program(self) -> Program:
        return self._walk.program

    @property
    def stepper(self) -> Stepper:
        return self._walk.stepper

    @property
    def explainer(self) -> Explainer:
        return self._walk.explainer

    @property
    def names(self) -> Names:
        return self._walk.explainer.names

    @property
    def seen(self) -> tuple[object, ...]:
        """What tells the numbers of one batch and example from those of another."""
        return self.stepper, self.example

    def array(self, slot: int) -> Array:
        """What a slot holds for the example that is looked at, which is the last axis still; all, where the slot is not
        per example."""
        array = self.stepper.array(slot)
        return array[..., self.example : self.example + 1] if self.program.slots[slot].batched else array

    def number(self, slot: int, index: tuple[int, ...] = ()) -> float:
        return self.explainer.value(Quantity(slot, index))

    def text(self, value: float) -> str:
        """A number with the digits that were chosen."""
        return places_text(value, self.digits)

    def short(self, value: float) -> str:
        """A number without the zeros that say nothing: for what was set by hand."""
        return localised(shortened(number_text(value, self.digits)))

    def totals(self, parameter: Parameter) -> Totals:
        """All numbers of a parameter: now, their gradients, and after the update."""
        if parameter.slot not in self._totals:
            stepper, gradient = self.stepper, self.program.gradients.get(parameter.slot)
            with stepper.visit(len(stepper)):
                after = np.array(stepper.array(parameter.slot))
                slope = None if gradient is None else np.array(stepper.array(gradient))
            before = np.array(stepper.before_update(parameter.slot))
            self._totals[parameter.slot] = Totals(before, slope, after)
        return self._totals[parameter.slot]

    @property
    def attribution(self) -> Attribution:
        """Answers questions the other way round."""
        if self._attribution is None:
            self._attribution = Attribution(self.stepper, self.example)
        return self._attribution

    def answer(self, question: Reverse) -> Answer | None:
        """The answer to a question the other way round; None while it is being worked out."""
        return self.turner.answer(question, self.example)

    @property
    def receptive(self) -> Receptive:
        """Finds fields."""
        if self._receptive is None or self._receptive.program is not self.program:
            self._receptive, self._fields = Receptive(self.program), None
        return self._receptive

    def fields_of(self, quantity: Quantity) -> Fields:
        """What a number was made of and what it reaches, by slot."""
        return {**self.field_of(quantity), **self.reached_by(quantity)}

    def field_of(self, quantity: Quantity) -> Fields:
        """What a number was made of, by slot."""
        return self._both_fields(quantity)[1]

    def reached_by(self, quantity: Quantity) -> Fields:
        """What a number reaches, by slot."""
        return self._both_fields(quantity)[2]

    def _both_fields(self, quantity: Quantity) -> tuple[Quantity, Fields, Fields]:
        """Both, kept of the number that was asked last: drawing and panel ask one after the other."""
        receptive, of = self.receptive, Quantity(quantity.slot, quantity.index)
        if self._fields is None or self._fields[0] != of:
            self._fields = of, receptive.field(of), receptive.reached(of)
        return self._fields

    @property
    def targets(self) -> frozenset[int]:
        """The slots of what outputs are compared with."""
        return frozenset(judged.target for judged in self.program.judged)

    def weight_answer(self, question: WeightQuestion) -> WeightAnswer:
        key = (question.key, question.index)
        if key not in self._answers:
            self._answers[key] = answer(self.explainer, question)
        return self._answers[key]

    def weight_question(self, quantity: Quantity) -> WeightQuestion | None:
        """The weight that a number is, or is the gradient of; None where it is neither."""
        slots = {gradient: slot for slot, gradient in self.program.gradients.items()}
        slot = slots.get(quantity.slot, quantity.slot)
        if self.program.slots[slot].role is not Role.PARAMETER:
            return None
        return question_of(self.program, Quantity(slot, quantity.index))

    # Asking ----------------------------------------------------------------------------------------------------------

    def ask(self, quantity: Quantity | None) -> None:
        """Ask about a number; None is back to what the step at hand does."""
        if quantity != self.question:
            if self.question is not None or quantity is not None:
                self._history.append(self._here())
            self.question = None if quantity is None else self._looked_at(quantity)
            self.asked.emit(self.question)

    def go_and_ask(self, quantity: Quantity) -> None:
        """Go to the moment when a number came into being, and ask about it; the other way round one stays."""
        if isinstance(quantity, Reverse):
            self.ask(quantity)
            return
        before = self._here()
        quantity = self._looked_at(quantity)
        self._walk.to_quantity(quantity)
        if quantity != self.question:
            self._history.append(before)
            self.question = quantity
            self.asked.emit(quantity)
        if self._walk.place != before.place:
            self.moved.emit()

    def _looked_at(self, quantity: Quantity) -> Quantity:
        """The same number once its example is looked at: all that is shown is of one example."""
        if quantity.example is not None:
            self.choose_example(quantity.example)
        return replace(quantity, example=None)

    def _here(self) -> _Before:
        number = self.journey.number if self.journey is not None else 0
        return _Before(self.question, self._walk.place, self.example, number)

    @property
    def can_go_back(self) -> bool:
        return bool(self._history)

    def ask_back(self) -> None:
        """To the question before, at the moment when it was left."""
        if self._history:
            before = self._history.pop()
            if self.journey is not None and before.number != self.journey.number:
                self.to_batch(before.number)
            self.choose_example(before.example)
            self.question = before.question
            moves = before.place != self._walk.place
            self._walk.to(before.place)
            self.asked.emit(self.question)
            if moves:
                self.moved.emit()

    # Choosing --------------------------------------------------------------------------------------------------------

    def choose_example(self, example: int) -> None:
        """Look at another example of the batch, at the same moment."""
        example = max(0, min(example, self.stepper.n - 1))
        if self.walk is not None and example != self.example:
            self.example = example
            self._walk_through(self.walk.stepper, self.walk.grain, self.walk.place)
            self.begun.emit()

    def set_grain(self, grain: Grain) -> None:
        if self.walk is not None and grain is not self.walk.grain:
            self.walk = Walk(self.walk.explainer, grain, self.walk.opened)
            # A layer's end may lie further on than the operation that was shown.
            self.walk.to(self.walk.place)
            self.begun.emit()

    def set_digits(self, digits: int) -> None:
        digits = max(MIN_DIGITS, min(digits, MAX_DIGITS))
        self._digits_chosen = True
        if digits != self.digits:
            self.digits = digits
            self.digits_changed.emit(digits)

    def derivable(self, quantity: Quantity) -> bool:
        """Whether a number's origin can be told now."""
        try:
            self.explainer.derive(quantity)
        except StudioError:
            return False
        return True


def shortened(text: str) -> str:
    """0.400000000 → 0.4; powers of ten stay as they are."""
    if "." not in text or "e" in text:
        return text
    return text.rstrip("0").rstrip(".") if float(text.replace("−", "-")) else "0"
