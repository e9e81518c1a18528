"""How one batch is done: examples in, forward to the loss; then, if the loss is good, the way back and the update."""

from typing import Protocol

from annstudio.engine.arena import Arena
from annstudio.engine.crew import Crew, divisible
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import Load, Rows
from annstudio.training.metrics import Judge


class Batch(Protocol):
    """Batches of one size."""

    def to_loss(self, indices: Array, step: int) -> float:
        """Load the batch of a training step and go as far as its loss."""

    def update(self) -> float:
        """The rest of the step; the number of examples that were right is given back (0 where that means nothing)."""

    def close(self) -> None:
        """No more batches."""


def batch_of(
    program: Program, arena: Arena, rows: Rows, judge: Judge | None, n: int, seed: int, plan: Plan, *, everything: bool
) -> Batch:  # fmt: skip
    """Batches of `n` examples, done as the plan says. `everything`: these are all examples there are."""
    if (plan.threads > 1 or 0 < plan.piece < n) and n > 1 and divisible(program):
        return _InPieces(program, arena, rows, judge, n, seed, plan)
    return _Whole(program, arena, rows, judge, n, seed, plan, everything=everything)


class _Whole:
    """Sent through in one piece."""

    def __init__(
        self, program: Program, arena: Arena, rows: Rows, judge: Judge | None, n: int, seed: int, plan: Plan,
        *, everything: bool,
    ) -> None:  # fmt: skip
        self._run = Run(program, arena, n, plan)
        self._load: Load | None = rows.loader(self._run)
        self._judge = judge
        self._seed = seed
        self._noisy = bool(program.noises)
        self._everything = everything

    def to_loss(self, indices: Array, step: int) -> float:
        run = self._run
        if self._load is not None:
            self._load(indices)
            if self._everything:
                # All examples are loaded once: their order means nothing, so it is always the same.
                self._load = None
        if self._noisy:
            run.begin(self._seed, step)
        run.to_loss()
        return run.loss

    def update(self) -> float:
        self._run.finish()
        return self._judge.hits(self._run) if self._judge else 0.0

    def close(self) -> None:
        pass


class _InPieces:
    """Done by a crew."""

    def __init__(
        self, program: Program, arena: Arena, rows: Rows, judge: Judge | None, n: int, seed: int, plan: Plan
    ) -> None:  # fmt: skip
        self._crew = Crew(program, arena, n, plan, rows.loader, judge.hits if judge else lambda run: 0.0)
        self._seed = seed

    def to_loss(self, indices: Array, step: int) -> float:
        return self._crew.to_loss(indices, self._seed, step)

    def update(self) -> float:
        return self._crew.update()

    def close(self) -> None:
        self._crew.close()
