"""Hands on a panel: they type into fields and choose a kind of data, as a user does."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit


def enter(field, text):
    """Type a text in the place of what is there, and press Enter."""
    line = field if isinstance(field, QLineEdit) else field.lineEdit()
    field.setFocus()
    line.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def choose(panel, kind):
    """Choose a kind of data."""
    panel.kind.setCurrentIndex(panel.kind.findData(kind))
    panel.kind.activated.emit(panel.kind.currentIndex())


def tabs(panel):
    """The titles of the tabs that are seen."""
    return [panel.views.tabText(i) for i in range(panel.views.count()) if panel.views.isTabVisible(i)]
