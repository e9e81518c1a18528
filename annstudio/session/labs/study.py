"""Work of a laboratory in a thread of its own: a generator whose newest value can be had at any time."""

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")


class Study(Generic[T]):
    """Runs what `work` yields, to its end or until `stop`. Whoever is interested takes the newest value now and then.

    `work` is called in the thread; what it raises is told by `take` (as any other thing that went wrong there).
    """

    def __init__(self, work: Callable[[], Generator[T, None, None]], name: str) -> None:
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

    def stop(self) -> None:
        """End after the value at hand, and wait for it."""
        self._stopped.set()
        self._thread.join()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        values = self._work()
        try:
            # BLAS threads spin at barriers and would starve the window.
            with threadpool_limits(1, "blas"):
                for value in values:
                    self._newest = [value]
                    if self._stopped.is_set():
                        break
        except BaseException as error:
            self._error = error
        finally:
            values.close()
