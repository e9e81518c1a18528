"""Why a weight changes, read like an account: the rule with its numbers, what moves the weight, the new one."""

from annstudio.explain.ledger import Entry, Ledger, ledger
from annstudio.explain.numbers import number_latex
from annstudio.explain.told import Quantity
from annstudio.explain.update import UpdateLine
from annstudio.explain.weight import WeightQuestion
from annstudio.ui.explain.formula import Piece
from annstudio.ui.explain.page import Block, Cell, Formula, Lines, Note, Section, Table
from annstudio.ui.explain.rich import bold, one_line, rich, times
from annstudio.ui.explain.tour import Tour


def ledger_section(tour: Tour, question: WeightQuestion) -> Section:
    """The update of one weight. A rule of one line that only the gradient goes into needs no account."""
    account = ledger(tour.explainer, question, tour.digits)
    symbol = tour.names.of(question.parameter.slot, question.stored)
    optimizer = tour.stepper.arena.optimizer
    if account.update.reason or optimizer is None:
        still = f"{rich(symbol)} = {tour.text(account.update.before)} → {bold(tour.text(account.update.after))}"
        return Section("Update", (Note(account.update.reason), Lines((still,))))
    blocks = [*_rate_blocks(tour, account), *_rule_blocks(tour, account, symbol)]
    if len([entry for entry in account.entries if entry.what != "rounding"]) > 1:
        blocks += _account_blocks(tour, account, symbol)
    return Section(f"Update ({optimizer.title}, η = {tour.short(tour.stepper.rate)})", tuple(blocks))


def _rate_blocks(tour: Tour, account: Ledger) -> list[Block]:
    """How a schedule makes the rate."""
    lines, paced = account.update.rate, tour.stepper.paced
    if not lines or paced is None:
        return []
    words = Note(f"The schedule {paced[0].title.lower()} makes the rate of this batch.")
    return [Formula((Piece(paced[0].formula),)), _numbers(tour, lines), words]


def _rule_blocks(tour: Tour, account: Ledger, symbol: str) -> list[Block]:
    """The optimiser's rule in symbols and with numbers."""
    lines = account.update.lines
    gradient = rf"\frac{{\partial E}}{{\partial {symbol}}}"
    # With one w for all weights the rule has to be set but once.
    rule = [Formula((Piece(f"{line.symbol} = {line.symbols}".replace(symbol, "w")),)) for line in lines]
    note = Note(f"w is {rich(symbol)}, g is {rich(gradient)}")
    return [*rule, note, _numbers(tour, lines, symbol)] if len(lines) > 1 else [_numbers(tour, lines, symbol)]


def _numbers(tour: Tour, lines: tuple[UpdateLine, ...], symbol: str = "") -> Lines:
    """Lines of a rule with numbers; the last one's result is the new value."""
    html, latex = [], []
    for line in lines:
        last = bool(symbol) and line is lines[-1]
        value = bold(tour.text(line.value)) if last else tour.text(line.value)
        name = f"{rich(symbol)} ←" if last else f"{rich(line.symbol)} ="
        html.append(f"{name} {rich(times(line.numbers))} = {value}")
        latex.append(f"{line.symbol} = {line.symbols} = {line.numbers} = {number_latex(line.value, tour.digits)}")
    return Lines(tuple(html), r" \\ ".join(latex))


def _account_blocks(tour: Tour, account: Ledger, symbol: str) -> list[Block]:
    update = account.update
    start = (Cell("before"), Cell(""), Cell(tour.text(update.before)))
    rows = (start, *(_row(tour, entry) for entry in account.entries))
    links: tuple[Quantity | None, ...] = (None, *(entry.quantity for entry in account.entries))
    table = Table(("what moves it", "by", "w"), rows, links, lines=2)
    blocks: list[Block] = []
    if update.pace is not None and update.paced_by == "p":
        symbols, numbers = rich(update.pace.symbols), rich(times(update.pace.numbers))
        blocks.append(Lines((f"p = {symbols} = {numbers} = {tour.text(update.pace.value)}",)))
        blocks.append(Note("Every part of the gradient moves the weight by p times itself."))
    blocks.append(table)
    change = rf"\Delta {symbol}"
    total = f"{rich(change)} = {tour.text(update.after)} − {_bracketed(tour.text(update.before))}"
    return [*blocks, Lines((f"{total} = {bold(tour.text(account.change))}",))]


def _row(tour: Tour, entry: Entry) -> tuple[Cell, ...]:
    by = f"{'+' if entry.amount > 0 else ''}{tour.text(entry.amount)}"
    how = f"{entry.what}\n  {one_line(times(entry.how))}" if entry.how else entry.what
    return (Cell(how), Cell(by, entry.amount), Cell(tour.text(entry.total)))


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith(("-", "−")) else number
