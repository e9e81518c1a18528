"""A stretch of training that is under way for the session: its worker, and what is to be done when it ends."""

from annstudio.training.control import Locking, WeightEdit
from annstudio.training.snapshot import Message
from annstudio.training.trainer import Job
from annstudio.training.worker import Worker


class Errand:
    """One worker and what was asked of it. `merge` joins single steps in a row to one undo entry."""

    def __init__(self, job: Job, merge: object = None, watch: int | None = None) -> None:
        self.merge = merge
        self.for_good = False
        """Whether the run is to end for good when the worker stops, rather than to be gone on with."""
        self._worker = Worker(job, watch)
        self.control = self._worker.control
        self._worker.start()

    def mail(self) -> list[Message]:
        return self._worker.mailbox.take()

    def edit(self, edit: WeightEdit | Locking) -> None:
        self._worker.edit(edit)

    def edits_left(self) -> list[WeightEdit]:
        """Numbers set after the last batch."""
        return [edit for edit in self.control.edits if isinstance(edit, WeightEdit)]

    def halt(self, *, for_good: bool = False) -> None:
        """Stop within one batch and wait for it."""
        self.for_good = for_good
        self._worker.stop()
        self._worker.join()

    def join(self, timeout: float | None = None) -> None:
        self._worker.join(timeout)
