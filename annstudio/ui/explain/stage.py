"""The surface that Explain draws on: a view to zoom and pan, with the canvas' dots behind."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView, QWidget

from annstudio.ui.theme import DOTS, GRID, theme

LEAST_SCALE, MOST_SCALE = 0.1, 6.0
LARGEST_FIT = 1.25
"""Small drawings are not blown up further than this when they are fitted."""
_ZOOM = 1.15


class Stage(QGraphicsView):
    """Shows a scene. `content` says which part of it is to be fitted; the drawing stays fitted until it is moved.

    `menu_wanted(place, on_screen)`: the menu for a place of the scene is asked for.
    """

    menu_wanted = Signal(QPointF, QPoint)

    def __init__(
        self, scene: QGraphicsScene, content: Callable[[], QRectF], parent: QWidget | None = None, *,
        readable: float = LEAST_SCALE,
    ) -> None:  # fmt: skip
        super().__init__(scene, parent)
        self._content = content
        self._readable = readable
        self._place = QRectF()
        self._fitted = True
        self._above = 0
        self._pan: QPointF | None = None
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setMouseTracking(True)

    @property
    def zoom(self) -> float:
        return self.transform().m11()

    def keep_free_above(self, pixels: int) -> None:
        """Something lies over so much of the upper edge: a fitted drawing begins below it."""
        if pixels != self._above:
            self._above = pixels
            self.refit()

    def refit(self) -> None:
        """What is drawn takes another room: a drawing that was fitted is fitted again."""
        if self._fitted:
            self.settle()

    def settle(self) -> None:
        """Show the whole drawing where it can be read then, else as much of it as can, with the place that matters."""
        self.fit(self._readable)
        if self.clipped:
            self.show_place(self._place)

    @property
    def clipped(self) -> bool:
        """Whether a fitted drawing is larger than the room for it."""
        return self._fitted and not self._seen().contains(self._content())

    def _seen(self) -> QRectF:
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def fit(self, least: float = LEAST_SCALE) -> None:
        """Show the whole drawing, as large as is pleasant; from its beginning on where `least` makes it too large."""
        self._fitted = True
        content = self._content()
        if content.isEmpty() or self.viewport().width() < 2 * GRID:
            return
        margin = 6 * GRID
        room = self.viewport().rect().adjusted(margin, max(margin, self._above), -margin, -margin)
        scale = min(room.width() / content.width(), room.height() / content.height(), LARGEST_FIT)
        self._widen()
        self.resetTransform()
        scale = max(scale, least)
        self.scale(scale, scale)
        aside = QPointF(room.center() - self.viewport().rect().center()) / scale
        half = QPointF(room.width(), room.height()) / 2 / scale
        beginning, middle = content.topLeft() + half, content.center()
        self.centerOn(QPointF(min(middle.x(), beginning.x()), min(middle.y(), beginning.y())) - aside)

    def show_place(self, rect: QRectF) -> None:
        """Bring something into view where it is not, with what is beside it; a drawing that is seen whole stays."""
        self._place = rect
        if rect.isEmpty() or (self._fitted and not self.clipped):
            return
        beside = min(round(rect.width() * self.zoom), self.viewport().width() // 4) if self._fitted else 8 * GRID
        self.ensureVisible(rect, beside, 8 * GRID)

    def zoom_by(self, factor: float) -> None:
        factor = max(LEAST_SCALE / self.zoom, min(factor, MOST_SCALE / self.zoom))
        self._fitted = False
        self._widen()
        self.scale(factor, factor)

    def _widen(self) -> None:
        """Leave room to pan on every side."""
        content = self._content()
        self.setSceneRect(content.adjusted(-content.width(), -content.height(), content.width(), content.height()))

    # Events ----------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(_ZOOM ** (event.angleDelta().y() / 120))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        empty = self.itemAt(event.position().toPoint()) is None
        if event.button() == Qt.MouseButton.MiddleButton or (event.button() == Qt.MouseButton.LeftButton and empty):
            self._pan = event.position()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            event.accept()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pan is None:
            super().mouseMoveEvent(event)
            return
        moved = event.position() - self._pan
        self._pan = event.position()
        self._fitted = False
        for bar, way in ((self.horizontalScrollBar(), moved.x()), (self.verticalScrollBar(), moved.y())):
            bar.setValue(bar.value() - round(way))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pan is not None:
            self._pan = None
            self.viewport().unsetCursor()
            return
        super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            # The view knows which layer is meant.
            event.ignore()
        else:
            self.menu_wanted.emit(self.mapToScene(event.pos()), event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Arrows step through the batch; Qt would scroll with them.
        event.ignore()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        painter.fillRect(rect, theme().canvas)
        if self.zoom < 0.5:
            return
        painter.setPen(QPen(theme().grid, 1.5 / self.zoom))
        left, top = DOTS * (rect.left() // DOTS), DOTS * (rect.top() // DOTS)
        across, down = int(rect.width() // DOTS) + 2, int(rect.height() // DOTS) + 2
        painter.drawPoints([QPointF(left + i * DOTS, top + j * DOTS) for i in range(across) for j in range(down)])
