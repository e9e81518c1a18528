"""Stepping by itself: one moment after the other at a chosen pace, never faster than it can be drawn."""

from time import monotonic

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.ui.explain.tour import Tour

SPEEDS = (0.5, 1.0, 2.0, 5.0, 20.0)
"""Steps a second that can be chosen."""
_AT_FIRST = 2
_FRAME = 5
"""So many milliseconds later it is looked again whether the last moment has been painted."""


class Player(QObject):
    """Plays a Tour. It stops at breakpoints, at the end, and whenever somebody else goes somewhere. `changed`: it began
    or ended, or another speed was chosen."""

    changed = Signal()

    def __init__(self, tour: Tour, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.playing = False
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
        """From here on; at the end once more from the start."""
        walk = self.tour.walk
        if walk is None or not len(walk):
            return
        self._set(True)
        self._stepping = True
        if walk.place == len(walk):
            self.tour.to(0)
        self._stepping = False
        self._timer.start(0)

    def stop(self) -> None:
        self._timer.stop()
        self._set(False)

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
        began, walk = monotonic(), self.tour.walk
        if walk is None:
            self.stop()
            return
        self._painted = False
        self._stepping = True
        self.tour.step()
        self._stepping = False
        if walk.place == len(walk) or walk.place in walk.stops(self.tour.breakpoints):
            self.stop()
        else:
            spent = round(1000 * (monotonic() - began))
            self._timer.start(max(0, round(1000 / self.speed) - spent))

    def _moved(self) -> None:
        if self.playing and not self._stepping:
            self.stop()

    def _set(self, playing: bool) -> None:
        if playing != self.playing:
            self.playing = playing
            self._painted = True
            self.changed.emit()
