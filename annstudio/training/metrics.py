"""How good a network is, in figures that people quote: the loss, and the share of right answers."""

from dataclasses import dataclass

import numpy as np

from annstudio.data.base import Dataset
from annstudio.data.order import Indices
from annstudio.engine.arena import Arena
from annstudio.engine.program import Judged, Program
from annstudio.engine.run import Run
from annstudio.training.batches import Rows, pieces

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Judge:
    """Counts right answers of one output: the likeliest class, or on which side of ½ a yes-or-no value lies.

    `kind` is `classes`, `binary` or empty where the target is no matter of right or wrong.
    """

    output: int
    target: int
    kind: str
    threshold: float = 0.5

    def hits(self, run: Run) -> float:
        """How many examples of the batch in the run are right."""
        output, target = run.arrays[self.output], run.arrays[self.target]
        if self.kind == "classes":
            return float(np.count_nonzero(output.argmax(0) == target.argmax(0)))
        return float(np.count_nonzero((output > self.threshold) == (target > 0.5)))


def judge_of(program: Program, dataset: Dataset) -> Judge | None:
    """The judge of a program's first loss; None where accuracy means nothing."""
    if not program.judged:
        return None
    judged = program.judged[0]
    kind = _kind(judged, dataset)
    return Judge(judged.output, judged.target, kind, judged.threshold) if kind else None


def _kind(judged: Judged, dataset: Dataset) -> str:
    if judged.encoding == "onehot":
        return "classes"
    if judged.encoding == "binary":
        return "binary"
    values = dataset.excerpt.columns[judged.column].array
    return "binary" if values[0].shape == (1,) and np.isin(values, (0.0, 1.0)).all() else ""


@dataclass(frozen=True)
class Score:
    """Mean loss and share of right answers; NaN where there is none."""

    loss: float
    accuracy: float


NO_SCORE = Score(np.nan, np.nan)


class Evaluator:
    """Runs the prediction program over examples; its Runs are kept for the next time."""

    def __init__(self, program: Program, arena: Arena, rows: Rows) -> None:
        self._program = program
        self._arena = arena
        self._rows = rows
        self._judge = judge_of(program, rows.dataset)
        self._runs: dict[int, Run] = {}

    def score(self, indices: Indices) -> Score:
        """Over the examples at `indices`: every one counts alike, whatever the pieces."""
        if not len(indices) or self._program.loss is None:
            return NO_SCORE
        loss = hits = 0.0
        for piece in pieces(indices, EVALUATION_BATCH):
            run = self._run(len(piece))
            run.load(self._rows.feeds(self._program, piece))
            with np.errstate(all="ignore"):
                run.finish()
            loss += run.loss * len(piece)
            hits += self._judge.hits(run) if self._judge else 0.0
        return Score(loss / len(indices), hits / len(indices) if self._judge else np.nan)

    def _run(self, n: int) -> Run:
        if n not in self._runs:
            self._runs[n] = Run(self._program, self._arena, n)
        return self._runs[n]
