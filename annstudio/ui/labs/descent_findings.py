"""What the descent laboratory has found out so far, and until when it holds."""

from collections.abc import Container
from dataclasses import replace

import numpy as np

from annstudio.session.labs.descent import Cut, Raced, Retraced
from annstudio.training.minibatches import Comparison
from annstudio.training.trace import Track
from annstudio.ui.labs.descent_look import RUN, DrawnWay


class Findings:
    """The newest of every kind; `seen` are step, across and up of the moments at which a run was looked at."""

    def __init__(self) -> None:
        self.cut: Cut | None = None
        self.raced: Raced | None = None
        self.retraced: Retraced | None = None
        self.sampled: Comparison | None = None
        self.sampled_at = (0.0, 0.0)
        self.seen: list[tuple[int, float, float]] = []
        self.following = False

    def keep(self, found: object) -> None:
        """Take in what a piece of work has brought."""
        match found:
            case Cut():
                self._keep_cut(found)
            case Raced():
                self.raced = found
            case Retraced():
                self.retraced = found
            case Comparison():
                self.sampled = found

    def _keep_cut(self, found: Cut) -> None:
        before = self.cut
        if (found.surface is None or not len(found.surface.xs)) and before is not None and before.plane == found.plane:
            # Until there is something to see, what was there stays.
            found = replace(found, surface=before.surface)
        self.cut = found

    def follow(self, step: int, here: tuple[float, float]) -> None:
        """Note where the two weights are in the run that is under way. It began where the surface was cut."""
        if not self.following:
            self.following, self.retraced = True, None
            self.seen = [] if self.cut is None else [(self.cut.ground.step, *self.cut.here)]
        if not self.seen or self.seen[-1][1:] != here:
            self.seen.append((step, *here))

    def forget(self) -> None:
        """The ground is another: ways and gradients belong to the other weights as they were. A run that has just ended
        has brought the weights here: what was seen of it stays."""
        self.raced = self.retraced = self.sampled = None
        if not self.following:
            self.seen = []
        self.following = False

    @property
    def run(self) -> Track | None:
        """The way of the run: as it was done again, else as it was seen while it trained."""
        if self.retraced is not None:
            return self.retraced.way.track if len(self.retraced.way.track.steps) else None
        if len(self.seen) < 2:
            return None
        steps, across, up = np.array(self.seen).T
        return Track(steps, np.stack([across, up], 1), np.full(len(steps), np.nan))

    @property
    def run_ended_here(self) -> bool:
        """Whether the run's way ends at the weights of now."""
        return self.retraced.exact is True if self.retraced is not None else not self.following

    def ways(self) -> tuple[DrawnWay, ...]:
        """All ways that have begun, the run's first."""
        ways = [] if self.run is None else [DrawnWay(RUN, self.run)]
        if self.raced is not None:
            titles = [optimizer.title for optimizer in self.raced.race.optimizers]
            ways += [DrawnWay(title, way.track) for title, way in zip(titles, self.raced.ways, strict=True)]
        return tuple(way for way in ways if len(way.track.steps))

    def share(self, under_way: Container[str]) -> float | None:
        """How much of what is under way is done; None where that is not known yet."""
        if "surface" in under_way:
            return None if self.cut is None or self.cut.surface is None else self.cut.surface.done
        if "ways" in under_way and self.raced is not None:
            done = [way.track.steps[-1] if len(way.track.steps) else 0 for way in self.raced.ways]
            return float(min(done)) / self.raced.race.steps
        if "run" in under_way and self.retraced is not None and self.run is not None:
            return float(self.run.steps[-1]) / self.retraced.steps
        return None
