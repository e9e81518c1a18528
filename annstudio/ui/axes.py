"""pyqtgraph's plots as they look and behave here: ranges set by us, the theme's colours, symbols sharp where saved.

pyqtgraph is imported when the first plot is shown: it would double the time until the window stands.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from annstudio.ui.numbers import localised
from annstudio.ui.theme import GRID, SMALL, theme, ui_font


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


@contextmanager
def sharp_symbols(chart: QWidget) -> Iterator[None]:
    """Have symbols drawn as shapes meanwhile. On the screen they come out of a cache of pixels, all in one call."""
    import pyqtgraph as pg

    items = [item for view in chart.findChildren(QGraphicsView) for item in view.items()]
    symbols = [item for item in items if isinstance(item, pg.ScatterPlotItem)]
    for item in symbols:
        item.setExportMode(True, {"antialias": True})
    try:
        yield
    finally:
        for item in symbols:
            item.setExportMode(False)
