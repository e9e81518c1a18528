"""How much of a large network is written down: the first units of every layer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from annstudio.engine.op import Index, Shape
from annstudio.engine.program import Parameter


@dataclass(frozen=True)
class Extent:
    """Along every axis of every array at most `units` places; None: all of them."""

    units: int | None = None

    def places(self, shape: Shape) -> Iterator[Index]:
        return product(*(range(self._of(size)) for size in shape))

    def stored(self, parameter: Parameter) -> list[Index]:
        """The places in a parameter's stored array of the first units and their first weights, biases included."""
        if self.units is None:
            return list(self.places(parameter.shape))
        numbers = np.arange(parameter.size).reshape(parameter.shape)
        kept = [view.of(numbers) for view in parameter.views]
        found = sorted({int(i) for seen in kept for i in seen[(slice(self.units),) * seen.ndim].flat})
        return [tuple(int(i) for i in np.unravel_index(i, parameter.shape)) for i in found]

    def n_stored(self, parameter: Parameter) -> int:
        """How many those are."""
        stored = np.empty(parameter.shape, np.int8)
        return sum(self.count(view.of(stored).shape) for view in parameter.views)

    def count(self, shape: Shape) -> int:
        return math.prod(self._of(size) for size in shape)

    def _of(self, size: int) -> int:
        return size if self.units is None else min(size, self.units)
