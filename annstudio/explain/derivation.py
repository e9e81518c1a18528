"""Any number on the screen as formula, the user's numbers, and result, down to the numbers that it was made from.

A derivation is built from the op's own account of the element and the arrays of the run at hand.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from annstudio.engine.account import Factor, See, Term
from annstudio.engine.op import Array, Index, Margin, Op, signature
from annstudio.engine.optimizers import Optimizer
from annstudio.engine.program import Phase, Role, Step
from annstudio.errors import StudioError
from annstudio.explain.lazy import Lazy
from annstudio.explain.names import Names, plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.stepper import Stepper

MOST_KEPT = 256
"""So many derivations are kept for those who ask again."""
SHOWN_TERMS = 12
"""Longer sums are folded in formulas; the table has all terms."""


@dataclass(frozen=True)
class Quantity:
    """One number of a run: element `index` of a slot; where the slot has one per example, that of `example` or, with
    None, of the example that is being looked at."""

    slot: int
    index: Index
    example: int | None = None
    term: int | None = None
    """Where only one term of the sum that makes the number is meant: one output's share of a loss."""


@dataclass(frozen=True)
class Part:
    """A factor in a derivation: its symbol, its number, and where it came from (None: worked out on the spot)."""

    symbol: str
    value: float
    quantity: Quantity | None
    meaning: str = ""
    """For a number that is worked out: how, as LaTeX with numbers."""
    rule: str = ""
    """The same with symbols."""


@dataclass(frozen=True)
class Row:
    """One term of a sum."""

    symbols: str
    numbers: str
    value: float
    parts: tuple[Part, ...]
    through: int | None = None
    """Of a gradient's term: which part is the gradient that it comes from, further on towards the error."""
    local: float = 1.0
    """What that gradient is multiplied by here."""


@dataclass(frozen=True)
class Derivation:
    """Symbols, the same with numbers, and the result; `rows` are the terms, all of them."""

    quantity: Quantity
    symbol: str
    value: float
    rows: Sequence[Row]
    formula: str
    """The op's own formula, in general terms."""
    source: str
    """The source of the method that computed it, read from the program itself."""
    step: int | None
    """The step that computed it; None for what was given."""
    values: tuple[float, ...] = ()
    """What the rows are worth: rows are made when they are looked at."""

    @property
    def given(self) -> bool:
        """Whether the number comes from outside: data, a weight, a constant."""
        return self.step is None

    @property
    def symbols_line(self) -> str:
        return f"{self.symbol} = {_sum(self.rows, lambda row: row.symbols)}" if self.rows else self.symbol

    @property
    def numbers_line(self) -> str:
        """The formula with the numbers put in, with the digits that the derivation was made with."""
        return "= " + _sum(self.rows, lambda row: row.numbers)

    def text(self, digits: int) -> str:
        """The whole derivation as plain text."""
        lines = [plain(self.symbols_line)]
        if self.rows:
            lines.append(plain(self.numbers_line))
        return "\n".join([*lines, f"= {plain(number_latex(self.value, digits))}"])


class Explainer:
    """Answers questions about the numbers of one Stepper; `example` of its batch is the one that is being looked at."""

    def __init__(self, stepper: Stepper, example: int = 0, names: Names | None = None) -> None:
        self.stepper = stepper
        self.program = stepper.program
        self.example = example
        self.names = names or Names(stepper.program)
        self._derived: dict[tuple[Quantity, int], Derivation] = {}

    def value(self, quantity: Quantity) -> float:
        """The number itself; of a weight or a carried state the one that the batch began with."""
        if quantity.term is not None:
            return self.derive(quantity).value
        return self._stored(quantity)

    def _stored(self, quantity: Quantity) -> float:
        array = self.stepper.before_update(quantity.slot)
        batched = self.program.slots[quantity.slot].batched
        return float(array[(*quantity.index, self._example(quantity)) if batched else quantity.index])

    def _example(self, quantity: Quantity) -> int:
        return self.example if quantity.example is None else quantity.example

    def symbol(self, quantity: Quantity) -> str:
        """What a number is called; one of another example than that looked at is told with its number: out_h1^(3)."""
        symbol = self.names.of(quantity.slot, quantity.index)
        if quantity.example is None or self.stepper.n == 1 or not self.program.slots[quantity.slot].batched:
            return symbol
        raised = f"{{{symbol}}}" if "^" in symbol else symbol
        return f"{raised}^{{({quantity.example + 1})}}"

    def shares(self, slot: int, example: int | None = None) -> tuple[Quantity, ...]:
        """The outputs' shares of a loss per example, where it is a sum of several; its step must have been done."""
        whole = Quantity(slot, (), example)
        n = len(self.derive(whole).rows)
        return tuple(replace(whole, term=k) for k in range(n)) if n > 1 else ()

    def terms(self, quantity: Quantity) -> tuple[Step, list[Term]]:
        """The step that computed a number and the terms of its sum. Raises StudioError where it has not been done."""
        at = self.stepper.written_by[quantity.slot]
        if at >= self.stepper.position:
            raise StudioError(
                f"{plain(self.symbol(quantity))} has not been computed yet.", f"Step on to step {at + 1}."
            )
        step = self.program.steps[at]
        assert isinstance(step, Step)
        if quantity.slot in step.buffers.values():
            return step, []
        see = self._see(step, self._example(quantity))
        if step.backward:
            return step, step.op.gradient_account(_gradient_name(step, quantity.slot), see, quantity.index)
        return step, step.op.account(see, quantity.index)

    def derive(self, quantity: Quantity, digits: int = 4) -> Derivation:
        """How the number came about. Raises StudioError where its step has not been done yet."""
        at = self.stepper.written_by.get(quantity.slot)
        known = self._derived.get((quantity, digits))
        if known is not None and (at is None or at < self.stepper.position):
            # In one batch a number is what it is; after the update it is told with the weights of before.
            return known
        if len(self._derived) > MOST_KEPT:
            self._derived.clear()
        self._derived[quantity, digits] = self._derive(quantity, digits)
        return self._derived[quantity, digits]

    def _derive(self, quantity: Quantity, digits: int) -> Derivation:
        at = self.stepper.written_by.get(quantity.slot)
        symbol = self.symbol(quantity)
        if at is None:
            return Derivation(quantity, symbol, self._stored(quantity), (), "", "", None)
        step, terms = self.terms(quantity)
        value, example = self._stored(quantity), self._example(quantity)
        summed = not self.program.slots[quantity.slot].batched
        rows: Sequence[Row] = Lazy(
            len(terms),
            lambda i: self._row(step, terms[i], digits, None if summed else example),
            (id(self), quantity, digits, value),
        )
        values = tuple(term.value for term in terms)
        if quantity.term is not None:
            rows, values = (rows[quantity.term],), (values[quantity.term],)
            symbol, value = self._share_symbol(step, rows[0]) or symbol, rows[0].value
        method = step.op.backward if step.backward else step.op.forward
        source = source_of(step.op, method.__name__)
        return Derivation(quantity, symbol, value, rows, step.op.formula, source, at, values)

    def place(self, step: Step, factor: Factor) -> Quantity | None:
        """Which number of the run a factor is; None for the margin of a frame (a bias's 1, a padding's 0)."""
        slot = slots_by_name(step).get(factor.array)
        if slot is None:
            return None
        shape = self.program.slots[slot].shape
        margin: Margin | None = None
        if factor.array in _input_names(step):
            margin = step.op.margin(factor.array, shape)
        index = factor.index
        if margin is not None:
            index = tuple(i - before for i, before in zip(index, margin.before, strict=True))
        if any(not 0 <= i < size for i, size in zip(index, shape, strict=True)):
            return None
        return Quantity(slot, index, factor.example)

    # Private ---------------------------------------------------------------------------------------------------------

    def _see(self, step: Step, example: int) -> See:
        arrays = self.stepper.run.named(step)
        slots = slots_by_name(step)
        for name, slot in slots.items():
            if name in arrays and self.program.slots[slot].role in (Role.PARAMETER, Role.STATE):
                # After the update the run's array holds the new numbers; what was computed came from the old ones.
                arrays[name] = _with_inside(arrays[name], step, name, self.stepper.before_update(slot))
        batched = frozenset(name for name in arrays if name in slots and self.program.slots[slots[name]].batched)
        return See(arrays, batched, example, self.stepper.n)

    def _row(self, step: Step, term: Term, digits: int, example: int | None) -> Row:
        """A term as it is told. `example` is the one whose numbers need not say so; None where one number is made of
        all examples, and each is told by its own number."""
        through = next((i for i, factor in enumerate(term.factors) if _is_gradient(step, factor)), None)
        above = None if through is None else term.factors[through].index
        parts = tuple(self._part(step, factor, digits, example, above) for factor in term.factors)
        template = term.template or " · ".join(f"«{i}»" for i in range(len(parts)))
        symbols = filled(template, [part.symbol for part in parts])
        numbers = filled(template, [self._number(part, digits) for part in parts])
        if through is None:
            return Row(symbols, numbers, term.value, parts)
        # Every term is linear in the gradient that it hands on.
        local = term.evaluate(*(1.0 if i == through else factor.value for i, factor in enumerate(term.factors)))
        return Row(symbols, numbers, term.value, parts, through, local)

    def _share_symbol(self, step: Step, row: Row) -> str:
        """E with the unit whose output is judged, for a loss's term."""
        judged = next((j for j in self.program.judged if j.target in step.inputs), None)
        if judged is None:
            return ""
        node = next(n for n, slot in self.program.outputs.items() if slot == judged.output)
        places = [p.quantity.index for p in row.parts if p.quantity is not None and p.quantity.slot == judged.target]
        return f"E_{{{self.names.unit(node, places[0])}}}" if places else ""

    def _part(self, step: Step, factor: Factor, digits: int, example: int | None, above: Index | None = None) -> Part:
        if factor.within is not None:
            inner = [self._part(step, each, digits, example) for each in factor.within.factors]
            template = factor.within.template or " · ".join(f"«{i}»" for i in range(len(inner)))
            meaning = filled(template, [self._number(part, digits) for part in inner])
            rule = filled(template, [part.symbol for part in inner])
            return Part(self._local_derivative(step, factor, above) or rule, factor.value, None, meaning, rule)
        quantity = self.place(step, factor)
        if quantity is None:
            return Part(number_latex(factor.value, digits), factor.value, None)
        plain_one = example is not None and factor.example == example
        symbol = self.names.of(quantity.slot, quantity.index) if plain_one else self.symbol(quantity)
        if quantity.example == self.example:
            quantity = replace(quantity, example=None)
        return Part(symbol, factor.value, quantity)

    def _number(self, part: Part, digits: int) -> str:
        """A part's number: what counts something is whole."""
        whole = part.quantity is not None and self.program.slots[part.quantity.slot].dtype == "int"
        return bracketed(f"{part.value:.0f}" if whole else number_latex(part.value, digits))

    def _local_derivative(self, step: Step, factor: Factor, above: Index | None) -> str:
        """∂out/∂net for what an op multiplies a gradient with; `above` is the place of that gradient."""
        if above is None or not step.backward:
            return ""
        numerator = self.names.of(step.output, above)
        return rf"\frac{{\partial {numerator}}}{{\partial {self.names.of(step.inputs[0], factor.index)}}}"


def slots_by_name(step: Step) -> dict[str, int]:
    """The slots of a step by the names its op knows them by."""
    names = _input_names(step)
    found = {"y": step.output, **dict(zip(names, step.inputs, strict=True)), **step.buffers}
    if step.output_gradient is not None:
        found["dy"] = step.output_gradient
    found |= {f"d{n}": slot for n, slot in zip(names, step.gradients, strict=False) if slot is not None}
    return found


def source_of(owner: Op | Optimizer, method: str) -> str:
    """The source text of an op's or an optimiser's method, as it ran."""
    return _source(getattr(type(owner), method))


@cache
def _source(function: Callable[..., None]) -> str:
    return textwrap.dedent(inspect.getsource(function))


def _with_inside(array: Array, step: Step, name: str, inside: Array) -> Array:
    """An array as an op sees it, with other numbers inside its margin."""
    if array.shape == inside.shape:
        return inside
    shape = inside.shape[:-1]
    margin = step.op.margin(name, shape)
    assert margin is not None
    framed = array.copy()
    framed[margin.inside(shape)] = inside
    return framed


def _is_gradient(step: Step, factor: Factor) -> bool:
    """Whether a factor is a gradient that is handed on (in a step that adds gradients every input is one)."""
    return factor.array == "dy" if step.backward else step.phase is Phase.BACKWARD


def _input_names(step: Step) -> tuple[str, ...]:
    return signature(step.op).input_names(len(step.inputs), step.buffers)


def _gradient_name(step: Step, slot: int) -> str:
    return _input_names(step)[step.gradients.index(slot)]


def filled(template: str, values: list[str]) -> str:
    return re.sub(r"«(\d+)»", lambda match: values[int(match[1])], template).replace("·", r"\cdot")


def bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def _sum(rows: Sequence[Row], told: Callable[[Row], str]) -> str:
    """The rows with plus signs between them, folded in the middle where there are many."""
    if len(rows) > SHOWN_TERMS:
        half = SHOWN_TERMS // 2
        parts = [*map(told, rows[:half]), r"\dots", *map(told, rows[-half:])]
    else:
        parts = list(map(told, rows))
    joined = " + ".join(parts) or "0"
    return joined.replace("+ -", "- ")
