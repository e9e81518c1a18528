"""The page about the step at hand: what the operation does, what it read and wrote, and its source."""

import re
from itertools import islice

import numpy as np

from annstudio.engine.op import Array, Limit, shape_text, signature
from annstudio.engine.program import Phase, Role, Step, Update
from annstudio.explain.attribution import Reverse
from annstudio.explain.names import plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.reading import slots_by_name, source_of
from annstudio.explain.told import Quantity
from annstudio.explain.words import slot_word
from annstudio.ui.explain.accounts import row_symbols
from annstudio.ui.explain.check_section import check_section
from annstudio.ui.explain.contribution_page import reverse_page
from annstudio.ui.explain.formula import Piece
from annstudio.ui.explain.page import Block, Cell, Formula, Lines, Note, Page, Section, Source, Table
from annstudio.ui.explain.rich import bold, rich, times
from annstudio.ui.explain.stretch_page import MOST_STEPS, stretch_sections
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.unit_page import is_loss, loss_page, unit_page
from annstudio.ui.explain.uses import is_share, share_page
from annstudio.ui.explain.weight_page import weight_page
from annstudio.ui.numbers import count_text

_CLICK = "Click a weight to see its own numbers."
TOLD = 8
"""Steps that write at most so many numbers are told number by number."""


def page_of(tour: Tour) -> Page:
    """What the panel shows now: the question's answer, else the moment at hand."""
    walk = tour.walk
    if walk is None:
        return Page("Explain", ())
    quantity = tour.question or (walk.now.quantity if walk.now is not None else None)
    return step_page(tour) if quantity is None else question_page(tour, quantity)


def question_page(tour: Tour, quantity: Quantity) -> Page:
    """The page about a number."""
    if isinstance(quantity, Reverse):
        return reverse_page(tour, quantity)
    weight = tour.weight_question(quantity)
    if weight is not None:
        return weight_page(tour, weight)
    if is_share(tour, quantity):
        return share_page(tour, quantity)
    if is_loss(tour, quantity):
        return loss_page(tour, quantity)
    return unit_page(tour, quantity)


def step_page(tour: Tour) -> Page:
    """The page about an operation, or about the start."""
    walk = tour.walk
    assert walk is not None
    if walk.now is None:
        return _start_page(tour)
    sections: list[Section] = []
    if len(walk.span) > MOST_STEPS:
        return Page(walk.caption(), tuple(stretch_sections(tour, walk.span, lambda ends: _ends_table(tour, ends))))
    for place in walk.span:
        step = tour.program.steps[place]
        sections += _update_sections(tour, step) if isinstance(step, Update) else _op_sections(tour, step)
    return Page(walk.caption(), tuple(sections))


def _start_page(tour: Tour) -> Page:
    rows = [
        (Cell(slot.node), Cell(slot.name), Cell(_shape(tour, slot.index)), Cell(_range(tour, slot.index)))
        for slot in tour.program.slots if slot.role in (Role.FEED, Role.NOISE)
    ]  # fmt: skip
    weights = [
        (Cell(p.node), Cell(view.name), Cell("×".join(map(str, view.of(np.empty(p.shape)).shape))),
         Cell(_span(tour, view.of(tour.stepper.before_update(p.slot)))))
        for p in tour.program.parameters for view in p.views
    ]  # fmt: skip
    heading = ("layer", "what", "shape", "from … to")
    words = Note("Before the first step only the data and the weights are there. Step on, or click a weight to ask.")
    return Page("Start", (
        Section("This example", (Table(heading, tuple(rows)),)),
        Section("Weights", (Table(heading, tuple(weights)), words)),
    ))  # fmt: skip


def _op_sections(tour: Tour, step: Step) -> list[Section]:
    name, method = type(step.op).__name__, "backward" if step.backward else "forward"
    blocks: list[Block] = []
    if step.op.formula:
        blocks.append(Formula((Piece(step.op.formula),)))
    blocks.append(Note(_doc(step)))
    sections = [Section(f"{tour.names.seen(step.node)} · {name}", tuple(blocks))]
    if isinstance(step.op, Limit):
        # A weight's own numbers are told with its update.
        sections.append(Section("Before and after", (_limited(tour, step), Note(_CLICK))))
        return [*sections, Section("The code that ran", (Source(f"{name}.bound", source_of(step.op, "bound")),))]
    written = [slot for slot in step.writes if tour.program.slots[slot].shown]
    quantities = told = _numbers(tour, written)
    if 0 < len(quantities) <= TOLD:
        sections.append(Section("Number by number", (_told(tour, quantities),)))
    elif quantities:
        told = [next(q for q in quantities if q.slot == slot) for slot in dict.fromkeys(q.slot for q in quantities)]
        sections.append(
            Section("For example", (_told(tour, told), Note("Click a number on the left to ask about it.")))
        )
    if step.backward or step.phase is Phase.BACKWARD:
        sections += check_section(tour, told)
    sections.append(Section("Reads and writes", (_arrays_table(tour, step),)))
    return [*sections, Section("The code that ran", (Source(f"{name}.{method}", source_of(step.op, method)),))]


def _limited(tour: Tour, step: Step) -> Table:
    """What a limit made of every view of a weight."""
    parameter = next(p for p in tour.program.parameters if p.slot == step.output)
    after = np.array(tour.stepper.array(step.output))
    with tour.stepper.visit(tour.program.steps.index(step)):
        before = np.array(tour.stepper.array(step.output))
    rows = []
    for view in parameter.views:
        one, other = view.of(before), view.of(after)
        change = _span(tour, other - one) if (one != other).any() else "within the limit"
        rows.append((Cell(view.name), Cell(_span(tour, one)), Cell(_span(tour, other)), Cell(change)))
    return Table(("", "before", "after", "change"), tuple(rows))


def _doc(step: Step) -> str:
    """The first sentence of what the op says of itself."""
    first = " ".join((type(step.op).__doc__ or "").strip().partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z`])", first)[0]


def _numbers(tour: Tour, slots: list[int]) -> list[Quantity]:
    """The numbers of slots, of each at most one more than are told."""
    return [
        Quantity(slot, index)
        for slot in slots
        if tour.program.slots[slot].role is not Role.BUFFER
        for index in islice(np.ndindex(tour.program.slots[slot].shape), TOLD + 1)
    ]


def _told(tour: Tour, quantities: list[Quantity]) -> Lines:
    """Numbers as symbols, numbers and result."""
    lines = []
    for quantity in quantities:
        told = tour.explainer.derive(quantity, tour.digits)
        if not told.rows:
            lines.append(f"{rich(told.symbol)} = {bold(tour.text(told.value))}")
            continue
        few = [row_symbols(row) for row in told.rows[:TOLD]]
        symbols = " + ".join(few if len(told.rows) <= TOLD else [*few[:2], "…"])
        value = bold(tour.text(told.value))
        lines.append(f"{rich(told.symbol)} = {symbols}".replace("+ −", "− "))
        if told.numbers_line[2:].strip("()") == number_latex(told.value, tour.digits):
            lines.append(f"&nbsp;&nbsp;= {value}")
        elif len(told.rows) <= TOLD:
            lines.append(f"&nbsp;&nbsp;= {rich(times(told.numbers_line[2:]))} = {value}")
        else:
            lines.append(f"&nbsp;&nbsp;= {value}, a sum of {count_text(len(told.rows))} terms")
    return Lines(tuple(lines))


def _arrays_table(tour: Tour, step: Step) -> Table:
    """The arrays of a step by the names that its source uses."""
    rows: list[tuple[Cell, ...]] = []
    writes, asked = set(step.writes), signature(step.op)
    wanted = {*(asked.backward if step.backward else asked.forward), asked.variadic, f"d{asked.variadic}"}
    for name, slot in slots_by_name(step).items():
        described = tour.program.slots[slot]
        if not described.shown or name.partition("[")[0] not in wanted:
            continue
        way = "writes" if slot in writes else "reads"
        rows.append((Cell(way), Cell(name), Cell(_meaning(tour, slot)), Cell(_shape(tour, slot)),
                     Cell(_range(tour, slot))))  # fmt: skip
    rows.sort(key=lambda row: row[0].text == "writes")
    return Table(("", "name", "what", "shape", "from … to"), tuple(rows))


def _ends_table(tour: Tour, ends: list[tuple[str, int]]) -> Table:
    """What goes in and out of many operations at once."""
    rows = [(Cell(way), Cell(_meaning(tour, slot)), Cell(_shape(tour, slot)), Cell(_range(tour, slot)))
            for way, slot in ends]  # fmt: skip
    return Table(("", "what", "shape", "from … to"), tuple(rows))


def _meaning(tour: Tour, slot: int) -> str:
    of = tour.explainer.names.gradient_of.get(slot)
    if of is not None:
        return f"∂E/∂{_meaning(tour, of)}"
    described = tour.program.slots[slot]
    return f"{slot_word(tour.program, slot)} of {tour.names.seen(described.node)}" if described.node else described.name


def _shape(tour: Tour, slot: int) -> str:
    return shape_text(tour.program.slots[slot].shape)


def _range(tour: Tour, slot: int) -> str:
    walk = tour.walk
    assert walk is not None
    known = walk.known(slot, (0,) * len(tour.program.slots[slot].shape))
    return _span(tour, tour.array(slot)) if known else "·"


def _span(tour: Tour, array: Array) -> str:
    if not array.size:
        return ""
    low, high = float(array.min()), float(array.max())
    return tour.text(low) if low == high else f"{tour.text(low)} … {tour.text(high)}"


def _update_sections(tour: Tour, step: Update) -> list[Section]:
    optimizer = tour.stepper.arena.optimizer
    sections = []
    for which in step.parameters:
        parameter = tour.program.parameters[which]
        totals = tour.totals(parameter)
        rows = []
        for view in parameter.views:
            change = view.of(totals.after) - view.of(totals.before)
            still = view.of(tour.stepper.arena.still(parameter))
            learns = "" if not still.all() else "locked" if parameter.learns(view) else "not trained"
            rows.append((Cell(view.name), Cell(_span(tour, view.of(totals.before))),
                         Cell(_span(tour, view.of(totals.after))), Cell(learns or _span(tour, change))))  # fmt: skip
        blocks: list[Block] = []
        if optimizer is not None:
            # A rule of several lines has them one below the other.
            blocks += [Formula((Piece(line),)) for line in re.split(r",? *\\q?quad *", optimizer.formula)]
        title = f"Update of {tour.names.seen(parameter.node)}" + (
            f" · {plain(optimizer.title)}" if optimizer is not None else ""
        )
        note = Note(_CLICK)
        sections.append(Section(title, (*blocks, Table(("", "before", "after", "change"), tuple(rows)), note)))
        if optimizer is not None:
            source = Source(f"{type(optimizer).__name__}.bind", source_of(optimizer, "bind"))
            sections.append(Section("The code that ran", (source,)))
    return sections
