"""Where single weights went while a network trained: noted after every update, thinned as the way grows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.op import Array, Index

Coordinate = tuple[str, Index]
"""One number of one view: its name (`hidden/W`) and where in the view it stands."""
MOST = 4096


@dataclass(frozen=True, eq=False)
class Track:
    """A way through the weights: after `steps` (n,) updates the weights were at `points` (n, places), and the batch
    that was next had `losses` (n,), NaN where there was none any more."""

    steps: Array
    points: Array
    losses: Array


class Trace:
    """Notes the weights at `places` while a trainer goes; another thread may read the `track` at any time."""

    def __init__(self, places: Sequence[Coordinate]) -> None:
        self.places = tuple(places)
        self._arena: Arena | None = None
        self._every = 1
        self._noted: tuple[int, list[tuple[float, ...]], list[float]] = (1, [], [])
        self._last: tuple[int, tuple[float, ...]] = (0, ())

    def begin(self, arena: Arena) -> None:
        """Note where the weights begin. Raises KeyError and IndexError where there is no such number."""
        self._arena = arena
        start = self._here()
        self._every, self._noted, self._last = 1, (1, [start], []), (0, start)

    def note(self, loss: float) -> None:
        """One more update is done; its batch had this loss before."""
        every, points, losses = self._noted
        done = self._last[0]
        if done % every == 0:
            losses.append(loss)
        here = self._here()
        self._last = (done + 1, here)
        if (done + 1) % every == 0:
            points.append(here)
        if len(points) > MOST:
            # Whoever reads meanwhile keeps the lists of before, which are whole.
            self._noted = (2 * every, points[::2], losses[::2])

    @property
    def track(self) -> Track:
        """The way up to now; empty before training has begun."""
        every, points, losses = self._noted
        n, (done, here) = len(points), self._last
        steps, places = [i * every for i in range(n)], points[:n]
        if n and done > steps[-1]:
            steps, places = [*steps, done], [*places, here]
        known = losses[: len(steps)]
        return Track(
            np.array(steps),
            np.array(places, float).reshape(len(steps), len(self.places)),
            np.array([*known, *[np.nan] * (len(steps) - len(known))]),
        )

    def _here(self) -> tuple[float, ...]:
        assert self._arena is not None
        return tuple(float(self._arena.view(key)[index]) for key, index in self.places)
