"""The drawing from far: plain boxes and lines in one pass, for small zooms and for the minimap."""

from collections.abc import Mapping
from itertools import pairwise

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from annstudio.document.graph import Link
from annstudio.layers.base import Family
from annstudio.ui.canvas.geometry import CARD
from annstudio.ui.canvas.node import NodeItem
from annstudio.ui.canvas.wire import WireItem
from annstudio.ui.theme import theme


class Overview:
    """Keeps the boxes and lines of the drawing until something moves."""

    def __init__(self) -> None:
        self.version = 0
        self._boxes: dict[Family, list[QRectF]] | None = None
        self._lines: list[QLineF] = []
        self._chosen: list[QRectF] = []
        self._wrong: list[QRectF] = []

    def forget(self) -> None:
        """Something changed: collect anew when next painted."""
        self._boxes = None
        self.version += 1

    def paint(self, painter: QPainter, nodes: Mapping[str, NodeItem], wires: Mapping[Link, WireItem]) -> None:
        """Paint all of it; the painter clips what is outside."""
        if self._boxes is None:
            self._collect(nodes, wires)
        t = theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = QPen(t.wire, 0)
        painter.setPen(pen)
        painter.drawLines(self._lines)
        painter.setPen(Qt.PenStyle.NoPen)
        for family, boxes in (self._boxes or {}).items():
            painter.setBrush(t.families[family])
            painter.drawRects(boxes)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, boxes in ((t.problem, self._wrong), (t.halo, self._chosen)):
            outline = QPen(colour, 3)
            outline.setCosmetic(True)
            painter.setPen(outline)
            painter.drawRects([box.adjusted(-4, -4, 4, 4) for box in boxes])

    def _collect(self, nodes: Mapping[str, NodeItem], wires: Mapping[Link, WireItem]) -> None:
        boxes: dict[Family, list[QRectF]] = {}
        for item in nodes.values():
            boxes.setdefault(item.layer.family, []).append(CARD.translated(item.pos()))
        self._boxes = boxes
        self._chosen = [CARD.translated(i.pos()) for i in nodes.values() if i.chosen]
        self._wrong = [CARD.translated(i.pos()) for i in nodes.values() if i.problem is not None and not i.problem.mild]
        self._lines = []
        for wire in wires.values():
            path = wire.path()
            points = [path.pointAtPercent(share) for share in ((0, 1) if path.elementCount() == 2 else _SHARES)]
            self._lines += [QLineF(a, b) for a, b in pairwise(points)]


_SHARES = (0, 0.06, 0.12, 0.2, 0.35, 0.65, 0.8, 0.88, 0.94, 1)
