"""The whole drawing in a corner of the canvas, with a frame around what is seen; click or drag to go there."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from annstudio.ui.theme import CARD_RADIUS, GRID, theme

if TYPE_CHECKING:
    from annstudio.ui.canvas.view import CanvasView

_SIZE = QSize(168, 96)
_MARGIN = 60.0


class Minimap(QWidget):
    """Lies over a corner of the view; hidden while everything can be seen or there is no room."""

    def __init__(self, view: "CanvasView") -> None:
        super().__init__(view)
        self._view = view
        self._ground: tuple[object, QPixmap] | None = None
        self.resize(_SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Overview of the drawing")
        self.hide()

    def follow(self) -> None:
        """Show or hide, and paint, as the view stands."""
        whole = self._view.canvas.whole
        roomy = self._view.width() >= 3 * self.width() and self._view.height() >= 3 * self.height()
        wanted = roomy and not whole.isEmpty() and not self._view.seen().contains(whole)
        if wanted == self.isHidden():
            self.setVisible(wanted)
        if wanted:
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        whole = self._view.canvas.whole.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn(whole))
        painter.setClipRect(self._inner())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale, shift = self._mapping(whole)
        seen = self._view.seen()
        frame = QRectF(seen.topLeft() * scale + shift, seen.size() * scale) & self._inner().adjusted(1, 1, -1, -1)
        painter.setPen(QPen(theme().halo, 1.5))
        painter.drawRoundedRect(frame, 2, 2)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())

    def _go(self, place: QPointF) -> None:
        whole = self._view.canvas.whole.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
        scale, shift = self._mapping(whole)
        self._view.center_on((place - shift) / scale)

    def _drawn(self, whole: QRectF) -> QPixmap:
        """The drawing as a picture, kept until something in it changes: while panning only the frame moves."""
        t, ratio = theme(), self.devicePixelRatioF()
        key = (self._view.canvas.overview.version, t.name, ratio, whole.getRect())
        if self._ground is None or self._ground[0] != key:
            ground = QPixmap(self.size() * ratio)
            ground.setDevicePixelRatio(ratio)
            ground.fill(Qt.GlobalColor.transparent)
            painter = QPainter(ground)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(t.card_border, 1))
            painter.setBrush(t.card)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), CARD_RADIUS, CARD_RADIUS)
            painter.setClipRect(self._inner())
            scale, shift = self._mapping(whole)
            painter.translate(shift)
            painter.scale(scale, scale)
            self._view.canvas.paint_overview(painter)
            painter.end()
            self._ground = key, ground
        return self._ground[1]

    def _inner(self) -> QRectF:
        return QRectF(self.rect()).adjusted(GRID, GRID, -GRID, -GRID)

    def _mapping(self, whole: QRectF) -> tuple[float, QPointF]:
        """Scale and shift from the scene to this widget."""
        inner = self._inner()
        scale = min(inner.width() / whole.width(), inner.height() / whole.height())
        return scale, inner.center() - whole.center() * scale
