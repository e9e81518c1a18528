"""How one number comes about, as blocks of a page: the symbols with links, the numbers term by term, the result."""

import numpy as np

from annstudio.explain.lazy import Lazy
from annstudio.explain.names import plain
from annstudio.explain.numbers import number_latex
from annstudio.explain.paths import Path, paths
from annstudio.explain.templates import SHOWN_TERMS
from annstudio.explain.told import Derivation, Part, Quantity, Row
from annstudio.ui.explain.formula import Piece
from annstudio.ui.explain.page import Block, Cell, Formula, Lines, Note, Table
from annstudio.ui.explain.rich import bold, coloured, link, one_line, rich, signed, times
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import count_text

FEW = 4
"""More ways than this are not written out line by line."""
_ONE_LINE = 50
"""Terms that take more signs than this stand in two lines of their table, or in more."""
_MOST_LINES = 6
"""No row of a table is higher than this."""
_WIDE = 120
"""Terms that take more LaTeX than this are told by the general formula, too."""
LONG = 6
"""Sums of more terms are told by the general formula; their terms stand in lines or in a table."""


def account(tour: Tour, quantity: Quantity) -> tuple[Block, ...]:
    """Symbols and numbers of one number; of one that is to come the symbols alone, and where it comes from."""
    walk = tour.walk
    assert walk is not None
    at = tour.stepper.written_by.get(quantity.slot)
    if at is None:
        return said(tour, tour.explainer.derive(quantity, tour.digits))
    if not walk.known(quantity.slot, quantity.index, quantity.term):
        with tour.stepper.visit(at + 1):
            told = tour.explainer.derive(quantity, tour.digits)
        place, whole = walk.place_of(quantity), count_text(len(walk))
        assert place is not None, "a step computes it"
        go = Note(f"Not computed yet: that is step {count_text(place)} of {whole}.", quantity)
        return (Formula(symbols(told)), go)
    told = tour.explainer.derive(quantity, tour.digits)
    if not told.rows:
        return (Lines((_equation(tour, told),)), *said(tour, told))
    return (Formula(symbols(told)), *_factors(tour, told), *numbers(tour, told), *said(tour, told))


def _factors(tour: Tour, told: Derivation) -> tuple[Block, ...]:
    """The numbers in formulas that are set in one piece, each a link: in a product or a sum every factor is one."""
    if len(told.rows) > LONG:
        return ()
    parts = {part.quantity: part for row in told.rows for part in _held(row)}
    if not 0 < len(parts) <= SHOWN_TERMS:
        return ()
    links = (f"{link(rich(part.symbol), quantity)} = {tour.text(part.value)}" for quantity, part in parts.items())
    return (Lines(("with " + ", ".join(links),), quiet=True),)


def _held(row: Row) -> list[Part]:
    """What a row's formula holds and is no link by itself: several numbers in one piece, and what is worked out."""
    own = [part for part in row.parts if part.quantity is not None]
    inner = [part for part in row.parts for inside in part.rows for part in _all_held(inside)]
    return [*(own if len(own) > 1 and not is_product(row) else []), *inner]


def _all_held(row: Row) -> list[Part]:
    own = [part for part in row.parts if part.quantity is not None]
    return [*own, *(part for part in row.parts for inside in part.rows for part in _all_held(inside))]


def said(tour: Tour, told: Derivation) -> tuple[Block, ...]:
    """What there is to say beside: in words, and where another formula comes to the same, that one."""
    blocks: list[Block] = []
    for each in told.said:
        blocks.append(Note(each.words))
        if each.row is not None:
            numbers = f"= {rich(times(each.row.numbers))} = {bold(tour.text(each.row.value))}"
            blocks.append(Lines((f"{rich(told.symbol)} = {rich(each.row.symbols)}", f"&nbsp;&nbsp;{numbers}")))
    return tuple(blocks)


def symbols(told: Derivation) -> tuple[Piece, ...]:
    """The formula in symbols, every factor a link to its number."""
    pieces = [Piece(told.symbol), Piece("=")]
    many = len(told.rows) > LONG
    wide = any(len(row.symbols) > _WIDE and not is_product(row) for row in told.rows[:LONG])
    if (many or wide) and told.rows[0].through is None and told.formula:
        return (Piece(told.symbol), Piece(":"), Piece(told.formula))
    for i, row in enumerate(told.rows[:2] if many else told.rows):
        minus = row.symbols.startswith("-")
        if i or minus:
            pieces.append(Piece("-" if minus else "+"))
        pieces += _row_pieces(row)
    return (*pieces, Piece("+"), Piece(r"\dots")) if many else tuple(pieces)


def numbers(tour: Tour, told: Derivation) -> tuple[Block, ...]:
    """The formula with numbers: one line where it is short, else a line for each term, the largest first if many."""
    rows, equation = told.rows, _equation(tour, told)
    latex = f"{told.symbols_line} {told.numbers_line} = {number_latex(told.value, tour.digits)}"
    if len(rows) == 1:
        line = f"{rich(told.symbol)} = {rich(times(rows[0].numbers))}"
        rules = tuple(_rule_line(tour, part) for part in rows[0].parts if part.rule)
        if rules:
            return (Lines((*rules, line, f"&nbsp;&nbsp;= {bold(tour.text(told.value))}"), latex),)
        if rows[0].numbers == number_latex(told.value, tour.digits):
            return (Lines((equation,), latex),)
        return (Lines((line, f"&nbsp;&nbsp;= {bold(tour.text(told.value))}"), latex),)
    if len(rows) <= SHOWN_TERMS:
        lines = [_term_line(tour, row) for row in rows]
        return (Lines((*lines, equation), latex),)
    return (*sum_line(tour, told), terms_table(tour, told))


def sum_line(tour: Tour, told: Derivation) -> tuple[Block, ...]:
    """How many terms a sum has, and what they come to."""
    latex = f"{told.symbols_line} {told.numbers_line} = {number_latex(told.value, tour.digits)}"
    return (Lines((f"Sum of {count_text(len(told.rows))} terms", _equation(tour, told)), latex),)


def _rule_line(tour: Tour, part: Part) -> str:
    """A factor that was worked out on the spot: ∂out/∂net = out (1 − out) = …"""
    value = tour.text(part.value)
    if len(part.rule) > _WIDE or part.rule == part.symbol:
        return f"{rich(part.symbol)} = {rich(times(part.meaning))} = {value}"
    return f"{rich(part.symbol)} = {rich(part.rule)} = {rich(times(part.meaning))} = {value}"


def _term_line(tour: Tour, row: Row) -> str:
    """A term in symbols, with numbers, and its value; a bias is said once."""
    value = signed(row.value, tour.digits)
    if row.numbers.strip("()") == number_latex(row.value, tour.digits):
        return f"{row_symbols(row)} = {value}"
    return f"{row_symbols(row)} = {rich(times(row.numbers))} = {value}"


def terms_table(tour: Tour, told: Derivation) -> Table:
    """All terms of a sum, largest first."""
    order = by_size(told)
    long = any(len(_plain(told.rows[at])) > _ONE_LINE for at in order[:FEW])

    def make(at: int) -> tuple[Cell, ...]:
        row = told.rows[order[at]]
        return (Cell(_plain(row, "\n" if long else " ")), Cell(tour.text(row.value), row.value))

    def link(at: int) -> Quantity | None:
        parts = told.rows[order[at]].parts
        return next((part.quantity for part in reversed(parts) if part.quantity is not None), None)

    key = (tour.seen, told.quantity, tour.digits, told.value)
    rows, links = Lazy(len(order), make, key), Lazy(len(order), link, key)
    return Table(("term, largest first", "value"), rows, links, lines=2 if long else 1)


def by_size(told: Derivation) -> list[int]:
    """The terms of a sum, the largest first."""
    return [int(i) for i in np.argsort(-np.abs(np.array(told.values)), kind="stable")]


def row_symbols(row: Row, colour: str = "") -> str:
    """A term in symbols as rich text, its factors links."""
    if is_product(row):
        return " · ".join(link(rich(part.symbol), part.quantity, colour) for part in row.parts)
    quantities = [part.quantity for part in row.parts if part.quantity is not None]
    return link(rich(row.symbols), quantities[0] if len(quantities) == 1 else None, colour)


def is_product(row: Row) -> bool:
    return row.symbols == r" \cdot ".join(part.symbol for part in row.parts)


def path_blocks(tour: Tour, gradient: Quantity) -> tuple[Block, ...]:
    """Every path from a number to the error with its product; nothing where there is one or far too many."""
    found = paths(tour.explainer, gradient, tour.digits)
    if len(found) < 2:
        return ()
    if len(found) > FEW:
        return (_paths_table(tour, gradient, found),)
    lines = [_path_line(tour, path) for path in found]
    total = f"{rich(tour.explainer.symbol(gradient))} = {bold(tour.text(sum(path.value for path in found)))}"
    return (Lines((*lines, total)),)


def _paths_table(tour: Tour, gradient: Quantity, found: tuple[Path, ...]) -> Table:
    ordered = sorted(found, key=lambda path: -abs(path.value))

    def make(at: int) -> tuple[Cell, ...]:
        path = ordered[at]
        symbols = " · ".join(plain(part.symbol) for part in path.factors)
        product = " × ".join(_bracketed(tour.text(part.value)) for part in path.factors)
        return (Cell(f"{symbols}\n= {product}"), Cell(tour.text(path.value), path.value))

    key = (tour.seen, gradient, tour.digits)
    longest = max(len(make(at)[0].text.partition("\n")[0]) for at in range(min(len(ordered), FEW)))
    # The product is not to fall behind the end of long names.
    lines = min(2 + longest // _ONE_LINE, _MOST_LINES)
    return Table((f"{len(found)} paths, largest first", "product"), Lazy(len(found), make, key), lines=lines)


def _path_line(tour: Tour, path: Path) -> str:
    symbols = " · ".join(link(rich(part.symbol), part.quantity) for part in path.factors)
    product = rich(" × ".join(_bracketed(number_latex(part.value, tour.digits)) for part in path.factors))
    if len(path.factors) == 1:
        return f"{symbols} = {signed(path.value, tour.digits)}"
    return f"{symbols}<br>&nbsp;&nbsp;= {product} = {signed(path.value, tour.digits)}"


def factor_lines(tour: Tour, part: Part, colour: str) -> list[str]:
    """What a factor of a chain rule is: its rule in symbols, with numbers, and its value in its colour."""
    value, quantity = bold(tour.text(part.value), colour), part.quantity
    if part.rule:
        return [f"{coloured(rich(part.rule), colour)} = {rich(times(part.meaning))} = {value}"]
    if quantity is None or quantity.slot not in tour.program.gradients.values():
        name = rich(part.symbol if quantity is None else tour.explainer.symbol(quantity))
        return [f"{link(name, quantity, colour)} = {value}"]
    told = tour.explainer.derive(quantity, tour.digits)
    name = link(rich(part.symbol), quantity, colour)
    if len(told.rows) == 1:
        row = told.rows[0]
        shown = row_symbols(row, colour) if is_product(row) else rich(row.symbols)
        # What the way back begins with is told by its formula alone.
        begun = link(rich(row.symbols), quantity, colour) if told.begins else f"{name} = {shown}"
        return [f"{begun} = {rich(times(row.numbers))} = {value}"]
    if not told.rows:
        return [f"{name} = {value}"]
    if len(told.rows) > FEW:
        return [f"{name} = {value}, from {len(told.rows)} units"]
    lines = [f"{name} = {' + '.join(row_symbols(row, colour) for row in told.rows)}"]
    return [*lines, f"&nbsp;&nbsp;= {rich(times(told.numbers_line[2:]))}", f"&nbsp;&nbsp;= {value}"]


def _row_pieces(row: Row) -> list[Piece]:
    if not is_product(row):
        quantities = [part.quantity for part in row.parts if part.quantity is not None]
        return [Piece(row.symbols.lstrip("-"), quantity=quantities[0] if len(quantities) == 1 else None)]
    pieces: list[Piece] = []
    for part in row.parts:
        if pieces:
            pieces.append(Piece(r"\cdot"))
        pieces.append(Piece(part.symbol, quantity=part.quantity))
    return pieces


def _equation(tour: Tour, told: Derivation) -> str:
    return f"{rich(told.symbol)} = {bold(tour.text(told.value))}"


def _plain(row: Row, between: str = " ") -> str:
    return f"{one_line(row.symbols)}{between}= {one_line(times(row.numbers))}"


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith(("-", "−")) else number
