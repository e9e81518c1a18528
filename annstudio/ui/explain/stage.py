"""The surface that Explain draws on: a view to zoom and pan, with the canvas' dots behind."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView, QWidget

from annstudio.ui.canvas.overlays import ZoomBar
from annstudio.ui.theme import DOTS, GRID, theme

LEAST_SCALE, MOST_SCALE = 0.1, 6.0
LARGEST_FIT = 1.25
"""Small drawings are not blown up further than this when they are fitted."""
LEAST_READ = 10
"""In pixels: text that is smaller than this on the screen is not read but guessed."""
MARGIN = 4 * GRID
"""Around a fitted drawing."""
BESIDE = 30 * GRID
"""How much is shown around what is brought into view, where there is room."""
_ZOOM = 1.15


class Stage(QGraphicsView):
    """Shows a scene. `content` says which part of it is to be fitted; the drawing stays fitted until it is moved.

    Of its own accord it never shows it smaller than `readable`.

    `menu_wanted(place, on_screen)`: the menu for a place of the scene is asked for. `looked`: another zoom.
    """

    menu_wanted = Signal(QPointF, QPoint)
    looked = Signal()

    def __init__(
        self, scene: QGraphicsScene, content: Callable[[], QRectF], parent: QWidget | None = None, *,
        readable: float,
    ) -> None:  # fmt: skip
        super().__init__(scene, parent)
        self._content = content
        self._readable = self._least = readable
        self._places: tuple[QRectF, ...] = ()
        self._fitted = True
        self._corner = QSize()
        self._pan: QPointF | None = None
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setMouseTracking(True)
        self._bar = ZoomBar(self)
        self.looked.connect(self._bar.follow)

    def beside_bar(self, height: int) -> QPoint:
        """Where something so high stands right of the zoom bar."""
        bar = self._bar.geometry()
        return QPoint(bar.right() + 3 * GRID, bar.center().y() - height // 2 + 1)

    @property
    def zoom(self) -> float:
        return self.transform().m11()

    @property
    def clipped(self) -> bool:
        """Whether a fitted drawing is larger than the room for it."""
        return self._fitted and not self._seen().contains(self._content())

    def _seen(self) -> QRectF:
        return self.mapToScene(self.viewport().rect()).boundingRect()

    # Fitting ---------------------------------------------------------------------------------------------------------

    def keep_corner_free(self, corner: QSize) -> None:
        """Something lies over so much of the upper left corner: a fitted drawing has nothing below it."""
        if corner != self._corner:
            self._corner = corner
            self.refit()

    def fit(self) -> None:
        """Show the whole drawing, however small that makes it; asked for again, as large as can be read."""
        whole = self._fitted and self._least == LEAST_SCALE
        self._least = self._readable if whole else LEAST_SCALE
        self._fit()

    def settle(self) -> None:
        """Show the whole drawing where it can be read then, else as much of it as can, with the place that matters."""
        self._least = self._readable
        self._fit()

    def refit(self) -> None:
        """What is drawn takes another room: a drawing that was fitted is fitted again."""
        if self._fitted:
            self._fit()

    def _fit(self) -> None:
        self._fitted = True
        if self._content().isEmpty() or self.viewport().width() < 2 * GRID:
            return
        self._widen()
        self._fit_below(0)
        corner = QRect(QPoint(), self._corner)
        if not self._corner.isEmpty() and self.items(corner, Qt.ItemSelectionMode.IntersectsItemBoundingRect):
            self._fit_below(self._corner.height())
        if self.clipped:
            self._bring(self._places)
        self.looked.emit()

    def _fit_below(self, above: int) -> None:
        """As large as is pleasant below so many pixels; from its beginning on where it cannot be as small as that."""
        content = self._content()
        room = self.viewport().rect().adjusted(MARGIN, max(MARGIN, above), -MARGIN, -MARGIN)
        scale = max(min(room.width() / content.width(), room.height() / content.height(), LARGEST_FIT), self._least)
        self.resetTransform()
        self.scale(scale, scale)
        aside = QPointF(room.center() - self.viewport().rect().center()) / scale
        half = QPointF(room.width(), room.height()) / 2 / scale
        beginning, middle = content.topLeft() + half, content.center()
        self.centerOn(QPointF(min(middle.x(), beginning.x()), min(middle.y(), beginning.y())) - aside)

    # Following -------------------------------------------------------------------------------------------------------

    def show_places(self, *places: QRectF) -> None:
        """Bring things into view, what matters first: as many as there is room for.

        A drawing that is seen whole stays where it is. So does one that was moved by hand, as long as what matters most
        is still in sight.
        """
        self._places = places
        if not places or (self._fitted and not self.clipped):
            return
        if self._fitted or not self._seen().contains(places[0].center()):
            self._bring(places)

    def _bring(self, places: Sequence[QRectF]) -> None:
        """Move as little as needed, with some room around where there is any."""
        if not places:
            return
        room = QRectF(self.viewport().rect())
        wanted = places[0]
        for place in places[1:]:
            more = wanted.united(place)
            if more.width() * self.zoom <= room.width() and more.height() * self.zoom <= room.height():
                wanted = more
        shown, whole = (QRectF(self.mapFromScene(rect).boundingRect()) for rect in (wanted, self._content()))
        for bar, end, low, high, first, last in (
            (self.horizontalScrollBar(), room.width(), shown.left(), shown.right(), whole.left(), whole.right()),
            (self.verticalScrollBar(), room.height(), shown.top(), shown.bottom(), whole.top(), whole.bottom()),
        ):
            if first >= 0 and last <= end:
                continue
            around = min(BESIDE, (end - (high - low)) / 2)
            move = min(low - around, 0) or max(high + around - end, 0)
            bar.setValue(bar.value() + round(move))

    # Zooming ---------------------------------------------------------------------------------------------------------

    def zoom_in(self) -> None:
        self._zoom_middle(_ZOOM**2)

    def zoom_out(self) -> None:
        self._zoom_middle(_ZOOM**-2)

    def zoom_reset(self) -> None:
        """As large as it is drawn."""
        self._zoom_middle(1 / self.zoom)

    def _zoom_middle(self, factor: float) -> None:
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.zoom_by(factor)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)

    def zoom_by(self, factor: float) -> None:
        factor = max(LEAST_SCALE / self.zoom, min(factor, MOST_SCALE / self.zoom))
        self._fitted = False
        self._widen()
        self.scale(factor, factor)
        self.looked.emit()

    def _widen(self) -> None:
        """Leave room to pan on every side."""
        content = self._content()
        self.setSceneRect(content.adjusted(-content.width(), -content.height(), content.width(), content.height()))

    # Events ----------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._bar.move(4 * GRID, self.height() - self._bar.height() - 2 * GRID)
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
