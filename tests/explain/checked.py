"""Whether an explanation is true: the formula with numbers comes to its number, and those are what they say."""

import math
from dataclasses import replace

from annstudio.engine.program import Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.reading import only_hands_on
from annstudio.explain.told import Quantity, Row
from tests.explain.formulas import worked_out, worked_out_plain
from tests.explain.looked_at import Close


def check(explainer: Explainer, quantity: Quantity) -> None:
    """The formula with numbers comes to the number, and every number in it is what it is said to be."""
    told = explainer.derive(quantity, 17)
    assert not told.given
    assert told.source
    for row in told.rows:
        check_row(explainer, row)
        check_slopes(explainer, quantity, row)
    assert math.fsum(row.value for row in told.rows) == Close(told.value, told.rows), told
    if r"\dots" not in told.numbers_line:
        # The line as it is read aloud; longer ones are folded, and their terms stand in a table.
        assert worked_out_plain(plain(told.numbers_line[2:])) == Close(told.value, told.rows), told
    for said in told.said:
        if said.row is not None:
            check_row(explainer, said.row)
            assert said.row.value == Close(told.value)


def check_slopes(explainer: Explainer, quantity: Quantity, row: Row) -> None:
    """A local derivative is told as one of the step's result by the very number whose gradient is asked for."""
    step = explainer.program.steps[explainer.stepper.written_by[quantity.slot]]
    if isinstance(step, Step) and step.backward and quantity.slot in step.gradients:
        of = explainer.names.of(step.inputs[step.gradients.index(quantity.slot)], quantity.index)
        for part in row.parts:
            if part.rows and part.symbol.startswith(r"\frac{\partial") and not only_hands_on(step):
                assert part.symbol.endswith(rf"}}{{\partial {of}}}"), part


def check_row(explainer: Explainer, row: Row) -> None:
    assert worked_out(row.numbers) == Close(row.value), row
    for part in row.parts:
        if part.quantity is not None:
            assert part.value == explainer.value(part.quantity)
            of = part.quantity
            example = explainer.example if of.example is None else of.example
            with_example = explainer.symbol(replace(of, example=example))
            assert part.symbol in (with_example, explainer.names.of(of.slot, of.index))
            assert explainer.program.slots[part.quantity.slot].shown, "nobody can look at it"
        if part.rows:
            assert math.fsum(inner.value for inner in part.rows) == Close(part.value, part.rows)
            if r"\dots" not in part.meaning:
                assert worked_out_plain(plain(part.meaning)) == Close(part.value, part.rows)
            for inner in part.rows:
                check_row(explainer, inner)
