"""Work of the panel that takes long: done in a thread, one thing after the other, while the page stands."""

import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from annstudio.explain.trial import GivenUp

Asked = TypeVar("Asked", bound=Hashable)
Found = TypeVar("Found")
AskedOf = TypeVar("AskedOf", bound=Hashable, contravariant=True)
FoundBy = TypeVar("FoundBy", covariant=True)


class Finder(Protocol[AskedOf, FoundBy]):
    """Finds things out, in the thread. `give_up` comes from another one: what is being found raises GivenUp soon."""

    def find(self, asked: AskedOf) -> FoundBy: ...
    def give_up(self) -> None: ...


class Backroom(Generic[Asked, Found]):
    """Finds out what is wanted, in a thread that lives while there is something to do."""

    def __init__(self, finder: Finder[Asked, Found], name: str) -> None:
        self._finder = finder
        self._name = name
        self._lock = threading.Lock()
        self._wanted: deque[Asked] = deque()
        self._found: dict[Asked, Found] = {}
        self._trouble: list[BaseException] = []
        self._busy_with: Asked | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def want(self, asked: Asked) -> None:
        with self._lock:
            if asked == self._busy_with or asked in self._found or asked in self._wanted:
                return
            self._wanted.append(asked)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def forget(self) -> None:
        """What has not been begun is not wanted any more."""
        with self._lock:
            self._wanted.clear()

    def take(self) -> tuple[dict[Asked, Found], bool]:
        """What has been found since the last time, and whether all is done. Raises what went wrong."""
        with self._lock:
            found, self._found = self._found, {}
            if self._trouble:
                raise self._trouble.pop()
            return found, self._thread is None

    def stop(self) -> None:
        """Give up; nobody waits for the thread, which ends soon and touches nothing of ours."""
        with self._lock:
            self._wanted.clear()
            self._stopped = True
        self._finder.give_up()

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    self._busy_with = None
                    if not self._wanted or self._stopped:
                        self._thread = None
                        return
                    asked = self._busy_with = self._wanted.popleft()
                found = self._finder.find(asked)
                with self._lock:
                    self._found[asked] = found
        except GivenUp:
            pass
        except BaseException as error:
            with self._lock:
                self._trouble.append(error)
                self._thread = None
