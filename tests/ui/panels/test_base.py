"""What holds for every panel: nothing is drawn while hidden, at most four times a second live, and nothing leaks."""

import gc
import weakref
from itertools import pairwise
from time import monotonic

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from annstudio.document.project import Project
from annstudio.ui.panels.activations import ActivationsPanel
from annstudio.ui.panels.base import LIVE_SECONDS
from annstudio.ui.panels.boundary import BoundaryPanel
from annstudio.ui.panels.curves import CurvesPanel
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.panels.inspector import InspectorPanel
from annstudio.ui.panels.maps import MapsPanel
from annstudio.ui.panels.predictions import PredictionsPanel
from annstudio.ui.panels.problems import ProblemsPanel
from annstudio.ui.panels.training import TrainingPanel
from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.theme import apply_theme

PANELS = [
    ActivationsPanel, BoundaryPanel, CurvesPanel, DataPanel, InspectorPanel, MapsPanel, PredictionsPanel,
    ProblemsPanel, TrainingPanel, WeightsPanel,
]  # fmt: skip


@pytest.mark.parametrize("kind", PANELS)
def test_an_empty_project_is_shown_in_words(kind, xor, seen):
    xor.open(Project())
    panel = seen(kind(xor), 700, 400)
    assert panel.title
    assert panel.accessibleName() == panel.title
    said = panel.empty.text() if panel.empty.isVisible() else "".join(
        child.text() for child in panel.findChildren(QWidget) if child.isVisible() and hasattr(child, "text")
    )  # fmt: skip
    assert len(said) > 10


@pytest.mark.parametrize("kind", PANELS)
def test_a_hidden_panel_draws_nothing(kind, trained, seen, monkeypatch):
    panel = seen(kind(trained), 700, 400)
    panel.hide()
    drawn = []
    monkeypatch.setattr(panel, "refresh", lambda: drawn.append(1))
    trained.set_layer("hidden", units=5)
    trained.step_batch()
    trained.wait(10)
    assert drawn == []
    QWidget.show(panel)
    assert drawn == [1]


def test_a_dock_behind_another_tab_draws_nothing_until_it_comes_to_the_front(trained, seen, monkeypatch, qtbot):
    window = QMainWindow()
    window.setCentralWidget(QWidget())
    docks = []
    for kind in (WeightsPanel, MapsPanel):
        dock = QDockWidget(kind.title)
        dock.setWidget(kind(trained))
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        docks.append(dock)
    window.tabifyDockWidget(*docks)
    seen(window, 700, 600)
    docks[1].raise_()
    qtbot.waitUntil(lambda: docks[1].widget().seen and not docks[0].widget().seen)
    behind = docks[0].widget()
    drawn = []
    refresh = behind.refresh
    monkeypatch.setattr(behind, "refresh", lambda: (drawn.append(1), refresh()))
    trained.set_layer("hidden", units=6)
    QApplication.processEvents()
    assert drawn == []
    docks[0].raise_()
    qtbot.waitUntil(lambda: drawn == [1])
    assert behind.model.rowCount() == 6


@pytest.mark.parametrize("kind", PANELS)
def test_moving_a_node_draws_nothing(kind, trained, seen, monkeypatch, qtbot):
    panel = seen(kind(trained), 700, 400)
    qtbot.waitUntil(lambda: not panel._timer.isActive())
    monkeypatch.setattr(panel, "refresh", lambda: pytest.fail("drawn for a move"))
    trained.edit_graph(trained.graph.moved({"hidden": (5.0, 6.0)}), "Move")


@pytest.mark.parametrize("kind", PANELS)
def test_live_at_most_four_times_a_second(kind, xor, seen, monkeypatch, qtbot):
    panel = seen(kind(xor), 700, 400)
    xor.watch(True)
    xor.set_settings(epochs=10_000_000)
    xor.train()
    QApplication.processEvents()
    times = []
    refresh = panel.refresh
    monkeypatch.setattr(panel, "refresh", lambda: (times.append(monotonic()), refresh()))
    end = monotonic() + 0.8
    while monotonic() < end:
        xor.poll()
        qtbot.wait(10)
    gaps = [b - a for a, b in pairwise(times)]
    xor.pause()
    assert all(gap > 0.9 * LIVE_SECONDS for gap in gaps)
    assert len(times) >= 2 or kind in (DataPanel, ProblemsPanel, TrainingPanel)


@pytest.mark.parametrize("kind", PANELS)
def test_a_closed_panel_leaves_nothing_behind(kind, trained, qtbot, qapp):
    apply_theme(qapp, "light")
    panel = kind(trained)
    panel.resize(700, 400)
    QWidget.show(panel)
    QApplication.processEvents()
    apply_theme(qapp, "dark")
    QApplication.processEvents()
    gone = weakref.ref(panel)
    panel.close()
    panel.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del panel
    gc.collect()
    assert gone() is None
    trained.set_settings(epochs=7)
    trained.set_layer("hidden", units=3)
    apply_theme(qapp, "light")
    qapp.setStyleSheet("")
