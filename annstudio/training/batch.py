"""How batches are done: examples in, forward to the loss; then, if the loss is good, the way back and the update."""

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Protocol

from annstudio.data.order import Indices
from annstudio.engine.arena import Arena
from annstudio.engine.crew import Crew, Team, divisible
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.training.batches import Load, Rows
from annstudio.training.buckets import Buckets, Kept
from annstudio.training.control import Control
from annstudio.training.metrics import Judge


@dataclass
class Told:
    """What batches tell: the loss of each, and how many examples of each were right where that means something."""

    losses: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)


class Batch(Protocol):
    """Batches of one size, each ending in an update."""

    def go(self, order: Indices, position: int, count: int, step: int, told: Told, control: Control) -> bool:
        """Do the next `count` batches of the examples in `order` from `position` on, or fewer if something is asked.

        `step` is the number of the first. Every one that is done has its loss in `told`; where a loss is not finite
        nothing is updated, it is not told, and the answer is False.
        """

    @property
    def nbytes(self) -> int:
        """How much memory its arrays take."""

    def close(self) -> None:
        """No more batches."""


@dataclass(frozen=True)
class Making:
    """What batches of every size are made from. `most` examples at a time are sent through (gradient accumulation).
    Batches that are done in pieces share a `team`, where one is given."""

    program: Program
    arena: Arena
    rows: Rows
    judge: Judge | None
    seed: int
    plan: Plan
    most: int
    team: Team | None = None

    def for_program(self, program: Program) -> "Making":
        """The same for another program of the network."""
        return replace(self, program=program, judge=self.judge and self.judge.of(program))

    def of(self, n: int, *, everything: bool) -> Batch:
        """Batches of `n` examples. `everything`: these are all examples there are."""
        parts = divisible(self.program)
        if n > self.most:
            piece = min(self.most, self.plan.piece or self.most) if parts else self.most
            return _InPieces(self, n, replace(self.plan, piece=piece, threads=self.plan.threads if parts else 1))
        if (self.plan.threads > 1 or 0 < self.plan.piece < n) and n > 1 and parts:
            return _InPieces(self, n, self.plan)
        return _Whole(self, n, everything=everything)


class _Whole:
    """Sent through in one piece."""

    def __init__(self, making: Making, n: int, *, everything: bool) -> None:
        self._arena, self._judge, self._seed = making.arena, making.judge, making.seed
        self._run = Run(making.program, making.arena, n, making.plan)
        self._load: Load | None = making.rows.loader(self._run)
        self._noisy = bool(making.program.noises)
        self._everything = everything

    def go(self, order: Indices, position: int, count: int, step: int, told: Told, control: Control) -> bool:
        # For tiny networks every line here counts: it is done for every batch.
        run, arena, judge, load = self._run, self._arena, self._judge, self._load
        ahead, rest, loss_of, add, n = run.ahead, run.after_loss, run.loss_of, told.losses.append, run.n
        for i in range(count):
            if load:
                load(order[position : position + n])
                position += n
                if self._everything:
                    # All examples are loaded once: their order means nothing, so it is always the same.
                    load = self._load = None
            if self._noisy:
                run.begin(self._seed, step + i)
            for call in ahead:
                call()
            loss = loss_of()
            if not isfinite(loss):
                return False
            for call in rest:
                call()
            arena.t += 1
            add(loss)
            if judge:
                told.hits.append(judge.hits(run))
            if control.asked:
                break
        return True

    @property
    def nbytes(self) -> int:
        return self._run.nbytes

    def close(self) -> None:
        pass


class _InPieces:
    """Done by a crew."""

    def __init__(self, making: Making, n: int, plan: Plan) -> None:
        self._judge, self._seed, self._n = making.judge, making.seed, n
        hits = making.judge.hits if making.judge else lambda run: 0.0
        self._crew = Crew(making.program, making.arena, n, plan, making.rows.loader, hits, making.team)

    def go(self, order: Indices, position: int, count: int, step: int, told: Told, control: Control) -> bool:
        for i in range(count):
            start = position + i * self._n
            loss = self._crew.to_loss(order[start : start + self._n], self._seed, step + i)
            if not isfinite(loss):
                return False
            hits = self._crew.update()
            told.losses.append(loss)
            if self._judge:
                told.hits.append(hits)
            if control.asked:
                break
        return True

    @property
    def nbytes(self) -> int:
        return self._crew.nbytes

    def close(self) -> None:
        self._crew.close()


class Batches:
    """Batches of every size, made when the first is wanted: of all `n_all` examples, and of fewer. With `buckets` those
    of short sequences go through shorter programs."""

    def __init__(self, making: Making, n_all: int, buckets: Buckets | None) -> None:
        self._making = making
        self._n_all = n_all
        self._buckets = buckets if buckets is not None and buckets.useful else None
        self._kept: Kept[Batch] = Kept(lambda batch: batch.close())
        self._team: Team | None = None

    def of(self, order: Indices, position: int, n: int, most: int) -> tuple[Batch, int]:
        """How the `n` examples from `position` on are done, and how many such batches, `most` at most, come in a row
        that are done alike."""
        size, alike = 0, most
        if self._buckets is not None:
            size = self._buckets.size(order[position : position + n])
            if n < len(order):
                alike = 1
                while alike < most and self._is_of(size, order[position + alike * n : position + (alike + 1) * n]):
                    alike += 1
        return self._kept.get(n, size) or self._kept.put(n, size, self._new(n, size)), alike

    def _is_of(self, size: int, indices: Array) -> bool:
        assert self._buckets is not None
        return self._buckets.size(indices) == size

    def _new(self, n: int, size: int) -> Batch:
        making = self._making
        if self._team is None and making.plan.threads > 1:
            self._team = Team(making.arena, making.plan.threads)
        making = replace(making, team=self._team)
        shorter = self._buckets.shorter(size) if self._buckets is not None and size else None
        if shorter is not None:
            making = making.for_program(shorter.fast)
        return making.of(n, everything=n == self._n_all)

    def forget(self, most: int) -> None:
        """Make them anew; so many examples at a time are sent through from now on."""
        self._kept.clear()
        self._making = replace(self._making, most=most)

    @property
    def most(self) -> int:
        """How many examples at a time are sent through."""
        return self._making.most

    def close(self) -> None:
        """No more batches."""
        self._kept.clear()
        if self._team is not None:
            self._team.close()
