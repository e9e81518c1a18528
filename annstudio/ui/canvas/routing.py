"""Finds the wires' ways: straight on where nothing is between, around the cards that are."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainterPath

from annstudio.layers.graph import Link
from annstudio.ui.canvas.geometry import CARD, wire_path
from annstudio.ui.canvas.node import OUTPUT, NodeItem, port_of
from annstudio.ui.theme import CARD_HEIGHT, CARD_WIDTH

if TYPE_CHECKING:
    from annstudio.ui.canvas.scene import CanvasScene

_SIDE_LANE = 15.0


class Router:
    """Works out paths from where the cards are shown now, so wires follow a card that is being dragged."""

    def __init__(self, scene: "CanvasScene") -> None:
        self._scene = scene

    def path(self, link: Link) -> QPainterPath:
        source, target = self._scene.nodes[link.source], self._scene.nodes[link.target]
        start, end = source.port_place(port_of(link.out)), target.port_place(link.port)
        low = max(source.y(), target.y()) + CARD_HEIGHT
        return wire_path(start, end, low, self._lane(source, target))

    def reroute(self, ids: Iterable[str]) -> None:
        """Draw the wires of these nodes anew, and long ones that may have to give way."""
        graph, wires = self._scene.graph, self._scene.wires
        links = {link for id in ids for link in (*graph.into(id), *graph.out_of(id))}
        for link in links:
            if link in wires:
                wires[link].set_path(self.path(link))

    def _lane(self, source: NodeItem, target: NodeItem) -> float | None:
        """Where a wire forward has to run to pass the cards between its ends; None where none is in its way."""
        if target.x() - source.x() < 2 * CARD_WIDTH:
            return None
        start, end = source.port_place(OUTPUT), target.port_place(0)
        corridor = QRectF(start, end).normalized().adjusted(20, -8, -20, 8)
        mode = Qt.ItemSelectionMode.IntersectsItemBoundingRect
        cards = (i for i in self._scene.items(corridor, mode) if isinstance(i, NodeItem) and i not in (source, target))
        rects = [rect for card in cards if (rect := CARD.translated(card.pos())).intersects(corridor)]
        if not rects or corridor.height() > CARD_HEIGHT:
            return None
        below = max(rect.bottom() for rect in rects) + _SIDE_LANE
        above = min(rect.top() for rect in rects) - _SIDE_LANE
        middle = (start.y() + end.y()) / 2
        return below if below - middle < middle - above else above
