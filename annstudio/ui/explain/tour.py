"""One batch being walked through: where we are, what is asked, and how numbers are written.

View, panel, timeline and bar all follow one Tour; none of them knows the others.
"""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from annstudio.engine.op import Array
from annstudio.engine.program import Parameter, Phase, Program, Role
from annstudio.errors import StudioError
from annstudio.explain.derivation import Explainer, Quantity
from annstudio.explain.names import Names
from annstudio.explain.numbers import DEFAULT_DIGITS, MAX_DIGITS, MIN_DIGITS, number_text
from annstudio.explain.stepper import Stepper
from annstudio.explain.walk import Grain, Walk
from annstudio.explain.weight import WeightAnswer, WeightQuestion, answer, question_of
from annstudio.ui.explain.checking import Checker
from annstudio.ui.explain.rich import number
from annstudio.ui.numbers import localised

WORKED_DIGITS = 9
SMALL_NETWORK = 30
"""Networks with at most so many parameters are worked examples: nine digits, number by number."""


@dataclass(frozen=True)
class Totals:
    """What the whole batch does to one parameter, in its stored shape."""

    before: Array
    gradient: Array | None
    after: Array


class Tour(QObject):
    """A walk that several widgets follow. `begun` says that everything is another, `moved` that the moment is."""

    begun = Signal()
    moved = Signal()
    asked = Signal(object)
    digits_changed = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.walk: Walk | None = None
        self.question: Quantity | None = None
        self.digits = DEFAULT_DIGITS
        self._digits_chosen = False
        self._history: list[tuple[Quantity | None, int]] = []
        self._answers: dict[tuple[str, tuple[int, ...]], WeightAnswer] = {}
        self._totals: dict[int, Totals] = {}
        self.checker = Checker(self)

    # Beginning -------------------------------------------------------------------------------------------------------

    def begin(self, stepper: Stepper) -> None:
        """Walk through another batch; of the same network at the same moment and with the same question."""
        before = self.walk
        same = before is not None and before.program is stepper.program
        small = stepper.program.n_parameters <= SMALL_NETWORK
        grain = before.grain if before is not None and same else Grain.NUMBER if small else Grain.OP
        self.walk = Walk(Explainer(stepper), grain)
        self._answers, self._totals = {}, {}
        self.checker.begin(stepper)
        if before is not None and same:
            self.walk.to(before.place)
        else:
            self.question, self._history = None, []
        if not self._digits_chosen:
            self.digits = WORKED_DIGITS if small else DEFAULT_DIGITS
        self.begun.emit()

    def end(self) -> None:
        """Nothing is walked through."""
        self.walk, self.question, self._history = None, None, []
        self._answers, self._totals = {}, {}
        self.checker.begin(None)
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
    def _walk(self) -> Walk:
        assert self.walk is not None, "nothing is being walked through"
        return self.walk

    def number(self, slot: int, index: tuple[int, ...] = ()) -> float:
        return self.explainer.value(Quantity(slot, index))

    def text(self, value: float) -> str:
        """A number with the digits that were chosen."""
        return number(value, self.digits)

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
                self._history.append((self.question, self._walk.place))
            self.question = quantity
            self.asked.emit(quantity)

    def go_and_ask(self, quantity: Quantity) -> None:
        """Go to the moment when a number came into being, and ask about it."""
        remembered = (self.question, self._walk.place)
        place = self._walk.place
        self._walk.to_quantity(quantity)
        if quantity != self.question:
            self._history.append(remembered)
            self.question = quantity
            self.asked.emit(quantity)
        if self._walk.place != place:
            self.moved.emit()

    @property
    def can_go_back(self) -> bool:
        return bool(self._history)

    def ask_back(self) -> None:
        """To the question before, at the moment when it was left."""
        if self._history:
            self.question, place = self._history.pop()
            moves = place != self._walk.place
            self._walk.to(place)
            self.asked.emit(self.question)
            if moves:
                self.moved.emit()

    # Going -----------------------------------------------------------------------------------------------------------

    def to(self, place: int) -> None:
        if self.walk is not None and place != self.walk.place:
            self.walk.to(place)
            self.moved.emit()

    def step(self) -> None:
        if self.walk is not None:
            self.to(min(self.walk.place + 1, len(self.walk)))

    def back(self) -> None:
        if self.walk is not None:
            self.to(max(self.walk.place - 1, 0))

    def next_layer(self) -> None:
        if self.walk is not None:
            self.walk.next_layer()
            self.moved.emit()

    def previous_layer(self) -> None:
        if self.walk is not None:
            self.walk.previous_layer()
            self.moved.emit()

    def to_phase_end(self, phase: Phase) -> None:
        if self.walk is not None:
            self.walk.to_phase_end(phase)
            self.moved.emit()

    def to_position(self, position: int) -> None:
        """To the moment when so many steps of the program are done."""
        if self.walk is not None:
            self.walk.to_position(position)
            self.moved.emit()

    # Choosing --------------------------------------------------------------------------------------------------------

    def set_grain(self, grain: Grain) -> None:
        if self.walk is not None and grain is not self.walk.grain:
            self.walk = Walk(self.walk.explainer, grain)
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
