"""Layers that lay values out anew, as bound calls."""

from functools import partial

import numpy as np

from annstudio.engine.calls import bound, reduced
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.resizing import Enlarged
from annstudio.layers.shaping import Repeated


class FastRepeated(Repeated):
    """The same at every step."""

    def forward_calls(self, y: Array, x: Array) -> Calls:
        return [partial(np.copyto, y, x)]

    def backward_calls(self, dx: Array, dy: Array) -> Calls:
        return [reduced(np.add, dy, 0, dx)]


class FastEnlarged(Enlarged):
    """Every pixel in all places of its rectangle."""

    def forward_calls(self, y: Array, x: Array) -> Calls:
        return [partial(np.copyto, part, x) for part in self._parts(y)]

    def backward_calls(self, dx: Array, dy: Array) -> Calls:
        parts = self._parts(dy)
        if len(parts) == 1:
            return [partial(np.copyto, dx, parts[0])]
        return [bound(np.add, *parts[:2], dx), *(bound(np.add, dx, part, dx) for part in parts[2:])]

    def _parts(self, y: Array) -> list[Array]:
        """For every place in a rectangle, the view of y that has that place of all of them."""
        (h, w) = self.size
        return [y[:, u::h, v::w] for u in range(h) for v in range(w)]


twin_of(Repeated)(lambda op: FastRepeated(op.times))
twin_of(Enlarged)(lambda op: FastEnlarged(op.size))
