"""How one number comes about: a sum of terms, each a formula over numbers that were computed before it.

An op gives the account of any element of its result and of its gradients. Values are read from the arrays of the very
run that is on screen, so what is explained is what was computed; `Term.evaluate` works it out a second time, in plain
Python floats, which is what the tests compare with the engine.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import overload

import numpy as np

from annstudio.engine.op import Array, Index, numbered


@dataclass(frozen=True)
class Factor:
    """One number inside a term: element `index` of the op's array `array`, for one `example` (None: not per example).

    A number that is no element of an array (a local derivative, the sum below a fraction) has `within`: the terms that
    it is the sum of. One that belongs to the formula, such as λ of SELU, has a `symbol` (LaTeX).
    """

    array: str
    index: Index
    value: float
    example: int | None = None
    within: "tuple[Term, ...]" = ()
    local: bool = False
    """Whether it is the derivative of the op's result by element `index` of the input that a gradient goes to."""
    symbol: str = ""


@dataclass(frozen=True)
class Term:
    """A formula with numbers in it: `template` is LaTeX in which «0», «1», … stand for the factors.

    Without a template a term is the product of its factors.
    """

    factors: tuple[Factor, ...]
    template: str = ""
    evaluate: Callable[..., float] = field(default=lambda *numbers: math.prod(numbers), compare=False)

    @property
    def value(self) -> float:
        return self.evaluate(*(factor.value for factor in self.factors))


class Sum(Sequence[Term]):
    """The terms of a long sum: each is made when somebody looks at it, their `values` are worked out all at once.
    `examples`: where every term belongs to an example, to which."""

    def __init__(
        self, values: Sequence[float], make: Callable[[int], Term], examples: Sequence[int] | None = None
    ) -> None:
        self.values = tuple(values)
        self.examples = None if examples is None else tuple(examples)
        self._make = make

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, at: int) -> Term: ...
    @overload
    def __getitem__(self, at: slice) -> list[Term]: ...
    def __getitem__(self, at: int | slice) -> Term | list[Term]:
        places = range(len(self.values))[at]
        return self._make(places) if isinstance(places, int) else [self._make(i) for i in places]


def uses(handed: Array, met: Array | None, factors: Callable[..., tuple[Factor, ...]]) -> Sum:
    """What a weight's uses add to its gradient: in every place the gradient `handed` back to it, times the number that
    it `met` there (None: the 1 of a bias). Both are arrays of places, the examples last; the terms come example by
    example. `factors` tells those of one use, by its example and its place."""
    with np.errstate(all="ignore"):
        # Numbers that run away are told like any others.
        values = np.asarray(handed, float) if met is None else np.asarray(handed, float) * np.asarray(met, float)
    values = np.moveaxis(values, -1, 0)
    n, *places = values.shape

    def term(at: int) -> Term:
        return Term(factors(*map(int, np.unravel_index(at, values.shape))))

    return Sum(values.ravel().tolist(), term, np.repeat(np.arange(n), math.prod(places)).tolist())


def values_of(terms: Sequence[Term]) -> tuple[float, ...]:
    """What every term comes to."""
    return terms.values if isinstance(terms, Sum) else tuple(term.value for term in terms)


@dataclass(frozen=True)
class See:
    """Reads single elements of an op's arrays by name, as an op's `account` wants them.

    `arrays` holds whole arrays, the examples last where `batched` says so; `example` is the one being looked at.
    """

    arrays: Mapping[str, Array]
    batched: frozenset[str]
    example: int
    n_examples: int
    every: bool = False
    """Whether terms are wanted, too, that come to nothing with these very numbers (a class that is not the target)."""

    def __call__(self, name: str, *index: int, example: int | None = None) -> Factor:
        if name not in self.batched:
            return Factor(name, index, float(self.arrays[name][index]))
        n = self.example if example is None else example
        return Factor(name, index, float(self.arrays[name][(*index, n)]), n)

    def row(self, name: str, *index: int) -> Array:
        """A row of an array, all that begins with this index, of the example being looked at."""
        array = self.arrays[name][..., self.example] if name in self.batched else self.arrays[name]
        return np.asarray(array[index], float)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of one example of the array."""
        shape = self.arrays[name].shape
        return shape[:-1] if name in self.batched else shape

    @property
    def branches(self) -> list[str]:
        """The names of the inputs of an op that takes any number of them (`*xs`), in order."""
        return list(takewhile(self.arrays.__contains__, (numbered("xs", i) for i in count())))


@dataclass(frozen=True)
class Remark:
    """What is to be said beside an account, in words; a `term` comes to the same number by another formula."""

    words: str
    term: Term | None = None


MOST_LISTED = 12
"""Longer lists are folded."""


def share(number: Factor, n: int) -> Term:
    """One n-th of a number, as means are made of."""
    return Term((number,), "«0»" if n == 1 else rf"\tfrac{{1}}{{{n}}} · «0»", lambda value: value / n)


def derived(name: str, *within: Term) -> Factor:
    """A factor that is worked out on the spot, as the sum of these terms."""
    return Factor(name, (), math.fsum(term.value for term in within), None, within)


def local_slope(index: Index, within: Term) -> Factor:
    """The derivative of the op's result by element `index` of its input, such as the slope of an activation."""
    return Factor("slope", index, within.value, None, (within,), local=True)


def won(place: int, numbers: Sequence[Factor], *, every: bool = False) -> Term:
    """1 if the number at this place is the largest of all (the first of several that are as large), else 0; with
    `every` told in such a way that it holds whichever number wins."""
    if every:
        return _won_whoever(place, numbers)
    values = [number.value for number in numbers]
    winner = values.index(max(values))
    if place == winner:
        template = rf"[\,«{place}» = \max({listed(len(numbers), place)})\,]"
        return Term(tuple(numbers), template, lambda *all: float(all[place] == max(all)))
    return Term((numbers[place], numbers[winner]), r"[\,«0» > «1»\,]", lambda own, other: float(own > other))


def _won_whoever(place: int, numbers: Sequence[Factor]) -> Term:
    before = ",\\; ".join(f"«{i}»" for i in range(place))
    others = ",\\; ".join(f"«{i}»" for i in range(len(numbers)))
    first = rf"[\,«{place}» > \max({before})\,] \cdot " if place else ""
    template = rf"{first}[\,«{place}» = \max({others})\,]"
    return Term(tuple(numbers), template, lambda *all: float(all.index(max(all)) == place))


def constant(symbol: str, value: float) -> Factor:
    """A number that belongs to the formula, by its symbol (LaTeX)."""
    return Factor("", (), value, symbol=symbol)


def setting(value: float) -> str:
    r"""A number as it was set, all of it, as LaTeX: 0.5, 10^{-8}."""
    mantissa, _, power = repr(float(value)).removesuffix(".0").partition("e")
    times = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return f"{times}10^{{{int(power)}}}" if power else mantissa


def listed(n: int, always: int = 0) -> str:
    """Places for `n` numbers between brackets, folded in the middle where they are many; number `always` is shown."""
    shown = [i for i in range(n) if n <= MOST_LISTED or i < 4 or i >= n - 3 or i == always]
    told: list[str] = []
    for i in shown:
        told += [r"\dots"] if told and i - 1 not in shown else []
        told.append(f"«{i}»")
    return ",\\; ".join(told)
