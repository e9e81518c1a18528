"""Why does this weight change? Its gradient by the chain rule, a check that runs the loss again, and its new value."""

import math
from dataclasses import dataclass, field
from functools import cached_property

from annstudio.engine.op import Index
from annstudio.engine.program import Parameter, Program, Step, View
from annstudio.errors import GraphError
from annstudio.explain.check import Check, Nudge, check
from annstudio.explain.derivation import Explainer
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Part, Quantity


@dataclass(frozen=True)
class WeightQuestion:
    """One number of a view, and the element of the stored array that it is."""

    parameter: Parameter
    view: View
    index: Index
    stored: Index

    @property
    def key(self) -> str:
        return self.parameter.key(self.view)

    def still(self, stepper: Stepper) -> bool:
        """Whether no update moves it: its view is frozen, or it is locked."""
        return bool(stepper.arena.still(self.parameter)[self.stored])


def ask(program: Program, key: str, index: Index) -> WeightQuestion:
    """The question about `key` (`hidden/W`) at `index`. Raises GraphError in plain words where there is no such."""
    try:
        parameter, view = program.parameter_of(key)
    except KeyError:
        known = ", ".join(p.key(v) for p in program.parameters for v in p.views)
        raise GraphError(f"There is no weight {key!r}.", f"There are {known or 'none'}.") from None
    stored = view.stored_at(index, parameter.shape)
    if stored is None:
        shape = view.shape_of(parameter.shape)
        raise GraphError(f"{key} has shape {shape}, got place {list(index)}.", "Indices in brackets count from 0.")
    return WeightQuestion(parameter, view, index, stored)


def question_of(program: Program, quantity: Quantity) -> WeightQuestion | None:
    """The question about a weight that is given as an element of its stored array."""
    for parameter in program.parameters:
        if parameter.slot == quantity.slot:
            for view in parameter.views:
                seen = view.seen_at(quantity.index, parameter.shape)
                if seen is not None:
                    return WeightQuestion(parameter, view, seen, quantity.index)
    return None


def chain(explainer: Explainer, question: WeightQuestion, digits: int = 4) -> tuple[Part, ...]:
    """The lecture's factors ∂E/∂out · ∂out/∂net · ∂net/∂w, or ∂E/∂net · ∂net/∂w where the activation is part of the
    loss or mixes units; empty where the weight is used in several places, so that its gradient is a sum."""
    program, names = explainer.program, explainer.names
    uses = [s for s in program.steps if isinstance(s, Step) and s.backward and question.parameter.slot in s.inputs]
    if len(uses) != 1 or explainer.stepper.n != 1:
        return ()
    use = uses[0]
    gradient = use.gradients[use.inputs.index(question.parameter.slot)]
    if gradient is None:
        return ()
    derivation = explainer.derive(Quantity(gradient, question.stored), digits)
    if len(derivation.rows) != 1:
        return ()
    parts = derivation.rows[0].parts
    delta, value = parts[0], parts[1].value if len(parts) > 1 else 1.0
    output, behind = use.output, _steps_behind(program, use.output)
    while len(behind) == 1 and behind[0].op.weighted_sum and behind[0].node == use.node:
        # A bias of its own is added to the sum: its gradient is handed through as it is.
        output, (delta,) = behind[0].output, explainer.derive(_place(delta), digits).rows[0].parts
        behind = _steps_behind(program, output)
    net, weight = names.of(output, _place(delta).index), names.of(question.parameter.slot, question.stored)
    last = Part(rf"\frac{{\partial {net}}}{{\partial {weight}}}", value, parts[1].quantity if len(parts) > 1 else None)
    if len(behind) == 1 and behind[0].op.elementwise:
        return (*explainer.derive(_place(delta), digits).rows[0].parts, last)
    return (delta, last)


def _place(part: Part) -> Quantity:
    assert part.quantity is not None
    return part.quantity


def _steps_behind(program: Program, slot: int) -> list[Step]:
    """The steps back through what a value was used for."""
    return [step for step in program.steps if isinstance(step, Step) and step.backward and slot in step.inputs]


@dataclass(frozen=True)
class WeightAnswer:
    """All that is to be said about a weight in one batch."""

    question: WeightQuestion
    symbol: str
    value: float
    gradient: float
    after_update: float
    factors: tuple[Part, ...]
    learns: bool
    _stepper: Stepper = field(repr=False, compare=False)

    @cached_property
    def check(self) -> Check:
        """The loss really run again; worked out when it is asked for."""
        of = Quantity(self.question.parameter.slot, self.question.stored)
        return check(self._stepper.trial(), Nudge(of), self.gradient)


def answer(explainer: Explainer, question: WeightQuestion) -> WeightAnswer:
    """The whole answer; the stepper is left where it was."""
    stepper = explainer.stepper
    slot = question.parameter.slot
    gradient_slot = stepper.program.gradients.get(slot)
    with stepper.visit(len(stepper)):
        gradient = float(stepper.array(gradient_slot)[question.stored]) if gradient_slot is not None else 0.0
        after = float(stepper.array(slot)[question.stored])
        factors = chain(explainer, question) if gradient_slot is not None else ()
    value = float(stepper.before_update(slot)[question.stored])
    learns = not question.still(stepper)
    symbol = explainer.names.of(slot, question.stored)
    return WeightAnswer(question, symbol, value, gradient, after, factors, learns, stepper)


def product(factors: tuple[Part, ...]) -> float:
    """What the factors multiply to."""
    return math.prod(part.value for part in factors)
