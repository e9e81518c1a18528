"""The page about a weight: how much it changes the error, its new value, its neighbours, and whether it is true."""

import math

from annstudio.engine.program import Step
from annstudio.explain.derivation import Quantity, source_of
from annstudio.explain.numbers import number_latex, number_text
from annstudio.explain.templates import SHOWN_TERMS
from annstudio.explain.update import UpdateAccount, explain_update
from annstudio.explain.weight import WeightAnswer, WeightQuestion, chain
from annstudio.ui.explain.accounts import factor_lines, numbers, path_blocks, symbols
from annstudio.ui.explain.formula import Piece, piece_colour
from annstudio.ui.explain.page import Block, Formula, Lines, Note, Page, Section, Source
from annstudio.ui.explain.rich import bold, rich, times
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.weight_table import layer_table


def weight_page(tour: Tour, question: WeightQuestion) -> Page:
    """Everything there is to say about one weight in this batch."""
    if tour.program.loss is None:
        return _without_loss(tour, question)
    told = tour.weight_answer(question)
    name = rich(told.symbol)
    gradient = tour.program.gradients.get(question.parameter.slot)
    sections: list[Section] = []
    if gradient is None:
        sections.append(Section("Chain rule", (Note("The error does not depend on this weight."),)))
    else:
        with tour.stepper.visit(len(tour.stepper)):
            sections += _gradient_sections(tour, told, Quantity(gradient, question.stored))
    sections.append(_update_section(tour, question, told))
    sections.append(Section("All weights of this layer", (layer_table(tour, question),)))
    if gradient is not None:
        sections.append(_check_section(tour, told))
        sections += _source_sections(tour, question)
    return Page(f"How much does {name} change the error?", tuple(sections))


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


def _gradient_sections(tour: Tour, told: WeightAnswer, gradient: Quantity) -> list[Section]:
    blocks: tuple[Block, ...]
    if told.factors:
        blocks = (Formula(_chain(tour, told, gradient)), Lines(_chain_numbers(tour, told), _chain_latex(tour, told)))
    else:
        derived = tour.explainer.derive(gradient, tour.digits)
        blocks = (Formula(symbols(derived)), *numbers(tour, derived))
    sections = [Section("Chain rule", blocks)]
    ways = path_blocks(tour, gradient)
    if ways:
        sections.append(Section("Every path to the error", ways))
    at = tour.stepper.written_by[gradient.slot]
    walk = tour.walk
    if walk is not None and not walk.known(gradient.slot, gradient.index):
        note = Note(f"Computed in step {at + 1} of {len(tour.stepper)} operations: go there", gradient)
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


# Update --------------------------------------------------------------------------------------------------------------


def _update_section(tour: Tour, question: WeightQuestion, told: WeightAnswer) -> Section:
    account = explain_update(tour.stepper, question, told.symbol, tour.digits)
    optimizer = tour.stepper.arena.optimizer
    if account.reason or optimizer is None:
        return Section("Update", (Note(account.reason), Lines((_unchanged(tour, told, account),))))
    title = f"Update ({optimizer.title}, η = {optimizer.learning_rate:g})"
    gradient = rf"\frac{{\partial E}}{{\partial {told.symbol}}}"
    lines, latex = [], []
    for line in account.lines:
        last = line is account.lines[-1]
        symbol = told.symbol if last else line.symbol
        arrow = "←" if last else "="
        value = bold(tour.text(line.value)) if last else tour.text(line.value)
        lines.append(f"{rich(symbol)} {arrow} {rich(times(line.numbers))} = {value}")
        latex.append(f"{line.symbol} = {line.symbols} = {line.numbers} = {number_latex(line.value, tour.digits)}")
    # With one w for all weights the rule has to be set but once.
    rule = tuple(Piece(f"{line.symbol} = {line.symbols}".replace(told.symbol, "w")) for line in account.lines)
    note = Note(f"w is {rich(told.symbol)}, g is {rich(gradient)}") if len(account.lines) > 1 else None
    blocks: list[Block] = [Formula((piece,)) for piece in rule] if len(rule) > 1 else []
    return Section(title, (*blocks, *([note] if note else []), Lines(tuple(lines), r" \\ ".join(latex))))


def _unchanged(tour: Tour, told: WeightAnswer, account: UpdateAccount) -> str:
    return f"{rich(told.symbol)} = {tour.text(account.before)} → {bold(tour.text(account.after))}"


# Check and source ----------------------------------------------------------------------------------------------------


def _check_section(tour: Tour, told: WeightAnswer) -> Section:
    check = told.check
    verdict = f"✓ agrees to {_power(check.error)}" if check.agrees else f"✗ differs by {_power(check.error)}"
    lines = (
        f"finite difference (h = {_power(check.h)}) &nbsp;{number_text(check.value, tour.digits)} &nbsp;{verdict}",
    )
    rule = Piece(r"\frac{\partial E}{\partial w} \approx \frac{E(w + h) - E(w - h)}{2 h}")
    note = Note("The network ran twice more, with this weight a little larger and a little smaller.")
    return Section("Check", (Formula((rule,)), Lines(lines, quiet=True), note))


def _power(value: float) -> str:
    """A small number as a power of ten: 6×10⁻⁶."""
    if value == 0:
        return "the last digit"
    if not math.isfinite(value):
        return number_text(value, 1)
    mantissa, _, power = f"{value:.0e}".partition("e")
    return f"{mantissa}×10{str(int(power)).translate(str.maketrans('0123456789-', '⁰¹²³⁴⁵⁶⁷⁸⁹⁻'))}"


def _source_sections(tour: Tour, question: WeightQuestion) -> list[Section]:
    steps = [
        s for s in tour.program.steps
        if isinstance(s, Step) and s.backward and question.parameter.slot in s.inputs
    ]  # fmt: skip
    blocks = tuple(Source(f"{type(s.op).__name__}.backward", source_of(s.op, "backward")) for s in steps[:SHOWN_TERMS])
    return [Section("The code that ran", blocks)] if blocks else []


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith(("-", "−")) else number
