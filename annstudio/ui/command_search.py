"""Any command by its name: type a few letters, press Enter."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from annstudio.ui.theme import GRID

WIDTH, HEIGHT = 460, 360


class CommandSearch(QFrame):
    """A box over the window with all commands; those that cannot be used now are shown but cannot be chosen."""

    def __init__(self, parent: QWidget, actions: list[QAction]) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions = actions
        self._field = QLineEdit(self)
        self._field.setPlaceholderText("Search commands")
        self._field.setClearButtonEnabled(True)
        self._field.setAccessibleName("Search commands")
        self._list = QListWidget(self)
        self._list.setAccessibleName("Commands")
        self._list.setUniformItemSizes(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(self._field)
        layout.addWidget(self._list)
        self._field.textChanged.connect(self._fill)
        self._field.returnPressed.connect(self._do)
        self._list.itemActivated.connect(self._do)
        self._list.itemClicked.connect(self._do)
        self._field.installEventFilter(self)
        self._fill("")

    def open_above(self, window: QWidget) -> None:
        """Show in the upper middle of the window."""
        self.resize(WIDTH, HEIGHT)
        place = window.mapToGlobal(window.rect().topLeft())
        self.move(place.x() + (window.width() - WIDTH) // 2, place.y() + 72)
        self.show()
        self._field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down move in the list while the field keeps the keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
                self._list.event(event)
                return True
        return super().eventFilter(watched, event)

    def _fill(self, text: str) -> None:
        self._list.clear()
        words = text.lower().split()
        for action in sorted(self._actions, key=lambda one: not all(word in one.text().lower() for word in words)):
            # What is found by its name comes before what is found by its menu or its description.
            name = action.text().replace("&", "")
            if all(word in f"{name} {action.data()} {action.statusTip()}".lower() for word in words):
                keys = action.shortcut().toString(action.shortcut().SequenceFormat.NativeText)
                item = QListWidgetItem(f"{name}    {keys}" if keys else name, self._list)
                item.setData(Qt.ItemDataRole.UserRole, action)
                item.setToolTip(action.statusTip())
                if not action.icon().isNull():
                    item.setIcon(action.icon())
                if not action.isEnabled():
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
        first = next(
            (i for i in range(self._list.count()) if self._list.item(i).flags() & Qt.ItemFlag.ItemIsEnabled), 0
        )
        self._list.setCurrentRow(first)

    def _do(self, *_: object) -> None:
        if self._list.currentRow() < 0:
            return
        item = self._list.currentItem()
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            action: QAction = item.data(Qt.ItemDataRole.UserRole)
            self.close()
            action.trigger()
