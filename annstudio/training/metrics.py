"""How good a network is, in figures that people quote: the loss, and the share of right answers."""

from dataclasses import dataclass, replace

import numpy as np

from annstudio.data.base import Dataset
from annstudio.data.order import Indices
from annstudio.engine.arena import Arena
from annstudio.engine.lengths import counting
from annstudio.engine.op import Array
from annstudio.engine.program import Judged, Program
from annstudio.engine.run import Run
from annstudio.training.batches import Rows, pieces
from annstudio.training.buckets import Buckets, Kept

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Judge:
    """Counts right answers of one output: the likeliest class, or on which side of ½ a yes-or-no value lies.

    Of a sequence the share of its steps that are right counts; steps behind its end are not asked. Every sequence
    counts alike, as in the loss.

    `kind` is `classes`, `binary` or empty where the target is no matter of right or wrong.
    """

    output: int
    target: int
    kind: str
    threshold: float = 0.5
    lengths: int | None = None

    def of(self, program: Program) -> "Judge":
        """The same judge for another program of the network."""
        judged = program.judged[0]
        return replace(self, output=judged.output, target=judged.target, lengths=judged.lengths)

    def hits(self, run: Run) -> float:
        """How many examples of the batch in the run are right."""
        output, target = run.arrays[self.output], run.arrays[self.target]
        if self.kind == "classes":
            classes = output.ndim - 2
            right = output.argmax(classes) == target.argmax(classes)
        else:
            right = ((output > self.threshold) == (target > 0.5))[..., 0, :]
        return self._of_steps(right, run) if right.ndim > 1 else float(np.count_nonzero(right))

    def _of_steps(self, right: Array, run: Run) -> float:
        """The sum of what share of its steps is right in every sequence."""
        steps = len(right)
        lengths = np.array(steps) if self.lengths is None else run.arrays[self.lengths]
        right_ones = np.count_nonzero(right & counting(lengths, steps), 0)
        return float(np.sum(right_ones / np.clip(lengths, 1, steps)))


def judge_of(program: Program, dataset: Dataset) -> Judge | None:
    """The judge of a program's first loss; None where accuracy means nothing."""
    if not program.judged:
        return None
    judged = program.judged[0]
    kind = _kind(judged, dataset)
    return Judge(judged.output, judged.target, kind, judged.threshold, judged.lengths) if kind else None


def _kind(judged: Judged, dataset: Dataset) -> str:
    if judged.encoding == "onehot":
        return "classes"
    if judged.encoding == "binary":
        return "binary"
    values = dataset.excerpt.columns[judged.column].array
    single, sequence = values.shape[-1] == 1, values.ndim == 3
    if values.ndim > 3 or not (single or sequence) or not np.isin(values, (0.0, 1.0)).all():
        return ""
    # The steps of a sequence are told their classes as unit vectors; those behind its end may be told nothing.
    return "binary" if single else "classes" if (values.sum(-1) <= 1).all() else ""


@dataclass(frozen=True)
class Score:
    """Mean loss and share of right answers; NaN where there is none."""

    loss: float
    accuracy: float


NO_SCORE = Score(np.nan, np.nan)


class Evaluator:
    """Runs the prediction program over examples; its Runs are kept for the next time. With `buckets`, short sequences
    go together, through shorter programs."""

    def __init__(self, program: Program, arena: Arena, rows: Rows, buckets: Buckets | None = None) -> None:
        self._program = program
        self._arena = arena
        self._rows = rows
        self._judge = judge_of(program, rows.dataset)
        self._buckets = buckets if buckets is not None and buckets.useful else None
        self._runs: Kept[Run] = Kept()

    def score(self, indices: Indices) -> Score:
        """Over the examples at `indices`: every one counts alike, whatever the pieces."""
        if not len(indices) or self._program.loss is None:
            return NO_SCORE
        loss = hits = 0.0
        if self._buckets is not None:
            indices = indices[:]
            indices = indices[np.argsort(self._buckets.needed(indices), kind="stable")]
        for piece in pieces(indices, EVALUATION_BATCH):
            run = self._run(piece)
            run.load(self._rows.feeds(run.program, piece))
            with np.errstate(all="ignore"):
                run.finish()
            loss += run.loss * len(piece)
            hits += self._judge.of(run.program).hits(run) if self._judge else 0.0
        return Score(loss / len(indices), hits / len(indices) if self._judge else np.nan)

    def _run(self, piece: Array) -> Run:
        n, size = len(piece), self._buckets.size(piece) if self._buckets is not None else 0
        shorter = self._buckets.shorter(size) if self._buckets is not None and size else None
        program = self._program if shorter is None else shorter.predict
        return self._runs.get(n, size) or self._runs.put(n, size, Run(program, self._arena, n))
