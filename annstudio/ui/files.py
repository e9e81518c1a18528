"""Opening, saving and exporting from the window: dialogs made from the formats' catalogue, and never a lost change."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from annstudio.document.project import Project, fitted
from annstudio.errors import StudioError
from annstudio.formats import studio
from annstudio.formats.base import DTYPES, Content, by_suffix, catalogue
from annstudio.session import Session
from annstudio.ui.memory import Memory
from annstudio.ui.patience import GivenUp, patiently

SUFFIX = ".annstudio"


class Files:
    """What the File menu does. `picture` gives the project file's thumbnail as PNG bytes; `opened` is called when
    another project is open, so that its keys reach the canvas and no field of the one before."""

    def __init__(
        self, window: QWidget, session: Session, memory: Memory, picture: Callable[[], bytes],
        opened: Callable[[], object],
    ) -> None:  # fmt: skip
        self._window = window
        self._session = session
        self._memory = memory
        self._picture = picture
        self._opened = opened

    # Projects --------------------------------------------------------------------------------------------------------

    def new(self) -> None:
        if self.may_leave():
            self._session.open(Project())
            self._opened()

    def open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._window, "Open project", str(self._memory.folder), f"ANN Studio projects (*{SUFFIX});;All files (*)"
        )
        if chosen:
            self.open_path(Path(chosen))

    def open_path(self, path: Path, *, sample: bool = False) -> bool:
        """Open a project; a sample is opened as a copy without a name, so that saving does not overwrite it."""
        if not self.may_leave():
            return False
        try:
            project = patiently(self._window, f"Opening {path.name}", lambda: _with_data(path))
        except StudioError as error:
            self.tell(error)
            return False
        except GivenUp:
            return False
        if sample:
            self._session.open(replace(project, title=project.title or path.stem))
        else:
            self._session.open(project, path)
            self._memory.opened(path)
            self._memory.folder = path.parent
        self._opened()
        return True

    def save(self) -> bool:
        """Save under the project's name, or ask for one; False where nothing was saved."""
        return self.save_to(self._session.file) if self._session.file else self.save_as()

    def save_as(self) -> bool:
        start = self._memory.folder / f"{self._session.title}{SUFFIX}"
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Save project", str(start), f"ANN Studio projects (*{SUFFIX})"
        )
        if not chosen:
            return False
        path = Path(chosen)
        return self.save_to(path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))

    def save_to(self, path: Path) -> bool:
        session = self._session
        session.keep_steps()
        picture = self._picture()
        project = studio.rebased(session.project, session.folder, path.parent)
        weights = session.weights()
        try:
            patiently(
                self._window, f"Saving {path.name}", lambda: studio.save(project, path, weights, lambda: picture),
                cancel=False,
            )  # fmt: skip
        except StudioError as error:
            self.tell(error)
            return False
        session.saved_as(path)
        self._memory.opened(path)
        self._memory.folder = path.parent
        session.told.emit("info", f"Saved as {path.name}.")
        return True

    def may_leave(self) -> bool:
        """Ask what is to become of changes that were not saved; False where the user wants to stay."""
        if self._session.activity == "train":
            self._session.pause()
        self._session.keep_steps()
        if self._session.document.clean:
            return True
        button = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self._window, "Unsaved changes", f"Save the changes to {self._session.title}?",
            button.Save | button.Discard | button.Cancel, button.Save,
        )  # fmt: skip
        if answer == button.Save:
            return self.save()
        return answer == button.Discard

    # Weights ---------------------------------------------------------------------------------------------------------

    def export(self) -> bool:
        """Write the weights in a file and number format of the user's choice; what the format cannot hold is said."""
        formats = [f for f in catalogue().values() if f.writes and not f.holds_project]
        filters = {f"{f.name}, {dtype} (*{f.suffix})": (f, dtype) for dtype in DTYPES for f in formats}
        start = self._memory.folder / f"{self._session.title}{formats[0].suffix}"
        chosen, which = QFileDialog.getSaveFileName(self._window, "Export weights", str(start), ";;".join(filters))
        if not chosen:
            return False
        path = Path(chosen)
        if path.suffix.lower() not in catalogue():
            path = path.with_name(path.name + filters[which][0].suffix)
        return self.export_to(path, filters[which][1])

    def export_to(self, path: Path, dtype: str = DTYPES[0]) -> bool:
        self._session.keep_steps()
        content = Content(self._session.weights(), self._session.project)
        try:
            kind = by_suffix(path, writing=True)
            patiently(self._window, f"Exporting {path.name}", lambda: kind.write(path, content, dtype), cancel=False)
        except StudioError as error:
            self.tell(error)
            return False
        self._memory.folder = path.parent
        note = f" {kind.loses}" if kind.loses else ""
        self._session.told.emit("info", f"Exported {len(content.weights)} arrays as {dtype} to {path.name}.{note}")
        return True

    def import_weights(self) -> None:
        formats = [f for f in catalogue().values() if f.reads]
        kinds = " ".join(f"*{f.suffix}" for f in formats)
        chosen, _ = QFileDialog.getOpenFileName(
            self._window, "Import weights", str(self._memory.folder), f"Weights ({kinds})"
        )
        if chosen:
            self.import_from(Path(chosen))

    def import_from(self, path: Path) -> bool:
        """Take over every array whose name and shape are the project's."""
        session = self._session
        try:
            content = patiently(self._window, f"Reading {path.name}", lambda: by_suffix(path).read(path))
        except StudioError as error:
            self.tell(error)
            return False
        except GivenUp:
            return False
        mine = session.weights()
        taken = {k: w for k, w in content.weights.items() if k in mine and mine[k].shape == w.shape}
        if not taken:
            names = ", ".join(list(content.weights)[:6]) or "none"
            self.tell(StudioError(f"{path.name} has no weights that fit this network.", f"It holds {names}."))
            return False
        session.edit(replace(session.project, weights=fitted({**mine, **taken}, mine)), "Import weights")
        session.told.emit("info", f"Took {len(taken)} of {len(content.weights)} arrays from {path.name}.")
        return True

    def tell(self, error: StudioError) -> None:
        """Say in a dialog what went wrong and what to do."""
        box = QMessageBox(QMessageBox.Icon.Warning, "ANN Studio", error.message, parent=self._window)
        box.setInformativeText(error.hint)
        box.exec()


def _with_data(path: Path) -> Project:
    """The project in a file; its data is read too, so that showing it takes no time."""
    project = studio.load(path)
    if project.data is not None:
        project.data.prepare(path.parent)
    return project
