"""How one number comes about: a sum of terms, each a formula over numbers that were computed before it.

An op gives the account of any element of its result and of its gradients. Values are read from the arrays of the very
run that is on screen, so what is explained is what was computed; `Term.evaluate` works it out a second time, in plain
Python floats, which is what the tests compare with the engine.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, takewhile

from annstudio.engine.op import Array, Index, numbered


@dataclass(frozen=True)
class Factor:
    """One number inside a term: element `index` of the op's array `array`, for one `example` (None: not per example).

    A number that is no element of an array (a local derivative) has `within`: the term that it is the value of.
    """

    array: str
    index: Index
    value: float
    example: int | None = None
    within: "Term | None" = None


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

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of one example of the array."""
        shape = self.arrays[name].shape
        return shape[:-1] if name in self.batched else shape

    @property
    def branches(self) -> list[str]:
        """The names of the inputs of an op that takes any number of them (`*xs`), in order."""
        return list(takewhile(self.arrays.__contains__, (numbered("xs", i) for i in count())))


def derived(array: str, index: Index, within: Term, example: int | None = None) -> Factor:
    """A factor that is worked out on the spot, such as the slope of an activation."""
    return Factor(array, index, within.value, example, within)


def share(number: Factor, n: int) -> Term:
    """One n-th of a number, as means are made of."""
    return Term((number,), "«0»" if n == 1 else rf"\tfrac{{1}}{{{n}}}«0»", lambda value: value / n)
