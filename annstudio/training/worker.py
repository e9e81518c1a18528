"""One thread that trains, and the mailbox through which it tells the window what happened.

The worker is given values that nobody writes to. It never emits signals: whoever is interested takes the mail.
"""

import threading
from collections import deque

from threadpoolctl import threadpool_limits

from annstudio.training.control import Control, Locking, WeightEdit
from annstudio.training.snapshot import Failed, Message, Snapshot
from annstudio.training.trainer import Job, train


class Mailbox:
    """Frames are latest-wins (each holds the whole record), everything else is delivered in order and never lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Message] = deque()
        self._frame: Snapshot | None = None

    def put(self, message: Message) -> None:
        with self._lock:
            if isinstance(message, Snapshot):
                self._frame = message
            else:
                self._events.append(message)

    def take(self) -> list[Message]:
        """Everything since the last time; a frame comes before the events that followed it."""
        with self._lock:
            messages: list[Message] = [self._frame] if self._frame else []
            self._frame = None
            messages += self._events
            self._events.clear()
        return messages


class Worker:
    """Runs one job in a thread. Stop acts within one batch; `join` waits for the thread."""

    def __init__(self, job: Job, watch: int | None = None) -> None:
        self.control = Control(watch=watch)
        self.mailbox = Mailbox()
        self._job = job
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.control.halt()

    def edit(self, edit: WeightEdit | Locking) -> None:
        self.control.edit(edit)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _work(self) -> None:
        try:
            # BLAS threads spin at barriers and would starve the window.
            with threadpool_limits(1, "blas"):
                for message in train(self._job, self.control):
                    self.mailbox.put(message)
        except BaseException as error:
            self.mailbox.put(Failed(error))
