"""Any number on the screen as formula, the user's numbers, and result, down to the numbers that it was made from.

A derivation is built from the op's own account of the element and the arrays of the run at hand.
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

from annstudio.engine.account import SLOPE, Factor, Remark, See, Term
from annstudio.engine.differentiate import AddGradients
from annstudio.engine.op import Array, Index, Margin, Op, signature
from annstudio.engine.optimizers import Optimizer
from annstudio.engine.program import Phase, Role, Step
from annstudio.errors import StudioError
from annstudio.explain.names import Names, plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.stepper import Stepper
from annstudio.explain.templates import SHOWN_TERMS, bracketed, filled, summed


@dataclass(frozen=True)
class Quantity:
    """One number of a run: element `index` of a slot, for one example where the slot has one per example."""

    slot: int
    index: Index
    example: int = 0
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
    rows: "tuple[Row, ...]" = ()
    """The same term by term."""


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
    template: str = ""
    """The term's formula with «0», «1», … for its parts; empty for their product."""


@dataclass(frozen=True)
class Said:
    """What is to be said beside a derivation, in words; a `row` comes to the same number by another formula."""

    words: str
    row: Row | None = None

    def text(self, digits: int) -> str:
        if self.row is None:
            return self.words
        told = (self.row.symbols, self.row.numbers, number_latex(self.row.value, digits))
        return f"{self.words} {' = '.join(map(plain, told))}"


@dataclass(frozen=True)
class Derivation:
    """Symbols, the same with numbers, and the result; `rows` are the terms, all of them."""

    quantity: Quantity
    symbol: str
    value: float
    rows: tuple[Row, ...]
    formula: str
    """The op's own formula, in general terms."""
    source: str
    """The source of the method that computed it, read from the program itself."""
    step: int | None
    """The step that computed it; None for what was given."""
    op: str = ""
    """What kind of op computed it."""
    said: tuple[Said, ...] = ()

    @property
    def given(self) -> bool:
        """Whether the number comes from outside: data, a weight, a constant."""
        return self.step is None

    @property
    def symbols_line(self) -> str:
        return f"{self.symbol} = {summed([row.symbols for row in self.rows])}" if self.rows else self.symbol

    @property
    def numbers_line(self) -> str:
        """The formula with the numbers put in, with the digits that the derivation was made with."""
        return "= " + summed([row.numbers for row in self.rows])

    def text(self, digits: int) -> str:
        """The whole derivation as plain text: symbols, numbers, result, and what is worked out or said beside."""
        lines = [plain(self.symbols_line)]
        if self.rows:
            lines.append(plain(self.numbers_line))
        result = f"= {plain(number_latex(self.value, digits))}"
        lines += [result] if result != lines[-1].replace("(", "").replace(")", "") else []
        beside = {part.symbol: part for row in self.rows[:SHOWN_TERMS] for part in row.parts if part.rule}
        lines += [_beside(part, digits) for part in beside.values()]
        for said in self.said:
            row = said.row
            told = (
                f" {plain(row.symbols)} = {plain(row.numbers)} = {plain(number_latex(row.value, digits))}"
                if row
                else ""
            )
            lines.append(said.words + told)
        return "\n".join(lines)


def _beside(part: Part, digits: int) -> str:
    """A factor that was worked out on the spot."""
    rule = "" if part.rule == part.symbol else f" = {plain(part.rule)}"
    return f"{plain(part.symbol)}{rule} = {plain(part.meaning)} = {plain(number_latex(part.value, digits))}"


class Explainer:
    """Answers questions about the numbers of one Stepper."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.program = stepper.program
        self.names = Names(stepper.program)

    def value(self, quantity: Quantity) -> float:
        """The number itself; of a weight or a carried state the one that the batch began with."""
        if quantity.term is not None:
            return self.derive(quantity).value
        return self._stored(quantity)

    def _stored(self, quantity: Quantity) -> float:
        array = self.stepper.before_update(quantity.slot)
        batched = self.program.slots[quantity.slot].batched
        return float(array[(*quantity.index, quantity.example) if batched else quantity.index])

    def symbol(self, quantity: Quantity) -> str:
        return self.names.of(quantity.slot, quantity.index)

    def shares(self, slot: int, example: int = 0) -> tuple[Quantity, ...]:
        """The outputs' shares of a loss per example, where it is a sum of several; its step must have been done."""
        whole = Quantity(slot, (), example)
        n = len(self.derive(whole).rows)
        return tuple(replace(whole, term=k) for k in range(n)) if n > 1 else ()

    def derive(self, quantity: Quantity, digits: int = 4, *, every: bool = False) -> Derivation:
        """How the number came about; with `every` also by terms that come to nothing with the numbers of this batch.

        Raises StudioError where its step has not been done yet.
        """
        at = self.stepper.written_by.get(quantity.slot)
        symbol, value = self.symbol(quantity), self._stored(quantity)
        if at is None:
            return Derivation(quantity, symbol, value, (), "", "", None, said=(Said(self._origin(quantity.slot)),))
        if at >= self.stepper.position:
            raise StudioError(f"{plain(symbol)} has not been computed yet.", f"Step on to step {at + 1}.")
        step = self.program.steps[at]
        assert isinstance(step, Step)
        see = self._see(step, quantity.example, every=every)
        terms, remarks, toward = _told(step, see, quantity)
        adds = isinstance(step.op, AddGradients)
        if adds:
            terms = [term for term in terms if self._leads_here(step, term)]
        if len(terms) == 1 and (adds or (step.op.only_parts and step.scope)):
            # The same number under another name: what is told is how it came about there.
            whole = self._place(step, terms[0].factors[0])
            told = None if whole is None else self.derive(whole, digits)
            if told is not None and not told.given:
                return replace(told, quantity=quantity, symbol=symbol)
        rows = tuple(self._row(step, see, term, digits, toward) for term in terms)
        if adds and self._is_weight(self.names.gradient_of[quantity.slot]):
            rows = tuple(self._in_place(row, digits) for row in rows)
        if quantity.term is not None:
            rows = (rows[quantity.term],)
            symbol, value = self._share_symbol(step, rows[0]) or symbol, rows[0].value
        said = tuple(Said(r.words, None if r.term is None else self._row(step, see, r.term, digits)) for r in remarks)
        method = step.op.backward if step.backward else step.op.forward
        formula = "" if quantity.slot in step.buffers.values() else step.op.formula
        source = source_of(step.op, method.__name__)
        return Derivation(quantity, symbol, value, rows, formula, source, at, type(step.op).__name__, said)

    # Private ---------------------------------------------------------------------------------------------------------

    def _see(self, step: Step, example: int, *, every: bool = False) -> See:
        arrays = self.stepper.run.named(step)
        slots = slots_by_name(step)
        for name, slot in slots.items():
            if name in arrays and self.program.slots[slot].role in (Role.PARAMETER, Role.STATE):
                # After the update the run's array holds the new numbers; what was computed came from the old ones.
                arrays[name] = _with_inside(arrays[name], step, name, self.stepper.before_update(slot))
        batched = frozenset(name for name in arrays if name in slots and self.program.slots[slots[name]].batched)
        return See(arrays, batched, example, self.stepper.n, every)

    def _leads_here(self, step: Step, term: Term) -> bool:
        """Whether a path's share is more than the 0 of a step that took other numbers of an array."""
        share = self._place(step, term.factors[0])
        assert share is not None
        return bool(self.derive(share).rows)

    def _in_place(self, share: Row, digits: int) -> Row:
        """What one use of a weight adds to its gradient; where that is a single term, the term itself."""
        (part,) = share.parts
        assert part.quantity is not None
        rows = self.derive(part.quantity, digits).rows
        return rows[0] if len(rows) == 1 else share

    def _origin(self, slot: int) -> str:
        """Where a number comes from that no step computed."""
        if slot in self.program.gradients.values():
            return "The way back begins here: the error changes by what it changes."
        role = self.program.slots[slot].role
        if role is Role.NOISE:
            return next(noise.draw.told for noise in self.program.noises if noise.slot == slot)
        return ORIGINS[role]

    def _row(self, step: Step, see: See, term: Term, digits: int, toward: int | None = None) -> Row:
        through = next((i for i, factor in enumerate(term.factors) if _is_gradient(step, factor)), None)
        above = None if through is None else term.factors[through].index
        parts = tuple(self._part(step, see, factor, digits, above, toward) for factor in term.factors)
        template = term.template or " · ".join(f"«{i}»" for i in range(len(parts)))
        symbols = filled(template, [part.symbol for part in parts])
        numbers = filled(template, [self._number(part, digits) for part in parts])
        if through is None:
            return Row(symbols, numbers, term.value, parts, template=term.template)
        # Every term is linear in the gradient that it hands on.
        local = term.evaluate(*(1.0 if i == through else factor.value for i, factor in enumerate(term.factors)))
        return Row(symbols, numbers, term.value, parts, through, local, term.template)

    def _share_symbol(self, step: Step, row: Row) -> str:
        """E with the unit whose output is judged, for a loss's term."""
        judged = next((j for j in self.program.judged if j.target in step.inputs), None)
        if judged is None:
            return ""
        node = next(n for n, slot in self.program.outputs.items() if slot == judged.output)
        places = [p.quantity.index for p in row.parts if p.quantity is not None and p.quantity.slot == judged.target]
        return f"E_{{{self.names.unit(node, places[0])}}}" if places else ""

    def _part(
        self, step: Step, see: See, factor: Factor, digits: int, above: Index | None = None, toward: int | None = None
    ) -> Part:
        if factor.symbol:
            return Part(factor.symbol, factor.value, None)
        if factor.within:
            rows = tuple(self._row(step, see, term, digits) for term in factor.within)
            rule, meaning = summed([row.symbols for row in rows]), summed([row.numbers for row in rows])
            symbol = self._local_derivative(step, factor, above, toward) or rule
            return Part(symbol, factor.value, None, meaning, rule, rows)
        quantity = self._place(step, factor)
        if quantity is None:
            return Part(number_latex(factor.value, digits), factor.value, None)
        return Part(self.symbol(quantity), factor.value, quantity)

    def _number(self, part: Part, digits: int) -> str:
        """A part's number: what counts something is whole."""
        whole = part.quantity is not None and self.program.slots[part.quantity.slot].dtype == "int"
        return bracketed(f"{part.value:.0f}" if whole else number_latex(part.value, digits))

    def _local_derivative(self, step: Step, factor: Factor, above: Index | None, toward: int | None) -> str:
        """∂out/∂net for what an op multiplies a gradient with; `above` is the place of that gradient, `toward` the
        input that it goes to."""
        if above is None or toward is None or factor.array != SLOPE:
            return ""
        numerator = self.names.of(step.output, above)
        return rf"\frac{{\partial {numerator}}}{{\partial {self.names.of(toward, factor.index)}}}"

    @cached_property
    def _outputs_again(self) -> dict[int, int]:
        """Buffers of losses that hold the output that they judge, by slot, and the slot of that output."""
        outputs = {judged.node: judged.output for judged in self.program.judged}
        steps = [step for step in self.program.steps if isinstance(step, Step) and not step.backward]
        return {
            step.buffers[step.op.repeats_output]: outputs[step.node]
            for step in steps
            if step.op.repeats_output and step.node in outputs
        }

    def _place(self, step: Step, factor: Factor) -> Quantity | None:
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
        return self._brought(Quantity(self._outputs_again.get(slot, slot), index, factor.example or 0))

    def _brought(self, quantity: Quantity) -> Quantity:
        """A number that was only brought beside others, as what it was before."""
        at = self._bringing.get(quantity.slot)
        if at is None:
            return quantity
        (term,) = at.op.account(self._see(at, quantity.example), quantity.index)
        return self._place(at, term.factors[0]) or quantity

    @cached_property
    def _bringing(self) -> dict[int, Step]:
        """The steps inside of composites that only bring numbers together, by what they write."""
        steps = [step for step in self.program.steps if isinstance(step, Step) and not step.backward]
        found = [step for step in steps if step.op.only_brings and step.scope]
        slots = self.program.slots
        found += [s for s in steps if s.op.only_parts and slots[s.inputs[0]].role is Role.PARAMETER]
        return {step.output: step for step in found}

    def _is_weight(self, slot: int) -> bool:
        """Whether a slot holds weights, or some rows of them."""
        at = self._bringing.get(slot) if self.program.slots[slot].role is Role.VALUE else None
        return self.program.slots[slot].role is Role.PARAMETER or (at is not None and at.op.only_parts)


ORIGINS = {
    Role.FEED: "It comes from the data.",
    Role.PARAMETER: "It is learned: the update changes it.",
    Role.CONSTANT: "It is a constant.",
    Role.STATE: "It is carried on from batch to batch.",
}
"""Where numbers come from that no step computed."""


def _told(step: Step, see: See, quantity: Quantity) -> tuple[list[Term], list[Remark], int | None]:
    """An element's terms, what else there is to say, and of a gradient what it is the gradient of."""
    op, index = step.op, quantity.index
    kept = next((name for name, slot in step.buffers.items() if slot == quantity.slot), "")
    if kept:
        return op.kept_account(kept, see, index), [], None
    if not step.backward:
        return op.account(see, index), op.remarks(see, index), None
    name = _gradient_name(step, quantity.slot)
    return op.gradient_account(name, see, index), [], slots_by_name(step)[name]


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
