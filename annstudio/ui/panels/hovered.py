"""What small pictures of a curve have in common: a ground of their own, and the place under the pointer."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from annstudio.ui.theme import theme


class HoveredCurve(QWidget):
    """A curve over `n_places` evenly spread ones; `at` is the one under the pointer, None where that is elsewhere."""

    def __init__(self, n_places: int, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.n_places = n_places
        self.at: int | None = None
        self.setFixedHeight(height)
        self.setMouseTracking(True)

    def inner(self) -> QRectF:
        """Where the curve is drawn, inside the picture."""
        raise NotImplementedError

    def paint_ground(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().canvas)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        inner = self.inner()
        share = (event.position().x() - inner.left()) / max(inner.width(), 1)
        self.at = round(min(max(share, 0.0), 1.0) * (self.n_places - 1))
        self.update()

    def leaveEvent(self, event: object) -> None:
        self.at = None
        self.update()
