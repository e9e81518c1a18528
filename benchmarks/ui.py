"""Training with the window open, as it opens and with every view on, against training without a window.

`throughput_share` is the median over paired rounds of samples per second with every view ÷ without a window (aim
≥ 0.85); `p99_ms` is the 99th percentile of how late a 4 ms timer of the GUI thread is meanwhile (aim < 16 ms). Those
that end in `_at_first` are the same of a window whose panels lie behind each other, as it opens.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.training.control import Control
from annstudio.training.worker import Worker
from annstudio.ui.app import SWITCH_INTERVAL, application
from annstudio.ui.docks import BOTTOM
from annstudio.ui.memory import Memory
from annstudio.ui.window import Window

ROUNDS, SECONDS = 5, 4.0
TIMER_MS = 4
SIZE = (2800, 1600)
FOREVER = 1_000_000


def measure() -> dict[str, Any]:
    """The figures of digits-cnn and xor."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    with TemporaryDirectory() as folder:
        # How the user has arranged the panels is neither taken over nor changed.
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        app = application("light")
        return {name: _pair(app, _endless(name)) for name in ("digits-cnn", "xor")}


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    lines = [
        "# With every view open",
        "",
        "Written by `benchmarks/ui.py`: all panels visible at once in a window of 2800 × 1600, against training",
        "without a window. `share` is samples per second with ÷ without (aim 0.85), `late` the 99th percentile of how",
        "late the window's own timer is meanwhile (aim 16 ms); on the right the same window as it opens, its panels",
        "behind each other.",
        "",
        "| | share | late, ms | share as it opens | late as it opens, ms |",
        "|---|---|---|---|---|",
    ]
    return lines + [
        f"| {name} | {one['throughput_share']:.2f} | {one['p99_ms']:.1f} "
        f"| {one['throughput_share_at_first']:.2f} | {one['p99_ms_at_first']:.1f} |"
        for name, one in found.items()
    ]


def _endless(name: str) -> Project:
    project = studio.load(SAMPLES / f"{name}.annstudio")
    return replace(project, settings=project.settings.model_copy(update={"epochs": FOREVER}))


def _pair(app: QApplication, project: Project) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        alone = _headless(project)
        for name, every_view in (("", True), ("_at_first", False)):
            beside, lateness = _windowed(app, project, every_view=every_view)
            found.setdefault(f"throughput_share{name}", []).append(beside / alone)
            found.setdefault(f"p99_ms{name}", []).append(float(np.percentile(lateness, 99)))
    return {name: round(median(values), 3) for name, values in found.items()}


def _headless(project: Project) -> float:
    """Samples per second of a worker with nothing to watch."""
    worker = Worker(Network(project).job())
    assert isinstance(worker.control, Control)
    worker.start()
    worker.join(SECONDS)
    worker.stop()
    worker.join()
    return float(worker.mailbox.take()[-1].samples_per_second)  # type: ignore[union-attr]


def _windowed(app: QApplication, project: Project, *, every_view: bool) -> tuple[float, list[float]]:
    """Samples per second with the window, and how late the timer was each time, in ms."""
    session, memory = Session(project), Memory()
    memory.forget_window()
    window = Window(session, memory)
    window.resize(*SIZE)
    window.show()
    if every_view:
        _tile(window)
    # What is imported and laid out at the first showing is no part of training.
    _live(1000)
    seen = [kind for kind in BOTTOM if window.docks.panels[kind].seen]  # type: ignore[attr-defined]
    assert seen == list(BOTTOM if every_view else BOTTOM[:1]), "other panels are seen than are told of"
    speeds: list[float] = []
    session.finished.connect(lambda done: speeds.append(done.samples_per_second))
    session.train()
    lateness = _Lateness(window)
    _live(round(SECONDS * 1000))
    session.pause()
    lateness.stop()
    session.document.mark_saved()
    window.close()
    app.processEvents()
    return speeds[0], lateness.found


def _live(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _tile(window: Window) -> None:
    """Put the tabs below the canvas side by side in two rows, so that every view is drawn."""
    docks = [window.docks.docks[kind.title] for kind in BOTTOM]
    for dock in docks:
        # What is split while it lies among tabs becomes one of them.
        window.removeDockWidget(dock)
    across = -(-len(docks) // 2)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, docks[0])
    for before, after in pairwise(docks[:across]):
        window.splitDockWidget(before, after, Qt.Orientation.Horizontal)
    for above, below in zip(docks, docks[across:], strict=False):
        window.splitDockWidget(above, below, Qt.Orientation.Vertical)
    for dock in docks:
        dock.show()
    window.resizeDocks(docks[:across], [SIZE[0] // across] * across, Qt.Orientation.Horizontal)
    for above, below in zip(docks, docks[across:], strict=False):
        window.resizeDocks([above, below], [SIZE[1] // 4] * 2, Qt.Orientation.Vertical)


class _Lateness(QObject):
    """A precise timer in the GUI thread that notes how much later than asked it was called."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.found: list[float] = []
        self._last = perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._note)
        self._timer.start(TIMER_MS)

    def stop(self) -> None:
        self._timer.stop()

    def _note(self) -> None:
        now = perf_counter()
        self.found.append(max(0.0, (now - self._last) * 1000 - TIMER_MS))
        self._last = now
