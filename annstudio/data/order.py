"""In which order examples come. Up to some hundred thousand it is an array; beyond, it is worked out piece by piece.

A permutation of a hundred million examples takes 800 MB, three of them (split, epoch, both) more than most data sets.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import TypeAlias

import numpy as np

from annstudio.data.lazy import Array

MANY = 1 << 18
"""Up to so many examples orders are arrays, and a split gives every class its share."""
AHEAD = 1 << 14
"""How many numbers of an order are worked out at a time."""
ROUNDS = 6

_ONE = np.uint64(1)
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mixed(numbers: Array, key: int) -> Array:
    """Whole numbers without pattern in 0..2⁶⁴-1, one for each of `numbers`: a pure function of it and the key.

    Source: the finaliser of SplitMix64 (Steele, Lea & Flood, 2014).
    """
    with np.errstate(over="ignore"):
        z: Array = (numbers.astype(np.uint64) + _ONE) * _STEP + np.uint64(key % 2**64)
        z ^= z >> np.uint64(30)
        z *= _FIRST
        z ^= z >> np.uint64(27)
        z *= _SECOND
        z ^= z >> np.uint64(31)
    return z


def key_of(*numbers: int) -> int:
    """One key made of several numbers, such as seed and epoch."""
    key = 0
    for number in numbers:
        key = int(mixed(np.array([number]), key)[0])
    return key


class Shuffle:
    """A permutation of 0..n-1 that is never written down: called with places, it gives what stands there.

    Source: Black & Rogaway (2002), the generalised Feistel cipher with cycle-walking: numbers are written as pairs
    (l, r) with l < a, r < b; each round adds to one half a function of the other, which can always be taken back, and
    what falls out of range is sent round again.
    """

    def __init__(self, n: int, *key: int) -> None:
        self._n = n
        self._a = isqrt(max(n - 1, 0)) + 1
        self._b = -(-n // self._a)
        self._keys = [key_of(*key, i) for i in range(ROUNDS)]

    def __call__(self, places: Array) -> Array:
        found = self._once(np.asarray(places).astype(np.uint64))
        outside = np.flatnonzero(found >= self._n)
        while len(outside):
            found[outside] = self._once(found[outside])
            outside = outside[found[outside] >= self._n]
        return found.astype(np.intp)

    def _once(self, numbers: Array) -> Array:
        a, b = np.uint64(self._a), np.uint64(self._b)
        left: Array = numbers // b
        right: Array = numbers % b
        for i, key in enumerate(self._keys):
            if i % 2:
                right = (right + mixed(left, key) % b) % b
            else:
                left = (left + mixed(right, key) % a) % a
        return np.asarray(left * b + right)


class Order:
    """Numbers of examples in an order that is worked out where it is asked for: `len(order)`, `order[start:stop]`.

    `number(places)` gives the examples at these places. Whoever goes through it from front to back pays for each
    number once; not to be shared by threads.
    """

    def __init__(self, n: int, number: Callable[[Array], Array]) -> None:
        self._n = n
        self._number = number
        self._start, self._ready = 0, np.zeros(0, np.intp)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, where: slice) -> Array:
        start, stop, _ = where.indices(self._n)
        if not self._start <= start <= stop <= self._start + len(self._ready):
            end = min(max(start + AHEAD, stop), self._n)
            self._start, self._ready = start, self._number(np.arange(start, end))
        return self._ready[start - self._start : max(start, stop) - self._start]

    def part(self, start: int, stop: int) -> Order:
        """The order of what stands from `start` to before `stop`."""
        return Order(stop - start, lambda places: self._number(places + start))

    def shuffled(self, *key: int) -> Order:
        """The same examples in another order, which `key` decides."""
        shuffle = Shuffle(self._n, *key)
        return Order(self._n, lambda places: self._number(shuffle(places)))


Indices: TypeAlias = Array | Order
"""Numbers of examples in an order; ask for a stretch of them."""


def all_shuffled(n: int, *key: int) -> Order:
    """All of n examples, in an order that `key` decides."""
    return Order(n, Shuffle(n, *key))
