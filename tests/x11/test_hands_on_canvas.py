"""The canvas under a real mouse and real keys: a drag from the palette that crosses windows, a wire, keys, undo."""

import shutil
import subprocess
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from annstudio.layers.graph import Link
from annstudio.session import Session
from annstudio.ui.canvas.geometry import CARD, PORT_Y
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.panels.palette import PalettePanel
from annstudio.ui.theme import apply_theme

pytestmark = [pytest.mark.x11, pytest.mark.skipif(not shutil.which("xdotool"), reason="xdotool moves the mouse")]


class Desk(QWidget):
    """A palette beside a canvas, as in the window."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.scene = CanvasScene(self.session)
        self.view = CanvasView(self.scene)
        self.palette_panel = PalettePanel()
        self.palette_panel.chosen.connect(self.view.append_layer)
        self.palette_panel.setFixedWidth(210)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.palette_panel)
        row.addWidget(self.view)
        self.resize(1100, 760)

    def entry(self, title: str) -> QPoint:
        """Where an entry of the palette is on the screen."""
        items = self.palette_panel.list
        return items.viewport().mapToGlobal(items.visualItemRect(items.item_of(title)).center())

    def on_screen(self, place: QPointF) -> QPoint:
        return self.view.viewport().mapToGlobal(self.view.mapFromScene(place))


@pytest.fixture
def desk(qtbot, qapp):
    assert QGuiApplication.platformName() == "xcb"
    apply_theme(qapp, "light")
    window = Desk()
    qtbot.addWidget(window)
    window.move(0, 0)
    with qtbot.waitExposed(window):
        window.show()
    yield window
    window.scene.deleteLater()


@pytest.fixture
def xdotool(qtbot) -> Callable[..., None]:
    """Moves the mouse of the X server and presses its keys, while this program goes on."""

    def run(*words: object) -> None:
        done = subprocess.Popen(["xdotool", *map(str, words)])
        qtbot.waitUntil(lambda: done.poll() is not None, timeout=20_000)
        assert done.returncode == 0

    return run


def drag(xdotool: Callable[..., None], start: QPoint, end: QPoint) -> None:
    way = [start + (end - start) * share for share in (0.02, 0.1, 0.4, 0.7, 0.95, 1.0, 1.0)]
    moves = [word for p in way for word in ("mousemove", p.x(), p.y(), "sleep", 0.05)]
    xdotool("mousemove", start.x(), start.y(), "sleep", 0.05, "mousedown", 1, *moves, "mouseup", 1, "sleep", 0.1)


def test_a_network_is_drawn_with_the_mouse(desk, qtbot, xdotool):
    middle = desk.view.mapToScene(QPoint(300, 300))
    for title, left in (("Input", -100), ("Dense", 250)):
        drag(xdotool, desk.entry(title), desk.on_screen(middle + QPointF(left, 0)))
    qtbot.waitUntil(lambda: set(desk.session.graph.nodes) == {"input_1", "dense_1"})
    nodes = desk.session.graph.nodes
    out = QPointF(nodes["input_1"].x + CARD.width(), nodes["input_1"].y + PORT_Y)
    drag(xdotool, desk.on_screen(out), desk.on_screen(QPointF(nodes["dense_1"].x, nodes["dense_1"].y + PORT_Y)))
    qtbot.waitUntil(lambda: desk.session.graph.links == (Link("input_1", "dense_1"),))
    assert desk.session.checked.facts["dense_1"].n_parameters == 24


def test_a_network_is_drawn_with_the_keyboard(desk, qtbot, xdotool):
    field = desk.palette_panel.line.mapToGlobal(QPoint(40, 12))
    xdotool("mousemove", field.x(), field.y(), "click", 1, "sleep", 0.1)
    xdotool("type", "--delay", 30, "input")
    xdotool("key", "Return", "ctrl+a", "d", "e", "n", "s", "e", "Return", "Return")
    qtbot.waitUntil(lambda: len(desk.session.graph.nodes) == 3)
    assert desk.session.graph.links == (Link("input_1", "dense_1"), Link("dense_1", "dense_2"))
    ground = desk.on_screen(desk.view.mapToScene(QPoint(20, 20)))
    xdotool("mousemove", ground.x(), ground.y(), "click", 1, "key", "Right", "key", "Down", "key", "Down")
    qtbot.waitUntil(lambda: desk.session.document.undo_label == "Move input_1")
    y = desk.session.graph.nodes["input_1"].y
    desk.session.undo()
    assert desk.session.graph.nodes["input_1"].y == y - 20
