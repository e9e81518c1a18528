"""What is said about a number under the pointer: its explanation in a few lines of plain text."""

from annstudio.explain.attribution import Reverse
from annstudio.explain.told import Quantity
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import localised

LONGEST_TIP = 120
"""Explanations with longer lines are left to the panel: the number itself is said."""


def tip(tour: Tour, quantity: Quantity | Reverse | None) -> str:
    """Symbols, numbers and result where they are short; nothing where there is no number."""
    walk = tour.walk
    if walk is None or type(quantity) is not Quantity:
        return ""
    slot, index = quantity.slot, quantity.index
    name = tour.names.text(slot, index)
    if not walk.known(slot, index):
        return f"{name} · not computed yet"
    brief = f"{name} = {tour.text(tour.number(slot, index))}"
    if tour.stepper.written_by.get(slot) is None:
        return f"{brief}\nClick to ask about it"
    told = localised(tour.explainer.derive(quantity, tour.digits).text(tour.digits))
    short = max(map(len, told.splitlines())) <= LONGEST_TIP
    return f"{told if short else brief}\nClick to ask about it"
