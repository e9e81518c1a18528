"""The page about a unit, a pixel or any other value: how it comes about, and how much it changes the error."""

import math

import numpy as np

from annstudio.engine.op import Index
from annstudio.engine.program import Role, Step
from annstudio.explain.lazy import Lazy
from annstudio.explain.names import lowered
from annstudio.explain.reading import source_of
from annstudio.explain.told import Quantity
from annstudio.ui.explain.accounts import account, path_blocks
from annstudio.ui.explain.check_section import check_section
from annstudio.ui.explain.contribution_page import turned_round
from annstudio.ui.explain.page import Block, Cell, Lines, Note, Page, Section, Source, Table
from annstudio.ui.explain.rich import bold, rich
from annstudio.ui.explain.tour import Tour

MOST_STAGES = 6
"""A unit's value is told through at most so many steps of its layer."""


def unit_page(tour: Tour, quantity: Quantity) -> Page:
    """Everything there is to say about one value, or about its gradient."""
    value = _value_of(tour, quantity)
    asks_gradient = value != quantity
    slots = _stages(tour, value)
    forward = [section for slot in slots for section in _value_sections(tour, Quantity(slot, value.index))]
    backward = _gradient_sections(tour, [Quantity(slot, value.index) for slot in reversed(slots)])
    name = rich(_told_name(tour, value))
    title = f"How much does {name} change the error?" if asks_gradient else f"How does {name} get its value?"
    sections = [*backward, *forward] if asks_gradient else [*forward, *backward]
    sections += turned_round(tour, value)
    table = _layer_table(tour, value, slots)
    if table is not None:
        sections.append(Section("All units of this layer", (table,)))
    return Page(title, (*sections, *_source_sections(tour, slots, backward=asks_gradient)))


def loss_page(tour: Tour, quantity: Quantity) -> Page:
    """The error: each output's share, their sum, and the mean over the examples."""
    name = rich(tour.explainer.derive(quantity).symbol) if tour.derivable(quantity) else "E"
    of_all = tour.stepper.n > 1 and not tour.program.slots[quantity.slot].batched
    title = "Mean error of the batch" if of_all else "Error of this example"
    sections = [Section(title, account(tour, quantity))]
    of = tour.explainer.derive(quantity).rows if tour.derivable(quantity) else ()
    parts = [part for row in of for part in row.parts]
    errors = [part.quantity for part in parts if part.quantity is not None and is_loss(tour, part.quantity)]
    own = next((error for error in errors if error.example is None), None)
    if own is not None and tour.program.slots[own.slot].batched and quantity != own:
        # Of one example its error is the whole error; of several one share of n.
        title = "Error of this example" if of_all else "Its sum over the outputs"
        alone = () if of_all else (Note("There is one example: its error e is the whole error E."),)
        sections.append(Section(title, (*account(tour, own), *alone)))
        quantity = own
    table = _share_table(tour, quantity)
    if table is not None:
        sections.append(Section("Output by output", (table,)))
    return Page(f"How large is {name}?", (*sections, *_source_sections(tour, [quantity.slot], backward=False)))


def is_loss(tour: Tour, quantity: Quantity) -> bool:
    """Whether a number is a loss, of one example or of all."""
    slot = tour.program.slots[quantity.slot]
    return slot.role is Role.VALUE and not slot.shape


# Value ---------------------------------------------------------------------------------------------------------------


def _value_of(tour: Tour, quantity: Quantity) -> Quantity:
    """The number itself, of a gradient the number that it is the gradient of."""
    of = {gradient: slot for slot, gradient in tour.program.gradients.items()}
    for step in tour.program.steps:
        if isinstance(step, Step) and step.backward:
            of |= {
                g: slot for slot, g in zip(step.inputs, step.gradients, strict=True) if g is not None and g not in of
            }
    return Quantity(of.get(quantity.slot, quantity.slot), quantity.index, quantity.example)


def _stages(tour: Tour, value: Quantity) -> list[int]:
    """The slots through which a unit gets its value (weighted sum, result), in their order; the number's own where it
    is no unit's. Where a layer takes many steps, as gates do, those alone that lead straight to the number and on."""
    program = tour.program
    described = program.slots[value.slot]
    if described.role is not Role.VALUE or described.node in program.losses:
        return [value.slot]
    steps = [
        step for step in program.steps
        if isinstance(step, Step) and not step.backward and (step.node, step.scope) == (described.node, described.scope)
        and program.slots[step.output].shape == described.shape and program.slots[step.output].role is Role.VALUE
    ]  # fmt: skip
    near = _connected(value.slot, steps)
    if len(near) > MOST_STAGES:
        near = _connected(value.slot, [step for step in steps if len(step.inputs) == 1])
    return [step.output for step in steps if step.output in near] or [value.slot]


def _connected(slot: int, steps: list[Step]) -> set[int]:
    """What some of the steps lead to from a slot, and from what they lead there."""
    found, size = {slot}, 0
    while size < len(found):
        size = len(found)
        for step in steps:
            if step.output in found:
                found |= {other.output for other in steps} & set(step.inputs)
            elif found & set(step.inputs):
                found.add(step.output)
    return found


def _told_name(tour: Tour, value: Quantity) -> str:
    """The unit's name where the number is a unit's result: h₁ rather than out_h1."""
    described = tour.program.slots[value.slot]
    if described.role is Role.VALUE and tour.program.outputs.get(described.node) == value.slot:
        unit = tour.names.unit(described.node, value.index)
        return rf"{unit[0]}_{{{unit[1:]}}}" if not unit.startswith("\\") and len(unit) > 1 else unit
    return tour.explainer.symbol(value)


def _value_sections(tour: Tour, quantity: Quantity) -> list[Section]:
    at = tour.stepper.written_by.get(quantity.slot)
    if at is None:
        value = f"{rich(tour.explainer.symbol(quantity))} = {bold(tour.text(tour.explainer.value(quantity)))}"
        return [Section("Value", (Lines((value,)), *account(tour, quantity)))]
    step = tour.program.steps[at]
    assert isinstance(step, Step)
    if quantity.slot in step.buffers.values():
        return [Section("Kept for the way back", account(tour, quantity))]
    whole = tour.stepper.written_by.get(step.inputs[0]) if step.op.only_parts else None
    if whole is not None:
        # A gate's part of all gates' sums is told as the sum that it is.
        step = tour.program.steps[whole]
        assert isinstance(step, Step)
    title = "Weighted sum" if step.op.weighted_sum else "Activation" if step.op.elementwise else _op_title(step)
    return [Section(title, account(tour, quantity))]


def _op_title(step: Step) -> str:
    """The op's class name as words: MaxPool → Max pool."""
    name = type(step.op).__name__
    words = "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(name))
    return words[:1].upper() + words[1:]


# Gradient ------------------------------------------------------------------------------------------------------------


def _gradient_sections(tour: Tour, values: list[Quantity]) -> list[Section]:
    """∂E/∂out over all paths, then ∂E/∂net, and a check of both."""
    sections: list[Section] = []
    told: list[Quantity] = []
    for value in values:
        gradient = tour.program.gradients.get(value.slot)
        if gradient is None:
            continue
        asked = Quantity(gradient, value.index, value.example)
        blocks: tuple[Block, ...] = account(tour, asked)
        sections.append(Section(f"How much {rich(tour.explainer.symbol(value))} changes the error", blocks))
        if tour.walk is not None and tour.walk.known(gradient, value.index):
            told.append(asked)
            ways = path_blocks(tour, asked) if value is values[0] else ()
            if ways:
                sections.append(Section("Every path to the error", ways))
    return [*sections, *check_section(tour, told)]


# Tables and source ---------------------------------------------------------------------------------------------------


def _layer_table(tour: Tour, value: Quantity, slots: list[int]) -> Table | None:
    """All units of the layer with what is known of them."""
    shape = tour.program.slots[value.slot].shape
    if tour.program.slots[value.slot].role is Role.BUFFER or not shape or math.prod(shape) < 2:
        return None
    gradients = [g for slot in reversed(slots) if (g := tour.program.gradients.get(slot)) is not None]
    shown = [*slots, *gradients]
    n = math.prod(shape)

    def index_of(at: int) -> Index:
        return tuple(int(i) for i in np.unravel_index(at, shape))

    def make(at: int) -> tuple[Cell, ...]:
        index = index_of(at)
        return (Cell(_unit_text(tour, value.slot, index)), *(_known_cell(tour, slot, index) for slot in shown))

    place = tour.walk.place if tour.walk is not None else 0
    key = (tour.seen, value.slot, tour.digits, place)
    links = Lazy(n, lambda at: Quantity(value.slot, index_of(at), value.example), key)
    heading = ("unit", *(_heading(tour, slot) for slot in shown))
    return Table(heading, Lazy(n, make, key), links, int(np.ravel_multi_index(value.index, shape)))


def _unit_text(tour: Tour, slot: int, index: Index) -> str:
    name = tour.names.text(slot, index)
    return lowered(name.partition("_")[2] or name)


def _known_cell(tour: Tour, slot: int, index: Index) -> Cell:
    walk = tour.walk
    if walk is None or not walk.known(slot, index):
        return Cell("·")
    value = tour.number(slot, index)
    signed = tour.program.slots[slot].role is Role.GRADIENT
    return Cell(tour.text(value), value if signed else None)


def _heading(tour: Tour, slot: int) -> str:
    described = tour.program.slots[slot]
    words = {Role.FEED: "value", Role.VALUE: "net" if described.name == "net" else "out"}
    if described.role is Role.GRADIENT:
        return "∂E/∂net" if described.name == "dnet" else "∂E/∂x" if described.name == "dx" else "∂E/∂out"
    return words.get(described.role, described.name)


def _share_table(tour: Tour, quantity: Quantity) -> Table | None:
    """Output, target and share of the error, output by output."""
    program = tour.program
    step = next(
        (s for s in program.steps if isinstance(s, Step) and s.output == quantity.slot and not s.backward), None
    )
    judged = next((j for j in program.judged if step is not None and j.target in step.inputs), None)
    if judged is None or not tour.derivable(Quantity(quantity.slot, ())):
        return None
    shares = tour.explainer.shares(quantity.slot) or (Quantity(quantity.slot, ()),)
    rows: list[tuple[Cell, ...]] = []
    links: list[Quantity | None] = []
    chosen = None
    for share in shares:
        row = tour.explainer.derive(share).rows[0]
        place = row.place_in(judged.target)
        assert place is not None
        chosen = len(rows) if share == quantity else chosen
        rows.append((
            Cell(_unit_text(tour, judged.output, place)),
            Cell(tour.text(tour.number(judged.output, place))),
            Cell(tour.short(tour.number(judged.target, place))),
            Cell(tour.text(row.value)),
        ))  # fmt: skip
        links.append(share)
    return Table(("unit", "out", "target", "error"), tuple(rows), tuple(links), chosen)


def _source_sections(tour: Tour, slots: list[int], *, backward: bool) -> list[Section]:
    """The source of the operations that wrote the numbers, or their gradients."""
    method = "backward" if backward else "forward"
    if backward:
        written = {g for slot in slots if (g := tour.program.gradients.get(slot)) is not None}
    else:
        written = set(slots)
    steps = [
        s for s in tour.program.steps
        if isinstance(s, Step) and s.backward is backward and written & set(s.writes)
    ]  # fmt: skip
    found = dict.fromkeys((type(s.op).__name__, source_of(s.op, method)) for s in steps)
    blocks = tuple(Source(f"{name}.{method}", source) for name, source in found)
    return [Section("The code that ran", blocks)] if blocks else []
