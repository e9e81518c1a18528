"""A box to choose from: type a few letters, pick with the arrow keys, Enter or the mouse. Escape closes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt
from PySide6.QtGui import QFocusEvent, QIcon, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from annstudio.ui.canvas.entries import Entry
from annstudio.ui.canvas.node import icon_of
from annstudio.ui.theme import GRID, icon, theme

_ROW = 26
_MOST_ROWS = 9


@dataclass(frozen=True)
class Choice:
    """One line of the box: what is shown, an icon, a longer explanation, and what it stands for."""

    title: str
    value: object
    icon: QIcon | None = None
    note: str = ""


def layer_choices(found: Sequence[Entry]) -> list[Choice]:
    """Palette entries as lines, with their layer's icon in the family's colour."""
    families = theme().families
    return [Choice(e.title, e, icon(icon_of(e.kind), families[e.family]), e.note) for e in found]


class Chooser(QFrame):
    """Floats above its parent and is gone once something was chosen or the focus goes elsewhere."""

    def __init__(
        self,
        parent: QWidget,
        heading: str,
        offered: Callable[[str], Sequence[Choice]],
        choose: Callable[[object], None],
    ) -> None:
        super().__init__(parent)
        self._view = parent
        self._offered, self._choose = offered, choose
        self.setObjectName("chooser")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAutoFillBackground(True)
        self.line = QLineEdit()
        self.line.setPlaceholderText(heading)
        self.line.setAccessibleName(heading)
        self.line.setClearButtonEnabled(False)
        self.list = QListWidget()
        self.list.setAccessibleName("Choices")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(18, 18))
        self.nothing = QLabel("Nothing fits.")
        self.nothing.setObjectName("dim")
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        for widget in (self.line, self.list, self.nothing):
            column.addWidget(widget)
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(self._take)
        self.setFixedWidth(260)
        self._filter("")

    def open_at(self, place: QPoint) -> None:
        """Show the box at a place of the parent, moved so that all of it can be seen."""
        self.adjustSize()
        x = max(min(place.x(), self._view.width() - self.width() - GRID), GRID)
        y = max(min(place.y(), self._view.height() - self.height() - GRID), GRID)
        self.move(x, y)
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close without choosing; the parent has the keyboard again."""
        if not self.isHidden():
            self.hide()
            self._view.setFocus(Qt.FocusReason.PopupFocusReason)
            self.deleteLater()

    @property
    def titles(self) -> list[str]:
        return [self.list.item(row).text() for row in range(self.list.count())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event.key())
        if isinstance(event, QFocusEvent) and event.lostFocus() and not self.isHidden():
            self.hide()
            self.deleteLater()
        return False

    def _key(self, key: int) -> bool:
        keys = Qt.Key
        if key in (keys.Key_Down, keys.Key_Up):
            step, n = (1 if key == keys.Key_Down else -1), self.list.count()
            if n:
                self.list.setCurrentRow((self.list.currentRow() + step) % n)
        elif key in (keys.Key_Return, keys.Key_Enter):
            if self.list.currentItem() is not None:
                self._take(self.list.currentItem())
        elif key == keys.Key_Escape:
            self.dismiss()
        else:
            return False
        return True

    def _filter(self, text: str) -> None:
        self.list.clear()
        for choice in self._offered(text):
            item = QListWidgetItem(choice.title, self.list)
            item.setData(Qt.ItemDataRole.UserRole, choice)
            item.setSizeHint(QSize(0, _ROW))
            item.setToolTip(choice.note)
            if choice.icon is not None:
                item.setIcon(choice.icon)
        n = self.list.count()
        self.list.setCurrentRow(0 if n else -1)
        self.list.setFixedHeight(min(max(n, 1), _MOST_ROWS) * _ROW + 2)
        self.list.setVisible(n > 0)
        self.nothing.setVisible(n == 0)
        self.adjustSize()

    def _take(self, item: QListWidgetItem) -> None:
        choice = item.data(Qt.ItemDataRole.UserRole)
        self.dismiss()
        self._choose(choice.value)
