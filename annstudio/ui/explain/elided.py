"""A line of words that gives way where there is little room."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from annstudio.ui.theme import GRID


class ElidedLabel(QLabel):
    """A label with "…" at its end, or elsewhere, where it is too long; the whole of it is the tool tip then."""

    mode = Qt.TextElideMode.ElideRight

    def minimumSizeHint(self) -> QSize:
        return QSize(12 * GRID, super().minimumSizeHint().height())

    def shown_text(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), self.mode, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown_text()
        self.setToolTip(self.text() if shown != self.text() else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class TitleLabel(ElidedLabel):
    """A name and what is said of it; what is said gives way first, as a whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = ""

    def tell(self, name: str, said: str = "") -> None:
        self.name = name
        self.setText(f"{name}  {said}" if said else name)

    def shown_text(self) -> str:
        whole = self.fontMetrics().horizontalAdvance(self.text()) <= self.width()
        return self.text() if whole else self.fontMetrics().elidedText(self.name, self.mode, self.width())
