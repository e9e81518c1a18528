"""The page about a weight: how much it changes the error, its new value, its neighbours, and whether it is true."""

from annstudio.engine.program import Step
from annstudio.explain.ledger import is_penalty
from annstudio.explain.numbers import number_latex
from annstudio.explain.reading import source_of
from annstudio.explain.told import Quantity
from annstudio.explain.weight import WeightAnswer, WeightQuestion, chain
from annstudio.ordinals import nth
from annstudio.ui.explain.accounts import factor_lines, numbers, path_blocks, sum_line, symbols
from annstudio.ui.explain.check_section import check_section
from annstudio.ui.explain.formula import Piece, piece_colour
from annstudio.ui.explain.ledger_section import ledger_section
from annstudio.ui.explain.page import Block, Formula, Lines, Note, Page, Section, Source
from annstudio.ui.explain.rich import bold, rich
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.uses import uses_section
from annstudio.ui.explain.weight_table import layer_table


def weight_page(tour: Tour, question: WeightQuestion) -> Page:
    """Everything there is to say about one weight in this batch."""
    if tour.program.loss is None:
        return _without_loss(tour, question)
    gradient = tour.program.gradients.get(question.parameter.slot)
    asked = None if gradient is None else Quantity(gradient, question.stored)
    walk = tour.walk
    known = asked is None or walk is None or walk.known(asked.slot, asked.index)
    with tour.stepper.visit(len(tour.stepper)):
        told = tour.weight_answer(question)
        sections = [*_gradient_sections(tour, told, asked, known=known), ledger_section(tour, question)]
        sections.append(Section("All weights of this layer", (layer_table(tour, question),)))
        if asked is not None:
            sections += [*check_section(tour, [asked]), *_source_sections(tour, question)]
    return Page(f"How much does {rich(told.symbol)} change the error?", tuple(sections))


def _without_loss(tour: Tour, question: WeightQuestion) -> Page:
    symbol = tour.names.of(question.parameter.slot, question.stored)
    value = float(tour.stepper.before_update(question.parameter.slot)[question.stored])
    note = Note("The network has no loss yet, so no error tells how it should change.")
    sections = (
        Section("Value", (Lines((f"{rich(symbol)} = {bold(tour.text(value))}",)), note)),
        Section("All weights of this layer", (layer_table(tour, question),)),
    )
    return Page(f"What is {rich(symbol)}?", sections)


# Gradient ------------------------------------------------------------------------------------------------------------


def _gradient_sections(tour: Tour, told: WeightAnswer, gradient: Quantity | None, *, known: bool) -> list[Section]:
    if gradient is None:
        return [Section("Chain rule", (Note("The error does not depend on this weight."),))]
    blocks: tuple[Block, ...]
    uses: list[Section] = []
    if told.factors:
        blocks = (Formula(_chain(tour, told, gradient)), Lines(_chain_numbers(tour, told), _chain_latex(tour, told)))
    else:
        derived = tour.explainer.derive(gradient, tour.digits)
        uses = uses_section(tour, derived)
        blocks = (Formula(symbols(derived)), *(sum_line(tour, derived) if uses else numbers(tour, derived)))
    sections = [Section("Chain rule", blocks), *uses]
    # Over a batch the table above has a line for every example: what leads from there to the error is its own question.
    ways = path_blocks(tour, gradient) if tour.stepper.n == 1 else ()
    if ways:
        sections.append(Section("Every path to the error", ways))
    if not known:
        at = tour.stepper.written_by[gradient.slot]
        note = Note(f"Computed in {nth('step', at)} of {len(tour.stepper)} operations: go there", gradient)
        sections[0] = Section("Chain rule", (*blocks, note))
    return sections


def _chain(tour: Tour, told: WeightAnswer, gradient: Quantity) -> tuple[Piece, ...]:
    pieces = [Piece(tour.explainer.symbol(gradient), quantity=gradient), Piece("=")]
    for i, part in enumerate(told.factors):
        if i:
            pieces.append(Piece(r"\cdot"))
        pieces.append(Piece(part.symbol, i, part.quantity, tour.text(part.value)))
    return tuple(pieces)


def _chain_numbers(tour: Tour, told: WeightAnswer) -> tuple[str, ...]:
    lines: list[str] = []
    for i, part in enumerate(chain(tour.explainer, told.question, tour.digits)):
        lines += factor_lines(tour, part, piece_colour(i).name())
    product = " × ".join(_bracketed(tour.text(part.value)) for part in told.factors)
    gradient = rf"\frac{{\partial E}}{{\partial {told.symbol}}}"
    if len(told.factors) > 1:
        lines.append(f"{rich(gradient)} = {product}")
        return (*lines, f"&nbsp;&nbsp;= {bold(tour.text(told.gradient))}")
    return (*lines, f"{rich(gradient)} = {bold(tour.text(told.gradient))}")


def _chain_latex(tour: Tour, told: WeightAnswer) -> str:
    symbol = rf"\frac{{\partial E}}{{\partial {told.symbol}}}"
    factors = r" \cdot ".join(part.symbol for part in told.factors)
    values = r" \cdot ".join(_bracketed(number_latex(part.value, tour.digits)) for part in told.factors)
    return f"{symbol} = {factors} = {values} = {number_latex(told.gradient, tour.digits)}"


# Source --------------------------------------------------------------------------------------------------------------


def _source_sections(tour: Tour, question: WeightQuestion) -> list[Section]:
    steps = [
        s for s in tour.program.steps
        if isinstance(s, Step) and s.backward and question.parameter.slot in s.inputs
    ]  # fmt: skip
    steps.sort(key=lambda step: is_penalty(tour.explainer, step))
    found = dict.fromkeys((type(s.op).__name__, source_of(s.op, "backward")) for s in steps)
    blocks = tuple(Source(f"{name}.backward", source) for name, source in found)
    return [Section("The code that ran", blocks)] if blocks else []


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith(("-", "−")) else number
