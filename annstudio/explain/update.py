"""How one weight gets its new value: the optimiser's rule with the numbers of this very batch."""

from dataclasses import dataclass

from annstudio.engine.account import Factor, Term
from annstudio.engine.program import Phase, Update
from annstudio.explain.numbers import number_latex
from annstudio.explain.stepper import Stepper
from annstudio.explain.templates import bracketed, filled
from annstudio.explain.weight import WeightQuestion

SETTINGS = frozenset({r"\eta", r"\mu", r"\beta_1", r"\beta_2", r"\epsilon", r"\rho", r"\lambda"})


@dataclass(frozen=True)
class UpdateLine:
    """One line of the rule: what it gives, the rule in symbols and with numbers, and the result."""

    symbol: str
    symbols: str
    numbers: str
    value: float


@dataclass(frozen=True)
class UpdateAccount:
    """The whole rule for one weight. `reason` says why there is none; `before` is the value the batch began with."""

    before: float
    after: float
    lines: tuple[UpdateLine, ...]
    step: int | None
    """The step of the program that does it."""
    reason: str = ""


def explain_update(stepper: Stepper, question: WeightQuestion, symbol: str = "w", digits: int = 4) -> UpdateAccount:
    """The update of one weight in symbols and numbers; the stepper is left where it was."""
    parameter, program = question.parameter, stepper.program
    before = float(stepper.before_update(parameter.slot)[question.stored])
    which = program.parameters.index(parameter)
    steps = [i for i, s in enumerate(program.steps) if isinstance(s, Update) and which in s.parameters]
    gradient = program.gradients.get(parameter.slot)
    optimizer = stepper.arena.optimizer
    if not steps or gradient is None or optimizer is None or question.still(stepper):
        return UpdateAccount(before, before, (), None, _reason(question, gradient is not None))
    with stepper.visit(stepper.end_of(Phase.BACKWARD)):
        whole = float(stepper.array(gradient)[question.stored])
        arena = stepper.arena
        g = float(arena.part(arena.clipped(), parameter)[question.stored]) if arena.clipping else whole
        t = stepper.arena.t + 1
        vectors = {name: float(stepper.arena.vector(name, parameter)[question.stored]) for name in optimizer.vectors}
    with stepper.visit(steps[0] + 1):
        after = float(stepper.array(parameter.slot)[question.stored])
    scheduled = optimizer.model_copy(update={"learning_rate": stepper.rate})
    account = scheduled.account(before, g, vectors, t)
    if g != whole:
        account.insert(0, ("g", Term((Factor("g_0", (), whole),), r"\mathrm{clip}(«0»)", lambda _: g)))
    lines = tuple(_line(name, term, symbol, digits) for name, term in account)
    return UpdateAccount(before, after, lines, steps[0])


def _line(name: str, term: Term, symbol: str, digits: int) -> UpdateLine:
    symbols = [symbol if factor.array == "w" else factor.array for factor in term.factors]
    numbers = [
        _setting(factor.value) if factor.array in SETTINGS else _power_safe(number_latex(factor.value, digits))
        for factor in term.factors
    ]
    told = f"{symbol}^{{+}}" if name == "w^{+}" else name
    return UpdateLine(told, filled(term.template, symbols), filled(term.template, numbers), term.value)


def _power_safe(number: str) -> str:
    """In brackets where a power behind it would be misread."""
    return f"({number})" if r"\cdot" in number and not number.startswith("-") else bracketed(number)


def _setting(value: float) -> str:
    """A setting as it was set: 0.5, 10⁻⁸."""
    mantissa, _, power = repr(value).partition("e")
    times = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return f"{times}10^{{{int(power)}}}" if power else mantissa


def _reason(question: WeightQuestion, has_gradient: bool) -> str:
    if not has_gradient:
        return "The error does not depend on it, so it stays as it is."
    if not question.parameter.trainable:
        return f"It stays as it is: {question.parameter.node} is not trainable."
    if question.parameter.learns(question.view):
        return "It is locked: its gradient is shown, it is not updated."
    return f"It stays as it is: {question.view.name} of {question.parameter.node} is not trained."
