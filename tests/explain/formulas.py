"""Works out a formula as it is shown, with the numbers put in, from its LaTeX or from its plain text: a second opinion
that knows nothing of the ops."""

import math
import re
from collections.abc import Callable
from functools import reduce
from operator import mul

_TOKEN = re.compile(r"\d+(?:\.\d+)?|\\(?:text|mathrm)\{[a-z]+\}(?:_\{[^{}]*\})?|\\[a-zA-Z]+|\\[,;]|\S")
_SPACES = frozenset({r"\,", r"\;", r"\left", r"\right"})
_FUNCTIONS: dict[str, Callable[..., float]] = {
    r"\max": lambda *xs: max(xs),
    r"\min": lambda *xs: min(xs),
    r"\tanh": math.tanh,
    r"\ln": lambda x: math.log(x) if x > 0 else -math.inf,
    r"\sigma": lambda x: 1 / (1 + math.exp(-x)),
    r"\Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    r"\mathrm{sign}": lambda x: float((x > 0) - (x < 0)),
}
_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    r"\geq": lambda a, b: a >= b,
    r"\leq": lambda a, b: a <= b,
    r"\neq": lambda a, b: a != b,
}


_PLAIN = (
    ("·", r"\cdot "), ("½", r"\tfrac{1}{2} "), ("√", r"\sqrt "), ("σ", r"\sigma "), ("Φ", r"\Phi "), ("π", r"\pi "),
    ("≤", r"\leq "), ("≥", r"\geq "), ("≠", r"\neq "), ("∞", r"\infty "), ("⌊", r"\lfloor "), ("⌋", r"\rfloor "),
    ("⌈", r"\lceil "), ("⌉", r"\rceil "), ("…", r"\dots "),
)  # fmt: skip
"""What LaTeX has for the letters of plain text."""


def worked_out_plain(text: str) -> float:
    """The same for plain text."""
    for letter, latex in _PLAIN:
        text = text.replace(letter, latex)
    text = re.sub(r"(?<![\\a-z])(max|min|tanh|ln)(?![a-z])", r"\\\1 ", text)
    return worked_out(re.sub(r"(?<![{a-z])sign(?![a-z])", r"\\mathrm{sign}", text))


def worked_out(latex: str) -> float:
    """What a formula without letters comes to. Raises ValueError where it cannot be read as one."""
    reading = _Reading([token for token in _TOKEN.findall(latex) if token not in _SPACES])
    value = reading.sum()
    if reading.next:
        raise ValueError(f"{latex!r} goes on with {reading.next!r}")
    return value


class _Reading:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.bars = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.next
        if not token or (wanted and token != wanted):
            raise ValueError(f"{wanted or 'a number'} is missing at {' '.join(self.tokens[self.at :])!r}")
        self.at += 1
        return token

    def sum(self) -> float:
        terms = [self.product()]
        while self.next in ("+", "-"):
            sign = 1.0 if self.take() == "+" else -1.0
            terms.append(sign * self.product())
        return math.fsum(terms)

    def product(self) -> float:
        if self.next == "-":
            self.take()
            return -self.product()
        factors = [self.power()]
        while self._goes_on():
            if self.next == "/":
                self.take()
                factors.append(1 / self.power())
                continue
            if self.next == r"\cdot":
                self.take()
            factors.append(self.power())
        return reduce(mul, factors)

    def _goes_on(self) -> bool:
        """Whether another factor follows; two bare numbers side by side are no product."""
        token = self.next
        if token in (r"\cdot", "/", "(", "[", "e", r"\pi", r"\frac", r"\tfrac", r"\sqrt", r"\lfloor", r"\lceil"):
            return True
        if token == "|":
            return not self.bars
        return token in _FUNCTIONS or (token[:1].isdigit() and not self.tokens[self.at - 1][:1].isdigit())

    def power(self) -> float:
        base = self.atom()
        if self.next == "^":
            self.take()
            base = base ** self.group()
            if self.next == "^":
                raise ValueError("a power has a power: brackets are missing")
        return base

    def group(self) -> float:
        """What stands in braces (in plain text in brackets), or the one number without."""
        if self.next == "-":
            self.take()
            return -float(self.take())
        if self.next not in ("{", "("):
            return float(self.take())
        closing = "}" if self.take() == "{" else ")"
        bars, self.bars = self.bars, 0
        value = self.sum()
        self.bars = bars
        self.take(closing)
        return value

    def atom(self) -> float:
        token = self.take()
        if token[0].isdigit():
            return float(token)
        if token == "e":
            self.take("^")
            return _exp(self.group())
        if token in (r"\frac", r"\tfrac"):
            above = self.group()
            return above / self.group()
        if token == r"\sqrt":
            return math.sqrt(self.group())
        if token == r"\pi":
            return math.pi
        if token in ("(", "[", "|", r"\lfloor", r"\lceil"):
            return self._bracket(token)
        if token in _FUNCTIONS:
            if self.next != "(":
                return _FUNCTIONS[token](self.power())
            return _FUNCTIONS[token](*self._arguments())
        if token == r"\infty":
            return math.inf
        raise ValueError(f"{token!r} is no number")

    def _bracket(self, token: str) -> float:
        closing = {"(": ")", "[": "]", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}[token]
        bars, self.bars = self.bars, int(token == "|")
        value = self._truth() if token == "[" else self.sum()
        self.bars = bars
        self.take(closing)
        if token == r"\lfloor":
            return float(math.floor(value))
        if token == r"\lceil":
            return float(math.ceil(value))
        return abs(value) if token == "|" else value

    def _truth(self) -> float:
        left = self.sum()
        relation = _RELATIONS[self.take()]
        return float(relation(left, self.sum()))

    def _arguments(self) -> list[float]:
        self.take("(")
        bars, self.bars = self.bars, 0
        found = [self.sum()]
        while self.next == ",":
            self.take()
            if self.next == r"\dots":
                self.take()
            else:
                found.append(self.sum())
        self.bars = bars
        self.take(")")
        return found


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf
