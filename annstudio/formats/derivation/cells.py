"""Formulas of a spreadsheet: the trees of templates with cells in their blanks, as Excel and LibreOffice read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from annstudio.explain.expression import Applied, Blank, Expression, Literal

LONGEST = 7000
"""Longer formulas are put together from several cells: Excel takes 8192 signs."""

_SUM, _PRODUCT, _POWER, _WHOLE = 1, 2, 3, 4


@dataclass(frozen=True)
class Piece:
    """A part of a formula, and how firmly it holds together: what stands beside it may ask for brackets."""

    text: str
    hold: int = _WHOLE

    def within(self, least: int) -> str:
        return self.text if self.hold >= least else f"({self.text})"


_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "exp": "EXP({})".format, "ln": "LN({})".format, "tanh": "TANH({})".format, "sqrt": "SQRT({})".format,
    "abs": "ABS({})".format, "sign": "SIGN({})".format, "Phi": "NORMSDIST({})".format, "floor": "INT({})".format,
    "ceil": "(-INT(-({})))".format, "sigma": "(1/(1+EXP(-({}))))".format, "s": "IF({}>0,1,-1)".format,
    "max": lambda *of: f"MAX({','.join(of)})", "min": lambda *of: f"MIN({','.join(of)})",
    "huber": "(MIN(ABS({1}),{0})*(ABS({1})-0.5*MIN(ABS({1}),{0})))".format,
}  # fmt: skip
_RELATIONS = {"=": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
ELEMENTWISE = frozenset({"+", "-", "*", "/", "^", "negative", "exp", "ln", "sqrt", "abs", "sigma"})
"""What SUMPRODUCT does for every place of a range; MAX and IF would take the whole range at once."""


def formula(expression: Expression, cells: Sequence[Piece]) -> Piece:
    """The expression with `cells` in its blanks."""
    match expression:
        case Literal(_, text):
            return Piece("PI()" if text == "π" else text.upper())
        case Blank(place):
            return cells[place]
        case Applied(function, arguments):
            return _applied(function, [formula(argument, cells) for argument in arguments])


def _applied(function: str, of: list[Piece]) -> Piece:
    match function:
        case "+" | "-":
            # What begins with a minus, or is itself a sum, stands in brackets on the right.
            return Piece(f"{of[0].within(_SUM)}{function}{of[1].within(_PRODUCT)}", _SUM)
        case "*":
            return Piece(f"{of[0].within(_PRODUCT)}*{of[1].within(_POWER)}", _PRODUCT)
        case "/":
            return Piece(f"{of[0].within(_PRODUCT)}/{of[1].within(_POWER)}", _PRODUCT)
        case "^":
            return Piece(f"{of[0].within(_WHOLE)}^{of[1].within(_WHOLE)}", _POWER)
        case "negative":
            # -A1^2 is (-A1)^2 to Excel.
            return Piece(f"-{of[0].within(_WHOLE)}", _SUM)
    if function in _RELATIONS:
        return Piece(f"IF({of[0].text}{_RELATIONS[function]}{of[1].text},1,0)")
    return Piece(_FUNCTIONS[function](*(piece.text for piece in of)))


def number(value: float) -> Piece:
    """A number that stands in a formula itself."""
    return Piece(repr(value).upper(), _WHOLE if value >= 0 else _SUM)


def summed(terms: Sequence[Piece]) -> Piece:
    """The terms with plus signs between them."""
    if len(terms) == 1:
        return terms[0]
    text = "".join(t.text if t.text.startswith("-") else f"+{t.text}" for t in terms)
    return Piece(text.removeprefix("+"), _SUM)


def parts(terms: Sequence[Piece]) -> Iterator[Piece]:
    """The sum of the terms in formulas that are not too long. Raises ValueError where one term is."""
    held: list[Piece] = []
    length = 0
    for term in terms:
        if len(term.text) > LONGEST:
            raise ValueError("the formula is too long for a cell")
        if held and length + len(term.text) + 1 > LONGEST:
            yield summed(held)
            held, length = [], 0
        held.append(term)
        length += len(term.text) + 1
    if held:
        yield summed(held)


def is_elementwise(expression: Expression) -> bool:
    """Whether it can be done for every place of a range."""
    if isinstance(expression, Applied):
        return expression.function in ELEMENTWISE and all(map(is_elementwise, expression.arguments))
    return True
