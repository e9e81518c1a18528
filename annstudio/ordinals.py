"""How places are counted: people count from 1, as mathematics does, arrays from 0. Only here one becomes the other.

Whatever is written for people counts from 1: time steps, rows, columns, channels, units, examples and batches, in
words, symbols, tables and tips. Indices from 0 stand in the brackets of names alone (`hidden.W[0,1]`), which are code.
"""

from collections.abc import Iterable
from operator import index as as_int
from typing import SupportsIndex


def ordinal(index: SupportsIndex) -> int:
    """The number that people give to what stands at an index: the first is 1."""
    return as_int(index) + 1


def index_of(number: int) -> int:
    """The other way round: where the first, number 1, stands in an array."""
    return number - 1


def ordinals(place: Iterable[int]) -> str:
    """A place with commas, as symbols have it: (1, 2, 0) is 2,3,1."""
    return ",".join(str(ordinal(index)) for index in place)


def nth(word: str, index: SupportsIndex) -> str:
    """What stands at an index, in words: row 3."""
    return f"{word} {ordinal(index)}".strip()


def at_step(word: str, index: int) -> str:
    """A step of a sequence, as its operations are marked: t = 3."""
    return f"{word} = {ordinal(index)}"
