"""Drawing a wire by hand: from a port in either direction, or with an end of a wire that was taken off."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from annstudio.layers.graph import Link
from annstudio.layers.lowering import Problem
from annstudio.ui.canvas import edits
from annstudio.ui.canvas.geometry import wire_path
from annstudio.ui.canvas.node import OUTPUT, NodeItem, out_of
from annstudio.ui.canvas.tools import Gesture, Pointer
from annstudio.ui.canvas.wire import wire_pen
from annstudio.ui.theme import theme

if TYPE_CHECKING:
    from annstudio.ui.canvas.view import CanvasView


@dataclass(frozen=True)
class Ends:
    """The end that stays: a node's output, or one of its inputs."""

    node: str
    port: int

    @property
    def is_output(self) -> bool:
        return self.port < 0


class Connect(Gesture):
    """A wire with one loose end. `instead` is the wire that was taken off, if one was."""

    def __init__(self, view: "CanvasView", start: Pointer, fixed: Ends, instead: Link | None = None) -> None:
        super().__init__(view, start)
        self._fixed, self._instead = fixed, instead
        self._loose = start.place
        self._over: tuple[str, int] | None = None
        self._problem: Problem | None = None

    # The hand --------------------------------------------------------------------------------------------------------

    def drag(self, pointer: Pointer) -> None:
        self._show_old(False)
        found = self._port_at(pointer.place)
        if found != self._over:
            self._light(None)
            self._over = found
            self._light(found)
            self._problem = None if found is None else self._refusal(found)
        item = self._item(found)
        self._loose = item.port_place(found[1]) if item is not None and found is not None else pointer.place
        self.view.tag.tell(self._problem.message if self._problem else "", pointer.at, wrong=True)

    def released(self, pointer: Pointer) -> None:
        over, problem = self._over, self._problem
        self._end()
        session = self.view.canvas.session
        if not self.dragged:
            self.view.click_port(self._fixed.node, self._instead, self.start)
        elif over is None:
            if self._instead is not None:
                edits.disconnect(session, [self._instead])
            else:
                self.view.offer_layers(self._fixed, pointer)
        elif problem is not None:
            self.view.offer_mends(problem, pointer.place, self._wire_to(over), self._instead)
        elif self._wire_to(over) != self._instead:
            edits.connect(session, self._wire_to(over), self._instead)

    def cancelled(self) -> None:
        self._end()

    def _end(self) -> None:
        self._light(None)
        self._show_old(True)
        self.view.tag.tell("")

    # What is under the loose end -------------------------------------------------------------------------------------

    def _port_at(self, place: QPointF) -> tuple[str, int] | None:
        """The node and the port that the wire would end at; anywhere on a card will do."""
        spot = self.view.canvas.spot(place, 1.25 * self.view.reach)
        item = spot.node
        if item is None or item.id == self._fixed.node:
            return None
        if not self._fixed.is_output:
            return item.id, spot.port if spot.port is not None and spot.port < 0 else OUTPUT
        if spot.port is not None and spot.port >= 0:
            return item.id, spot.port
        return item.id, self._free_port(item)

    def _free_port(self, item: NodeItem) -> int:
        taken = {link.port for link in self.view.canvas.graph.into(item.id) if link != self._instead}
        return next((port for port in range(item.n_ports) if port not in taken), 0)

    def _wire_to(self, over: tuple[str, int]) -> Link:
        (node, port), fixed = over, self._fixed
        if fixed.is_output:
            return Link(fixed.node, node, port, out_of(fixed.port))
        return Link(node, fixed.node, fixed.port, out_of(port))

    def _refusal(self, over: tuple[str, int]) -> Problem | None:
        return self.view.canvas.session.refusal(self._wire_to(over), self._instead)

    # What is shown ---------------------------------------------------------------------------------------------------

    def area(self) -> QRectF:
        return self._path().controlPointRect().adjusted(-12, -12, 12, 12) if self.dragged else QRectF()

    def paint(self, painter: QPainter) -> None:
        if not self.dragged:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = wire_pen(chosen=True)
        if self._problem is not None:
            pen = QPen(theme().problem, 2.5, Qt.PenStyle.DashLine)
        elif self._over is None:
            pen = QPen(theme().halo, 2.5)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path())
        painter.setBrush(theme().card)
        painter.setPen(QPen(pen.color(), 2))
        painter.drawEllipse(self._loose, 5, 5)

    def _path(self) -> QPainterPath:
        fixed = self.view.canvas.nodes[self._fixed.node].port_place(self._fixed.port)
        return wire_path(fixed, self._loose) if self._fixed.is_output else wire_path(self._loose, fixed)

    def _item(self, over: tuple[str, int] | None) -> NodeItem | None:
        return self.view.canvas.nodes.get(over[0]) if over is not None else None

    def _light(self, over: tuple[str, int] | None) -> None:
        item = self._item(self._over if over is None else over)
        if item is not None:
            port = over[1] if over is not None and over[1] in item.ports() else None
            item.set_state(hot_port=port)

    def _show_old(self, visible: bool) -> None:
        wire = self.view.canvas.wires.get(self._instead) if self._instead is not None else None
        if wire is not None and wire.isVisible() != visible:
            wire.setVisible(visible)
