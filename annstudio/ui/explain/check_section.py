"""Beside every gradient on a page: what the loss itself says when it runs again with the number a little changed."""

import math
from collections.abc import Sequence
from dataclasses import replace

from annstudio.explain.check import Check, nudge
from annstudio.explain.numbers import number_text
from annstudio.explain.told import Quantity
from annstudio.ui.explain.formula import Piece
from annstudio.ui.explain.page import Block, Formula, Lines, Note, Section
from annstudio.ui.explain.rich import bold, rich
from annstudio.ui.explain.tour import Tour

_RULE = r"\frac{\partial E}{\partial x} \approx \frac{E(x + h) - E(x - h)}{2 h}"
_EXPONENTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_FEW_DIGITS = 3


def check_section(tour: Tour, gradients: Sequence[Quantity]) -> list[Section]:
    """A check of every gradient that a run can tell; the way back must have come to them."""
    told = [_of_example(tour, quantity) for quantity in gradients if tour.checker.can(quantity)]
    if not told:
        return []
    found = [(quantity, tour.checker.check(quantity, tour.explainer.value(quantity))) for quantity in told]
    lines = tuple(_line(tour, quantity, check, alone=len(told) == 1) for quantity, check in found)
    blocks: list[Block] = [Formula((Piece(_RULE),)), Lines(lines, quiet=True)]
    if any(check is None for _, check in found):
        blocks.append(Note("The network is running again …"))
    else:
        changes = [nudge(tour.program, quantity) for quantity in told]
        shares = any(change is not None and change.reader is not None for change in changes)
        blocks.append(Note(_words([check for _, check in found if check is not None], alone=shares)))
    return [Section("Check", tuple(blocks))]


def _of_example(tour: Tour, quantity: Quantity) -> Quantity:
    """The number with its example said: a check stays what it is when another example is looked at."""
    batched = tour.program.slots[quantity.slot].batched
    return replace(quantity, example=tour.example) if batched and quantity.example is None else quantity


def _line(tour: Tour, quantity: Quantity, check: Check | None, *, alone: bool) -> str:
    name = "finite difference" if alone else rich(tour.explainer.names.of(quantity.slot, quantity.index))
    if check is None:
        return f"{name} …"
    if check.kink:
        slopes = f"slope {tour.text(check.below)} to the left, {tour.text(check.above)} to the right"
        return f"{name}: at a kink of E &nbsp;{slopes} &nbsp;{_at_kink(check, tour.explainer.value(quantity))}"
    return f"{name} &nbsp;{bold(tour.text(check.value))} &nbsp;{verdict(check)}"


def _words(checks: list[Check], *, alone: bool) -> str:
    """What was done; `alone`: only the step whose share is asked for saw the change."""
    least, most = min(check.h for check in checks), max(check.h for check in checks)
    sizes = power(least) if least == most else f"{power(least)} to {power(most)}"
    number = ("each number" if len(checks) > 1 else "this number") + (" in this place alone" if alone else "")
    return (
        f"The loss was run again with {number} larger and smaller by h = {sizes}: the same examples, the same random "
        "numbers."
    )


def verdict(check: Check) -> str:
    """How far a gradient and its difference agree, in words."""
    if not check.agrees:
        return f"✗ differs by {power(check.gap)}"
    if check.error == 0:
        return "✓ the same to the last digit"
    if check.digits < _FEW_DIGITS:
        return f"✓ both next to nothing, {power(check.gap)} apart"
    return f"✓ agrees in {check.digits} digits"


def _at_kink(check: Check, gradient: float) -> str:
    if not check.agrees:
        return "✗ the gradient is neither"
    near = 1e-4 * max(abs(check.below), abs(check.above))
    for slope, side in ((check.below, "left"), (check.above, "right")):
        if abs(slope - gradient) <= near:
            return f"✓ the gradient is that to the {side}"
    return "✓ the gradient lies between"


def power(value: float) -> str:
    """A small number as a power of ten: 6×10⁻⁶."""
    if not math.isfinite(value):
        return number_text(value, 2)
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_EXPONENTS)}" if exponent else mantissa
