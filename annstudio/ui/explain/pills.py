"""Where the labels of weights stand on their lines, so that none lies on another or on a unit."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

if TYPE_CHECKING:
    from annstudio.ui.explain.neuron_plan import Wire

PILL_WIDTH, PILL_HEIGHT = 112.0, 40.0
"""The room of a label with two lines."""
MOST = 16
_WAYS = ((900.0, 0), (150.0, 3), (40.0, 5))
"""Ways to place labels, each where those before it leave some on others: how bad it is, in square pixels of overlap,
to stand on another line, and how often labels are moved once more when all have a place."""
_TRIES = (0.5, 0.3, 0.7, 0.38, 0.62, 0.22, 0.78, 0.44, 0.56, 0.26, 0.34, 0.66, 0.74, 0.18, 0.82, 0.14, 0.86)


def place_pills(wires: Sequence["Wire"], circles: Sequence[QRectF]) -> tuple["Wire", ...]:
    """The wires with places for the labels of those layers that have few weights."""
    counts = Counter(wire.node for wire in wires if wire.weight is not None and wire.source is not None)
    labelled = [i for i, wire in enumerate(wires) if wire.weight is not None and counts[wire.node] <= MOST]
    # Level wires have one good place, their middle; slanted ones find room beside them.
    order = sorted(labelled, key=lambda i: abs(wires[i].end.y() - wires[i].start.y()))
    labels = {i: _Label(i, wires) for i in order}
    tried: list[tuple[float, dict[int, QPointF]]] = []
    for crossing, rounds in _WAYS:
        places = _placed(labels, circles, crossing, rounds)
        tried.append((_overlap(places, circles), places))
        if not tried[-1][0]:
            break
    best = min(tried, key=lambda each: each[0])[1]
    return tuple(replace(wire, pill=best.get(i)) for i, wire in enumerate(wires))


class _Label:
    """A wire's label with the places that it may have, and how many other lines pass through each."""

    def __init__(self, which: int, wires: Sequence["Wire"]) -> None:
        wire = wires[which]
        self.spots = [wire.start + (wire.end - wire.start) * share for share in _TRIES]
        self.rooms = [_room(spot) for spot in self.spots]
        self._others = [(w.start, w.end) for i, w in enumerate(wires) if i != which and w.weight is not None]
        self._crossed: dict[int, int] = {}

    def crossed(self, k: int) -> int:
        if k not in self._crossed:
            name = _name_room(self.spots[k])
            self._crossed[k] = sum(_crosses(name, *other) for other in self._others)
        return self._crossed[k]

    def best(self, taken: Sequence[QRectF], crossing: float) -> int:
        """The best of its places, where so much is taken already."""
        best, least = 0, math.inf
        for k, room in enumerate(self.rooms):
            cost = sum(_area(room.intersected(other)) for other in taken if other.intersects(room))
            if cost < least:
                cost += crossing * self.crossed(k)
            if cost < least:
                best, least = k, cost
            if not least:
                break
        return best


def _placed(
    labels: Mapping[int, _Label], circles: Sequence[QRectF], crossing: float, rounds: int
) -> dict[int, QPointF]:
    """Places for labels, one after the other, then moved again with all others in their places."""
    places: dict[int, int] = {}
    for _ in range(1 + rounds):
        before = dict(places)
        for i, label in labels.items():
            taken = [*circles, *(labels[j].rooms[k] for j, k in places.items() if j != i)]
            places[i] = label.best(taken, crossing)
        if places == before:
            break
    return {i: labels[i].spots[k] for i, k in places.items()}


def _overlap(places: Mapping[int, QPointF], circles: Sequence[QRectF]) -> float:
    """How much of the labels lies on other labels or on units, in square pixels; edges may meet."""
    rooms = [_room(spot).adjusted(8, 1, -8, -1) for spot in places.values()]
    around = [circle.adjusted(4, 2, -4, -2) for circle in circles]
    return sum(
        _area(room.intersected(other))
        for i, room in enumerate(rooms)
        for other in (*rooms[i + 1 :], *around)
        if room.intersects(other)
    )


def _room(at: QPointF) -> QRectF:
    return QRectF(at.x() - PILL_WIDTH / 2, at.y() - PILL_HEIGHT / 2, PILL_WIDTH, PILL_HEIGHT)


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
