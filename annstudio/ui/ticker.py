"""The window's heartbeat: one timer takes the worker's mail and has the canvas drawn, at a pace that leaves room."""

from collections.abc import Callable
from time import perf_counter

from PySide6.QtCore import QObject, QTimer

from annstudio.session import Session

PERIOD_MS = 33
REST = 8
"""A frame is followed by a pause of so many times its own cost."""


class Ticker(QObject):
    """Calls `session.poll` and then `draw` while a training is under way; asleep otherwise.

    A frame's cost is measured to the end of its painting: Qt paints after the timer's call, before the next timer.
    """

    def __init__(self, session: Session, draw: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._draw = draw
        self._began = 0.0
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(self._tick)
        self._painted = QTimer(self, singleShot=True, interval=0)
        self._painted.timeout.connect(self._rest)
        session.activity_changed.connect(self._follow)

    def _follow(self, activity: str) -> None:
        if activity == "train":
            self._next.start(PERIOD_MS)
        else:
            self._next.stop()
            self._painted.stop()
            self._draw()

    def _tick(self) -> None:
        self._began = perf_counter()
        self._session.poll()
        if self._session.activity == "train":
            self._draw()
            self._painted.start()

    def _rest(self) -> None:
        cost = (perf_counter() - self._began) * 1000
        self._next.start(round(max(PERIOD_MS, REST * cost)))

    def close(self) -> None:
        self._next.stop()
        self._painted.stop()
        self._session.activity_changed.disconnect(self._follow, missing_ok=True)
