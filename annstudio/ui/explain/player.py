"""Stepping by itself: one moment after the other at a chosen pace, never faster than it can be drawn."""

from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.explain.walk import Walk
from annstudio.ui.explain.tour import Tour

SPEEDS = (0.5, 1.0, 2.0, 5.0, 20.0)
"""Steps a second that can be chosen."""
_AT_FIRST = 2
_FRAME = 5
"""So many milliseconds later it is looked again whether the last moment has been painted."""


class Player(QObject):
    """Plays a Tour. It stops at breakpoints, at the end of the batch unless it `runs_on` into the next, and whenever
    somebody else goes somewhere. `changed`: it began or ended, or plays otherwise."""

    changed = Signal()

    def __init__(self, tour: Tour, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.playing = False
        self.runs_on = False
        self.speed = SPEEDS[_AT_FIRST]
        self._painted = True
        self._stepping = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)
        tour.moved.connect(self._moved)
        tour.begun.connect(self._moved)

    def toggle(self) -> None:
        if self.playing:
            self.stop()
        else:
            self.play()

    def play(self) -> None:
        """From here on; at the end once more from the start, or into the next batch."""
        walk = self.tour.walk
        if walk is None or not len(walk):
            return
        self._set(True)
        if self._over:
            self._go(lambda: self.tour.to(0))
        self._timer.start(0)

    def stop(self) -> None:
        self._timer.stop()
        self._set(False)

    def toggle_on(self) -> None:
        """Run on into the next batch, or no longer."""
        self.runs_on = not self.runs_on
        self.changed.emit()

    def choose_speed(self, speed: float) -> None:
        """So many steps a second from now on."""
        if speed != self.speed:
            self.speed = speed
            if self._timer.isActive():
                self._timer.start(min(self._timer.remainingTime(), round(1000 / speed)))
            self.changed.emit()

    def change_speed(self, by: int) -> None:
        """The next faster speed, or the next slower one."""
        at = SPEEDS.index(self.speed) + by
        self.choose_speed(SPEEDS[max(0, min(at, len(SPEEDS) - 1))])

    def seen(self) -> None:
        """The moment at hand has been painted."""
        self._painted = True

    # Private ---------------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        if not self._painted:
            # The drawing is slower than the pace: wait for it.
            self._timer.start(_FRAME)
            return
        began, before = monotonic(), self._here
        self._painted = False
        self._go(self.tour.step)
        # Where it could not go on, that has been said.
        if self._over or self._here == before or self._at_stop:
            self.stop()
        else:
            spent = round(1000 * (monotonic() - began))
            self._timer.start(max(0, round(1000 / self.speed) - spent))

    def _go(self, way: Callable[[], None]) -> None:
        self._stepping = True
        try:
            way()
        finally:
            self._stepping = False

    @property
    def _here(self) -> tuple[Walk | None, int]:
        walk = self.tour.walk
        return walk, walk.place if walk is not None else 0

    @property
    def _over(self) -> bool:
        """Whether there is nothing more to be played."""
        walk = self.tour.walk
        at_end = walk is None or walk.place >= len(walk)
        return at_end and not (self.runs_on and self.tour.can_go_on)

    @property
    def _at_stop(self) -> bool:
        walk = self.tour.walk
        return walk is not None and walk.place in walk.stops(self.tour.breakpoints)

    def _moved(self) -> None:
        if self.playing and not self._stepping:
            self.stop()

    def _set(self, playing: bool) -> None:
        if playing != self.playing:
            self.playing = playing
            self._painted = True
            self.changed.emit()
