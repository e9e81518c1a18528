"""What is said about a number under the pointer: its explanation in a few lines of plain text."""

from annstudio.explain.attribution import Reverse
from annstudio.explain.told import Quantity
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import localised

WIDTH, MOST_LINES = 100, 12
"""In letters and lines: of long sums a tip tells the largest terms; what is longer still stands in the panel."""


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
    told = localised(tour.explainer.derive(quantity, tour.digits).brief(tour.digits, WIDTH)).splitlines()
    told = told if len(told) <= MOST_LINES else [brief, *told[: MOST_LINES - 2], "…"]
    return "\n".join([*told, *_whole_path(tour, slot), "Click to ask about it"])


def _whole_path(tour: Tour, slot: int) -> list[str]:
    """Inside a block, where names are short: which layer of the whole network it is."""
    node = tour.program.slots[slot].node
    return [f"In the whole network: {node}"] if tour.names.seen(node) != node else []
