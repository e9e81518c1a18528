"""The main window: the canvas in the middle, panels around it, commands from `actions`, and the two modes."""

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMenu,
    QMessageBox,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QWidget,
)

from annstudio import __version__
from annstudio.errors import DataError, StudioError
from annstudio.session import Session
from annstudio.ui import theme as themes
from annstudio.ui.actions import COMMANDS, MENUS, Command, shortcuts
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.command_search import CommandSearch
from annstudio.ui.docks import LABS, Docks
from annstudio.ui.explain.bar import ExplainBar
from annstudio.ui.explain.going import explain
from annstudio.ui.explain.panel import ExplainPanel
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.files import Files
from annstudio.ui.memory import Memory
from annstudio.ui.numbers import use_decimal_sign
from annstudio.ui.panels.base import Panel
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.samples_menu import fill_recent, fill_samples
from annstudio.ui.status import StatusBar
from annstudio.ui.ticker import Ticker
from annstudio.ui.toolbar import ToolBar

SIZE = (1440, 900)
LEAST_SIZE = (960, 620)
"""Smaller than this the window is not made, where the screen allows."""
LEAST_CANVAS, FRAME = 240, 48
"""The canvas never begins smaller; so much of a screen's height is kept for the window's frame."""


class Window(QMainWindow):
    """One session in one window."""

    def __init__(self, session: Session, memory: Memory | None = None) -> None:
        super().__init__()
        self._shown = False
        self._look = QTimer(self, singleShot=True, interval=0)
        self._look.timeout.connect(self._first_look)
        self.session: Session = session
        self.memory: Memory = memory or Memory()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.scene: CanvasScene = CanvasScene(session)
        self.canvas: CanvasView = CanvasView(self.scene)
        self.explain_view: ExplainView = ExplainView(session)
        self.explain_panel: ExplainPanel = ExplainPanel(self.explain_view)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.canvas)
        self._pages.addWidget(self.explain_view)
        self._turn_to(self.canvas)
        self.setCentralWidget(self._pages)
        self.files: Files = Files(self, session, self.memory, self._thumbnail, self._project_opened)
        self.docks = Docks(self, session, self.canvas, self.explain_panel)
        self.actions_by_id = {command.id: self._action(command) for command in COMMANDS}
        self._fill_menus()
        self.toolbar = ToolBar(self, self.actions_by_id)
        self.addToolBar(self.toolbar)
        self.explain_toolbar = self._explain_toolbar()
        self.status = StatusBar(session, self)
        self.setStatusBar(self.status)
        self.ticker = Ticker(session, self._draw, self)
        for panel in self.findChildren(Panel):
            panel.ticker = self.ticker
        self._follow()
        self._restore()
        self._title()
        self.update_actions()
        session.watch(True)
        self._draw()

    # Commands --------------------------------------------------------------------------------------------------------

    def toggle_training(self) -> None:
        if self.session.state == "training":
            self.session.pause()
        else:
            self.session.train()

    def step_batch(self) -> None:
        self.session.step_batch()

    def step_epoch(self) -> None:
        self.session.step_epoch()

    def undo(self) -> None:
        self.session.undo()

    def redo(self) -> None:
        self.session.redo()

    def lock_weights(self) -> None:
        self.docks.show_panel(WeightsPanel)
        self.docks.weights.lock()

    def open_lab(self, command: str) -> None:
        self.session.leave_explain()
        self.docks.open_lab(LABS[command])

    def explain(self) -> None:
        explain(self, self.session)

    def toggle_breakpoint(self) -> None:
        """Stop at the layer at hand while explaining, or at those that are selected on the canvas, or no longer."""
        if self.session.activity == "explain":
            self.explain_view.toggle_breakpoint()
        else:
            for node in self.canvas.selection:
                self.session.breakpoints.toggle(self.session.path_of(node))

    def set_theme(self, mode: str) -> None:
        self.memory.theme = mode
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        themes.apply_theme(app, mode)
        self.update_actions()

    def set_decimal_sign(self, sign: str) -> None:
        self.memory.decimal_sign = sign
        use_decimal_sign(sign)
        # Whoever draws numbers draws anew for another theme.
        self.set_theme(self.memory.theme)

    def reset_panels(self) -> None:
        self.docks.reset()
        self.memory.forget_window()

    def search_commands(self) -> None:
        CommandSearch(self, list(self.actions_by_id.values())).open_above(self)

    def about(self) -> None:
        QMessageBox.about(
            self, "About ANN Studio",
            f"<h3>ANN Studio {__version__}</h3><p>Draw, train and understand neural networks. It works on this "
            "computer alone: no account, no server, no telemetry.</p><p>MIT licence. Built with PySide6 (LGPL), "
            "NumPy, pyqtgraph, ziamath and others; the sample data and their licences are named in the Data panel.</p>",
        )  # fmt: skip

    def trigger(self, command: Command) -> None:
        """Do a command; the user's mistakes are told in the status bar."""
        try:
            command.do(self)
        except StudioError as error:
            self.session.told.emit("error", str(error))
            self.update_actions()
            if isinstance(error, DataError):
                self.docks.show_panel(DataPanel)

    # Following -------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        self.session.changed.connect(self._changed)
        self.session.document.saved.connect(self._title)
        self.session.activity_changed.connect(self._activity_changed)
        self.session.watched.connect(self._draw)
        self.session.opened.connect(self._block_opened)
        self.explain_view.tour.begun.connect(self._batch_begun)
        self.canvas.selection_changed.connect(self._selected)
        self.explain_view.commands_changed.connect(self._show_explain_actions)

    def _changed(self, before: Any, after: Any) -> None:
        self._title()
        self.update_actions()
        self._draw()

    def _batch_begun(self) -> None:
        self._title()
        self.update_actions()

    def _block_opened(self, path: str) -> None:
        self.update_actions()
        self._draw()

    def _project_opened(self) -> None:
        """Another project is open: its keys reach the canvas, and a worksheet in it lies ready."""
        self._pages.setFocus()
        self.docks.show_sheet()

    def _selected(self, ids: list[str]) -> None:
        self.docks.show_selection(ids)
        self.update_actions()

    def _activity_changed(self, activity: str) -> None:
        explaining = activity == "explain"
        if explaining != (self._pages.currentWidget() is self.explain_view):
            self._turn_to(self.explain_view if explaining else self.canvas)
            self.docks.explain(explaining)
            self.toolbar.setVisible(not explaining)
            self.explain_toolbar.setVisible(explaining)
            self._pages.setFocus()
        self.update_actions()

    def _turn_to(self, page: QWidget) -> None:
        """Show the canvas or Explain; how much room the other one needs does not count meanwhile."""
        for other in (self.canvas, self.explain_view):
            need = QSizePolicy.Policy.Expanding if other is page else QSizePolicy.Policy.Ignored
            other.setSizePolicy(need, need)
        self._pages.setCurrentWidget(page)
        self._pages.setFocusProxy(page)

    def update_actions(self) -> None:
        """Enable what can be used now, and say on it what it would do."""
        for command in COMMANDS:
            self._show_action(command)
        document = self.session.document
        for id, label in (("undo", self.session.undo_label), ("redo", document.redo_label)):
            words = f"{id.capitalize()} {label[:1].lower()}{label[1:]}" if label else id.capitalize()
            self.actions_by_id[id].setText(words)
            self.actions_by_id[id].setToolTip(f"{words} ({shortcuts_text(self.actions_by_id[id])})")
        self.toolbar.show_state(self.session.state)

    def _show_action(self, command: Command) -> None:
        self.actions_by_id[command.id].setEnabled(command.when(self))
        if command.chosen is not None:
            self.actions_by_id[command.id].setChecked(command.chosen(self))

    def _show_explain_actions(self) -> None:
        """At another moment others can be used."""
        for command in COMMANDS:
            if command.menu == "Explain":
                self._show_action(command)

    def _draw(self, *_: object) -> None:
        """Show the newest activations on the canvas."""
        if self._pages.currentWidget() is self.canvas and self.canvas.isVisible():
            progress = self.session.project.progress
            latest = self.session.latest
            record = latest.record if latest is not None else progress.record if progress else None
            self.scene.show_views(self.session.views, record)

    def _title(self) -> None:
        self.setWindowTitle(f"{self.session.title}[*] – ANN Studio")
        self.setWindowModified(not self.session.document.clean or bool(self.session.to_keep))
        self.toolbar.show_title(self.session.title)

    # Making ----------------------------------------------------------------------------------------------------------

    def _action(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.id)
        action.setShortcuts(shortcuts(command))
        if command.local:
            # Told, not bound: the Explain view takes its keys itself, where no field or table wants them.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        keys = shortcuts_text(action)
        action.setToolTip(f"{command.tip} ({keys})" if keys else command.tip)
        action.setStatusTip(command.tip)
        action.setData(command.menu)
        action.setCheckable(command.chosen is not None)
        if command.icon:
            themes.wear(action, command.icon)
        action.triggered.connect(partial(self._triggered, command))
        self.addAction(action)
        return action

    def _triggered(self, command: Command, checked: bool = False) -> None:
        self.trigger(command)

    def _fill_menus(self) -> None:
        for title in MENUS:
            menu = self.menuBar().addMenu(title)
            menu.setToolTipsVisible(True)
            inner: dict[str, QMenu] = {}
            for command in COMMANDS:
                if command.menu == title:
                    if command.separator:
                        menu.addSeparator()
                    if command.submenu and command.submenu not in inner:
                        inner[command.submenu] = menu.addMenu(command.submenu)
                        inner[command.submenu].setToolTipsVisible(True)
                    inner.get(command.submenu, menu).addAction(self.actions_by_id[command.id])
                    if command.id == "open":
                        self._file_menus(menu)
            if title == "View":
                self.docks.fill_menu(menu.addMenu("Panels"))

    def _explain_toolbar(self) -> QToolBar:
        bar = QToolBar("Explain", self)
        bar.setObjectName("explain toolbar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.addWidget(ExplainBar(self.explain_view))
        self.addToolBar(bar)
        bar.hide()
        return bar

    def _file_menus(self, menu: QMenu) -> None:
        recent = menu.addMenu("Open recent")
        recent.aboutToShow.connect(lambda: fill_recent(recent, self.memory, self.files))
        samples = menu.addMenu("Samples")
        samples.aboutToShow.connect(lambda: fill_samples(samples, self.files))

    def _thumbnail(self) -> bytes:
        """A small picture of the canvas for the project file."""
        image = self.canvas.picture(320, 200)
        store = QByteArray()
        buffer = QBuffer(store)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # what the stubs want is refused
        return bytes(store.data())

    # The window itself -----------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        kept = self.memory.window()
        screen = QApplication.primaryScreen().availableGeometry()
        self.setMinimumSize(min(LEAST_SIZE[0], screen.width()), min(LEAST_SIZE[1], screen.height() - FRAME))
        if kept is None:
            self.resize(min(SIZE[0], screen.width()), min(SIZE[1], screen.height()))
            return
        self.restoreGeometry(kept[0])
        self.restoreState(kept[1])
        self.toolbar.show()
        self.explain_toolbar.hide()
        self.docks.explain_dock.hide()
        self.docks.dress_titles()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._shown:
            # Only now the canvas knows its size.
            self._shown = True
            self._look.start()

    def _first_look(self) -> None:
        if self.memory.window() is None or min(self.canvas.width(), self.canvas.height()) < LEAST_CANVAS:
            # An arrangement made on a larger screen must not leave the canvas without room.
            self.docks.first_sizes()
        # The docks take their places when events go on; only then the canvas has the size that the drawing is to fit.
        QTimer.singleShot(0, self, self._fit_and_draw)

    def _fit_and_draw(self) -> None:
        self.docks.show_sheet()
        self.canvas.fit()
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.toolbar.fit_into(event.size().width())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.toLocalFile().endswith(".annstudio") for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.toLocalFile().endswith(".annstudio"):
                self.files.open_path(Path(url.toLocalFile()))
                return

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_leave():
            event.ignore()
            return
        self.session.leave_explain()
        self.memory.keep_window(self.saveGeometry(), self.saveState())
        self.ticker.close()
        self.status.close_down()
        for signal, slot in (
            (self.session.changed, self._changed), (self.session.activity_changed, self._activity_changed),
            (self.session.watched, self._draw), (self.session.opened, self._block_opened),
            (self.session.document.saved, self._title),
        ):  # fmt: skip
            signal.disconnect(slot, missing_ok=True)
        self.session.close()
        super().closeEvent(event)


def shortcuts_text(action: QAction) -> str:
    """The first key of an action as the platform writes it."""
    keys = action.shortcuts()
    return keys[0].toString(keys[0].SequenceFormat.NativeText) if keys else ""
