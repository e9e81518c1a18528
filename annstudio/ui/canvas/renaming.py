"""Renaming a node where it stands: a line over its name."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from annstudio.errors import GraphError
from annstudio.ui.theme import TEXT, ui_font


class Renaming(QLineEdit):
    """Enter takes the new name, Escape keeps the old one; what is wrong with a name is told while it is open."""

    def __init__(
        self, parent: QWidget, name: str, area: QRect, rename: Callable[[str], None], tell: Callable[[str], None]
    ) -> None:
        super().__init__(name, parent)
        self._view = parent
        self._rename, self._tell = rename, tell
        self.setObjectName("renaming")
        self.setAccessibleName(f"New name of {name}")
        self.setFont(ui_font(TEXT, bold=True))
        self.setMaxLength(60)
        area = area.adjusted(-6, -3, 6, 2)
        self.setGeometry(area.x(), area.y(), max(area.width(), 120), max(area.height(), 22))
        self.installEventFilter(self)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._close()
                return True
        if isinstance(event, QFocusEvent) and event.lostFocus() and not self.isHidden():
            # Clicking elsewhere takes the name where it can be one, as in a file manager.
            self._take(closing=True)
        return False

    def _take(self, *, closing: bool = False) -> None:
        try:
            self._rename(self.text())
        except GraphError as error:
            self._tell(str(error))
            if not closing:
                return
        self._close()

    def _close(self) -> None:
        if not self.isHidden():
            self.hide()
            self._view.setFocus(Qt.FocusReason.PopupFocusReason)
            self.deleteLater()
