"""Work in a thread for the derivation to take away: it says how far it is and can be given up; no window waits."""

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.ui.patience import GivenUp

POLL_MS = 30
Told = Callable[[int], None]


class _Task:
    """One piece of work; the thread writes here and the window reads."""

    def __init__(self, work: Callable[[Told], object]) -> None:
        self.work = work
        self.given_up = False
        self.far = 0
        self.result: object = None
        self.trouble: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="derivation", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.result = self.work(self._told)
        except BaseException as error:
            self.trouble = error

    def _told(self, far: int) -> None:
        self.far = far
        if self.given_up:
            raise GivenUp


class Work(QObject):
    """Does one thing at a time: what is started anew takes the place of what was under way."""

    went = Signal(int)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._task: _Task | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._look)
        held: list[_Task] = []
        self._held = held
        # Without the window nobody waits for it.
        parent.destroyed.connect(lambda: _give_up(held))

    @property
    def busy(self) -> bool:
        return self._task is not None

    def start(self, work: Callable[[Told], object]) -> None:
        """Begin; `work` is given a function to be told how far it is, which raises GivenUp where that is wanted."""
        self.give_up()
        self._task = _Task(work)
        self._held[:] = [self._task]
        self._timer.start()

    def give_up(self) -> None:
        """Drop what is under way: the thread ends at its next word."""
        if self._task is not None:
            self._task.given_up = True
            self._task = None
            self._timer.stop()

    def _look(self) -> None:
        task = self._task
        if task is None:
            return
        if task.thread.is_alive():
            self.went.emit(task.far)
            return
        self._task = None
        self._timer.stop()
        if task.trouble is None:
            self.done.emit(task.result)
        else:
            self.failed.emit(task.trouble)


def _give_up(tasks: list[_Task]) -> None:
    for task in tasks:
        task.given_up = True
