"""The window's heartbeat: one timer takes the worker's mail and has the canvas drawn, at a pace that leaves room."""

from collections.abc import Callable
from time import perf_counter

from PySide6.QtCore import QObject, Qt, QTimer

from annstudio.session import Session

PERIOD_MS = 33
REST = 8
"""A frame is followed by a pause of so many times its own cost."""


class Ticker(QObject):
    """Calls `session.poll` and then `draw` while a training is under way; asleep otherwise."""

    def __init__(self, session: Session, draw: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._draw = draw
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self._tick)
        session.activity_changed.connect(self._follow)

    def _follow(self, activity: str) -> None:
        if activity == "train":
            self._timer.start(PERIOD_MS)
        else:
            self._timer.stop()
            self._draw()

    def _tick(self) -> None:
        began = perf_counter()
        self._session.poll()
        self._draw()
        cost = (perf_counter() - began) * 1000
        if self._timer.isActive():
            self._timer.setInterval(round(max(PERIOD_MS, REST * cost)))

    def close(self) -> None:
        self._timer.stop()
        self._session.activity_changed.disconnect(self._follow, missing_ok=True)
