"""Matrix products, and the forms in which one can be done: in one go, or as one call over several smaller pieces.

BLAS libraries have quick kernels for small matrices; cutting a large product into pieces reaches them. Whether that
pays depends on the machine, so the form of each product is a matter of the Plan.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from annstudio.engine.memory import empty
from annstudio.engine.op import Array

Call = Callable[[], Any]

SPLIT_ABOVE = 3e5
"""Products of fewer multiplications (rows · columns · inner) than this are always done in one go."""
COPIED_BELOW = 1e4
"""Products of fewer multiplications do not mind that an array is copied first."""
PIECE_SIZES = (1e6, 5e5)
MIN_INNER = 1024
WHOLE = "whole"


@dataclass(frozen=True, eq=False)
class Product:
    """`out = a · b`, still to be bound. Ops of the fast reading name their products so that a Plan can choose."""

    a: Array
    b: Array
    out: Array

    @property
    def size(self) -> tuple[int, int, int]:
        """Rows, columns, inner."""
        return self.a.shape[0], self.b.shape[1], self.a.shape[1]

    @property
    def work(self) -> int:
        rows, columns, inner = self.size
        return rows * columns * inner

    @property
    def key(self) -> str:
        """What tells products of different speed apart: sizes, number format, and how the arrays lie in memory."""
        lie = ",".join(str(s // x.itemsize) for x in (self.a, self.b, self.out) for s in x.strides)
        return f"{'x'.join(map(str, self.size))} {self.out.dtype.char} {lie}"

    def bind(self, form: str = WHOLE) -> list[Call]:
        """The calls that do it in a form from `forms`; whole where there is no such form of it."""
        if form == WHOLE or form not in self.forms():
            return [self._whole()]
        how, _, number = form.partition(":")
        return {"rows": self._rows, "columns": self._columns, "inner": self._inner}[how](int(number))

    def forms(self) -> Iterator[str]:
        """The forms worth trying."""
        yield WHOLE
        if self.work < SPLIT_ABOVE or not self.out.flags.c_contiguous:
            return
        found = set()
        for piece in PIECE_SIZES:
            least = int(-(-self.work // piece))
            for how, size in zip(("rows", "columns", "inner"), self.size, strict=True):
                if how == "inner" and size < MIN_INNER:
                    continue
                fits = (
                    n for n in range(max(least, 2), min(size, 4 * least + 8) + 1) if size % n == 0 and size // n > 3
                )
                number = next(fits, 0)
                if number and (how, number) not in found:
                    found.add((how, number))
                    yield f"{how}:{number}"

    def _whole(self) -> Call:
        # `dot` is quicker to call, but it copies what does not lie in one piece.
        in_one_piece = all(x.flags.c_contiguous or x.flags.f_contiguous for x in (self.a, self.b))
        if self.out.flags.c_contiguous and (in_one_piece or self.work < COPIED_BELOW):
            return partial(self.a.dot, self.b, self.out)
        return partial(np.matmul, self.a, self.b, self.out)

    def _rows(self, number: int) -> list[Call]:
        a, out = _cut(self.a, 0, number), _cut(self.out, 0, number)
        return [partial(np.matmul, a, self.b, out)]

    def _columns(self, number: int) -> list[Call]:
        b, out = _cut(self.b, 1, number), _cut(self.out, 1, number)
        return [partial(np.matmul, self.a, b, out)]

    def _inner(self, number: int) -> list[Call]:
        """Partial products over stretches of the inner dimension, then their sum."""
        a, b = _cut(self.a, 1, number), _cut(self.b, 0, number)
        parts = empty((number, *self.out.shape), self.out.dtype)
        ones = np.ones(number, self.out.dtype)
        return [partial(np.matmul, a, b, parts), partial(ones.dot, parts.reshape(number, -1), self.out.reshape(-1))]


def _cut(x: Array, axis: int, number: int) -> Array:
    """`x` as a stack of `number` pieces side by side along an axis: a view."""
    shape = list(x.shape)
    shape[axis] //= number
    return as_strided(x, (number, *shape), (x.strides[axis] * shape[axis], *x.strides))
