"""Where the layers' cards stand: in rows where the network is a chain, else in columns by their way from the data.

A plan is worked out from the graph alone. No painting, no items.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from annstudio.layers.graph import Graph, Link
from annstudio.ui.canvas.geometry import wire_path

WIDTH, HEIGHT = 232.0, 158.0
_GAP_X, _GAP_Y = 40.0, 40.0
_FORKED_GAP_X = 88.0
"""Where paths part and meet, what runs along the wires has to be seen."""


@dataclass(frozen=True)
class LayerPlan:
    """Cards by node, wires by link."""

    cards: Mapping[str, QRectF]
    wires: Mapping[Link, QPainterPath]
    bounds: QRectF


def layer_plan(graph: Graph, ratio: float) -> LayerPlan:
    """The drawing of a graph for a room of so many times its height in width."""
    order = graph.order()
    chain = all(len(graph.into(id)) <= 1 and len(graph.out_of(id)) <= 1 for id in order)
    places = _rows(order, ratio) if chain else _columns(graph, order)
    gap = _GAP_X if chain else _FORKED_GAP_X
    cards = {
        id: QRectF(column * (WIDTH + gap), row * (HEIGHT + _GAP_Y), WIDTH, HEIGHT)
        for id, (column, row) in places.items()
    }
    bounds = QRectF()
    for rect in cards.values():
        bounds = bounds.united(rect)
    wires = {link: _wire(graph, link, cards) for link in graph.links}
    return LayerPlan(cards, wires, bounds.adjusted(-12, -12, 12, 12))


def _rows(order: list[str], ratio: float) -> dict[str, tuple[float, float]]:
    """As many cards in a row as make them largest."""

    def scale(across: int) -> float:
        down = -(-len(order) // across)
        return min(ratio / (across * (WIDTH + _GAP_X)), 1 / (down * (HEIGHT + _GAP_Y)))

    across = max(range(1, len(order) + 1), key=scale) if order else 1
    return {id: (i % across, i // across) for i, id in enumerate(order)}


def _columns(graph: Graph, order: list[str]) -> dict[str, tuple[float, float]]:
    depth: dict[str, int] = {}
    for id in order:
        depth[id] = max((depth[link.source] + 1 for link in graph.into(id)), default=0)
    places: dict[str, tuple[float, float]] = {}
    for level in set(depth.values()):
        nodes = [id for id in order if depth[id] == level]
        # Branches keep the order that they have on the canvas.
        nodes.sort(key=lambda id: graph.nodes[id].y)
        for i, id in enumerate(nodes):
            places[id] = (level, i - (len(nodes) - 1) / 2)
    return places


def _wire(graph: Graph, link: Link, cards: Mapping[str, QRectF]) -> QPainterPath:
    source, target = cards[link.source], cards[link.target]
    n = max(len(graph.into(link.target)), 1)
    port = [other.port for other in graph.into(link.target)].index(link.port)
    start = QPointF(source.right(), source.center().y())
    end = QPointF(target.left(), target.center().y() + (port - (n - 1) / 2) * min(26.0, 90.0 / n))
    return wire_path(
        start, end, max(source.bottom(), target.bottom()) if target.left() > source.left() else source.bottom()
    )
