"""A plot that is made when it is first seen: to import pyqtgraph doubles the time until the window stands."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGraphicsPixmapItem, QWidget

from annstudio.ui.axes import bare_plot


class LatePlot(QWidget):
    """Until it is seen `_plot` is None, and what is to be shown is only noted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot: Any = None

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._plot is None:
            self._plot = bare_plot(self)
            self._make()

    def _make(self) -> None:
        """Put the plot in its place, and all that was noted into it."""
        raise NotImplementedError

    def _picture_behind(self) -> QGraphicsPixmapItem:
        """A picture in the plane of the axes, behind everything else."""
        picture = QGraphicsPixmapItem()
        picture.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        picture.setZValue(-10)
        self._plot.addItem(picture, ignoreBounds=True)
        return picture
