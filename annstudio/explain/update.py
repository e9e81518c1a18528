"""How one weight gets its new value: the optimiser's rule with the numbers of this very batch."""

from dataclasses import dataclass, replace

import numpy as np

from annstudio.engine.account import Factor, See, Term, setting
from annstudio.engine.op import Limit
from annstudio.engine.program import Phase, Step, Update
from annstudio.explain.numbers import number_latex
from annstudio.explain.stepper import Stepper
from annstudio.explain.templates import bracketed, filled
from annstudio.explain.weight import WeightQuestion

SETTINGS = frozenset({r"\eta", r"\mu", r"\beta_1", r"\beta_2", r"\epsilon", r"\rho", r"\lambda", "c"})
_OPTIMISED = r"\tilde{w}"
"""What the optimiser gives, where a limit has the last word."""


@dataclass(frozen=True)
class UpdateLine:
    """One line of the rule: what it gives, the rule in symbols and with numbers, and the result."""

    symbol: str
    symbols: str
    numbers: str
    value: float


@dataclass(frozen=True)
class UpdateAccount:
    """The whole rule for one weight. `reason` says why there is none; `before` is the value the batch began with.

    The weight changes by p · ∂E/∂w and by the `changes`, which are told by name: clipping, momentum, decay, a limit.
    """

    before: float
    after: float
    lines: tuple[UpdateLine, ...]
    step: int | None
    """The step of the program that does it."""
    reason: str = ""
    pace: UpdateLine | None = None
    """p, what the gradient is multiplied by."""
    changes: tuple[UpdateLine, ...] = ()
    rate: tuple[UpdateLine, ...] = ()
    """How a schedule makes the learning rate; empty where it stays what it is."""

    @property
    def paced_by(self) -> str:
        """How p is written in products: the bare rate as a number, what an optimiser made of it as the letter."""
        if self.pace is None:
            return ""
        return self.pace.numbers if self.pace.symbols == r"-\eta" else "p"


@dataclass(frozen=True)
class _Numbers:
    """One weight's numbers on the way through its update."""

    before: float
    whole: float
    """Its gradient as it was computed."""
    cut: float
    """Cut off at the largest value."""
    scale: float
    """What all gradients are multiplied by, so that they are no longer than the largest norm."""
    vectors: dict[str, float]
    t: int

    @property
    def g(self) -> float:
        """What the optimiser is given."""
        return self.cut * self.scale


def explain_update(stepper: Stepper, question: WeightQuestion, symbol: str = "w", digits: int = 4) -> UpdateAccount:
    """The update of one weight in symbols and numbers; the stepper is left where it was."""
    parameter, program = question.parameter, stepper.program
    before = float(stepper.before_update(parameter.slot)[question.stored])
    which = program.parameters.index(parameter)
    steps = [i for i, s in enumerate(program.steps) if isinstance(s, Update) and which in s.parameters]
    has_gradient, optimizer = parameter.slot in program.gradients, stepper.arena.optimizer
    if not steps or not has_gradient or optimizer is None or question.still(stepper):
        return UpdateAccount(before, before, (), None, _reason(question, has_gradient))
    told = _numbers(stepper, question)
    scheduled = optimizer.model_copy(update={"learning_rate": stepper.rate})
    account = scheduled.account(before, told.g, told.vectors, told.t)
    results = {name: term.value for name, term in account}
    pace = scheduled.pace(results, told.t)
    changes = _clipping(stepper, told, pace.value)
    if changes:
        factors = (Factor("g_0", (), told.whole),)
        account.insert(0, ("g", Term(factors, r"\mathrm{clip}\;«0»", lambda _: told.g)))
    changes |= scheduled.carried(before, told.vectors, results, told.t)
    limit = _limit(stepper, question)
    if limit is not None:
        account[-1] = (_OPTIMISED, account[-1][1])
        account.append(("w^{+}", limit))
        optimised = limit.factors[0]
        changes["largest norm"] = replace(
            limit, template=f"{limit.template} - «0»", evaluate=lambda *numbers: limit.value - optimised.value
        )
    with stepper.visit(len(stepper)):
        after = float(stepper.array(parameter.slot)[question.stored])
    return UpdateAccount(
        before, after, tuple(_line(name, term, symbol, digits) for name, term in account), steps[0],
        pace=_line("p", pace, symbol, digits),
        changes=tuple(
            _line(name, term, symbol, digits, named=len(pace.factors) > 1)
            for name, term in changes.items()
            if term.value
        ),
        rate=_rate(stepper, digits),
    )  # fmt: skip


def _rate(stepper: Stepper, digits: int) -> tuple[UpdateLine, ...]:
    optimizer = stepper.arena.optimizer
    if stepper.paced is None or optimizer is None:
        return ()
    schedule, at = stepper.paced
    account = schedule.account(optimizer.learning_rate, at)
    return tuple(_line(name, term, "w", digits) for name, term in account)


def _numbers(stepper: Stepper, question: WeightQuestion) -> _Numbers:
    parameter, arena = question.parameter, stepper.arena
    assert arena.optimizer is not None
    with stepper.visit(stepper.end_of(Phase.BACKWARD)):
        whole = float(stepper.array(stepper.program.gradients[parameter.slot])[question.stored])
        cut = float(arena.clipping.cut(np.asarray(whole)))
        g = float(arena.part(arena.clipped(), parameter)[question.stored]) if arena.clipping else whole
        scale = g / cut if cut and g != cut else 1.0
        vectors = {name: float(arena.vector(name, parameter)[question.stored]) for name in arena.optimizer.vectors}
        before = float(stepper.before_update(parameter.slot)[question.stored])
        return _Numbers(before, whole, cut, scale, vectors, arena.t + 1)


def _clipping(stepper: Stepper, told: _Numbers, pace: float) -> dict[str, Term]:
    """What clipping takes from the change, value by value and for all gradients together."""
    changes: dict[str, Term] = {}
    if told.cut != told.whole:
        factors = (Factor("p", (), pace), Factor("g", (), told.cut), Factor("g_0", (), told.whole))
        changes["clipped value"] = Term(
            factors, r"«0» \cdot («1» - «2»)", lambda pace, cut, whole: pace * (cut - whole)
        )
    if told.scale != 1:
        factors = (Factor("p", (), pace), Factor("g", (), told.cut), Factor("s", (), told.scale))
        changes["clipped norm"] = Term(factors, r"«0» \cdot «1» \cdot («2» - 1)", lambda pace, g, s: pace * g * (s - 1))
    return changes


def _limit(stepper: Stepper, question: WeightQuestion) -> Term | None:
    """What the weight's limit makes of the optimiser's number; None where there is none or it leaves it alone."""
    program, slot = stepper.program, question.parameter.slot
    for i, step in enumerate(program.steps):
        if isinstance(step, Step) and isinstance(step.op, Limit) and step.output == slot:
            with stepper.visit(i):
                arrays = {"w": stepper.array(slot).copy(), "still": stepper.arena.still(question.parameter)}
            (term,) = step.op.account(See(arrays, frozenset(), 0, stepper.n), question.stored)
            if len(term.factors) == 1:
                return None
            return replace(term, factors=(replace(term.factors[0], array=_OPTIMISED), *term.factors[1:]))
    return None


def _line(name: str, term: Term, symbol: str, digits: int, *, named: bool = False) -> UpdateLine:
    """A line with numbers; where p is `named` it stays a letter, as it has a line of its own."""
    symbols = [symbol if factor.array == "w" else factor.array for factor in term.factors]
    numbers = ["p" if named and factor.array == "p" else _number(factor, digits) for factor in term.factors]
    told = f"{symbol}^{{+}}" if name == "w^{+}" else name
    template = term.template or r" \cdot ".join(f"«{i}»" for i in range(len(term.factors)))
    return UpdateLine(told, filled(template, symbols), filled(template, numbers), term.value)


def _number(factor: Factor, digits: int) -> str:
    if factor.array in SETTINGS and len(repr(factor.value)) <= max(digits, 6) + 2:
        return setting(factor.value)
    return _power_safe(number_latex(factor.value, digits))


def _power_safe(number: str) -> str:
    """In brackets where a power behind it would be misread."""
    return f"({number})" if r"\cdot" in number and not number.startswith("-") else bracketed(number)


def _reason(question: WeightQuestion, has_gradient: bool) -> str:
    if not has_gradient:
        return "The error does not depend on it, so it stays as it is."
    if not question.parameter.trainable:
        return f"It stays as it is: {question.parameter.node} is not trainable."
    if question.parameter.learns(question.view):
        return "It is locked: its gradient is shown, it is not updated."
    return f"It stays as it is: {question.view.name} of {question.parameter.node} is not trained."
