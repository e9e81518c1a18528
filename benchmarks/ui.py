"""Training with the window open and every view on, against training without a window.

`throughput_share` is the median over paired rounds of samples per second with the window ÷ without (aim ≥ 0.85);
`p99_ms` is the 99th percentile of how late a 4 ms timer of the GUI thread is meanwhile (aim < 16 ms).
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer
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
FOREVER = 1_000_000


def measure() -> dict[str, Any]:
    """The figures of digits-cnn and xor."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = application("light")
    return {name: _pair(app, _endless(name)) for name in ("digits-cnn", "xor")}


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    lines = [
        "# With every view open",
        "",
        "Written by `benchmarks/ui.py`: all panels visible at once in a window of 2800 × 1600, against training",
        "without a window. `share` is samples per second with ÷ without (aim 0.85), `late` the 99th percentile of how",
        "late the window's own timer is meanwhile (aim 16 ms).",
        "",
        "| | share | late, ms |",
        "|---|---|---|",
    ]
    return lines + [f"| {name} | {one['throughput_share']:.2f} | {one['p99_ms']:.1f} |" for name, one in found.items()]


def _endless(name: str) -> Project:
    project = studio.load(SAMPLES / f"{name}.annstudio")
    return replace(project, settings=project.settings.model_copy(update={"epochs": FOREVER}))


def _pair(app: QApplication, project: Project) -> dict[str, float]:
    shares, late = [], []
    for _ in range(ROUNDS):
        alone = _headless(project)
        beside, lateness = _windowed(app, project)
        shares.append(beside / alone)
        late.append(float(np.percentile(lateness, 99)))
    return {"throughput_share": round(median(shares), 3), "p99_ms": round(median(late), 2)}


def _headless(project: Project) -> float:
    """Samples per second of a worker with nothing to watch."""
    worker = Worker(Network(project).job())
    assert isinstance(worker.control, Control)
    worker.start()
    worker.join(SECONDS)
    worker.stop()
    worker.join()
    return float(worker.mailbox.take()[-1].samples_per_second)  # type: ignore[union-attr]


def _windowed(app: QApplication, project: Project) -> tuple[float, list[float]]:
    """Samples per second with all views visible, and how late the timer was each time, in ms."""
    session = Session(project)
    window = Window(session, Memory())
    window.resize(2800, 1600)
    window.show()
    _tile(window)
    # What is imported and laid out at the first showing is no part of training.
    _live(1000)
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
    """Put the tabs below the canvas side by side, so that every view is drawn."""
    docks = [window.docks.docks[kind.title] for kind in BOTTOM]
    for before, after in pairwise(docks):
        window.splitDockWidget(before, after, Qt.Orientation.Horizontal)


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
