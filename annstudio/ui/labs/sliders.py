"""A number with a slider beside it: drag for a feeling, type for the exact value."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from annstudio.ui.fields import NumberField
from annstudio.ui.numbers import Limits
from annstudio.ui.theme import GRID

TICKS = 10
"""Ticks of the slider for a whole number."""


class SlidingNumber(QWidget):
    """`changed(value)` follows every movement. The field takes numbers beyond the slider's ends, too."""

    changed = Signal(float)

    def __init__(self, name: str, tip: str, value: float, span: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.value = value
        self.field = NumberField(Limits(), self)
        self.field.setMaximumWidth(22 * GRID)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(round(-span * TICKS), round(span * TICKS))
        self.slider.setPageStep(TICKS)
        label = QLabel(name, self)
        label.setMinimumWidth(4 * GRID)
        label.setBuddy(self.field)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)
        for part in (self.field, self.slider):
            part.setToolTip(tip)
            part.setAccessibleName(f"{name}: {tip}")
        self.field.edited.connect(self.set_value)
        self.field.refused.connect(lambda words: self.field.restore())
        self.slider.valueChanged.connect(lambda ticks: self.set_value(ticks / TICKS))
        self._show()

    def set_value(self, value: float) -> None:
        if value != self.value:
            self.value = float(value)
            self._show()
            self.changed.emit(self.value)

    def _show(self) -> None:
        self.field.set_value(self.value)
        before = self.slider.blockSignals(True)
        self.slider.setValue(round(self.value * TICKS))
        self.slider.blockSignals(before)
