"""Saving a worksheet: a report of the answers, and sheets for paper."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QLocale, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from annstudio.explain.marking import Marker
from annstudio.explain.sheet_report import Report, as_csv, as_html, as_text, empty_sheet, reported, solutions_sheet
from annstudio.explain.worksheet import Worksheet
from annstudio.session import Session
from annstudio.ui.patience import GivenUp, patiently
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


class SaveMenu(QToolButton):
    """A button with a menu. `current` gives the marker and the sheet, as they are now."""

    def __init__(
        self, session: Session, current: Callable[[], tuple[Marker, Worksheet]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._current = session, current
        self.setText("Save")
        self.setToolTip("Save a report, or a sheet to print. A teacher's file is the project itself: File › Save.")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        wear(self, "export")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for kind in KINDS:
            action = menu.addAction(kind.words)
            action.setToolTip(kind.tip)
            action.triggered.connect(partial(self._ask, kind))
        self.setMenu(menu)

    def _ask(self, kind: Kind, _checked: bool = False) -> None:
        suffix = kind.behind.rpartition(".")[2]
        folder = self._session.folder or Path()
        start = folder / f"{self._session.title}-{kind.behind}".replace(" ", "-")
        title = kind.words.removesuffix("…")
        chosen, _ = QFileDialog.getSaveFileName(self.window(), title, str(start), f"*.{suffix}")
        if chosen:
            path = Path(chosen)
            self.save(kind, path if path.suffix.lower() == f".{suffix}" else path.with_name(f"{path.name}.{suffix}"))

    def save(self, kind: Kind, path: Path) -> None:
        """Write it; what goes wrong is told in words."""
        marker, sheet = self._current()
        today = QLocale().toString(QDate.currentDate(), QLocale.FormatType.ShortFormat)
        network = self._session.project.title or self._session.title

        def work() -> None:
            path.write_text(kind.write(reported(marker, sheet, today, network)), encoding="utf-8")

        try:
            patiently(self.window(), f"Saving {path.name}", work, cancel=False)
        except OSError as error:
            self._session.told.emit("error", f"{path.name} could not be written: {error.strerror or error}.")
        except GivenUp:
            pass
        else:
            self._session.told.emit("info", f"Saved {path.name}.")
