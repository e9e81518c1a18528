"""The panels around the canvas: where each stands at first, and how Explain borrows their room."""

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QScrollArea, QTabBar, QTabWidget, QToolButton, QWidget
from shiboken6 import isValid

from annstudio.errors import StudioError
from annstudio.explain.told import Quantity
from annstudio.session import Session
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.explain.going import explain
from annstudio.ui.explain.panel import ExplainPanel
from annstudio.ui.labs.activation_lab import ActivationLab
from annstudio.ui.labs.descent import DescentPanel
from annstudio.ui.labs.takeaway_lab import TakeAwayLab
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from annstudio.ui.panels.activations import ActivationsPanel
from annstudio.ui.panels.base import Panel
from annstudio.ui.panels.boundary import BoundaryPanel
from annstudio.ui.panels.curves import CurvesPanel
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.panels.inspector import InspectorPanel
from annstudio.ui.panels.maps import MapsPanel
from annstudio.ui.panels.palette import PalettePanel
from annstudio.ui.panels.predictions import PredictionsPanel
from annstudio.ui.panels.problems import ProblemsPanel
from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.theme import wear

Area = Qt.DockWidgetArea
BOTTOM: tuple[type[Panel], ...] = (
    CurvesPanel, ActivationsPanel, WeightsPanel, MapsPanel, BoundaryPanel, PredictionsPanel, DataPanel, ProblemsPanel,
)  # fmt: skip
LABS: dict[str, type[Panel]] = {
    "activation_curves": ActivationLab, "descent": DescentPanel, "worksheet": WorksheetLab, "take_away": TakeAwayLab,
}  # fmt: skip
"""Laboratories by the command that opens them: panels that are not there at first, and get room to work in."""
BELOW = (*BOTTOM, *LABS.values())

PALETTE_WIDTH, INSPECTOR_WIDTH, BOTTOM_HEIGHT = 200, 300, 300
PALETTE_MINIMUM, INSPECTOR_MINIMUM, BOTTOM_MINIMUM, EXPLAIN_WIDTH = 150, 264, 120, 540
EXPLAIN_SHARE = 0.36
"""No more than so much of the window is taken by what Explain says: the drawing is the largest thing."""
TAB_ICON, SETTLED_MS = 12, 50


class Docks:
    """Every panel in a dock of its own; all can be moved, closed and brought back from the View menu."""

    def __init__(self, window: QMainWindow, session: Session, canvas: CanvasView, explain_panel: ExplainPanel) -> None:
        self._window = window
        self._session = session
        self._canvas = canvas
        self._before_explain: QByteArray | None = None
        self._tabs = QTimer(window, singleShot=True, interval=0)
        self._tabs.timeout.connect(self._dress_tabs)
        window.setCorner(Qt.Corner.BottomLeftCorner, Area.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
        window.setTabPosition(Area.BottomDockWidgetArea, QTabWidget.TabPosition.North)
        # Tabs can be dragged out of their row, which is how a panel without a title bar is moved.
        window.setDockOptions(window.dockOptions() | QMainWindow.DockOption.GroupedDragging)
        self.palette = PalettePanel(session)
        self.palette.chosen.connect(canvas.append_layer)
        self.inspector = InspectorPanel(session)
        self.inspector.renamed.connect(self._renamed)
        self.problems = ProblemsPanel(session)
        self.problems.node_chosen.connect(self._show_node)
        self.weights = WeightsPanel(session)
        self.panels: dict[type[QWidget], QWidget] = {}
        self.docks: dict[str, QDockWidget] = {}
        self._dock("Layers", self.palette, Area.LeftDockWidgetArea).setMinimumWidth(PALETTE_MINIMUM)
        self._dock("Inspector", self.inspector, Area.RightDockWidgetArea, scroll=True).setMinimumWidth(
            INSPECTOR_MINIMUM
        )
        for kind in BELOW:
            panel = {ProblemsPanel: self.problems, WeightsPanel: self.weights}.get(kind) or kind(session)
            self.panels[kind] = panel
            self._dock(kind.title, panel, Area.BottomDockWidgetArea, scroll=True)
            if isinstance(panel, WorksheetLab):
                panel.led.connect(self._show_in_explain)
        self._explain_panel = explain_panel
        self.explain_dock = self._dock("Why", explain_panel, Area.RightDockWidgetArea)
        self.explain_dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable)
        self._arrange()
        self._first = window.saveState()
        session.rechecked.connect(self._count_problems)
        self._count_problems()

    def show_selection(self, ids: list[str]) -> None:
        """Let the panels that speak of one layer speak of the selected one."""
        self.inspector.show_nodes(ids)
        for kind in (WeightsPanel, MapsPanel):
            panel = self.panels[kind]
            if len(ids) == 1:
                panel.choose(ids[0])  # type: ignore[attr-defined]

    def show_panel(self, kind: type[Panel]) -> None:
        """Bring a panel to the front, also where it was closed."""
        self.docks[kind.title].show()
        self.docks[kind.title].raise_()

    def open_lab(self, kind: type[Panel]) -> None:
        """Bring a laboratory to the front and give it half of the window's height; a drawing seen whole stays so."""
        if self._canvas.shows_all:
            # The docks take their places when events go on.
            QTimer.singleShot(SETTLED_MS, self._canvas, self._fit_again)
        self.show_panel(kind)
        dock, half = self.docks[kind.title], self._window.height() // 2
        if not dock.isFloating() and dock.height() < half:
            self._window.resizeDocks([dock], [half], Qt.Orientation.Vertical)
        self.panels[kind].setFocus()

    def _fit_again(self) -> None:
        if not self._canvas.shows_all:
            self._canvas.fit()

    def show_sheet(self) -> None:
        """Open the worksheet where the project has one."""
        if self._session.project.worksheet is not None:
            self.open_lab(WorksheetLab)

    def explain(self, begin: bool) -> None:
        """Clear the room for Explain, or give it back as it was."""
        if begin:
            self._before_explain = self._window.saveState()
            for dock in self.docks.values():
                dock.setVisible(dock is self.explain_dock)
            width = min(EXPLAIN_WIDTH, round(EXPLAIN_SHARE * self._window.width()))
            self._window.resizeDocks([self.explain_dock], [width], Qt.Orientation.Horizontal)
        else:
            if self._before_explain is not None:
                self._window.restoreState(self._before_explain)
            self.explain_dock.hide()
            # On the way back each dock stood alone for a moment.
            self.dress_titles()

    def reset(self) -> None:
        """Put all panels back in their first places."""
        self._window.restoreState(self._first)
        self._arrange()

    def fill_menu(self, menu: QMenu) -> None:
        for dock in self.docks.values():
            if dock is not self.explain_dock:
                menu.addAction(dock.toggleViewAction())

    def _dock(self, title: str, panel: QWidget, area: Area, *, scroll: bool = False) -> QDockWidget:
        """A dock; with `scroll` it can be smaller than what is in it, so that no panel dictates the window's size."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(f"dock {title}")
        if scroll:
            frame = QScrollArea()
            frame.setWidgetResizable(True)
            frame.setFrameShape(QScrollArea.Shape.NoFrame)
            if area is Area.BottomDockWidgetArea:
                frame.setMinimumHeight(BOTTOM_MINIMUM)
            else:
                frame.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            frame.setWidget(panel)
            dock.setWidget(frame)
        else:
            dock.setWidget(panel)
        self._window.addDockWidget(area, dock)
        self.docks[title] = dock
        if area is Area.BottomDockWidgetArea:
            # The tab says the name already; a panel that floats or stands alone gets its title bar back.
            dock.topLevelChanged.connect(self.dress_titles)
            dock.dockLocationChanged.connect(self.dress_titles)
            dock.visibilityChanged.connect(self.dress_titles)
        return dock

    def dress_titles(self, *_: object) -> None:
        """Title bars where there is no tab, and on a laboratory's tab a button that closes it."""
        if not isValid(self._window):
            # Docks tell of it, too, when they go with their window.
            return
        for kind in BELOW:
            dock = self.docks[kind.title]
            tabbed = bool(self._window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            bare = dock.titleBarWidget() is not None
            if tabbed and not bare:
                dock.setTitleBarWidget(QWidget(dock))
            elif bare and not tabbed:
                old = dock.titleBarWidget()
                dock.setTitleBarWidget(None)  # type: ignore[arg-type]
                old.deleteLater()
        # A dock that was just shown gets its tab when events go on.
        self._tabs.start()

    def _dress_tabs(self) -> None:
        labs = {kind.title: self.docks[kind.title] for kind in LABS.values()}
        right = QTabBar.ButtonPosition.RightSide
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            for i in range(bar.count()):
                dock = labs.get(bar.tabText(i))
                if dock is not None and bar.tabButton(i, right) is None:
                    button = QToolButton(bar)
                    button.setObjectName("tab")
                    wear(button, "close", "dim")
                    button.setIconSize(QSize(TAB_ICON, TAB_ICON))
                    button.setToolTip(f"Close {bar.tabText(i)}; the Labs menu opens it again")
                    button.setAccessibleName(f"Close {bar.tabText(i)}")
                    button.clicked.connect(dock.close)
                    bar.setTabButton(i, right, button)

    def _arrange(self) -> None:
        """First places: layers left, inspector right, everything else in tabs below."""
        tabs = [self.docks[kind.title] for kind in BELOW]
        for dock in tabs[1:]:
            self._window.tabifyDockWidget(tabs[0], dock)
        closed = {self.explain_dock, *(self.docks[kind.title] for kind in LABS.values())}
        for dock in self.docks.values():
            dock.setVisible(dock not in closed)
        tabs[0].raise_()
        self.dress_titles()
        self.first_sizes()

    def first_sizes(self) -> None:
        """The panels' first widths and height. What Qt makes of them depends on the window: ask again once shown."""
        width, height = self._window.width(), self._window.height()
        widths = [
            max(PALETTE_MINIMUM, min(PALETTE_WIDTH, width // 7)),
            max(INSPECTOR_MINIMUM, min(INSPECTOR_WIDTH, width // 4)),
        ]
        sides = [self.docks["Layers"], self.docks["Inspector"]]
        self._window.resizeDocks(sides, widths, Qt.Orientation.Horizontal)
        bottom = max(BOTTOM_MINIMUM, min(BOTTOM_HEIGHT, height // 3))
        self._window.resizeDocks([self.docks[BOTTOM[0].title]], [bottom], Qt.Orientation.Vertical)

    def _renamed(self, old: str, new: str) -> None:
        """What was selected stays so under its new name."""
        self._canvas.select([new])

    def _show_node(self, path: str) -> None:
        """Show a node, opening the block that it stands in."""
        box, _, id = path.rpartition("/")
        self._canvas.attempt(lambda: self._session.open_block(box))
        self._canvas.select([id])
        self._canvas.show_node(id)

    def _show_in_explain(self, examples: tuple[int, ...], quantity: Quantity) -> None:
        """Go to a number of a batch in Explain, and ask about it."""
        try:
            if explain(self._window, self._session, examples[0], whole_batch=False, beside=examples[1:]):
                self._explain_panel.tour.go_and_ask(quantity)
        except StudioError as error:
            self._session.told.emit("error", str(error))

    def _count_problems(self, *_: object) -> None:
        """Write the number of problems on the panel's tab."""
        n = len(self._session.checked.problems)
        title = f"{ProblemsPanel.title} {n}" if n else ProblemsPanel.title
        dock = self.docks[ProblemsPanel.title]
        dock.setWindowTitle(title)
        for bar in self._window.findChildren(QTabBar):
            for i in range(bar.count()):
                if bar.tabText(i).startswith(ProblemsPanel.title):
                    bar.setTabText(i, title)
