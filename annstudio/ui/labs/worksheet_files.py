"""Saving a worksheet: a report of the answers, sheets for paper, and the exercise to hand out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QLocale, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from annstudio.errors import StudioError
from annstudio.explain.marking import Marker
from annstudio.explain.sheet_report import Report, as_csv, as_html, as_text, empty_sheet, reported, solutions_sheet
from annstudio.explain.worksheet import Worksheet
from annstudio.formats import studio
from annstudio.session import Session
from annstudio.ui.patience import patiently
from annstudio.ui.theme import wear


@dataclass(frozen=True)
class Kind:
    """Something that can be saved of a worksheet."""

    words: str
    tip: str
    behind: str
    """What the name of the file ends with."""
    write: Callable[[Report], str]


KINDS = (
    Kind("Report as a page…", "Answers, judgements and score, as HTML to read and to print", "report.html", as_html),
    Kind("Report as a table…", "The same as CSV", "report.csv", as_csv),
    Kind("Report as text…", "The same as plain text", "report.txt", as_text),
    Kind("Sheet to print…", "The sheet with lines to write on, as HTML", "sheet.html", empty_sheet),
    Kind("Solutions to print…", "The sheet with every number and how it comes about, as HTML", "solutions.html",
         solutions_sheet),
)  # fmt: skip


EXERCISE = "exercise.annstudio"


class SaveMenu(QToolButton):
    """A button with a menu. `current` gives the marker and the sheet, as they are now."""

    def __init__(
        self, session: Session, current: Callable[[], tuple[Marker, Worksheet]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._current = session, current
        self.setText("Save")
        self.setToolTip("Save a report, a sheet to print, or the exercise to hand out")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        wear(self, "export")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for kind in KINDS:
            action = menu.addAction(kind.words)
            action.setToolTip(kind.tip)
            action.triggered.connect(partial(self._ask, kind))
        menu.addSeparator()
        action = menu.addAction("Exercise to hand out…")
        action.setToolTip("A copy of this project with the empty sheet: others open it, fill it in and save it")
        action.triggered.connect(self._ask_exercise)
        self.setMenu(menu)

    def _ask(self, kind: Kind, _checked: bool = False) -> None:
        path = self._path(kind.words, kind.behind)
        if path is not None:
            self.save(kind, path)

    def _ask_exercise(self, _checked: bool = False) -> None:
        path = self._path("Exercise to hand out…", EXERCISE)
        if path is not None:
            self.save_exercise(path)

    def _path(self, words: str, behind: str) -> Path | None:
        """Where something is to be saved; None where the user does not want to."""
        suffix = behind.rpartition(".")[2]
        start = (self._session.folder or Path()) / f"{self._session.title}-{behind}".replace(" ", "-")
        chosen, _ = QFileDialog.getSaveFileName(self.window(), words.removesuffix("…"), str(start), f"*.{suffix}")
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix.lower() == f".{suffix}" else path.with_name(f"{path.name}.{suffix}")

    def save(self, kind: Kind, path: Path) -> None:
        """Write it; what goes wrong is told in words."""
        marker, sheet = self._current()
        today = QLocale().toString(QDate.currentDate(), QLocale.FormatType.ShortFormat)
        network = self._session.project.title or self._session.title

        self._write(path, lambda: _written(path, kind.write(reported(marker, sheet, today, network))))

    def save_exercise(self, path: Path) -> None:
        """Write the project with the empty sheet; the open one stays as it is."""
        session, (_, sheet) = self._session, self._current()
        empty = sheet.begun_again().changed(student="")
        project = studio.rebased(replace(session.project, worksheet=empty), session.folder, path.parent)
        weights = session.weights()
        self._write(path, lambda: studio.save(project, path, weights))

    def _write(self, path: Path, work: Callable[[], None]) -> None:
        try:
            patiently(self.window(), f"Saving {path.name}", work, cancel=False)
        except StudioError as error:
            self._session.told.emit("error", str(error))
        except OSError as error:
            self._session.told.emit("error", f"{path.name} could not be written: {error.strerror or error}.")
        else:
            self._session.told.emit("info", f"Saved {path.name}.")


def _written(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
