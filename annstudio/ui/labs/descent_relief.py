"""The loss over two weights as a surface in space: patches from back to front, turned by hand or by keys."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from annstudio.engine.op import Array
from annstudio.ui.labs.descent_look import DrawnWay, Scene, shade, told
from annstudio.ui.labs.descent_plane import place_words
from annstudio.ui.theme import GRID, SMALL, mixed, mono_font, theme, ui_font

MOST_PATCHES = 32
"""A side of the surface is drawn with at most so many patches; finer grids are drawn with every other line."""
TURN, FIRST = 6.0, (-58.0, 32.0)
"""Degrees a key turns it; the first turn and tilt."""
TILTS, ZOOMS = (5.0, 88.0), (0.5, 2.5)
LIGHT = np.array([-0.45, -0.35, 0.82])
HEIGHT = 0.75
"""How high the largest loss stands, for a base from -1 to 1."""
ROOM = 10 * GRID
"""To the left, for the numbers of the loss."""
LIFT = 0.012
"""Ways are drawn a little above the ground they lie on."""


class DescentRelief(QWidget):
    """Drag or arrows turn it, wheel or + and − zoom, Home puts it back. `hovered(text)` tells what is pointed at."""

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = Scene()
        self.turn, self.tilt = FIRST
        self.zoom = 1.0
        self._dragged: QPointF | None = None
        self._at: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Loss over two weights, as a surface")
        self.setToolTip("Drag or press the arrow keys to turn it, + and − to zoom, Home to put it back")
        self.setMinimumSize(50 * GRID, 30 * GRID)

    def show_scene(self, scene: Scene) -> None:
        self.scene, self._at = scene, None
        low, high = scene.scale.low, scene.scale.high
        self.setAccessibleDescription(f"{scene.names[0]} and {scene.names[1]}, loss from {told(low)} to {told(high)}")
        self.update()

    # Painting -------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        t, surface = theme(), self.scene.surface
        painter = QPainter(self)
        painter.fillRect(self.rect(), t.panel)
        if surface is not None and len(surface.xs):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_base(painter)
            self._paint_patches(painter)
            for way in self.scene.ways:
                self._paint_way(painter, way)
            self._paint_spots(painter)
            self._paint_axes(painter)
        if self.hasFocus():
            painter.setPen(QPen(t.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_base(self, painter: QPainter) -> None:
        corners = self._seen(np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float))
        painter.setPen(QPen(theme().card_border, 1))
        painter.setBrush(theme().canvas)
        painter.drawPolygon(_polygon(corners))

    def _paint_patches(self, painter: QPainter) -> None:
        points, losses = self._points()
        seen, depth = self._seen(points), self._depths(points)
        heights = np.mean([losses[a, b] for a, b in _CORNERS], 0)
        far = np.mean([depth[a, b] for a, b in _CORNERS], 0)
        inks = self._inks(points, heights)
        quads = np.stack([seen[a, b] for a, b in _CORNERS], 2).reshape(-1, 4, 2)
        line = mixed(theme().panel, theme().text, 0.5)
        line.setAlpha(90)
        painter.setPen(QPen(line, 0.6))
        known = np.isfinite(heights).reshape(-1)
        for k in np.argsort(far, axis=None)[::-1]:
            if known[k]:
                painter.setBrush(inks[k])
                painter.drawPolygon(_polygon(quads[k]))

    def _inks(self, points: Array, heights: Array) -> list[QColor]:
        """Each patch in the colour of its height, lighter or darker as it faces the light."""
        across, up = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
        normal = np.cross(across, up)
        facing = (normal @ LIGHT) / np.maximum(np.linalg.norm(normal, axis=-1), 1e-12)
        shares = np.nan_to_num(self.scene.scale.shares(heights)).reshape(-1)
        table = [shade(k / 63) for k in range(64)]
        ground = theme().text if not theme().dark else theme().canvas
        shadows = np.clip(0.30 * (0.82 - np.nan_to_num(facing)), 0, 0.3).reshape(-1)
        return [mixed(table[round(63 * s)], ground, dark) for s, dark in zip(shares, shadows, strict=True)]

    def _paint_way(self, painter: QPainter, way: DrawnWay) -> None:
        surface = self.scene.surface
        assert surface is not None
        points = way.thinned()
        heights = surface.heights(points)
        inside = np.isfinite(heights)
        if not inside.any():
            return
        # What leaves the surface has no height on it: such stretches are left out.
        placed = self._placed(points, heights)
        placed[:, 2] += LIFT
        seen = [QPointF(*place) for place in self._seen(placed)]
        style = Qt.PenStyle.DashLine if way.look.dashed else Qt.PenStyle.SolidLine
        for pen in (QPen(theme().panel, 4), QPen(way.look.ink, 2, style)):
            painter.setPen(pen)
            line: list[QPointF] = []
            for point, there in zip([*seen, QPointF()], [*inside, False], strict=True):
                if there:
                    line.append(point)
                elif line:
                    painter.drawPolyline(line)
                    line = []
        end = int(np.flatnonzero(inside)[-1])
        self._paint_sign(painter, seen[end], way.look.sign, way.look.ink)

    def _paint_spots(self, painter: QPainter) -> None:
        for place, sign in ((self.scene.start, "✚"), (self.scene.here, "○")):
            point = None if place is None else self._on_surface(*place)
            if point is not None:
                self._paint_sign(painter, point, sign, theme().now)
        if self._at is not None:
            points, _ = self._points()
            self._paint_sign(painter, QPointF(*self._seen(points[self._at])), "×", theme().now)

    def _paint_sign(self, painter: QPainter, at: QPointF, sign: str, ink: QColor) -> None:
        painter.setFont(ui_font(16, bold=True))
        box = QRectF(at.x() - 14, at.y() - 14, 28, 28)
        painter.setPen(theme().panel)
        for shift in (QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)):
            painter.drawText(box.translated(shift), Qt.AlignmentFlag.AlignCenter, sign)
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, sign)

    def _paint_axes(self, painter: QPainter) -> None:
        """Names and ends of both axes along the two edges in front, and of the loss at the leftmost corner."""
        surface, t = self.scene.surface, theme()
        assert surface is not None
        front_y = -1.0 if math.cos(math.radians(self.turn)) > 0 else 1.0
        front_x = 1.0 if math.sin(math.radians(-self.turn)) > 0 else -1.0
        painter.setPen(t.dim)
        for k, (name, ends) in enumerate(zip(self.scene.names, (surface.plane.x, surface.plane.y), strict=True)):
            for share, words in ((-0.84, told(ends[0], 3)), (0.0, name), (0.84, told(ends[1], 3))):
                place = (share, front_y * 1.12, 0.0) if k == 0 else (front_x * 1.12, share, 0.0)
                painter.setFont(ui_font(SMALL) if words == name else mono_font(SMALL))
                self._write(painter, place, words)
        corners = np.array([[a, b, 0.0] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
        left = corners[self._seen(corners)[:, 0].argmin()]
        foot, top = self._seen(np.array([left, left + np.array([0, 0, HEIGHT])]))
        painter.drawLine(QPointF(*foot), QPointF(*top))
        painter.setFont(mono_font(SMALL))
        for share in (0.0, 0.5, 1.0):
            loss = self.scene.scale.low + share * (self.scene.scale.high - self.scene.scale.low)
            at = foot + share * (top - foot)
            painter.drawLine(QPointF(at[0] - GRID, at[1]), QPointF(*at))
            box = QRectF(at[0] - 22 * GRID, at[1] - 8, 20 * GRID, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, told(loss, 3))
        painter.setFont(ui_font(SMALL))
        above = QRectF(top[0] - 10 * GRID, top[1] - 6 * GRID, 20 * GRID, 4 * GRID)
        painter.drawText(above, Qt.AlignmentFlag.AlignCenter, "loss")

    def _write(self, painter: QPainter, place: tuple[float, float, float], words: str) -> None:
        x, y = self._seen(np.array(place))
        painter.drawText(QRectF(x - 30 * GRID, y - 8, 60 * GRID, 16), Qt.AlignmentFlag.AlignCenter, words)

    # Space ----------------------------------------------------------------------------------------------------------

    def _points(self) -> tuple[Array, Array]:
        """The grid that is drawn, as points (rows, columns, 3) in a box, and their losses."""
        surface = self.scene.surface
        assert surface is not None
        every = slice(None, None, -(-(len(surface.xs) - 1) // MOST_PATCHES))
        xs, ys, losses = surface.xs[every], surface.ys[every], surface.losses[every, every]
        x, y = np.meshgrid(xs, ys)
        return self._placed(np.stack([x, y], -1), losses), losses

    def _placed(self, places: Array, losses: Array) -> Array:
        """Places of the plane and their losses, within the box: -1 to 1 along the axes, 0 to HEIGHT upwards."""
        surface, scale = self.scene.surface, self.scene.scale
        assert surface is not None
        ends = np.array([surface.plane.x, surface.plane.y])
        flat = 2 * (places - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) - 1
        up = HEIGHT * (losses - scale.low) / ((scale.high - scale.low) or 1.0)
        return np.concatenate([flat, up[..., None]], -1)

    def _turned(self, points: Array) -> Array:
        turn, tilt = math.radians(self.turn), math.radians(self.tilt)
        x = points[..., 0] * math.cos(turn) - points[..., 1] * math.sin(turn)
        y = points[..., 0] * math.sin(turn) + points[..., 1] * math.cos(turn)
        z = points[..., 2] - HEIGHT / 2
        # Seen from the side of negative y, from `tilt` above the ground.
        up = y * math.sin(tilt) + z * math.cos(tilt)
        far = y * math.cos(tilt) - z * math.sin(tilt)
        return np.stack([x, up, far], -1)

    def _seen(self, points: Array) -> Array:
        """Where points of the box are on the screen (…, 2)."""
        turned = self._turned(points)
        size = self.zoom * min((self.width() - ROOM) / 3.1, self.height() / 2.4)
        middle = (self.width() + ROOM) / 2, self.height() / 2
        return np.stack([middle[0] + size * turned[..., 0], middle[1] - size * turned[..., 1]], -1)

    def _depths(self, points: Array) -> Array:
        return self._turned(points)[..., 2]

    def _on_surface(self, x: float, y: float) -> QPointF | None:
        surface = self.scene.surface
        if surface is None:
            return None
        place = np.array([x, y])
        height = surface.heights(place[None])[0]
        if not math.isfinite(height):
            return None
        point = self._placed(place, height)
        return QPointF(*self._seen(point + np.array([0, 0, LIFT])))

    # Hands ----------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        turns = {Qt.Key.Key_Left: (TURN, 0), Qt.Key.Key_Right: (-TURN, 0), Qt.Key.Key_Up: (0, TURN),
                 Qt.Key.Key_Down: (0, -TURN)}  # fmt: skip
        key = Qt.Key(event.key())
        if key in turns:
            self._go_round(*turns[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom_by(0.9 if key is Qt.Key.Key_Minus else 1 / 0.9)
        elif key is Qt.Key.Key_Home:
            (self.turn, self.tilt), self.zoom = FIRST, 1.0
            self.update()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._dragged = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            moved, self._dragged = event.position() - self._dragged, event.position()
            self._go_round(moved.x() * 0.5, moved.y() * 0.5)
            return
        self._point(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Scrolling past it must not change it.
        if self.hasFocus():
            self._zoom_by(1.1 if event.angleDelta().y() > 0 else 1 / 1.1)
        else:
            event.ignore()

    def _go_round(self, turn: float, tilt: float) -> None:
        self.turn = (self.turn + turn + 180) % 360 - 180
        self.tilt = min(max(self.tilt + tilt, TILTS[0]), TILTS[1])
        self.update()

    def _zoom_by(self, factor: float) -> None:
        self.zoom = min(max(self.zoom * factor, ZOOMS[0]), ZOOMS[1])
        self.update()

    def _point(self, place: QPointF) -> None:
        """Tell the measured place whose point on the screen is nearest, of those in front."""
        surface = self.scene.surface
        if surface is None or not len(surface.xs):
            return
        points, losses = self._points()
        seen, far = self._seen(points), self._depths(points)
        away = np.hypot(seen[..., 0] - place.x(), seen[..., 1] - place.y())
        away = np.where(np.isfinite(losses) & (away < 12), away + 8 * far, np.inf)
        i, j = (int(k) for k in np.unravel_index(away.argmin(), away.shape))
        self._at = (i, j) if np.isfinite(away[i, j]) else None
        self.update()
        if self._at is None:
            self.hovered.emit("")
            return
        every = -(-(len(surface.xs) - 1) // MOST_PATCHES)
        x, y = float(surface.xs[j * every]), float(surface.ys[i * every])
        self.hovered.emit(place_words(self.scene.names, x, y, float(losses[i, j])))


def _polygon(corners: Array) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in corners])


_FIRST_ROWS, _LAST_ROWS = slice(None, -1), slice(1, None)
_CORNERS = (
    (_FIRST_ROWS, _FIRST_ROWS), (_FIRST_ROWS, _LAST_ROWS), (_LAST_ROWS, _LAST_ROWS), (_LAST_ROWS, _FIRST_ROWS),
)  # fmt: skip
