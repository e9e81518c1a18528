"""Where the labels of weights stand on their lines, so that none lies on another or on a unit."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

if TYPE_CHECKING:
    from annstudio.ui.explain.neuron_plan import Wire

PILL_WIDTH, PILL_HEIGHT = 112.0, 40.0
"""The room of a label with two lines."""
MOST = 16
_CROSSING = 150.0
"""How bad it is, in square pixels of overlap, to stand on another line."""
_ROUNDS = 3
"""Labels are placed one after the other, then so often moved once more with all others in their places."""
_TRIES = (0.5, 0.3, 0.7, 0.38, 0.62, 0.22, 0.78, 0.44, 0.56, 0.26, 0.34, 0.66, 0.74, 0.18, 0.82, 0.14, 0.86)


def place_pills(wires: Sequence["Wire"], circles: Sequence[QRectF]) -> tuple["Wire", ...]:
    """The wires with places for the labels of those layers that have few weights."""
    counts = Counter(wire.node for wire in wires if wire.weight is not None and wire.source is not None)
    places: dict[int, QPointF] = {}
    labelled = [i for i, wire in enumerate(wires) if wire.weight is not None and counts[wire.node] <= MOST]
    # Level wires have one good place, their middle; slanted ones find room beside them.
    order = sorted(labelled, key=lambda i: abs(wires[i].end.y() - wires[i].start.y()))
    for _ in range(1 + _ROUNDS):
        before = dict(places)
        for i in order:
            taken = [*circles, *(_room(spot) for j, spot in places.items() if j != i)]
            others = [(w.start, w.end) for j, w in enumerate(wires) if j != i and w.weight is not None]
            places[i] = _free_spot(wires[i], taken, others)
        if places == before:
            break
    return tuple(replace(wire, pill=places.get(i)) for i, wire in enumerate(wires))


def _room(at: QPointF) -> QRectF:
    return QRectF(at.x() - PILL_WIDTH / 2, at.y() - PILL_HEIGHT / 2, PILL_WIDTH, PILL_HEIGHT)


def _free_spot(wire: "Wire", taken: Sequence[QRectF], others: Sequence[tuple[QPointF, QPointF]]) -> QPointF:
    tries = [wire.start + (wire.end - wire.start) * share for share in _TRIES]
    best, least = tries[0], math.inf
    for spot in tries:
        room, name = _room(spot), _name_room(spot)
        cost = sum(_area(room.intersected(other)) for other in taken if other.intersects(room))
        if cost < least:
            cost += _CROSSING * sum(_crosses(name, *other) for other in others)
        if cost < least:
            best, least = spot, cost
        if not least:
            break
    return best


def _name_room(at: QPointF) -> QRectF:
    """The part of a label that is always there."""
    return QRectF(at.x() - 36, at.y() - 11, 72, 22)


def _crosses(rect: QRectF, start: QPointF, end: QPointF) -> bool:
    """Whether a line passes through a rectangle (Liang and Barsky, 1984)."""
    way, enter, leave = end - start, 0.0, 1.0
    for step, low, high in (
        (way.x(), rect.left() - start.x(), rect.right() - start.x()),
        (way.y(), rect.top() - start.y(), rect.bottom() - start.y()),
    ):
        if step == 0:
            if low > 0 or high < 0:
                return False
            continue
        near, far = sorted((low / step, high / step))
        enter, leave = max(enter, near), min(leave, far)
    return enter <= leave


def _area(rect: QRectF) -> float:
    return rect.width() * rect.height() if rect.isValid() else 0.0
