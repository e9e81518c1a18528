"""Hands for the worksheet's tests: a panel on a project with a sheet, answers typed, and what can be read in it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from annstudio.document.project import Project
from annstudio.explain.worksheet import Tolerance, Worksheet
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.explain.formula import FormulaView
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from tests.builders import worked_example

Key = Qt.Key
H1, G5 = "0.593269992", 0.082167041


@contextmanager
def opening(project: Project, *, at_once: bool = True) -> Iterator[WorksheetLab]:
    """The panel; `at_once`: a sheet has all its rows as soon as it is shown."""
    application("light")
    lab = WorksheetLab(Session(project))
    lab.page.rows_at_once = 1000 if at_once else lab.page.rows_at_once
    lab.resize(1000, 600)
    lab.show()
    QApplication.processEvents()
    try:
        yield lab
    finally:
        lab.close()
        lab.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def with_sheet(*names: str, **fields: object) -> Project:
    sheet = Worksheet(asked=names, tolerance=Tolerance(digits=6)).changed(**fields)
    return replace(worked_example(), worksheet=sheet)


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def button(parent: QWidget, words: str) -> QWidget:
    return next(b for b in parent.findChildren(QAbstractButton) if b.text() == words)


def answer(lab: WorksheetLab, name: str, text: str, key: Key = Key.Key_Return) -> None:
    """Type an answer into its field and press a key."""
    field = lab.page.blanks[name].field
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, key)
    QApplication.processEvents()


def told(lab: WorksheetLab, name: str) -> str:
    blank = lab.page.blanks[name]
    return f"{blank.verdict.text().removesuffix('.')}. {blank.remarks.text()}".strip()


def hints(lab: WorksheetLab, name: str) -> list[str]:
    QApplication.processEvents()
    box = lab.page.blanks[name].hints
    return [formula.text for formula in box.findChildren(FormulaView) if formula.isVisibleTo(lab)]


def shown(lab: WorksheetLab) -> str:
    """Every word and number that can be read in the panel: labels, formulas, tooltips, names for screen readers."""
    words = []
    for widget in lab.findChildren(QWidget):
        if widget.isVisibleTo(lab):
            words += [widget.toolTip(), widget.accessibleName(), widget.accessibleDescription()]
            words += [widget.text] if isinstance(widget, FormulaView) else []
            words += [re.sub("<[^>]*>", "", widget.text())] if isinstance(widget, QLabel) else []
    return "\n".join(words)
