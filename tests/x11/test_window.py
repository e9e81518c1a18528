"""The main job in a real window on a real X server, by a real mouse and real keys (xdotool), not by Qt's own events."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annstudio.document.project import Project
from annstudio.formats import studio
from annstudio.formats.base import by_suffix
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.canvas.entries import entries
from annstudio.ui.canvas.node import OUTPUT
from annstudio.ui.window import Window

pytestmark = pytest.mark.x11


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    """An empty canvas in a window that has the keyboard."""
    yield from _opened(qtbot, Session(Project()))


@pytest.fixture
def xor(qtbot: QtBot) -> Iterator[Window]:
    yield from _opened(qtbot, Session(studio.load(SAMPLES / "xor.annstudio")))


def _opened(qtbot: QtBot, session: Session) -> Iterator[Window]:
    application("light")
    window = Window(session)
    window.move(0, 0)
    window.resize(1200, 760)
    window.show()
    qtbot.waitExposed(window)
    # There is no window manager here to give the keyboard to anybody.
    subprocess.run(["xdotool", "windowfocus", str(int(window.winId()))], check=True)
    qtbot.waitUntil(lambda: window.isActiveWindow(), timeout=5000)
    yield window
    session.close()
    session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def hands(qtbot: QtBot, *words: object) -> None:
    """Let xdotool move the mouse and press keys while the window lives on."""
    tool = subprocess.Popen(["xdotool", *map(str, words)])
    qtbot.waitUntil(lambda: tool.poll() is not None, timeout=20_000)
    assert tool.returncode == 0
    qtbot.wait(50)


def drag(qtbot: QtBot, start: QPoint, end: QPoint) -> None:
    """Press, travel in small steps as a hand does, release."""
    steps: list[object] = ["mousemove", start.x(), start.y(), "mousedown", 1]
    for part in range(1, 16):
        x = round(start.x() + (end.x() - start.x()) * part / 15)
        y = round(start.y() + (end.y() - start.y()) * part / 15)
        steps += ["sleep", 0.02, "mousemove", x, y]
    hands(qtbot, *steps, "sleep", 0.1, "mouseup", 1)


def place_of(widget: QWidget, point: QPoint) -> QPoint:
    return widget.mapToGlobal(point)


def entry_place(window: Window, title: str) -> QPoint:
    """Where on the screen the palette shows an entry."""
    rows = window.docks.palette.list
    for i in range(rows.count()):
        item = rows.item(i)
        if item.text() == title:
            rows.scrollToItem(item)
            return place_of(rows.viewport(), rows.visualItemRect(item).center())
    raise AssertionError(f"{title} is not in the palette: {[e.title for e in entries()]}")


def test_layers_are_dragged_from_the_palette_and_undone_with_keys(window: Window, qtbot: QtBot) -> None:
    canvas = window.canvas.viewport()
    drag(qtbot, entry_place(window, "Input"), place_of(canvas, QPoint(150, 160)))
    drag(qtbot, entry_place(window, "Dense"), place_of(canvas, QPoint(420, 160)))
    assert [node.layer.kind() for node in window.session.graph.nodes.values()] == ["Input", "Dense"]
    hands(qtbot, "key", "ctrl+z")
    assert len(window.session.graph.nodes) == 1
    hands(qtbot, "key", "ctrl+y")
    assert len(window.session.graph.nodes) == 2


def test_a_wire_is_drawn_with_the_mouse(window: Window, qtbot: QtBot) -> None:
    canvas = window.canvas.viewport()
    drag(qtbot, entry_place(window, "Input"), place_of(canvas, QPoint(150, 160)))
    drag(qtbot, entry_place(window, "Dense"), place_of(canvas, QPoint(420, 160)))
    source, target = list(window.session.graph.nodes)
    for link in list(window.session.graph.links):
        window.session.edit_graph(window.session.graph.disconnect(link), "Disconnect")
    nodes = window.scene.nodes
    start = window.canvas.mapFromScene(nodes[source].port_place(OUTPUT))
    end = window.canvas.mapFromScene(nodes[target].port_place(0))
    drag(qtbot, place_of(canvas, start), place_of(canvas, end))
    assert [(link.source, link.target) for link in window.session.graph.links] == [(source, target)]


def test_from_a_sample_to_an_exported_file_by_keys(xor: Window, qtbot: QtBot, tmp_path: Path) -> None:
    xor.session.set_settings(epochs=40)
    xor.canvas.setFocus()
    hands(qtbot, "key", "ctrl+Return")
    qtbot.waitUntil(lambda: xor.session.state != "training", timeout=20_000)
    assert xor.session.project.progress is not None
    assert xor.session.project.progress.epoch == 40
    path = tmp_path / "xor.npz"
    assert xor.files.export_to(path)
    for key, array in by_suffix(path).read(path).weights.items():
        np.testing.assert_allclose(array, xor.session.weights()[key], rtol=1e-6)


def test_stepping_with_the_arrow_keys(xor: Window, qtbot: QtBot) -> None:
    hands(qtbot, "key", "ctrl+shift+e")
    assert xor.session.activity == "explain"
    hands(qtbot, "key", "Right", "Right", "Left")
    assert xor.session.stepper is not None
    assert xor.session.stepper.position > 0
