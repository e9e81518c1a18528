"""Work of a laboratory in a thread of its own, which tells values; the newest of them can be had at any time."""

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Generic, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
Tell = Callable[[T], None]
"""Work calls this with every value, how far it is or what it found; it raises Stopped where the work is to end."""


class Stopped(Exception):
    """Nobody wants to know any more."""


class Study(Generic[T]):
    """Runs `work` to its end or until `stop`. Whoever is interested takes the newest value now and then.

    `work` is called in the thread; what it raises is told by `take` (as any other thing that went wrong there).
    """

    def __init__(self, work: Callable[[Tell[T]], object], name: str) -> None:
        self._work = work
        self._stopped = threading.Event()
        self._newest: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def take(self) -> T | None:
        """The newest value, if there is one that was not taken yet. Raises what the work raised."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        newest, self._newest = self._newest, []
        return newest[-1] if newest else None

    def stop(self, *, wait: bool = True) -> None:
        """End after the value at hand, and where wanted wait for it."""
        self._stopped.set()
        if wait:
            self._thread.join()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _tell(self, value: T) -> None:
        self._newest = [value]
        if self._stopped.is_set():
            raise Stopped

    def _run(self) -> None:
        try:
            # BLAS threads spin at barriers and would starve the window.
            with threadpool_limits(1, "blas"):
                self._work(self._tell)
        except Stopped:
            pass
        except BaseException as error:
            self._error = error


def every(values: Callable[[], Generator[T, None, None]]) -> Callable[[Tell[T]], None]:
    """Work that tells whatever a generator yields."""

    def work(tell: Tell[T]) -> None:
        with closing(values()) as given:
            for value in given:
                tell(value)

    return work
