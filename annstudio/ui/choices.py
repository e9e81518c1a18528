"""The fields of forms that choose rather than type: a tick, one of several, a file."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPaintEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from annstudio.ui.fields import MIXED, TextField, only_with_focus
from annstudio.ui.theme import GRID


class FileField(QWidget):
    """The path of a file, typed or chosen in a dialog."""

    edited = Signal(object)
    refused = Signal(str)
    stepping = False

    def __init__(self, pattern: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pattern = pattern
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.path = TextField(self)
        self.path.edited.connect(self.edited)
        self.button = QPushButton("Choose …", self)
        self.button.clicked.connect(self.choose)
        row.addWidget(self.path, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.path)

    def value(self) -> Any:
        return self.path.value()

    def set_value(self, value: Any) -> None:
        self.path.set_value(value)

    def restore(self) -> None:
        self.path.restore()

    def choose(self) -> None:
        """Ask for the file."""
        kinds = f"Files ({self.pattern});;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self.window(), "Choose a data file", str(self.value() or ""), kinds)
        if path:
            self.edited.emit(path)


class CheckField(QCheckBox):
    """Yes or no."""

    edited = Signal(object)
    refused = Signal(str)
    stepping = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._good: Any = None
        self.clicked.connect(self._clicked)

    def value(self) -> Any:
        return self._good

    def set_value(self, value: Any) -> None:
        self._good = value
        self.restore()

    def restore(self) -> None:
        # A click always decides: half ticked is shown, never chosen.
        self.setTristate(self._good is MIXED)
        state = Qt.CheckState.PartiallyChecked if self._good is MIXED else None
        self.setCheckState(state or (Qt.CheckState.Checked if self._good else Qt.CheckState.Unchecked))

    def _clicked(self) -> None:
        self.edited.emit(True if self._good is MIXED else not self._good)


class ElidedBox(QComboBox):
    """Words that there is no room for end in "…"; Qt would cut them anywhere."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.seen_text(option)
        if self.currentIndex() < 0:
            option.palette.setColor(QPalette.ColorRole.ButtonText, self.palette().placeholderText().color())
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def seen_text(self, option: QStyleOptionComboBox) -> str:
        """What is written on it."""
        text = self.currentText() if self.currentIndex() >= 0 else self.placeholderText()
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)


class ChoiceField(ElidedBox):
    """One of several named values."""

    edited = Signal(object)
    refused = Signal(str)
    stepping = False

    def __init__(self, choices: Mapping[Any, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._good: Any = None
        self.offer(choices)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setPlaceholderText("various")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._chosen)

    def offer(self, choices: Mapping[Any, str]) -> None:
        """Other choices than before; what is chosen stays so, even where it is no longer among them."""
        items = dict(choices)
        if self._good is not None and self._good is not MIXED:
            items.setdefault(self._good, str(self._good))
        if items == {self.itemData(i): self.itemText(i) for i in range(self.count())}:
            return
        with QSignalBlocker(self):
            self.clear()
            for value, words in items.items():
                self.addItem(words, value)
        self.restore()

    def value(self) -> Any:
        return self._good

    def set_value(self, value: Any) -> None:
        self._good = value
        self.restore()

    def restore(self) -> None:
        index = -1 if self._good is MIXED else self.findData(self._good)
        if index != self.currentIndex():
            self.setCurrentIndex(index)

    def choose(self, value: Any) -> None:
        """As if the user had chosen it."""
        self.setCurrentIndex(self.findData(value))
        self._chosen()

    def wheelEvent(self, event: QWheelEvent) -> None:
        only_with_focus(self, event, super().wheelEvent)

    def _chosen(self) -> None:
        value = self.currentData()
        if value != self._good:
            self.edited.emit(value)
