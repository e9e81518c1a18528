"""The pages of reverse questions: what the input contributed to a number, and to which outputs a number contributes."""

from dataclasses import astuple

import numpy as np

from annstudio.engine.program import Role
from annstudio.explain.attribution import (
    MOST_OUTPUTS,
    Contributions,
    FromInput,
    Reached,
    Reverse,
    Source,
    ToOutputs,
    output_slots,
)
from annstudio.explain.lazy import Lazy
from annstudio.explain.receptive import Fields
from annstudio.explain.told import Quantity
from annstudio.ui.explain.formula import Piece
from annstudio.ui.explain.page import Block, Cell, Formula, Lines, Note, Page, Section, Table
from annstudio.ui.explain.rich import bold, rich, signed
from annstudio.ui.explain.tour import Tour

_FROM = r"\text{contribution}_i = x_i \cdot \frac{\partial y}{\partial x_i}"
_TO = r"\text{contribution}_k = x \cdot \frac{\partial y_k}{\partial x}"
_ADDS_UP = "They add up: everything between is straight here."
_BENDS = "They do not add up: something bends on the way, and slopes at this place do not tell the whole of it."
_WORKING = "It is being worked out …"


def reverse_page(tour: Tour, question: Reverse) -> Page:
    """The answer to a question the other way round."""
    return _from_input(tour, question) if isinstance(question, FromInput) else _to_outputs(tour, question)


def turned_round(tour: Tour, value: Quantity) -> list[Section]:
    """Links to the questions that can be asked of a value the other way round."""
    slot = tour.program.slots[value.slot]
    if slot.role not in (Role.FEED, Role.VALUE) or value.slot in tour.targets:
        return []
    name = rich(tour.explainer.symbol(value))
    place = (value.slot, value.index, value.example)
    notes: list[Note] = []
    if value.slot not in (*output_slots(tour.program), *(judged.output for judged in tour.program.judged)):
        # What the network gives is an output itself.
        notes = [Note(f"To which outputs does {name} contribute, and how much?", ToOutputs(*place))]
    if slot.role is Role.VALUE:
        notes.insert(0, Note(f"What did the input contribute to {name}?", FromInput(*place)))
    return [Section("The other way round", tuple(notes))]


# What the input contributed ------------------------------------------------------------------------------------------


def _from_input(tour: Tour, question: FromInput) -> Page:
    told = tour.answer(question)
    name = tour.explainer.symbol(question)
    if isinstance(told, Contributions):
        sections = [Section("Gradient × input", (Formula((Piece(_FROM),)), *_balance(tour, told, name)))]
        sections += [Section(_heading(tour, source, told), (_table(tour, source, name),)) for source in told.sources]
    else:
        sections = [Section("Gradient × input", (Formula((Piece(_FROM),)), Note(_WORKING)))]
    sections.append(Section("What it can see", (_counts(tour, tour.field_of(question), question),)))
    return Page(f"What did the input contribute to {rich(name)}?", tuple(sections))


def _balance(tour: Tour, told: Contributions, name: str) -> tuple[Block, ...]:
    """The sums, and whether they come to the number."""
    if not told.sources:
        return (Note("No slope leads from it back to the input."),)
    sums = {"Σ of the input": told.inputs, "Σ of the biases": told.biases, "the rest": told.rest}
    if told.adds_up:
        del sums["the rest"]
    lines = [f"{words} = {signed(value, tour.digits)}" for words, value in sums.items()]
    words = _ADDS_UP if told.adds_up else _BENDS
    return (Lines((*lines, f"{rich(name)} = {bold(tour.text(told.value))}")), Note(words))


def _heading(tour: Tour, source: Source, told: Contributions) -> str:
    node = tour.program.slots[source.slot].node
    return f"Largest contributions of {node}" if len(told.sources) > 1 else "Largest contributions"


def _table(tour: Tour, source: Source, name: str) -> Table:
    order = np.argsort(-np.abs(source.products), axis=None, kind="stable")
    shape = source.products.shape

    def place(at: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(int(order[at]), shape))

    def make(at: int) -> tuple[Cell, ...]:
        index = place(at)
        numbers = (source.values[index], source.slopes[index], source.products[index])
        value, slope, product = map(float, numbers)
        return (Cell(_short(tour, source.slot, index)), Cell(tour.text(value)), Cell(tour.text(slope), slope),
                Cell(tour.text(product), product))  # fmt: skip

    key = (id(tour.stepper), source.slot, name, tour.digits)
    links = Lazy(len(order), lambda at: ToOutputs(source.slot, place(at)), key)
    return Table(("input", "x", "slope", "contribution"), Lazy(len(order), make, key), links)


# What a number contributes to ----------------------------------------------------------------------------------------


def _to_outputs(tour: Tour, question: ToOutputs) -> Page:
    name = tour.explainer.symbol(question)
    found = tour.answer(question)
    reached = found if isinstance(found, tuple) else ()
    blocks: list[Block] = [Formula((Piece(_TO),))]
    if reached or tour.stepper.known(question.slot):
        # Of a number that is still to come the answer knows what it will be.
        number = reached[0].number if reached else tour.explainer.value(question)
        blocks.append(Lines((f"{rich(name)} = {bold(tour.text(number))}",)))
    n = tour.attribution.n_outputs
    if n > MOST_OUTPUTS:
        blocks.append(Note(f"Of {n} outputs those {MOST_OUTPUTS} whose numbers are largest."))
    table = Note(_WORKING) if found is None else _outputs_table(tour, reached)
    lit = tour.reached_by(question)
    return Page(f"To which outputs does {rich(name)} contribute?", (
        Section("Gradient × value", tuple(blocks)),
        Section("Largest first", (table,)),
        Section("What it can reach", (_counts(tour, lit, question),)),
    ))  # fmt: skip


def _outputs_table(tour: Tour, found: tuple[Reached, ...]) -> Block:
    if not found:
        return Note("It has no part in any output, or none that a slope would tell.")
    rows = tuple(
        (Cell(_short(tour, one.output.slot, one.output.index)), Cell(tour.text(one.value)),
         Cell(tour.text(one.slope), one.slope), Cell(tour.text(one.product), one.product))
        for one in found
    )  # fmt: skip
    links = tuple(FromInput(*astuple(one.output)) for one in found)
    return Table(("output", "y", "slope", "contribution"), rows, links)


# Both ----------------------------------------------------------------------------------------------------------------


def _counts(tour: Tour, lit: Fields, question: Quantity) -> Block:
    """How many numbers of every layer belong to a field."""
    program = tour.program
    found = {slot: node for node, slot in program.outputs.items() if slot in lit and "/" not in node}
    found.pop(question.slot, None)
    rows = [(Cell(node), Cell(f"{int(lit[slot].sum())} of {lit[slot].size}")) for slot, node in found.items()]
    return Table(("layer", "numbers"), tuple(rows)) if rows else Note("No other layer's results.")


def _short(tour: Tour, slot: int, index: tuple[int, ...]) -> str:
    name = tour.names.text(slot, index)
    return name.partition("_")[2] or name
