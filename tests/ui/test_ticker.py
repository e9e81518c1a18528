"""Drawing while a training is under way: one after the other, nothing for nothing, and all of it at the end."""

from collections.abc import Iterator
from functools import partial
from time import monotonic

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.session.answers import answers
from annstudio.ui.app import application
from annstudio.ui.docks import BOTTOM
from annstudio.ui.panels.activations import ActivationsPanel
from annstudio.ui.panels.base import Panel
from annstudio.ui.panels.boundary import BoundaryPanel
from annstudio.ui.panels.curves import TRAINING, CurvesPanel
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.panels.predictions import PredictionsPanel
from annstudio.ui.panels.problems import ProblemsPanel
from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.status import READ_SECONDS
from annstudio.ui.ticker import Ticker
from annstudio.ui.window import Window

FOREVER = 10_000_000


def sample(name: str) -> Session:
    return Session(studio.load(SAMPLES / f"{name}.annstudio"))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    """A window on the xor sample with the panels below the canvas side by side, all of them seen."""
    application("light")
    window = Window(sample("xor"))
    window.resize(2400, 1200)
    window.show()
    docks = [window.docks.docks[kind.title] for kind in BOTTOM]
    for dock in docks:
        window.removeDockWidget(dock)
    for dock in docks:
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        dock.show()
    qtbot.waitUntil(lambda: all(panel_of(window, kind).seen for kind in BOTTOM))
    yield window
    if window.session.training:
        window.session.pause()
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def panel_of(window: Window, kind: type[Panel]) -> Panel:
    panel = window.docks.panels[kind]
    assert isinstance(panel, Panel)
    return panel


@pytest.fixture
def turns(qtbot: QtBot) -> Iterator[tuple[Ticker, list[str], list[int]]]:
    """A ticker beside a training, who has had turns so far, and in which round of the events each was."""
    session, holder = sample("xor"), QObject()
    session.set_settings(epochs=FOREVER)
    order: list[str] = []
    rounds: list[int] = []
    count = [0]

    def drew(who: str) -> None:
        order.append(who)
        rounds.append(count[0])

    ticker = Ticker(session, partial(drew, "canvas"), holder)
    counter = QTimer(holder, interval=0)
    counter.timeout.connect(lambda: count.__setitem__(0, count[0] + 1))
    counter.start()
    session.train()
    for name in "abcdef":
        ticker.ask(partial(drew, name))
    yield ticker, order, rounds
    session.close()
    ticker.close()
    counter.stop()


def test_everyone_has_a_turn_of_their_own_and_mouse_and_keys_come_in_between(turns, qtbot: QtBot) -> None:
    _, order, rounds = turns
    qtbot.waitUntil(lambda: "f" in order)
    assert [who for who in order if who != "canvas"] == list("abcdef")
    assert len(set(rounds)) == len(rounds)


def test_the_canvas_does_not_wait_until_all_panels_are_drawn(turns, qtbot: QtBot) -> None:
    _, order, _ = turns
    qtbot.waitUntil(lambda: "f" in order)
    assert "canvas" in order[: order.index("d")]
    qtbot.waitUntil(lambda: order[-2:] == ["canvas", "canvas"])


def test_who_asks_twice_has_one_turn(turns, qtbot: QtBot) -> None:
    ticker, order, _ = turns
    again = partial(order.append, "again")
    ticker.ask(again)
    ticker.ask(again)
    qtbot.waitUntil(lambda: order[-2:] == ["canvas", "canvas"])
    assert order.count("again") == 1


def test_no_two_panels_draw_in_the_same_turn(window: Window, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    window.session.set_settings(epochs=FOREVER)
    window.session.train()
    qtbot.wait(100)
    drawn: list[list[str]] = []
    tick = window.ticker._take_turn
    monkeypatch.setattr(window.ticker, "_take_turn", lambda: (drawn.append([]), tick()))
    for kind in BOTTOM:
        panel = panel_of(window, kind)
        refresh = panel.refresh
        monkeypatch.setattr(
            panel, "refresh", lambda kind=kind, refresh=refresh: (drawn[-1].append(kind.title), refresh())
        )
    live = {kind.title for kind in BOTTOM if kind.live}
    qtbot.waitUntil(lambda: {title for turn in drawn for title in turn} == live, timeout=10_000)
    assert max(map(len, drawn)) == 1
    assert not {DataPanel.title, ProblemsPanel.title} & live


def test_a_panel_that_is_closed_while_it_waits_is_not_drawn(window: Window, monkeypatch, qtbot: QtBot) -> None:
    window.session.set_settings(epochs=FOREVER)
    weights = panel_of(window, WeightsPanel)
    window.session.train()
    qtbot.waitUntil(lambda: weights._refresh_if_stale in window.ticker._waiting, timeout=10_000)
    window.docks.docks[WeightsPanel.title].hide()
    drawn: list[int] = []
    refresh = weights.refresh
    monkeypatch.setattr(weights, "refresh", lambda: (drawn.append(1), refresh()))
    qtbot.wait(300)
    assert not drawn
    window.docks.docks[WeightsPanel.title].show()
    assert drawn == [1]


def test_at_the_end_every_panel_shows_how_it_ended(window: Window, qtbot: QtBot) -> None:
    session = window.session
    session.set_settings(epochs=session.network.run_so_far.epoch + 40_000)
    session.train()
    qtbot.waitUntil(lambda: not session.training, timeout=60_000)
    predictions = panel_of(window, PredictionsPanel)
    assert isinstance(predictions, PredictionsPanel)
    qtbot.waitUntil(
        lambda: not any(panel_of(window, kind)._stale for kind in BOTTOM) and not predictions._next.isActive()
    )
    record = session.project.progress.record
    loss = window.findChild(CurvesPanel).loss._data[TRAINING][1]
    assert loss[-1] == pytest.approx(record.blocks[-1, 1], rel=1e-3)
    weights = window.docks.weights
    np.testing.assert_array_equal(weights.array, session.weights()[weights.key])
    for id, column in window.findChild(ActivationsPanel).columns.items():
        np.testing.assert_array_equal(column.values, session.views.activations[id][0])
    found = answers(session, np.arange(len(session.dataset)))
    np.testing.assert_allclose(predictions.model.found, found["output"], rtol=1e-5)
    plane = window.findChild(BoundaryPanel).plane
    before = plane._field
    window.findChild(BoundaryPanel).refresh()
    np.testing.assert_array_equal(plane._field, before)


def test_the_points_of_the_plane_are_laid_out_once(window: Window, monkeypatch, qtbot: QtBot) -> None:
    boundary = window.findChild(BoundaryPanel)
    monkeypatch.setattr(boundary.plane, "_draw_points", lambda: pytest.fail("the same points again"))
    before = boundary.plane._field
    window.session.set_settings(epochs=FOREVER)
    window.session.train()
    qtbot.waitUntil(lambda: not np.array_equal(boundary.plane._field, before), timeout=10_000)


def test_the_status_bar_changes_no_faster_than_can_be_read(window: Window, qtbot: QtBot) -> None:
    window.session.set_settings(epochs=FOREVER)
    window.session.train()
    qtbot.waitUntil(lambda: "samples/s" in window.status._speed.text(), timeout=10_000)
    texts: list[str] = []
    started = monotonic()
    while monotonic() - started < 1.0:
        if not texts or window.status._speed.text() != texts[-1]:
            texts.append(window.status._speed.text())
        qtbot.wait(5)
    assert 1 < len(texts) <= 1 + 1.2 / READ_SECONDS
