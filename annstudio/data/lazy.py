"""Numbers that are read or made only where they are asked for: columns that are larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Where: TypeAlias = "slice | Array"
"""Some examples: a stretch of them, or their numbers."""

LARGE_BYTES = 1 << 26
"""A column above this size is neither copied as a whole nor looked at as a whole."""
CHUNK_BYTES = 1 << 22
"""How much is looked at at a time where everything has to be looked at once."""


class LazyArray:
    """An array (N, ...) of which only examples can be had: `array[i]`, `array[start:stop]`, `array[numbers]`.

    `read(where)` gives the examples at a slice or at an array of numbers, as an array of `dtype` (n, ...). It is a
    pure function and may be called by several threads at a time.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[Where], Array]) -> None:
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._read = read

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes all of it would take."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: int | np.integer[Any] | Where) -> Array:
        if isinstance(where, int | np.integer):
            i = range(len(self))[int(where)]
            one: Array = self._read(np.array([i]))[0]
            return one
        return self._read(where)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        # NumPy would ask for one example after the other until memory is full.
        raise TypeError(f"an array of {self.nbytes:,} bytes is not made in one piece: ask for some of its examples")


Values: TypeAlias = Array | LazyArray


def numbers_of(where: Where, n: int) -> Array:
    """The numbers of the examples that are meant by `where`, of `n`."""
    return np.arange(*where.indices(n)) if isinstance(where, slice) else np.asarray(where)


def chunks(values: Values) -> Iterator[Array]:
    """All examples in stretches of a few MB, for what has to see every one of them."""
    size = max(1, CHUNK_BYTES // max(1, values.nbytes // max(1, len(values))))
    for start in range(0, len(values), size):
        yield values[start : start + size]
