"""A network asked again and again, as the window does while training: the arrays for it are made once."""

from collections.abc import Callable, Sequence

import numpy as np

from annstudio.data.order import Indices
from annstudio.engine.arena import Arena, Weights
from annstudio.engine.layout import to_user
from annstudio.engine.op import Array
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import pieces

KEPT_RUNS = 4
"""Of so many sizes of batches the arrays are kept."""
KEPT_BYTES = 1 << 25
"""Larger arrays are made anew each time, and let go."""


class Answering:
    """The results of a program's `ends`, the last nodes, with whatever weights. For one thread at a time."""

    def __init__(self, program: Program, dtype: str, ends: Sequence[str]) -> None:
        self._program, self._ends = program, ends
        self._arena = Arena(program, dtype)
        self._runs: dict[int, Run] = {}

    def results(
        self, indices: Indices, rows: Callable[[Program, Array], dict[int, Array]], weights: Weights, batch: int
    ) -> dict[str, Array]:
        """Results by end in users' layout, examples first; `rows` gives the feeds of some of `indices`."""
        self._arena.load(weights)
        parts: dict[str, list[Array]] = {node: [] for node in self._ends}
        for piece in pieces(indices, batch):
            run = self._run(len(piece))
            run.load(rows(self._program, piece))
            run.finish()
            for node in self._ends:
                parts[node].append(to_user(run.output(node)).copy())
        return {node: np.concatenate(arrays) for node, arrays in parts.items()}

    def _run(self, n: int) -> Run:
        run = self._runs.pop(n, None) or Run(self._program, self._arena, n)
        if sum(array.nbytes for array in run.arrays) <= KEPT_BYTES:
            # The one asked for last stands last.
            self._runs[n] = run
            if len(self._runs) > KEPT_RUNS:
                del self._runs[next(iter(self._runs))]
        return run
