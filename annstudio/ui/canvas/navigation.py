"""Looking around on the canvas: zoom, pan, fit, the dotted ground, and the plain picture from far away."""

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap, QPixmapCache, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsView

from annstudio.ui import theme as look
from annstudio.ui.canvas.geometry import CARD
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import DETAIL_SCALE, DOTS, PORT_HIT, theme

SMALLEST, LARGEST = 0.05, 4.0
_STEP = 1.25
_FIT_MARGIN = 48.0
_TILES = 12
_WORLD = QRectF(-1e5, -1e5, 2e5, 2e5)
"""Larger than any drawing, so that panning never ends at an edge."""


class Navigation(QGraphicsView):
    """A view that can be moved about freely; below a small zoom it paints everything in one pass."""

    looked = Signal()
    """Where or how large is looked has changed."""

    def __init__(self, scene: CanvasScene) -> None:
        super().__init__(scene)
        self.canvas = scene
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSceneRect(_WORLD)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        QPixmapCache.setCacheLimit(max(QPixmapCache.cacheLimit(), 96 * 1024))
        self._tile: tuple[int, float, QPixmap] | None = None
        self._fitted = False
        follow(self, look.changed, self._theme_changed)
        self.center_on(QPointF(0, 0))

    # Where -----------------------------------------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        return float(self.transform().m11())

    @property
    def reach(self) -> float:
        """How near, in the scene, the pointer has to be to a port."""
        return min(PORT_HIT / 2 / self.zoom, PORT_HIT)

    def seen(self) -> QRectF:
        """The part of the scene that can be seen."""
        return QRectF(self.mapToScene(self.viewport().rect()).boundingRect())

    def center_on(self, place: QPointF) -> None:
        self._fitted = False
        self.centerOn(place)
        self.looked.emit()

    def pan_by(self, dx: int, dy: int) -> None:
        """Move what is seen by pixels."""
        self._fitted = False
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() - dx)
        down.setValue(down.value() - dy)
        self.looked.emit()

    def zoom_to(self, scale: float, around: QPoint | None = None) -> None:
        """Set the zoom; the place of the scene at the viewport's point `around` (its middle) stays where it is."""
        scale = min(max(scale, SMALLEST), LARGEST)
        point = self.viewport().rect().center() if around is None else around
        before = self.mapToScene(point)
        self.setTransform(QTransform.fromScale(scale, scale))
        moved = self.mapFromScene(before) - point
        self.pan_by(-moved.x(), -moved.y())

    def zoom_in(self) -> None:
        self.zoom_to(self.zoom * _STEP)

    def zoom_out(self) -> None:
        self.zoom_to(self.zoom / _STEP)

    def zoom_reset(self) -> None:
        self.zoom_to(1.0)

    @property
    def shows_all(self) -> bool:
        """Whether the whole drawing is in view."""
        return self.viewport().rect().contains(self.mapFromScene(self.canvas.whole).boundingRect())

    def fit(self) -> None:
        """Show the whole drawing, not larger than it is; so it stays in a room of another size, until one looks
        elsewhere."""
        whole = QRectF(self.canvas.whole)
        for notice in self.canvas.notices.values():
            whole = whole.united(notice.sceneBoundingRect())
        if whole.isEmpty():
            self.setTransform(QTransform())
            self.center_on(QPointF(0, 0))
            self._fitted = True
            return
        whole.adjust(-_FIT_MARGIN, -_FIT_MARGIN, _FIT_MARGIN, _FIT_MARGIN)
        area = self.viewport().rect()
        scale = min(area.width() / whole.width(), area.height() / whole.height(), 1.0)
        self.setTransform(QTransform.fromScale(max(scale, SMALLEST), max(scale, SMALLEST)))
        self.center_on(whole.center())
        self._fitted = True

    def picture(self, width: int, height: int) -> QImage:
        """The whole drawing as an image, for the project file's thumbnail."""
        image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(theme().canvas)
        if not self.canvas.whole.isEmpty():
            painter = QPainter(image)
            area = self.canvas.whole.adjusted(-_FIT_MARGIN, -_FIT_MARGIN, _FIT_MARGIN, _FIT_MARGIN)
            self.canvas.render(painter, QRectF(image.rect()), area)
            painter.end()
        return image

    def show_node(self, id: str) -> None:
        """Scroll so that a node can be seen."""
        item = self.canvas.nodes.get(id)
        if item is not None:
            if not self.viewport().rect().contains(self.mapFromScene(CARD.translated(item.pos())).boundingRect()):
                self._fitted = False
            self.ensureVisible(CARD.translated(item.pos()), 60, 60)
            self.looked.emit()

    # Events ----------------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y() or event.angleDelta().x()
        if turn:
            self.zoom_to(self.zoom * _STEP ** (turn / 120), event.position().toPoint())
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        else:
            self.looked.emit()

    # Painting --------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.zoom >= DETAIL_SCALE:
            super().paintEvent(event)
            return
        painter = QPainter(self.viewport())
        painter.setClipRegion(event.region())
        painter.setWorldTransform(self.viewportTransform())
        area = self.mapToScene(event.rect()).boundingRect()
        self.drawBackground(painter, QRectF(area))
        self.canvas.paint_overview(painter)
        self.drawForeground(painter, QRectF(area))
        painter.end()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """The ground: dots at even distances, drawn as a tile that starts at the scene's origin."""
        pitch = DOTS * self.zoom
        while pitch < 14:
            pitch *= 2
        if self.zoom < DETAIL_SCALE:
            painter.fillRect(rect, theme().canvas)
            return
        size, ratio = round(pitch), self.devicePixelRatioF()
        if self._tile is None or self._tile[:2] != (size, ratio):
            self._tile = size, ratio, _dotted(size, ratio)
        world = painter.worldTransform()
        painter.resetTransform()
        area = world.mapRect(QRectF(rect)).toAlignedRect()
        origin = self.mapFromScene(QPointF(0, 0))
        whole = size * _TILES
        shift = QPoint((area.x() - origin.x()) % whole, (area.y() - origin.y()) % whole)
        painter.drawTiledPixmap(area, self._tile[2], shift)
        painter.setWorldTransform(world)

    def _theme_changed(self, *_: object) -> None:
        self._tile = None
        self.viewport().update()


def _dotted(size: int, ratio: float) -> QPixmap:
    """Some dots, as one tile of _TILES by _TILES pitches: large tiles are laid faster."""
    whole = size * _TILES
    tile = QPixmap(round(whole * ratio), round(whole * ratio))
    tile.setDevicePixelRatio(ratio)
    tile.fill(theme().canvas)
    painter = QPainter(tile)
    dot = 1.5 if ratio > 1 else 2.0
    for x in range(0, whole, size):
        for y in range(0, whole, size):
            painter.fillRect(QRectF(x, y, dot, dot), theme().grid)
    painter.end()
    return tile
