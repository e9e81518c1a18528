"""Single examples of the data as small pictures: images, sequences as maps of their steps, series as curves."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from annstudio.data.lazy import Values
from annstudio.engine.op import Array
from annstudio.layers.ends import Input
from annstudio.session import Session
from annstudio.ui.panels.pictures import Scale, image_of
from annstudio.ui.theme import GRID, theme

LOOKED_AT = 500
"""So many examples decide the scale."""


class Examples:
    """Examples in one scale. `values` (N, H, W, C) or (N, T, D); of sequences so many steps as `lengths` (N, 1) say."""

    def __init__(self, values: Values, lengths: Values | None = None) -> None:
        self.values, self.lengths = values, lengths
        self.signed = values.ndim == 3 and values.shape[2] > 1
        self.scale = Scale.of([values[:LOOKED_AT]], signed=self.signed)

    def __len__(self) -> int:
        return len(self.values)

    def shown(self, i: int) -> Array:
        """Example `i` without the steps that do not count."""
        example: Array = self.values[i]
        return example if self.lengths is None else example[: max(int(self.lengths[i][0]), 0)]

    def paint(self, painter: QPainter, area: QRectF, i: int) -> QRectF:
        """Draw example `i` as large as it fits, in the middle; where it lies is given back."""
        if self.values.ndim == 3 and not self.signed:
            self._paint_curve(painter, area, self.shown(i)[:, 0])
            return area
        example = self.shown(i)
        image = picture(example, self.scale) if example.ndim == 3 else image_of(example.T, self.scale)
        wide, high = self.values.shape[2:0:-1] if example.ndim == 3 else self.values.shape[1:3]
        share = min(area.width() / wide, area.height() / high)
        left, top = area.x() + (area.width() - wide * share) / 2, area.y() + (area.height() - high * share) / 2
        # A short sequence fills a part of the room that the longest one takes.
        place = QRectF(left, top, image.width() * share, image.height() * share)
        painter.drawImage(place, image)
        return place

    def _paint_curve(self, painter: QPainter, area: QRectF, series: Array) -> None:
        span = (self.scale.high - self.scale.low) or 1.0
        inner = area.adjusted(3, 3, -3, -3)
        right, up = inner.width() / max(len(series) - 1, 1), inner.height() / span
        points = [
            QPointF(inner.left() + t * right, inner.bottom() - (value - self.scale.low) * up)
            for t, value in enumerate(series.tolist())
        ]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().card_border, 1))
        painter.setBrush(theme().card)
        painter.drawRect(area)
        painter.setPen(QPen(theme().positive, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))
        painter.restore()


class ExampleView(QWidget):
    """One example, as large as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._examples: Examples | None = None
        self._i = 0
        self.setFixedHeight(32 * GRID)

    def show_example(self, examples: Examples, i: int = 0) -> None:
        self._examples, self._i = examples, i
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(32 * GRID, 32 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._examples is None:
            return
        painter = QPainter(self)
        height = self.height() - 1.0
        ratio = 1.6 if self._examples.values.ndim == 3 else 1.0
        area = QRectF(0.5, 0.5, min(self.width() - 1.0, ratio * height), height)
        place = self._examples.paint(painter, area, self._i)
        painter.setPen(QPen(theme().card_border, 1))
        painter.drawRect(place)
        painter.end()


def picture(example: Array, scale: Scale) -> QImage:
    """One image (rows, columns, channels): three channels as colours, else the first in grey."""
    if example.shape[2] == 3:
        span = (scale.high - scale.low) or 1.0
        bytes_ = np.ascontiguousarray(np.clip(255 * (example - scale.low) / span, 0, 255).astype(np.uint8))
        height, width, _ = bytes_.shape
        return QImage(bytes_.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    return image_of(example[:, :, 0], scale)


def lengths_of(session: Session, column: str = "x") -> Values | None:
    """How many steps of every example count, where an input that reads this column says so."""
    dataset = session.dataset
    for node in session.graph.nodes.values():
        layer = node.layer
        if isinstance(layer, Input) and layer.column == column and dataset is not None:
            found = dataset.columns.get(layer.lengths)
            if found is not None and not found.is_classes and found.shape == (1,):
                return found.values
    return None
