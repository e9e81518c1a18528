"""Where things are on the canvas: cards, ports and the way a wire takes. No painting, no items."""

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from annstudio.layers.graph import Graph, Node
from annstudio.ui.theme import CARD_HEIGHT, CARD_PADDING, CARD_WIDTH, SNAP

PORT_Y = 77.0
"""The middle of a card's ports below its top: the middle of the picture."""
PICTURE = QRectF(CARD_PADDING, 44, CARD_WIDTH - 2 * CARD_PADDING, 66)
FOOTER = QRectF(CARD_PADDING, 117, CARD_WIDTH - 2 * CARD_PADDING, CARD_HEIGHT - 117)
TITLE = QRectF(CARD_PADDING, 7, CARD_WIDTH - 2 * CARD_PADDING, 18)
SUMMARY = QRectF(CARD_PADDING, 26, CARD_WIDTH - 2 * CARD_PADDING, 16)
CARD = QRectF(0, 0, CARD_WIDTH, CARD_HEIGHT)

_PORT_PITCH = 26.0
_PORT_SPAN = 100.0
_LANE = 15.0
"""How far a wire that goes back keeps from the cards."""
_GAP = 28.0
_REACH = 44.0
"""How far to the side the controls of a turn lie: the turn itself stays within the gap between two cards."""


def card_rect(node: Node) -> QRectF:
    return CARD.translated(node.x, node.y)


def input_offset(port: int, n_ports: int) -> QPointF:
    """Where an input port is on its card."""
    pitch = min(_PORT_PITCH, _PORT_SPAN / max(n_ports, 1))
    return QPointF(0, PORT_Y + (port - (n_ports - 1) / 2) * pitch)


def output_offset(out: int = 0, n_outputs: int = 1) -> QPointF:
    """Where an output port is on its card."""
    return QPointF(CARD_WIDTH, input_offset(out, n_outputs).y())


def bounds(graph: Graph) -> QRectF:
    """The rectangle around all cards; null where there are none."""
    nodes = graph.nodes.values()
    if not nodes:
        return QRectF()
    left, top = min(n.x for n in nodes), min(n.y for n in nodes)
    right, bottom = max(n.x for n in nodes), max(n.y for n in nodes)
    return QRectF(left, top, right - left + CARD_WIDTH, bottom - top + CARD_HEIGHT)


def snapped(x: float, y: float, pull: float = SNAP / 2) -> tuple[float, float]:
    """Drawn to the grid where it is within `pull` of it."""
    return _snap(x, pull), _snap(y, pull)


def _snap(value: float, pull: float) -> float:
    near = round(value / SNAP) * SNAP
    return float(near if abs(value - near) <= pull else value)


def wire_path(start: QPointF, end: QPointF, low: float | None = None, lane: float | None = None) -> QPainterPath:
    """A smooth way from an output to an input.

    Where the input is further left, it goes out, back between the rows of cards and in again; `low` is the lower edge
    of the cards at both ends, needed where they stand side by side. With a `lane` it goes forward at that height,
    around what stands in between.
    """
    path = QPainterPath(start)
    dx, dy = end.x() - start.x(), end.y() - start.y()
    if dx < 16:
        _turn_back(path, start, end, _lane_between(start, end, low))
    elif lane is not None:
        _around(path, start, end, lane)
    else:
        if abs(dy) < 0.5:
            path.lineTo(end)
            return path
        bend = max(dx / 2, min(abs(dy) / 2, _REACH))
        path.cubicTo(start.x() + bend, start.y(), end.x() - bend, end.y(), end.x(), end.y())
    return path


def _lane_between(start: QPointF, end: QPointF, low: float | None) -> float:
    """The height at which a wire goes back: between the rows, or below both cards where they overlap."""
    above, below = min(start.y(), end.y()), max(start.y(), end.y())
    top, bottom = above - PORT_Y + CARD_HEIGHT, below - PORT_Y
    if bottom - top < 6:
        return (low if low is not None else below - PORT_Y + CARD_HEIGHT) + _LANE
    if bottom - top < 4 * _LANE:
        return (top + bottom) / 2
    # In a wide gap it stays near the row that it leaves, as a hand would draw it.
    return top + 2 * _LANE if start.y() <= end.y() else bottom - 2 * _LANE


def _turn_back(path: QPainterPath, start: QPointF, end: QPointF, lane: float) -> None:
    """Out to the right, back along the lane, and in from the left."""
    rise, fall = abs(lane - start.y()), abs(lane - end.y())
    leave, arrive = start.x() - rise / 2, end.x() + fall / 2
    if leave < arrive:
        leave = arrive = (leave + arrive) / 2
    path.cubicTo(start.x() + _REACH, start.y(), start.x() + _REACH, lane, leave, lane)
    path.lineTo(arrive, lane)
    path.cubicTo(end.x() - _REACH, lane, end.x() - _REACH, end.y(), end.x(), end.y())


def _around(path: QPainterPath, start: QPointF, end: QPointF, lane: float) -> None:
    """Forward, but past the cards in between: up or down in the gaps beside them."""
    leave, arrive = start.x() + _GAP, end.x() - _GAP
    path.cubicTo(leave, start.y(), start.x(), lane, leave, lane)
    path.lineTo(arrive, lane)
    path.cubicTo(end.x(), lane, arrive, end.y(), end.x(), end.y())
