"""A batch done in pieces, perhaps by several threads at a time: each piece gives its share of loss and gradient.

Pieces that fit the cache are quicker than the whole, and NumPy lets two threads compute at once. BLAS itself stays on
one thread: its own threads wait for each other in a busy loop, and so take the time of whoever draws the window.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.memory import like
from annstudio.engine.noise import generator
from annstudio.engine.op import Array
from annstudio.engine.plan import Plan
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run

Load = Callable[[Array], None]
"""Puts the examples at some indices into a run."""


def divisible(program: Program) -> bool:
    """Whether a batch of this program may be cut up: no example knows of another, nothing is carried on."""
    return not program.couples_examples and all(slot.role is not Role.STATE for slot in program.slots)


@dataclass
class _Piece:
    """Some examples of the batch: where they are in it, the run that does them, and their share of it."""

    where: slice
    run: Run
    load: Load
    share: float


@dataclass
class _Hand:
    """What one thread does of a batch, with a gradient vector of its own."""

    gradients: Array
    total: Array
    pieces: list[_Piece] = field(default_factory=list)
    loss: float = 0.0
    hits: float = 0.0


class Team:
    """Threads, this one among them, and for each the vectors that it adds gradients up in. Crews of one arena that work
    one after the other can share it."""

    def __init__(self, arena: Arena, n: int) -> None:
        self.gradients = [arena.gradients, *(like(arena.gradients, 0) for _ in range(n - 1))]
        self.totals = [like(arena.gradients, 0) for _ in range(n)]
        self.helpers = [_Helper() for _ in range(n - 1)]

    def close(self) -> None:
        """End the threads."""
        for helper in self.helpers:
            helper.end()


class Crew:
    """Batches of one size in pieces. `hits` looks at a run that is done; its results are added up.

    With no `team` it has one of its own, which ends with it.
    """

    def __init__(
        self, program: Program, arena: Arena, n: int, plan: Plan, load: Callable[[Run], Load],
        hits: Callable[[Run], float] = lambda run: 0.0, team: Team | None = None,
    ) -> None:  # fmt: skip
        self._program, self._arena, self._count_hits = program, arena, hits
        # What every batch hands on to the next, every piece does; only the update waits for all of them.
        self._hands_on = any(slot.role is Role.STATE for slot in program.slots)
        size = plan.piece or -(-n // plan.threads)
        cuts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        threads = min(plan.threads, len(cuts))
        self._own = Team(arena, threads) if team is None else None
        team = self._own or team
        assert team is not None
        self._hands = [_Hand(*vectors) for vectors in zip(team.gradients[:threads], team.totals, strict=False)]
        for i, hand in enumerate(self._hands):
            self._equip(hand, cuts[i * len(cuts) // threads : (i + 1) * len(cuts) // threads], n, plan, load)
        self._noise = {
            noise.slot: np.zeros((*program.slots[noise.slot].shape, n), arena.dtype) for noise in program.noises
        }
        self._indices = np.zeros(0, np.intp)
        self._helpers = team.helpers[: threads - 1]
        self._helped = [partial(self._do, hand) for hand in self._hands[1:]]

    def to_loss(self, indices: Array, seed: int, step: int) -> float:
        """Do everything but the update for the examples at `indices`; the loss of the batch is given back."""
        self._indices = indices
        for noise in self._program.noises:
            noise.draw.fill(generator(seed, step, noise.key), self._noise[noise.slot])
        for helper, work in zip(self._helpers, self._helped, strict=True):
            helper.begin(work)
        self._do(self._hands[0])
        for helper in self._helpers:
            helper.wait()
        for hand in self._hands[1:]:
            np.add(self._arena.gradients, hand.gradients, self._arena.gradients)
        return sum(hand.loss for hand in self._hands)

    def update(self) -> float:
        """The update; how many hits the batch had is given back."""
        self._hands[0].pieces[0].run.update(states=not self._hands_on)
        return sum(hand.hits for hand in self._hands)

    def close(self) -> None:
        """End the threads, where they are its own."""
        if self._own is not None:
            self._own.close()

    @property
    def nbytes(self) -> int:
        """How much memory its arrays take."""
        runs = {id(piece.run): piece.run for hand in self._hands for piece in hand.pieces}
        return sum(run.nbytes for run in runs.values()) + sum(noise.nbytes for noise in self._noise.values())

    def _equip(self, hand: _Hand, cuts: list[slice], n: int, plan: Plan, load: Callable[[Run], Load]) -> None:
        """Runs for a hand's pieces; those of one size share one."""
        known: dict[int, tuple[Run, Load]] = {}
        for cut in cuts:
            size = cut.stop - cut.start
            if size not in known:
                run = Run(self._program, self._arena, size, plan, share=size / n, gradients=hand.gradients)
                known[size] = run, load(run)
            hand.pieces.append(_Piece(cut, *known[size], size / n))

    def _do(self, hand: _Hand) -> None:
        hand.loss = hand.hits = 0.0
        last = len(hand.pieces) - 1
        for i, piece in enumerate(hand.pieces):
            run = piece.run
            piece.load(self._indices[piece.where])
            for slot, numbers in self._noise.items():
                run.arrays[slot][...] = numbers[..., piece.where]
            run.to_loss()
            hand.loss += run.loss * piece.share
            run.to_update()
            if self._hands_on:
                run.hand_on()
            hand.hits += self._count_hits(run)
            if i == 0 and last:
                np.copyto(hand.total, hand.gradients)
            elif last:
                # The last sum is put where the update looks for it.
                np.add(hand.total, hand.gradients, hand.gradients if i == last else hand.total)


class _Helper:
    """A thread that does what it is told to."""

    def __init__(self) -> None:
        self._work: Callable[[], None] = lambda: None
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name="training helper", daemon=True)
        self._thread.start()

    def begin(self, work: Callable[[], None]) -> None:
        self._work = work
        self._go.release()

    def wait(self) -> None:
        """Until it is done. What went wrong there goes wrong here."""
        self._done.acquire()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        self._over = True
        self._go.release()
        self._thread.join()

    def _loop(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self._go.acquire()
                if self._over:
                    return
                try:
                    self._work()
                except BaseException as error:
                    self._error = error
                self._done.release()
