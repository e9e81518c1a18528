"""How quick the canvas is with 1 000 nodes: fill, pan, move one node, a frame at full size, a frame of everything."""

import os
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from annstudio.document.project import Project
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Link, Node
from annstudio.session import Session
from annstudio.ui.canvas import edits
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.theme import apply_theme

_COLUMNS = 40
_SIZE = (1400, 700)


def measure(n: int = 1000) -> dict[str, float]:
    """Milliseconds, medians: `fill_ms, pan_ms, move_ms, frame_ms, fit_ms`."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication([])
    apply_theme(app, "light")
    session = Session(Project(graph=_network(n)))
    # The first scene pays for fonts and imports, which a window has long paid when a file is opened.
    CanvasScene(Session(Project(graph=_network(10)))).deleteLater()
    started = time.perf_counter()
    scene = CanvasScene(session)
    fill = _milliseconds(started)
    view = CanvasView(scene)
    view.resize(*_SIZE)
    view.show()
    view.zoom_reset()
    view.center_on(scene.nodes[f"dense_{n // 2}"].pos())
    app.processEvents()

    def pan() -> None:
        view.pan_by(3, 2)
        app.processEvents()

    places = iter(range(10_000))
    middle = scene.nodes[f"dense_{n // 2}"]

    def move() -> None:
        i = next(places)
        middle.setPos(middle.x() + (-1) ** i, middle.y())
        scene.router.reroute({middle.id})

    def frame() -> None:
        view.viewport().repaint()

    results = {
        "fill_ms": fill,
        "pan_ms": _median(pan),
        "move_ms": _median(move),
        "frame_ms": _median(frame),
        "edit_ms": _median(lambda: edits.move(session, {middle.id: (middle.x() + 10, middle.y())})),
    }
    view.fit()
    app.processEvents()
    results["fit_ms"] = _median(frame)
    view.close()
    view.deleteLater()
    scene.deleteLater()
    app.processEvents()
    return {name: round(value, 3) for name, value in results.items()}


def _network(n: int) -> Graph:
    """A long chain in rows."""
    layer = make("Dense", {"units": 4})
    names = [f"dense_{i}" for i in range(n)]
    nodes = {name: Node(name, layer, i % _COLUMNS * 190.0, i // _COLUMNS * 190.0) for i, name in enumerate(names)}
    return Graph(nodes, tuple(Link(a, b) for a, b in pairwise(names)))


def _median(run: Callable[[], object], times: int = 60) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        spent.append(_milliseconds(started))
    return statistics.median(spent)


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    print(measure())
