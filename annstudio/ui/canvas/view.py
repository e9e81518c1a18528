"""The canvas as a widget: turns the mouse, drags and the keys that mean something only here into gestures."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip

from annstudio.layers.graph import Link
from annstudio.ui.canvas.commands import Commands
from annstudio.ui.canvas.connecting import Connect, Ends
from annstudio.ui.canvas.entries import dragged
from annstudio.ui.canvas.geometry import TITLE
from annstudio.ui.canvas.menus import menu_for
from annstudio.ui.canvas.minimap import Minimap
from annstudio.ui.canvas.node import port_of
from annstudio.ui.canvas.overlays import EmptyHint, ZoomBar
from annstudio.ui.canvas.scene import CanvasScene, Spot
from annstudio.ui.canvas.telling import tip, wire_words
from annstudio.ui.canvas.tools import Band, Gesture, MoveNodes, Pan, Placing, Pointer, PressButton
from annstudio.ui.canvas.trail import Trail
from annstudio.ui.theme import GRID

_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
_MARGIN = 3 * GRID
_LOOSE_END = 28.0
"""So near its end a wire is taken off when it is dragged."""


class CanvasView(Commands):
    """Shows a CanvasScene and lets it be worked on."""

    node_opened = Signal(str)
    """A node was double-clicked below its name."""

    def __init__(self, scene: CanvasScene) -> None:
        super().__init__(scene)
        self.gesture: Gesture | None = None
        self._painted = QRectF()
        self._hovered = Spot()
        self._space = False
        self.setAccessibleName("Canvas")
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hint = EmptyHint(self)
        self.zoom_bar = ZoomBar(self)
        self.minimap = Minimap(self)
        self.trail = Trail(self)
        self.looked.connect(self.minimap.follow)
        scene.synced.connect(self._synced)
        self._synced(False)

    def _synced(self, fresh: bool) -> None:
        self.cancel_gesture()
        self._hover(Spot(), QPoint())
        self.hint.setVisible(not self.canvas.graph.nodes)
        if fresh:
            self.fit()
        if self.zoom < 1:
            self.viewport().update()
        self.minimap.follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width, height = self.width(), self.height()
        self.zoom_bar.adjustSize()
        self.zoom_bar.move(_MARGIN, height - self.zoom_bar.height() - _MARGIN)
        self.minimap.move(width - self.minimap.width() - _MARGIN, height - self.minimap.height() - _MARGIN)
        self.hint.setGeometry(0, 0, width, height)

    def show_node(self, id: str) -> None:
        super().show_node(id)
        item = self.canvas.nodes.get(id)
        if item is not None and self.minimap.isVisible():
            # What was asked for must not lie under the overview.
            card = self.mapFromScene(item.sceneBoundingRect()).boundingRect()
            over = self.minimap.geometry()
            if card.intersects(over):
                self.pan_by(0, over.top() - _MARGIN - card.bottom())

    # Mouse -----------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.gesture is not None:
            return
        pointer = self._pointer(event.position().toPoint(), event.modifiers())
        spot = self._spot(pointer.place)
        if spot.notice is None or spot.notice is not self.canvas.offer:
            self.canvas.withdraw_offer()
        self._hover(Spot(), pointer.at)
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._space):
            self.gesture = Pan(self, pointer)
        elif left:
            self.gesture = self._begin(spot, pointer)

    def _begin(self, spot: Spot, pointer: Pointer) -> Gesture | None:
        """The gesture that a press of the left button begins."""
        if spot.notice is not None:
            return PressButton(self, pointer, spot.notice, spot.button) if spot.button is not None else None
        if spot.node is not None and spot.port is not None:
            link = self.canvas.link_at_port(spot.node.id, spot.port)
            if link is not None:
                return Connect(self, pointer, Ends(link.source, port_of(link.out)), link)
            return Connect(self, pointer, Ends(spot.node.id, spot.port))
        if spot.node is not None:
            return MoveNodes(self, pointer, spot.node.id)
        if spot.wire is not None:
            return self._press_wire(spot.wire.link, pointer)
        return Band(self, pointer)

    def _press_wire(self, link: Link, pointer: Pointer) -> Gesture | None:
        scene = self.canvas
        if pointer.toggles:
            scene.choose(scene.chosen, set(scene.chosen_links()) ^ {link})
        else:
            scene.choose((), [link])
        path = scene.wires[link].path()
        if _far(path.pointAtPercent(1), pointer.place) < _LOOSE_END:
            return Connect(self, pointer, Ends(link.source, port_of(link.out)), link)
        if _far(path.pointAtPercent(0), pointer.place) < _LOOSE_END:
            return Connect(self, pointer, Ends(link.target, link.port), link)
        return None

    def click_port(self, id: str, instead: Link | None, pointer: Pointer) -> None:
        """A port or the end of a wire was clicked, not dragged: that chooses the wire or the node."""
        if self._spot(pointer.place).node is None and instead is not None:
            return
        node = instead.target if instead is not None else id
        self.select([*self.selection, node] if pointer.toggles else [node])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pointer = self._pointer(event.position().toPoint(), event.modifiers())
        if self.gesture is not None:
            self.gesture.moved(pointer)
            self._show_gesture()
        elif not event.buttons():
            self._hover(self._spot(pointer.place), pointer.at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            pointer = self._pointer(event.position().toPoint(), event.modifiers())
            self.attempt(lambda: gesture.released(pointer))
            self._show_gesture()
            self._hover(self._spot(pointer.place), pointer.at)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = QPointF(self.mapToScene(event.position().toPoint()))
        spot = self._spot(place)
        if event.button() != Qt.MouseButton.LeftButton or spot.notice is not None:
            self.mousePressEvent(event)
        elif spot.node is not None and spot.port is None:
            self.select([spot.node.id])
            if TITLE.adjusted(-4, -4, 4, 2).translated(spot.node.pos()).contains(place):
                self.rename_selected()
            elif self.chosen_block:
                self.open_block()
            else:
                self.node_opened.emit(spot.node.id)
        elif spot.node is None and spot.wire is None:
            self.open_search_at(place)
        else:
            self.mousePressEvent(event)

    def cancel_gesture(self) -> None:
        """Break off what a hand is doing, as Escape does."""
        gesture, self.gesture = self.gesture, None
        if gesture is not None:
            gesture.cancelled()
            self._show_gesture()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(Spot(), QPoint())
        super().leaveEvent(event)

    # Hovering --------------------------------------------------------------------------------------------------------

    def _hover(self, spot: Spot, at: QPoint) -> None:
        """Light up what a press would take hold of, and tell the shape on a wire."""
        before, self._hovered = self._hovered, spot
        if before.node is not None and (before.node, before.port) != (spot.node, spot.port):
            before.node.set_state(hot_port=None)
        if before.wire is not None and before.wire is not spot.wire:
            before.wire.set_state(hovered=False)
        if before.notice is not None and before.notice is not spot.notice:
            before.notice.hover(None)
        cursor = Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor
        words = ""
        if spot.notice is not None:
            spot.notice.hover(spot.button)
            cursor = Qt.CursorShape.PointingHandCursor if spot.button is not None else cursor
        elif spot.node is not None and spot.port is not None:
            spot.node.set_state(hot_port=spot.port)
            cursor = Qt.CursorShape.CrossCursor
        elif spot.wire is not None:
            spot.wire.set_state(hovered=True)
            words = wire_words(spot.wire.link, self.canvas.session.here)
        self.tag.tell(words, at)
        if self.viewport().cursor().shape() != cursor:
            self.viewport().setCursor(cursor)

    def tip_at(self, at: QPoint) -> str:
        """The tool tip at a point of the viewport."""
        return tip(self._spot(QPointF(self.mapToScene(at))), self.canvas.session.here)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self.viewport())
            return True
        return bool(super().viewportEvent(event))

    # Drags from the palette ------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        entry = dragged(event.mimeData())
        if entry is None or self.gesture is not None:
            event.ignore()
            return
        self.gesture = Placing(self, self._pointer(event.position().toPoint(), event.modifiers()), entry)
        self._show_gesture()
        event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if isinstance(self.gesture, Placing):
            self.gesture.drag(self._pointer(event.position().toPoint(), event.modifiers()))
            self._show_gesture()
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.cancel_gesture()

    def dropEvent(self, event: QDropEvent) -> None:
        gesture, self.gesture = self.gesture, None
        if isinstance(gesture, Placing):
            pointer = self._pointer(event.position().toPoint(), event.modifiers())
            gesture.drag(pointer)
            self.attempt(lambda: gesture.released(pointer))
            self._show_gesture()
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            event.acceptProposedAction()

    # Keys ------------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, keys = event.key(), Qt.Key
        if key == keys.Key_Escape:
            self._escape()
        elif key == keys.Key_Space:
            if not event.isAutoRepeat():
                self._space = True
                self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif key in (keys.Key_Return, keys.Key_Enter):
            self.open_block() if self.chosen_block else self.open_search()
        elif key == keys.Key_Up and event.modifiers() & Qt.KeyboardModifier.AltModifier and self.canvas.session.path:
            self.leave_block()
        elif key in _ARROWS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.walk(*_ARROWS[keys(key)])
        elif key in _ARROWS and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if self.selection:
                self.nudge(*_ARROWS[keys(key)])
            else:
                self.walk(*_ARROWS[keys(key)])
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        else:
            event.ignore()

    def _escape(self) -> None:
        """One thing at a time: the gesture, then what was offered, then the selection, then the open block."""
        if self.gesture is not None:
            self.cancel_gesture()
        elif self.canvas.offer is not None:
            self.canvas.withdraw_offer()
        elif self.selection or self.canvas.chosen_links():
            self.clear_selection()
        else:
            self.leave_block()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        if event.reason() == Qt.FocusReason.ActiveWindowFocusReason and not isinstance(self.gesture, Placing):
            self.cancel_gesture()
        super().focusOutEvent(event)

    # Menus -----------------------------------------------------------------------------------------------------------

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.gesture is not None:
            return
        at = event.pos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.selection:
            item = self.canvas.nodes[self.selection[-1]]
            at = self.mapFromScene(item.pos() + TITLE.center())
        self.menu_at(at).popup(self.viewport().mapToGlobal(at))

    def menu_at(self, at: QPoint) -> QMenu:
        """The context menu for what is at a point of the viewport, which is then chosen."""
        place = QPointF(self.mapToScene(at))
        spot = self._spot(place)
        if spot.node is not None and spot.node.id not in self.selection:
            self.select([spot.node.id])
        elif spot.node is None and spot.wire is not None and spot.wire.link not in self.canvas.chosen_links():
            self.select((), [spot.wire.link])
        return menu_for(self, spot, place)

    # Private ---------------------------------------------------------------------------------------------------------

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:  # type: ignore[override]
        if self.gesture is not None:
            self.gesture.paint(painter)

    def _show_gesture(self) -> None:
        """Paint where the gesture was drawn and where it is now."""
        area = self.gesture.area() if self.gesture is not None else QRectF()
        for part in (self._painted, area):
            if not part.isNull():
                self.viewport().update(self.mapFromScene(part).boundingRect().adjusted(-6, -6, 6, 6))
        self._painted = area

    def _pointer(self, at: QPoint, modifiers: Qt.KeyboardModifier) -> Pointer:
        return Pointer(at, QPointF(self.mapToScene(at)), modifiers)

    def _spot(self, place: QPointF) -> Spot:
        return self.canvas.spot(place, self.reach)


def _far(a: QPointF, b: QPointF) -> float:
    return float((a - b).manhattanLength())
