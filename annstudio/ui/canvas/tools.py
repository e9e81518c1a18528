"""What a hand does on the canvas: one gesture, one object, from press to release or Escape."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from annstudio.ui.canvas import edits
from annstudio.ui.canvas.entries import Entry
from annstudio.ui.canvas.geometry import CARD, snapped
from annstudio.ui.canvas.node import paint_outline
from annstudio.ui.canvas.notice import Notice
from annstudio.ui.canvas.wire import WireItem
from annstudio.ui.theme import TEXT, theme, ui_font

if TYPE_CHECKING:
    from annstudio.ui.canvas.view import CanvasView

DRAG_DISTANCE = 4
"""So many pixels turn a click into a drag."""
TOGGLES = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@dataclass(frozen=True)
class Pointer:
    """Where the pointer is: in the viewport, in the scene, and which modifier keys are down."""

    at: QPoint
    place: QPointF
    modifiers: Qt.KeyboardModifier

    @property
    def toggles(self) -> bool:
        return bool(self.modifiers & TOGGLES)


class Gesture:
    """The base: does nothing, shows nothing."""

    def __init__(self, view: "CanvasView", start: Pointer) -> None:
        self.view, self.start = view, start
        self.dragged = False

    def moved(self, pointer: Pointer) -> None:
        """The pointer moved; `drag` is told once it went far enough to be meant."""
        way = pointer.at - self.start.at
        self.dragged = self.dragged or way.manhattanLength() >= DRAG_DISTANCE
        if self.dragged:
            self.drag(pointer)

    def drag(self, pointer: Pointer) -> None: ...

    def released(self, pointer: Pointer) -> None: ...

    def cancelled(self) -> None: ...

    def area(self) -> QRectF:
        """What `paint` covers, in the scene."""
        return QRectF()

    def paint(self, painter: QPainter) -> None:
        """Draw what the gesture would do, above everything, in the scene's coordinates."""


class Pan(Gesture):
    """Move what is seen, with the middle button or with Space held down."""

    def __init__(self, view: "CanvasView", start: Pointer) -> None:
        super().__init__(view, start)
        self._last = start.at
        view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def drag(self, pointer: Pointer) -> None:
        way = pointer.at - self._last
        self._last = pointer.at
        self.view.pan_by(way.x(), way.y())


class Band(Gesture):
    """Choose everything that a rectangle touches; with a modifier key in addition to what is chosen."""

    def __init__(self, view: "CanvasView", start: Pointer) -> None:
        super().__init__(view, start)
        scene = view.canvas
        self._before = (scene.chosen, scene.chosen_links())
        self._kept = self._before if start.toggles else ([], [])
        self._rect = QRectF()

    def drag(self, pointer: Pointer) -> None:
        self._rect = QRectF(self.start.place, pointer.place).normalized()
        self.view.canvas.choose([*self._kept[0], *self.view.canvas.inside(self._rect)], self._kept[1])

    def released(self, pointer: Pointer) -> None:
        if not self.dragged:
            self.view.canvas.choose(*self._kept)

    def cancelled(self) -> None:
        self.view.canvas.choose(*self._before)

    def area(self) -> QRectF:
        return self._rect

    def paint(self, painter: QPainter) -> None:
        if self._rect.isNull():
            return
        t = theme()
        fill = t.halo.toRgb()
        fill.setAlphaF(0.12)
        pen = QPen(t.halo, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(fill)
        painter.drawRect(self._rect)


class MoveNodes(Gesture):
    """Click chooses a node, dragging moves all that are chosen: one entry of undo however long the way."""

    def __init__(self, view: "CanvasView", start: Pointer, id: str) -> None:
        super().__init__(view, start)
        scene = view.canvas
        self._id = id
        self._was_chosen = id in scene.chosen
        if not self._was_chosen:
            scene.choose([*scene.chosen, id] if start.toggles else [id], scene.chosen_links() if start.toggles else ())
        self._from = {name: scene.nodes[name].pos() for name in scene.chosen}

    def drag(self, pointer: Pointer) -> None:
        scene, way = self.view.canvas, pointer.place - self.start.place
        lead = self._from[self._id] + way
        free = pointer.modifiers & Qt.KeyboardModifier.AltModifier
        x, y = (lead.x(), lead.y()) if free else snapped(lead.x(), lead.y(), 3.0)
        way = QPointF(x, y) - self._from[self._id]
        for name in self._from.keys() & scene.nodes.keys():
            scene.nodes[name].setPos(self._from[name] + way)
        self._follow()

    def released(self, pointer: Pointer) -> None:
        scene = self.view.canvas
        if self.dragged:
            places = {name: (p.x(), p.y()) for name in self._from if (p := scene.nodes[name].pos()) != self._from[name]}
            if places:
                edits.move(scene.session, places)
        elif self._was_chosen and self.start.toggles:
            scene.choose([name for name in scene.chosen if name != self._id], scene.chosen_links())
        elif not self.start.toggles:
            scene.choose([self._id])

    def cancelled(self) -> None:
        scene = self.view.canvas
        for name in self._from.keys() & scene.nodes.keys():
            scene.nodes[name].setPos(self._from[name])
        self._follow()

    def _follow(self) -> None:
        scene = self.view.canvas
        scene.router.reroute(self._from.keys() & scene.nodes.keys())
        scene.overview.forget()
        for name in self._from:
            scene.place_notice(name)
        self.view.looked.emit()


class PressButton(Gesture):
    """A button of a notice: carried out where it was pressed and let go."""

    def __init__(self, view: "CanvasView", start: Pointer, notice: Notice, button: int) -> None:
        super().__init__(view, start)
        self._notice, self._button = notice, button

    def released(self, pointer: Pointer) -> None:
        if self._notice.button_at(pointer.place) == self._button:
            self.view.take_remedy(self._notice, self._notice.problem.remedies[self._button])


class Placing(Gesture):
    """A layer on its way from the palette: a ghost of its card, or the wire it would be put on."""

    def __init__(self, view: "CanvasView", start: Pointer, entry: Entry) -> None:
        super().__init__(view, start)
        self._entry, self._layer = entry, entry.make()
        self._rect = QRectF()
        self._wire: WireItem | None = None
        self.drag(start)

    def drag(self, pointer: Pointer) -> None:
        corner = pointer.place - CARD.center()
        self._rect = CARD.translated(QPointF(*snapped(corner.x(), corner.y())))
        self._over(self._wire_under(pointer.place))

    def released(self, pointer: Pointer) -> None:
        session, place = self.view.canvas.session, self._rect.topLeft()
        wire = self._wire
        self._over(None)
        kind, settings = self._entry.kind, self._entry.settings
        if wire is not None:
            id = edits.insert(session, wire.link, kind, settings, place.x(), place.y())
        else:
            id = edits.add(session, kind, settings, place.x(), place.y())
        self.view.select([id])

    def cancelled(self) -> None:
        self._over(None)

    def area(self) -> QRectF:
        return self._shown().adjusted(-4, -4, 4, 4)

    def paint(self, painter: QPainter) -> None:
        t, area = theme(), self._shown()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_outline(painter, area, t.families[self._layer.family])
        painter.setFont(ui_font(TEXT, bold=True))
        painter.setPen(t.text)
        words = f"Insert {self._entry.kind}" if self._wire is not None else self._layer.summary
        centred = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area.adjusted(8, 2, -8, -2), centred, words)

    def _shown(self) -> QRectF:
        """The ghost: a card where it would stand, or a label on the wire that would take it in."""
        if self._wire is None:
            return self._rect
        label = QRectF(0, 0, CARD.width(), 32)
        label.moveCenter(self._wire.path().pointAtPercent(0.5))
        return label

    def _wire_under(self, place: QPointF) -> WireItem | None:
        if not self._layer.gives or self._layer.takes[1] == 0:
            return None
        return self.view.canvas.wire_at(place, 1.5 * self.view.reach)

    def _over(self, wire: WireItem | None) -> None:
        if wire is not self._wire:
            for one, hovered in ((self._wire, False), (wire, True)):
                if one is not None:
                    one.set_state(hovered=hovered)
            self._wire = wire
