r"""What an account's template says, as a tree: «0» \cdot e^{-«1»} can be worked out, or written in another language.

The grammar is that of the templates in accounts: sums, products (also of things that merely stand side by side),
fractions, powers, roots, functions, |x|, ⌊x⌋, and [a ≤ b], which is 1 where it is true and else 0.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from annstudio.errors import FormatError


@dataclass(frozen=True)
class Literal:
    """A number that stands in the template itself; `text` as it stands there."""

    value: float
    text: str


@dataclass(frozen=True)
class Blank:
    """«place»: where the number of a factor goes."""

    place: int


@dataclass(frozen=True)
class Applied:
    """A function of other expressions: `+`, `/`, `^`, `max`, `exp`, `>=`, … (the keys of `FUNCTIONS`)."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Literal | Blank | Applied


def huber(delta: float, x: float) -> float:
    """Half the square near 0, straight beyond δ."""
    near = min(abs(x), delta)
    return near * (abs(x) - 0.5 * near)


FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "^": lambda a, b: a**b, "negative": lambda a: -a, "abs": abs, "sqrt": math.sqrt, "exp": math.exp, "ln": math.log,
    "tanh": math.tanh, "max": lambda *of: max(of), "min": lambda *of: min(of),
    "sigma": lambda x: 0.5 * (1 + math.tanh(0.5 * x)),
    "Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), "sign": lambda x: float((x > 0) - (x < 0)),
    "s": lambda t: 1.0 if t > 0 else -1.0, "huber": huber, "floor": math.floor, "ceil": math.ceil,
    "=": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b), "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b), "<=": lambda a, b: float(a <= b), ">=": lambda a, b: float(a >= b),
}  # fmt: skip


def worked_out(expression: Expression, numbers: Sequence[float]) -> float:
    """What it comes to with these numbers in the blanks. Raises ArithmeticError or ValueError where that is nothing."""
    match expression:
        case Literal(value):
            return value
        case Blank(place):
            return numbers[place]
        case Applied(function, arguments):
            return FUNCTIONS[function](*(worked_out(argument, numbers) for argument in arguments))


def blanks(expression: Expression) -> Iterator[int]:
    """The places of the numbers that it uses, again and again where they come so."""
    match expression:
        case Blank(place):
            yield place
        case Applied(_, arguments):
            for argument in arguments:
                yield from blanks(argument)


def product_of(n: int) -> Expression:
    """«0» · «1» · …: what a term without a template is."""
    whole: Expression = Blank(0)
    for place in range(1, n):
        whole = Applied("*", (whole, Blank(place)))
    return whole if n else Literal(1.0, "1")


@cache
def parsed(template: str) -> Expression:
    """The tree of a template. Raises FormatError where it is not of this grammar."""
    return _Parser(template).whole()


_TOKENS = re.compile(
    r"\s+|\\[,;! ]|\\(?:left|right)(?![a-zA-Z])"  # room
    r"|(?P<blank>«\d+»)|(?P<number>\d+(?:\.\d+)?(?:e[-+]?\d+)?)|(?P<function>\\(?:mathrm|text)\{[a-zA-Z]+\})"
    r"|(?P<word>\\[a-zA-Z]+)|(?P<sign>[-+·/^_(){}\[\]|,<>=e])"
)
_RELATIONS = {"=": "=", "<": "<", ">": ">", r"\leq": "<=", r"\geq": ">=", r"\neq": "!="}
_NAMED = {r"\ln": "ln", r"\tanh": "tanh", r"\sigma": "sigma", r"\Phi": "Phi", r"\sqrt": "sqrt"}
_CLOSED = {r"\lfloor": (r"\rfloor", "floor"), r"\lceil": (r"\rceil", "ceil")}
_ENDS = frozenset({"", ")", "}", "]", ",", "+", "-", r"\rfloor", r"\rceil", *_RELATIONS})


class _Parser:
    """Reads a template from left to right."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.tokens = list(self._split())
        self.at = 0
        self.bars = 0
        """How many |…| are open: only then does a bar end something."""

    def whole(self) -> Expression:
        found = self.sum()
        return found if self.at == len(self.tokens) else self.fail()

    def sum(self) -> Expression:
        found = self.product()
        while self.next in ("+", "-"):
            found = Applied(self.take(), (found, self.product()))
        return found

    def product(self) -> Expression:
        if self.next == "-":
            self.take()
            return Applied("negative", (self.product(),))
        found = self.power()
        while self.next not in _ENDS and not (self.next == "|" and self.bars):
            sign = self.take() if self.next in ("·", r"\cdot", "/") else "*"
            found = Applied("/" if sign == "/" else "*", (found, self.power()))
        return found

    def power(self) -> Expression:
        found = self.atom()
        if self.next == "^":
            self.take()
            found = Applied("^", (found, self.group() if self.next == "{" else self.atom()))
        return found

    def atom(self) -> Expression:
        token = self.take()
        if token.startswith("«"):
            return Blank(int(token[1:-1]))
        if token[:1].isdigit():
            return Literal(float(token), token)
        if token in ("(", "{"):
            return self.closed(self.sum(), ")" if token == "(" else "}")
        if token == "|":
            self.bars += 1
            inside = self.closed(self.sum(), "|")
            self.bars -= 1
            return Applied("abs", (inside,))
        if token == "[":
            return self.compared()
        if token == "e" and self.next == "^":
            self.take()
            return Applied("exp", (self.group(),))
        return self.named(token)

    def named(self, token: str) -> Expression:
        if token in (r"\frac", r"\tfrac"):
            return Applied("/", (self.group(), self.group()))
        if token in (r"\max", r"\min"):
            return Applied(token[1:], self.listed())
        if token in _CLOSED:
            end, function = _CLOSED[token]
            return Applied(function, (self.closed(self.sum(), end),))
        if token in _NAMED:
            return Applied(_NAMED[token], (self.atom(),))
        if token == r"\pi":
            return Literal(math.pi, "π")
        if token.startswith((r"\mathrm", r"\text")):
            return self.in_words(token.partition("{")[2][:-1])
        return self.fail()

    def in_words(self, name: str) -> Expression:
        r"""\mathrm{sign}(x), \mathrm{huber}_{δ}(x)."""
        below: tuple[Expression, ...] = ()
        if self.next == "_":
            self.take()
            below = (self.group(),)
        if name not in FUNCTIONS:
            self.fail()
        return Applied(name, (*below, *(self.listed() if self.next == "(" else (self.atom(),))))

    def compared(self) -> Expression:
        left = self.sum()
        side = self.take()
        if side not in _RELATIONS:
            self.fail()
        return self.closed(Applied(_RELATIONS[side], (left, self.sum())), "]")

    def listed(self) -> tuple[Expression, ...]:
        self.expect("(")
        found = [self.sum()]
        while self.next == ",":
            self.take()
            found += self.left_out(found[-1]) if self.next == r"\dots" else [self.sum()]
        self.expect(")")
        return tuple(found)

    def left_out(self, last: Expression) -> list[Expression]:
        """«3», …, «17» is every number from one to the other; the last of them is read by the one who goes on."""
        self.take()
        following = self.tokens[self.at + 1] if self.next == "," and self.at + 1 < len(self.tokens) else ""
        if not isinstance(last, Blank) or not following.startswith("«"):
            self.fail()
        return [Blank(place) for place in range(last.place + 1, int(following[1:-1]))]

    def group(self) -> Expression:
        self.expect("{")
        return self.closed(self.sum(), "}")

    def closed(self, inside: Expression, end: str) -> Expression:
        self.expect(end)
        return inside

    # Tokens ----------------------------------------------------------------------------------------------------------

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            self.fail()

    def fail(self) -> NoReturn:
        raise FormatError(f"The formula {self.template} cannot be read.", "It is shown as it is.")

    def _split(self) -> Iterator[str]:
        place = 0
        while place < len(self.template):
            found = _TOKENS.match(self.template, place)
            if found is None:
                self.fail()
            place = found.end()
            if found.lastgroup:
                yield found[0]
