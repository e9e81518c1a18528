"""How one batch is done: examples in, forward to the loss; then, if the loss is good, the way back and the update."""

from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import Rows
from annstudio.training.metrics import Judge


class Whole:
    """Batches of one size, sent through in one piece."""

    def __init__(
        self, program: Program, arena: Arena, rows: Rows, judge: Judge | None, n: int, seed: int, plan: Plan
    ) -> None:  # fmt: skip
        self.n = n
        self._run = Run(program, arena, n, plan)
        self._load = rows.loader(self._run)
        self._judge = judge
        self._seed = seed
        # A batch of all examples is loaded once: their order means nothing, so it is always the same.
        self._for_good = False

    def to_loss(self, indices: Array, step: int, *, everything: bool) -> float:
        """Load the batch of a training step and go as far as its loss. `everything`: these are all examples."""
        run = self._run
        if not self._for_good:
            self._load(indices)
            self._for_good = everything
        run.begin(self._seed, step)
        run.to_loss()
        return run.loss

    def update(self) -> float:
        """The rest of the step; the number of examples that were right is given back (0 where that means nothing)."""
        self._run.finish()
        return self._judge.hits(self._run) if self._judge else 0.0
