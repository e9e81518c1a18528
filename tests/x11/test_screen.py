"""A window on a real X screen: it appears, is looked at pixel by pixel, and takes keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

pytestmark = pytest.mark.x11


def test_a_real_window_appears_and_takes_keys(qtbot):
    assert QGuiApplication.platformName() == "xcb"
    line = QLineEdit()
    line.resize(300, 60)
    qtbot.addWidget(line)
    with qtbot.waitExposed(line):
        line.show()
    line.setFocus()

    QTest.keyClicks(line, "xor")
    QTest.keyClick(line, Qt.Key.Key_Backspace)

    assert line.text() == "xo"
    qtbot.waitUntil(lambda: _colours_on_screen(line) > 1)


def _colours_on_screen(window):
    """How many colours the X server shows there: one means a blank window, however well Qt thinks of it."""
    picture = window.screen().grabWindow(window.winId()).toImage()
    return len({picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)})
