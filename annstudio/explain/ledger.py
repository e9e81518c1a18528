"""Why did this weight change? An account that begins with its value before the batch and ends with the new one.

Every entry moves the weight: each example's share of the gradient, largest first, penalties, clipping, decay, what the
optimiser remembers, a limit. What they sum to is compared with what the run really did.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from annstudio.engine.account import Sum, Term, values_of
from annstudio.engine.program import Phase, Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.numbers import number_latex, number_text
from annstudio.explain.templates import bracketed, filled
from annstudio.explain.told import Quantity
from annstudio.explain.update import UpdateAccount, explain_update
from annstudio.explain.weight import WeightQuestion
from annstudio.ordinals import nth


@dataclass(frozen=True)
class Share:
    """A part of a weight's gradient: what it comes from, and where its largest term was handed back."""

    what: str
    value: float
    quantity: Quantity | None = None
    how: str = ""
    """Of a penalty: its slope with numbers, as LaTeX."""


@dataclass(frozen=True)
class Entry:
    """What moves the weight by `amount`, and the weight after it. `how` is the amount with its numbers, as LaTeX."""

    what: str
    how: str
    amount: float
    total: float
    quantity: Quantity | None = None


@dataclass(frozen=True)
class Ledger:
    """The whole account. Where nothing moves the weight, `update.reason` says why and there are no entries."""

    update: UpdateAccount
    entries: tuple[Entry, ...]
    gradient: float

    @property
    def change(self) -> float:
        """Δw: what the run did to the weight."""
        return self.update.after - self.update.before


def ledger(explainer: Explainer, question: WeightQuestion, digits: int = 4) -> Ledger:
    """The account of one weight in this batch; the stepper is left where it was."""
    symbol = explainer.names.of(question.parameter.slot, question.stored)
    update = explain_update(explainer.stepper, question, symbol, digits)
    gradient = explainer.program.gradients.get(question.parameter.slot)
    if gradient is None:
        return Ledger(update, (), 0.0)
    asked = Quantity(gradient, question.stored)
    with explainer.stepper.visit(explainer.stepper.end_of(Phase.BACKWARD)):
        whole = explainer.value(asked)
        shares = gradient_shares(explainer, asked, digits) if update.pace is not None else []
    if update.pace is None:
        return Ledger(update, (), whole)
    pace = update.pace.value
    moves: list[tuple[str, str, float, Quantity | None]] = [
        (s.what, rf"{update.paced_by} \cdot {s.how or _factor(s.value, digits)}", pace * s.value, s.quantity)
        for s in shares
    ]
    moves += [(line.symbol, line.numbers, line.value, None) for line in update.changes]
    totals = list(accumulate((amount for _, _, amount, _ in moves), initial=update.before))
    entries = [
        Entry(what, how, amount, total, quantity)
        for (what, how, amount, quantity), total in zip(moves, totals[1:], strict=True)
    ]
    if number_text(totals[-1], digits) != number_text(update.after, digits):
        # The run added the same numbers in another order.
        entries.append(Entry("rounding", "", update.after - totals[-1], update.after))
    return Ledger(update, tuple(entries), whole)


def gradient_shares(explainer: Explainer, gradient: Quantity, digits: int = 4) -> list[Share]:
    """What a weight's gradient is made of: each example's share of the mean, largest first, then penalties.

    The way back must have been done.
    """
    by_example: dict[int, list[_Use]] = {}
    penalties: list[Share] = []
    for step, terms in _addends(explainer, gradient):
        penalty = is_penalty(explainer, step)
        for at, (example, value) in enumerate(zip(_examples_of(terms), values_of(terms), strict=True)):
            if penalty or example is None:
                penalties.append(_penalty(terms[at], digits))
            else:
                by_example.setdefault(example, []).append(_Use(value, step, terms, at))
    several = explainer.stepper.n > 1
    shares = [
        Share(
            nth("example", example) if several else "gradient",
            _sum([use.value for use in uses]),
            _largest(explainer, uses) if several else None,
        )
        for example, uses in by_example.items()
    ]
    shares.sort(key=lambda share: -abs(share.value))
    return [*shares, *penalties]


class _Use(NamedTuple):
    """One term of a gradient: what it comes to, and where it is told."""

    value: float
    step: Step
    terms: Sequence[Term]
    at: int


def _addends(explainer: Explainer, gradient: Quantity) -> Iterator[tuple[Step, Sequence[Term]]]:
    """All terms of a gradient, those of every place that it is added up from, with the steps that they belong to."""
    step, terms = explainer.terms(gradient)
    if step.backward:
        yield step, terms
        return
    for slot in step.inputs:
        yield from _addends(explainer, Quantity(slot, gradient.index, gradient.example))


def _examples_of(terms: Sequence[Term]) -> Sequence[int | None]:
    """The example that each of some terms belongs to."""
    if isinstance(terms, Sum) and terms.examples is not None:
        return terms.examples
    return [example_of(term) for term in terms]


def is_penalty(explainer: Explainer, step: Step) -> bool:
    """Whether a step is the way back through what weights add to the loss."""
    return any(step.output in slots for slots in explainer.program.penalties.values())


def example_of(term: Term) -> int | None:
    """The example that a term belongs to; None where it belongs to none."""
    for factor in term.factors:
        if factor.example is not None:
            return factor.example
        for inner in factor.within:
            if (found := example_of(inner)) is not None:
                return found
    return None


def _sum(values: list[float]) -> float:
    """The sum, rounded but once; of numbers that run away whatever it comes to."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def _largest(explainer: Explainer, uses: list[_Use]) -> Quantity | None:
    """The gradient that the largest of some terms hands on."""
    largest = max(uses, key=lambda use: abs(use.value))
    handed = next((factor for factor in largest.terms[largest.at].factors if factor.array == "dy"), None)
    return None if handed is None else explainer.reading.place(largest.step, handed)


def _penalty(term: Term, digits: int) -> Share:
    """A penalty's share: its slope with the weight's number, under the slope's own name."""
    found = next((factor for factor in term.factors if factor.within), None)
    if found is None:
        return Share("penalty", term.value)
    return Share(f"{found.array} penalty", term.value, how=f"({_numbers(found.within[0], digits)})")


def _numbers(term: Term, digits: int) -> str:
    return filled(term.template, [_factor(factor.value, digits) for factor in term.factors])


def _factor(value: float, digits: int) -> str:
    return bracketed(number_latex(value, digits))
