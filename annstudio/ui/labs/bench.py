"""Where a laboratory's work is under way: studies by name, and a timer that fetches what they bring."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from annstudio.errors import StudioError
from annstudio.session.labs.study import Study, Tell

POLL_MS = 60


class Bench(QObject):
    """At most one study of each name. `brought` gives what is new by name (None where one only ended), `troubled` a
    name and what the user can mend. `waits`: whether what is dropped has ended before anything else begins."""

    brought = Signal(dict)
    troubled = Signal(str, str)

    def __init__(self, parent: QObject, *, waits: bool = True) -> None:
        super().__init__(parent)
        self.studies: dict[str, Study[Any]] = {}
        self._waits = waits
        studies = self.studies
        # Without the window nobody waits for them.
        parent.destroyed.connect(lambda: _end(studies))
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.fetch)

    def __contains__(self, name: object) -> bool:
        return name in self.studies

    @property
    def busy(self) -> bool:
        return bool(self.studies)

    def start(self, name: str, work: Callable[[Tell[Any]], object]) -> None:
        """Begin a piece of work in the place of an earlier one of its name."""
        self.drop(name)
        self.studies[name] = Study(work, name)
        self._timer.start()

    def stop(self) -> None:
        """End everything; what was found by then is brought."""
        for name in list(self.studies):
            self.studies[name].stop()
        if self.studies:
            self.fetch()

    def drop(self, name: str) -> None:
        """End one piece of work, if it is under way; what it found is of no use any more."""
        if name in self.studies:
            self.studies.pop(name).stop(wait=self._waits)

    def fetch(self) -> None:
        """Take what the studies have brought since the last time."""
        news: dict[str, object] = {}
        for name, study in list(self.studies.items()):
            over = not study.running
            try:
                found = study.take()
            except StudioError as error:
                found = None
                self.troubled.emit(name, str(error))
            if over:
                del self.studies[name]
            if over or found is not None:
                news[name] = found
        if not self.studies:
            self._timer.stop()
        if news:
            self.brought.emit(news)


def _end(studies: dict[str, Study[Any]]) -> None:
    for study in studies.values():
        study.stop(wait=False)
