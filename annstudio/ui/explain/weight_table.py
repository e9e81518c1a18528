"""The table of all weights of a layer: now, gradient, after the update; each row is made when it is first seen."""

import numpy as np

from annstudio.engine.op import Array, Index
from annstudio.engine.program import Parameter, Program, Step
from annstudio.explain.lazy import Lazy
from annstudio.explain.names import lowered
from annstudio.explain.told import Quantity
from annstudio.explain.weight import WeightQuestion
from annstudio.ui.explain.page import Cell, Table
from annstudio.ui.explain.tour import Tour


class LayerWeights:
    """All numbers of a layer's views one after the other, in the views' order."""

    def __init__(self, program: Program, node: str) -> None:
        self._parts = [
            (parameter, view.of(np.arange(parameter.size).reshape(parameter.shape)).ravel())
            for parameter in program.parameters
            if parameter.node == node
            for view in parameter.views
        ]
        self._starts = np.cumsum([0, *(len(flat) for _, flat in self._parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def place(self, at: int) -> tuple[Parameter, Index]:
        """The parameter and the place in its stored array of row `at`."""
        which = int(np.searchsorted(self._starts, at, "right")) - 1
        parameter, flat = self._parts[which]
        return parameter, tuple(int(i) for i in np.unravel_index(flat[at - self._starts[which]], parameter.shape))

    def find(self, parameter: Parameter, stored: Index) -> int | None:
        """The row of an element of a stored array."""
        for start, (other, flat) in zip(self._starts, self._parts, strict=False):
            if other is parameter:
                found = np.flatnonzero(flat == np.ravel_multi_index(stored, parameter.shape))
                if len(found):
                    return int(start + found[0])
        return None


def layer_table(tour: Tour, question: WeightQuestion) -> Table:
    """Every weight of the layer; the one that is asked about is marked, a click asks about another."""
    weights = LayerWeights(tour.program, question.parameter.node)
    still = {p.slot: locked_numbers(tour, p) for p in tour.program.parameters if p.node == question.parameter.node}

    def make(at: int) -> tuple[Cell, ...]:
        parameter, stored = weights.place(at)
        totals = tour.totals(parameter)
        slope = None if totals.gradient is None else float(totals.gradient[stored])
        told = "–" if slope is None else f"{'+' if slope > 0 else ''}{tour.text(slope)}"
        return (
            Cell(f"{weight_title(tour, parameter, stored)}{' · locked' if still[parameter.slot][stored] else ''}"),
            Cell(tour.text(float(totals.before[stored]))),
            Cell(told, slope),
            Cell(tour.text(float(totals.after[stored]))),
        )

    def link(at: int) -> Quantity:
        parameter, stored = weights.place(at)
        return Quantity(parameter.slot, stored)

    key = (tour.seen, question.parameter.node, tour.digits)
    rows, links = Lazy(len(weights), make, key), Lazy(len(weights), link, key)
    chosen = weights.find(question.parameter, question.stored)
    return Table(("weight", "now", "∂E/∂w", "after update"), rows, links, chosen)


def locked_numbers(tour: Tour, parameter: Parameter) -> Array:
    """Which stored numbers of a parameter that is learned are locked one by one."""
    locked = tour.stepper.arena.still(parameter).copy()
    for view in parameter.views:
        if not parameter.learns(view):
            view.of(locked)[...] = False
    return locked


def weight_title(tour: Tour, parameter: Parameter, stored: Index) -> str:
    """A weight's name and between which units it stands: w₅ h₁→o₁; a bias b 1→o₁, from the unit that is always on."""
    name = tour.names.text(parameter.slot, stored)
    uses = [s for s in tour.program.steps if isinstance(s, Step) and not s.backward and parameter.slot in s.inputs]
    if len(parameter.views[0].axis_names) != 2 or len(uses) != 1 or len(stored) != 2 or len(name) > 4:
        return name
    source, unit = uses[0].inputs[0], stored[0]
    target = lowered(tour.names.text(uses[0].output, (unit,)).rpartition("_")[2])
    if stored[1] >= tour.program.slots[source].shape[-1]:
        return f"b 1→{target}"
    return f"{name} {lowered(tour.names.text(source, (stored[1],)).rpartition('_')[2])}→{target}"
