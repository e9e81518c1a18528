"""The window's heartbeat: one timer takes the worker's mail and lets those who show it draw, one after the other."""

import os
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time

from PySide6.QtCore import QObject, QTimer

from annstudio.session import Session

PERIOD_MS = 33
REST = 6
"""Drawing is followed by a pause of so many times the processor time that it took."""
PANELS = 3
"""So many panels that are waiting have their turns between two of the canvas."""
BREATH_MS = 4
"""The shortest pause between two who draw: mouse and keys come first."""

Turn = Callable[[], None]

clock = perf_counter if os.name == "nt" else thread_time
"""What tells the time that drawing took. Windows counts a thread's own time in steps as long as half a frame."""


class Ticker(QObject):
    """Calls `session.poll` while a training is under way, and then `draw` or one of those who asked; asleep otherwise.

    What all draw at once would keep mouse and keys waiting until the last of it is painted. So each has a turn of its
    own, the canvas every fourth one where panels are waiting. What a turn takes is measured to the end of its painting:
    Qt paints after the timer's call, before the next timer.
    """

    def __init__(self, session: Session, draw: Turn, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._draw = draw
        self._waiting: deque[Turn] = deque()
        self._polled = self._began = 0.0
        self._undrawn = False
        """Whether the canvas has something new to show."""
        self._since = 0
        """How many panels have had their turns since the canvas had its."""
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(self._tick)
        self._painted = QTimer(self, singleShot=True, interval=0)
        self._painted.timeout.connect(self._rest)
        session.activity_changed.connect(self._follow)

    def ask(self, turn: Turn) -> None:
        """Have `turn` called when it is its turn; asked for again before that, it is called once.

        When training ends whoever waits is let go: those who show a training follow its end by themselves.
        """
        if turn not in self._waiting:
            self._waiting.append(turn)

    def _follow(self, activity: str) -> None:
        if activity == "train":
            self._next.start(PERIOD_MS)
        else:
            self._next.stop()
            self._painted.stop()
            self._waiting.clear()
            self._draw()

    def _tick(self) -> None:
        self._began = clock()
        now = perf_counter()
        if (now - self._polled) * 1000 >= PERIOD_MS:
            self._polled = now
            self._session.poll()
            self._undrawn = True
        if self._session.activity == "train":
            self._painted.start()
            self._take_turn()

    def _take_turn(self) -> None:
        if self._undrawn and (self._since >= PANELS or not self._waiting):
            self._undrawn, self._since = False, 0
            self._draw()
        elif self._waiting:
            self._since += 1
            self._waiting.popleft()()

    def _rest(self) -> None:
        # Time spent waiting for the thread that trains is none that was taken from it.
        cost = (clock() - self._began) * 1000
        idle = 0 if self._waiting or self._undrawn else PERIOD_MS - (perf_counter() - self._polled) * 1000
        self._next.start(round(max(idle, REST * cost, BREATH_MS)))

    def close(self) -> None:
        self._next.stop()
        self._painted.stop()
        self._waiting.clear()
        self._session.activity_changed.disconnect(self._follow, missing_ok=True)
