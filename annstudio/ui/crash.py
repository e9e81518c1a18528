"""What is shown when something of ours broke: that the work is safe, and a report to copy."""

import platform
from pathlib import Path

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from annstudio import __version__
from annstudio.ui.theme import SMALL, mono_font


class CrashDialog(QDialog):
    """`rescued` is where the project was saved, None where it could not be."""

    def __init__(self, report: str, rescued: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something broke")
        self.resize(640, 420)
        self.report = (
            f"ANN Studio {__version__}, Python {platform.python_version()}, Qt {qVersion()}, "
            f"{platform.system()} {platform.machine()}\n\n{report}"
        )
        safe = (
            f"Your project was saved as\n{rescued}"
            if rescued
            else "Your project could not be saved aside: save it now."
        )
        words = QLabel(f"This is a mistake of the program, not yours. {safe}", self)
        words.setWordWrap(True)
        text = QPlainTextEdit(self.report, self)
        text.setReadOnly(True)
        text.setFont(mono_font(SMALL))
        text.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, parent=self)
        copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (words, text, buttons):
            layout.addWidget(widget)
