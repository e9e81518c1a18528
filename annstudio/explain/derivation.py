"""Any number on the screen as formula, the user's numbers, and result, down to the numbers that it was made from.

A derivation is built from the op's own account of the element and the arrays of the run at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from annstudio.engine.account import Factor, Remark, See, Term, values_of
from annstudio.engine.differentiate import AddGradients
from annstudio.engine.op import Index
from annstudio.engine.program import Role, Step
from annstudio.errors import StudioError
from annstudio.explain.lazy import Lazy
from annstudio.explain.names import Names, plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.reading import Reading, is_gradient, only_hands_on, source_of
from annstudio.explain.stepper import Stepper
from annstudio.explain.templates import bracketed, filled, summed
from annstudio.explain.told import Derivation, Part, Quantity, Row, Said
from annstudio.ordinals import nth, ordinal

MOST_KEPT = 256
"""So many derivations are kept for those who ask again."""
ORIGINS = {
    Role.FEED: "It comes from the data.",
    Role.PARAMETER: "It is learned: the update changes it.",
    Role.CONSTANT: "It is a constant.",
    Role.STATE: "It is carried on from batch to batch.",
}
"""Where numbers come from that no step computed."""
NOTHING = "Nothing comes in here, so it is 0."
NOTHING_BACK = "The error does not depend on it by this way, so its gradient is 0."


@dataclass(frozen=True)
class Telling:
    """How the terms of one number are told."""

    step: Step
    see: See
    digits: int
    toward: int | None
    """Of a gradient: the slot that it is the gradient of."""
    of_all: bool
    """Whether one number is made of all examples, so that each is told by its own number."""


class Explainer:
    """Answers questions about the numbers of one Stepper; `example` of its batch is the one that is being looked at."""

    def __init__(self, stepper: Stepper, example: int = 0, names: Names | None = None) -> None:
        self.stepper = stepper
        self.program = stepper.program
        self.example = example
        self.names = names or Names(stepper.program)
        self.reading = Reading(stepper)
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
        return f"{raised}^{{({ordinal(quantity.example)})}}"

    def shares(self, slot: int, example: int | None = None) -> tuple[Quantity, ...]:
        """The outputs' shares of a loss per example, where it is a sum of several; its step must have been done."""
        whole = Quantity(slot, (), example)
        n = len(self.derive(whole).rows)
        return tuple(replace(whole, term=k) for k in range(n)) if n > 1 else ()

    def terms(self, quantity: Quantity) -> tuple[Step, Sequence[Term]]:
        """The step that computed a number and the terms of its sum. Raises StudioError where it has not been done."""
        step, see = self._done(quantity)
        return step, self.reading.account(step, see, quantity)[0]

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

    def own_rows(self, quantity: Quantity, digits: int = 4) -> tuple[Row, ...]:
        """The terms of nothing but the step that computed a number, those included that come to nothing in this batch;
        none for what was given. Raises StudioError where the step has not been done yet."""
        if quantity.slot not in self.stepper.written_by:
            return ()
        step, see = self._done(quantity, every=True)
        toward = self.names.gradient_of[quantity.slot] if step.backward else None
        telling = Telling(step, see, digits, toward, not self.program.slots[quantity.slot].batched)
        return tuple(self._row(telling, term) for term in self.reading.account(step, see, quantity)[0])

    # Private ---------------------------------------------------------------------------------------------------------

    def _done(self, quantity: Quantity, *, every: bool = False) -> tuple[Step, See]:
        at = self.stepper.written_by[quantity.slot]
        if at >= self.stepper.position:
            told = plain(self.symbol(quantity))
            raise StudioError(f"{told} has not been computed yet.", f"Step on to {nth('step', at)}.")
        step = self.program.steps[at]
        assert isinstance(step, Step)
        return step, self.reading.see(step, self._example(quantity), every=every)

    def _derive(self, quantity: Quantity, digits: int) -> Derivation:
        at = self.stepper.written_by.get(quantity.slot)
        symbol, value = self.symbol(quantity), self._stored(quantity)
        if at is None:
            return Derivation(quantity, symbol, value, (), "", "", None, said=(Said(self._origin(quantity.slot)),))
        step, see = self._done(quantity)
        terms, remarks = self.reading.account(step, see, quantity)
        adds = isinstance(step.op, AddGradients)
        if adds:
            terms = [term for term in terms if self._leads_here(step, term)]
        elsewhere = self._elsewhere(step, terms, digits)
        if elsewhere is not None:
            return replace(elsewhere, quantity=quantity, symbol=symbol)
        toward = self.names.gradient_of[quantity.slot] if step.backward else None
        telling = Telling(step, see, digits, toward, not self.program.slots[quantity.slot].batched)
        in_place = adds and self.reading.is_weight(self.names.gradient_of[quantity.slot])

        def row(i: int) -> Row:
            told = self._row(telling, terms[i])
            return self._in_place(told, digits) if in_place else told

        rows: Sequence[Row] = Lazy(len(terms), row, (id(self), quantity, digits, value))
        values = values_of(terms)
        if quantity.term is not None:
            rows, values = (rows[quantity.term],), (values[quantity.term],)
            symbol, value = self._share_symbol(step, rows[0]) or symbol, rows[0].value
        said = tuple(self._said(telling, remark) for remark in remarks)
        if not rows and not said:
            said = (Said(NOTHING_BACK if step.backward or adds else NOTHING),)
        return Derivation(
            quantity, symbol, value, rows,
            "" if quantity.slot in step.buffers.values() else step.op.formula,
            source_of(step.op, (step.op.backward if step.backward else step.op.forward).__name__),
            at, values,
            tuple(share for term in terms if (share := self.reading.place(step, term.factors[0]))) if adds else (),
            type(step.op).__name__, said, self.program.slots[quantity.slot].dtype == "int",
        )  # fmt: skip

    def _elsewhere(self, step: Step, terms: Sequence[Term], digits: int) -> Derivation | None:
        """How a number came about that this step only gave another name, or None where it did more."""
        if len(terms) != 1 or not (isinstance(step.op, AddGradients) or only_hands_on(step)):
            return None
        whole = self.reading.place(step, terms[0].factors[0])
        told = None if whole is None else self.derive(whole, digits)
        return None if told is None or told.given else told

    def _leads_here(self, step: Step, term: Term) -> bool:
        """Whether a path's share is more than the 0 of a step that took other numbers of an array."""
        share = self.reading.place(step, term.factors[0])
        assert share is not None
        by = self.program.steps[self.stepper.written_by[share.slot]]
        assert isinstance(by, Step)
        return bool(self.reading.account(by, self.reading.see(by, self._example(share)), share)[0])

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

    def _said(self, telling: Telling, remark: Remark) -> Said:
        return Said(remark.words, None if remark.term is None else self._row(telling, remark.term))

    def _row(self, telling: Telling, term: Term) -> Row:
        through = next((i for i, factor in enumerate(term.factors) if is_gradient(telling.step, factor)), None)
        above = None if through is None else term.factors[through].index
        parts = tuple(self._part(telling, factor, above) for factor in term.factors)
        template = term.template or " · ".join(f"«{i}»" for i in range(len(parts)))
        symbols = filled(template, [part.symbol for part in parts])
        numbers = filled(template, [self._number(part, telling.digits) for part in parts])
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
        place = row.place_in(judged.target)
        return "" if place is None else f"E_{{{self.names.unit(node, place)}}}"

    def _part(self, telling: Telling, factor: Factor, above: Index | None = None) -> Part:
        """A factor as it is told; `above` is the place of the gradient that it is multiplied with."""
        if factor.symbol:
            return Part(factor.symbol, factor.value, None)
        if factor.within:
            rows = tuple(self._row(telling, term) for term in factor.within)
            rule, meaning = summed(rows, lambda row: row.symbols), summed(rows, lambda row: row.numbers)
            symbol = self._local_derivative(telling, factor, above) or rule
            return Part(symbol, factor.value, None, meaning, rule, rows)
        quantity = self.reading.place(telling.step, factor)
        if quantity is None:
            # A margin: the zero border of a picture.
            return Part(f"{factor.value:g}", factor.value, None)
        plain_one = not telling.of_all and factor.example == telling.see.example
        symbol = self.names.of(quantity.slot, quantity.index) if plain_one else self.symbol(quantity)
        if quantity.example == self.example:
            quantity = replace(quantity, example=None)
        return Part(symbol, factor.value, quantity)

    def _number(self, part: Part, digits: int) -> str:
        """A part's number: what counts something is whole, and so is a margin."""
        if part.symbol == f"{part.value:g}":
            return part.symbol
        whole = part.quantity is not None and self.program.slots[part.quantity.slot].dtype == "int"
        return bracketed(f"{part.value:.0f}" if whole else number_latex(part.value, digits))

    def _local_derivative(self, telling: Telling, factor: Factor, above: Index | None) -> str:
        """∂out/∂net for what an op multiplies a gradient with."""
        if above is None or telling.toward is None or not factor.local:
            return ""
        numerator = self.names.of(telling.step.output, above)
        return rf"\frac{{\partial {numerator}}}{{\partial {self.names.of(telling.toward, factor.index)}}}"
