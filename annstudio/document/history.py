"""The only model that changes: which project is now, and those before. No command classes, no inverse code."""

from dataclasses import dataclass

from psygnal import Signal

from annstudio.document.project import Project

WEIGHT_BYTES = 512 * 2**20
"""Older entries let go of their weights beyond this, and undo says so."""


@dataclass(frozen=True)
class Entry:
    """A project and the edit that led to it. Edits in a row with one `merge` key undo as one."""

    project: Project
    label: str = ""
    merge: object = None
    weights_let_go: bool = False


class Document:
    """Holds the entries and says what is now. `changed` is emitted with (before, after), in the GUI thread only."""

    changed = Signal(Project, Project)
    saved = Signal()

    def __init__(self, project: Project | None = None) -> None:
        self._entries = [Entry(project or Project())]
        self._at = 0
        self._saved: Project | None = self._entries[0].project
        self._merging = True

    @property
    def project(self) -> Project:
        return self._entries[self._at].project

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty where there is nothing."""
        return self._entries[self._at].label if self._at else ""

    @property
    def redo_label(self) -> str:
        return self._entries[self._at + 1].label if self._at + 1 < len(self._entries) else ""

    @property
    def undo_loses_weights(self) -> bool:
        """Whether the entry that undo leads to had to let go of its weights."""
        return self._at > 0 and self._entries[self._at - 1].weights_let_go

    @property
    def clean(self) -> bool:
        """Whether what is now is what was last saved or opened."""
        return self.project is self._saved

    def apply(self, project: Project, label: str, merge: object = None) -> None:
        """Make `project` the one that is now; what was undone before is forgotten."""
        before = self.project
        if project is before or project.same_as(before):
            return
        top = self._entries[self._at]
        del self._entries[self._at + 1 :]
        if merge is not None and top.merge == merge and self._at and self._merging and top.project is not self._saved:
            self._entries[self._at] = Entry(project, label, merge)
        else:
            self._entries.append(Entry(project, label, merge))
            self._at += 1
        self._merging = True
        self._let_go()
        self.changed.emit(before, project)

    def undo(self) -> None:
        self._go(self._at - 1)

    def redo(self) -> None:
        self._go(self._at + 1)

    def mark_saved(self) -> None:
        """What is now has been written to a file."""
        self._saved = self.project
        self.saved.emit()

    def replace(self, project: Project) -> None:
        """Begin anew with another project, as when a file is opened: there is nothing to undo."""
        before = self.project
        self._entries, self._at, self._saved = [Entry(project)], 0, project
        self.changed.emit(before, project)

    def _go(self, at: int) -> None:
        if 0 <= at < len(self._entries):
            before, self._at = self.project, at
            self._merging = False
            self.changed.emit(before, self.project)

    def _let_go(self) -> None:
        """Drop the weights of the oldest entries once all arrays together are too many; shared ones count once."""
        counted: set[int] = set()
        total = 0
        for i in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[i]
            arrays = [*entry.project.weights.values()]
            if entry.project.progress:
                arrays += entry.project.progress.memory.vectors.values()
            own = {id(array): array.nbytes for array in arrays if id(array) not in counted}
            if own and total + sum(own.values()) > WEIGHT_BYTES and i < self._at:
                bare = entry.project.lightened()
                self._entries[i] = Entry(bare, entry.label, entry.merge, weights_let_go=True)
            else:
                total += sum(own.values())
                counted.update(own)
