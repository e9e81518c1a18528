"""A plot that is made when it is first seen: to import pyqtgraph doubles the time until the window stands."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QGraphicsPixmapItem, QWidget

from annstudio.ui.numbers import localised
from annstudio.ui.theme import GRID, SMALL, theme, ui_font


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


def bare_plot(parent: QWidget) -> Any:
    """A pyqtgraph plot without menus and mouse gestures of its own, whose ranges are set by us."""
    import pyqtgraph as pg

    class Axis(pg.AxisItem):
        """Numbers as everywhere else: with the user's decimal sign and a true minus."""

        def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
            return [localised(text).replace("-", "\u2212") for text in super().tickStrings(values, scale, spacing)]

    plot = pg.PlotWidget(parent, enableMenu=False, axisItems={side: Axis(side) for side in ("left", "bottom")})
    # pyqtgraph makes this menu all the same, as a window of its own that would outlive the plot.
    menu = plot.getPlotItem().ctrlMenu
    menu.setParent(plot, menu.windowFlags())
    plot.setMouseEnabled(False, False)
    plot.hideButtons()
    plot.setFrameShape(QFrame.Shape.NoFrame)
    plot.getViewBox().setDefaultPadding(0)
    # Room for half of the last number below the axis.
    plot.getPlotItem().layout.setContentsMargins(1, 1, 4 * GRID, 1)
    plot.disableAutoRange()
    return plot


def dress_plot(plot: Any, x_name: str, y_name: str) -> None:
    """The axes' names and the colours of the theme that is now."""
    import pyqtgraph as pg

    t = theme()
    plot.setBackground(t.panel)
    for side, words in (("left", y_name), ("bottom", x_name)):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(t.card_border))
        axis.setTextPen(pg.mkPen(t.dim))
        axis.setTickFont(ui_font(SMALL))
        # "0.6", not "600 (x0.001)".
        axis.enableAutoSIPrefix(False)
        axis.setLabel(words, color=t.dim.name(), **{"font-size": f"{SMALL}px"})
        axis.setStyle(tickLength=-3, maxTickLevel=0, hideOverlappingLabels=False)
