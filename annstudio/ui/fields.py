"""The fields that forms are made of: each edits one value, checks it in words and can be set without a sound.

A field tells an edit by `edited(value)`, and what it cannot read by `refused(words)`. The owner answers an accepted
edit with `set_value`; until then the field remembers its last good value and falls back to it when it is left, or at
Escape (`taken_back`).
"""

import math
import re
from typing import Any

from PySide6.QtCore import QLocale, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QWidget

from annstudio.ordinals import nth
from annstudio.ui.numbers import Limits, number_text, parse_number, stepped
from annstudio.ui.theme import GRID

MIXED = object()
"""What a field shows for several things that differ."""

_KEPT_FOCUS = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)


class _NumberLine(QLineEdit):
    """A double click chooses the whole number, not what stands behind its point."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.selectAll()


class NumberField(QAbstractSpinBox):
    """A whole or decimal number with arrows; what is typed counts at Enter or when the field is left."""

    edited = Signal(object)
    refused = Signal(str)
    taken_back = Signal()

    def __init__(self, limits: Limits, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.limits = limits
        self.stepping = False
        """Whether the edit being told comes from an arrow: such edits in a row undo as one."""
        self._good: Any = None
        self._turned_down: str | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccelerated(limits.whole)
        self.setLineEdit(_NumberLine(self))
        indent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lineEdit().returnPressed.connect(self.commit)

    def value(self) -> Any:
        return self._good

    def set_value(self, value: Any) -> None:
        if value == self._good and type(value) is type(self._good):
            if not self.hasFocus() and self.text() != self._shown() and parse_number(self.text()) == value:
                self._show()  # The same with another decimal sign.
            return
        self._good = value
        self._show()

    def commit(self) -> None:
        """Take what stands in the field, if it is a number within the limits and another than before."""
        text = self.text()
        if text == self._shown() or not text.strip():
            self._show()
            return
        value = parse_number(text)
        if value is None or (self.limits.whole and not value.is_integer()):
            wanted = "a whole number" if self.limits.whole else "a number"
            self.turn_down()
            self.refused.emit(f"needs {wanted}; “{text.strip()}” is none.")
        else:
            self._offer(int(value) if self.limits.whole else value)

    def restore(self) -> None:
        """Show the last good value again."""
        self._show()

    def turn_down(self) -> None:
        """What stands here was refused: leaving the field does not offer it once more."""
        self._turned_down = self.text()

    # How Qt asks ------------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        return QSize(12 * GRID, super().minimumSizeHint().height())

    def stepBy(self, steps: int) -> None:
        typed = parse_number(self.text())
        start = typed if typed is not None else self._good
        if not isinstance(start, int | float):
            start = self.limits.least if math.isfinite(self.limits.least) else 0
        value = stepped(start, steps, self.limits)
        self.stepping = True
        try:
            self._offer(int(value) if self.limits.whole else value)
        finally:
            self.stepping = False
        self.lineEdit().selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        value = self._good if isinstance(self._good, int | float) else None
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if value is None or value < self.limits.most:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if value is None or value > self.limits.least:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        return QValidator.State.Acceptable, text, place

    def fixup(self, text: str) -> str:
        return text

    def wheelEvent(self, event: QWheelEvent) -> None:
        only_with_focus(self, event, super().wheelEvent)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in _KEPT_FOCUS:
            if self.text() != self._turned_down:
                self.commit()
            self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.taken_back.emit()
            if self.text() != self._shown():
                self._show()
                return
        super().keyPressEvent(event)

    def _offer(self, value: float) -> None:
        if not self.limits.allows(value):
            self.turn_down()
            self.refused.emit(f"must be {self.limits.words()}; {number_text(value)} is not.")
        elif value == self._good:
            self._show()
        else:
            self.edited.emit(value)

    def _shown(self) -> str:
        return "" if self._good is None or self._good is MIXED else number_text(self._good)

    def _show(self) -> None:
        self.lineEdit().setPlaceholderText("various" if self._good is MIXED else "")
        if self.text() != self._shown():
            self.lineEdit().setText(self._shown())


class SizeField(QWidget):
    """Height × width."""

    edited = Signal(object)
    refused = Signal(str)

    def __init__(self, limits: Limits, n: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.parts = [NumberField(limits, self) for _ in range(n)]
        for i, part in enumerate(self.parts):
            if i:
                row.addWidget(QLabel("×"))
            row.addWidget(part, 1)
            part.setAccessibleName(("Height", "Width")[i] if n == 2 else nth("Part", i))
            part.edited.connect(self._edited)
            part.refused.connect(self.refused)
        self.setFocusProxy(self.parts[0])

    @property
    def stepping(self) -> bool:
        return any(part.stepping for part in self.parts)

    def value(self) -> Any:
        values = tuple(part.value() for part in self.parts)
        return MIXED if MIXED in values else values

    def set_value(self, value: Any) -> None:
        for i, part in enumerate(self.parts):
            part.set_value(MIXED if value is MIXED else value[i])

    def restore(self) -> None:
        for part in self.parts:
            part.restore()

    def _edited(self, number: int) -> None:
        sender = self.sender()
        # With several layers that differ, the number typed stands for both sides.
        values = tuple(
            number if part is sender or part.value() is MIXED else part.value() for part in self.parts
        )  # fmt: skip
        self.edited.emit(values)


class TextField(QLineEdit):
    """One line of text, which counts at Enter or when the field is left."""

    edited = Signal(object)
    refused = Signal(str)
    taken_back = Signal()
    stepping = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._good: Any = None
        self._turned_down: str | None = None
        self.returnPressed.connect(self.commit)

    def value(self) -> Any:
        return self._good

    def set_value(self, value: Any) -> None:
        if self._good is None or value != self._good:
            self._good = value
            self.restore()

    def commit(self) -> None:
        if self.text() == self._shown() or (self._good is MIXED and not self.text()):
            return
        try:
            value = self.read(self.text())
        except ValueError as error:
            self.turn_down()
            self.refused.emit(str(error))
            return
        if value == self._good:
            self.restore()
        else:
            self.edited.emit(value)

    def restore(self) -> None:
        self.setPlaceholderText("various" if self._good is MIXED else "")
        if self.text() != self._shown():
            self.setText(self._shown())
            self.setCursorPosition(0)

    def turn_down(self) -> None:
        """What stands here was refused: leaving the field does not offer it once more."""
        self._turned_down = self.text()

    def read(self, text: str) -> Any:
        """The value that a text means. Raises ValueError in words that follow the field's title."""
        return text.strip()

    def write(self, value: Any) -> str:
        return str(value)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in _KEPT_FOCUS:
            if self.text() != self._turned_down:
                self.commit()
            self.restore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.taken_back.emit()
            if self.text() != self._shown():
                self.restore()
                return
        super().keyPressEvent(event)

    def _shown(self) -> str:
        return "" if self._good is None or self._good is MIXED else self.write(self._good)


class ShapeField(TextField):
    """A shape of one to three sizes: 8×8×1."""

    def __init__(self, limits: Limits, lengths: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.limits, self.lengths = limits, lengths

    def read(self, text: str) -> Any:
        parts = [part for part in re.split(r"[×xX*,;()\s]+", text) if part]
        if not all(part.isdecimal() for part in parts) or not self.lengths[0] <= len(parts) <= self.lengths[1]:
            least, most = self.lengths
            wanted = f"{least} to {most} sizes" if most > least else f"{least} sizes"
            raise ValueError(f"needs {wanted} such as 8×8×1; “{text.strip()}” is none.")
        sizes = tuple(map(int, parts))
        for size in sizes:
            if not self.limits.allows(size):
                raise ValueError(f"needs sizes that are {self.limits.words()}; {size} is not.")
        return sizes

    def write(self, value: Any) -> str:
        return "×".join(map(str, value))


class NamesField(TextField):
    """A list of names with commas between."""

    def read(self, text: str) -> Any:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def write(self, value: Any) -> str:
        return ", ".join(value)


class NumbersField(TextField):
    """A list of numbers with commas between; with semicolons where the comma is the decimal sign."""

    def read(self, text: str) -> Any:
        comma = QLocale().decimalPoint() == ","
        numbers = [parse_number(part) for part in re.split(r",?[;\s]+" if comma else r"[,;\s]+", text.strip()) if part]
        if None in numbers:
            raise ValueError(f"needs numbers with {'semicolons' if comma else 'commas'} between.")
        return tuple(numbers)

    def write(self, value: Any) -> str:
        return ("; " if QLocale().decimalPoint() == "," else ", ").join(map(number_text, value))


def indent(box: QAbstractSpinBox) -> None:
    """Begin the text where that of other fields begins: a style sheet's padding does not reach a spin box's inside."""
    box.lineEdit().setTextMargins(6, 0, 0, 0)


def only_with_focus(widget: QWidget, event: QWheelEvent, act: Any) -> None:
    """Scrolling past a field must not change it."""
    if widget.hasFocus():
        act(event)
    else:
        event.ignore()
