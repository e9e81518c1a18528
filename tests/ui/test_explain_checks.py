"""Beside every gradient what the loss says when it runs again: at once, or in a thread while the page stands."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.explain.trial import Trial
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.ui.app import application
from annstudio.ui.explain import answers
from annstudio.ui.explain.blocks import Box
from annstudio.ui.explain.formula import FormulaView
from tests.builders import chain, project, small_project, some_table, worked_example
from tests.ui.explaining import Desk, explaining

Key = Qt.Key


# Checks ---------------------------------------------------------------------------------------------------------------


def test_both_gradients_of_a_unit_are_checked(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.unit("hidden", 0).quantity)
        lines = [line for line in desk.panel.text.splitlines() if "✓ agrees in" in line]
        assert [line.split()[0] for line in lines] == ["∂E/∂out_h1", "∂E/∂net_h1"]
        assert "0.036350306" in lines[0]
        assert "0.008771355" in lines[1]


def test_before_the_way_back_there_is_nothing_to_check(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.ask(desk.unit("hidden", 0).quantity)
        assert "Check" not in desk.panel.text


def test_a_step_back_is_checked_where_it_stands(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        desk.key(Key.Key_End)
        for place in range(len(desk.tour.stepper) - 2, 0, -1):
            desk.tour.to_position(place)
            QApplication.processEvents()
            step = desk.tour.stepper.current
            backward = getattr(step, "backward", False)
            assert ("✓" in desk.panel.text) is backward, (place, step)


def test_a_kink_is_told_as_a_kink(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(3,)), hidden=Dense(units=2), out=Dense(units=2), loss=Loss())
    weights = {"hidden/W": np.zeros((2, 3)), "hidden/b": np.zeros(2), "out/W": np.ones((2, 2))}
    with explaining(project(graph, some_table(4, 3, 2), weights)) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("hidden/b", 0))
        assert "at a kink of E" in desk.panel.text
        assert "✓ the gradient is that to the left" in desk.panel.text


# Large networks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def always_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AT_ONCE_NUMBERS", 0)


@pytest.mark.usefixtures("always_in_a_thread")
def test_a_large_network_is_checked_while_the_page_stands(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("output/W", 0, 0))
        assert "The network is running again …" in desk.panel.text
        parts = list(desk.panel._parts)
        qtbot.waitUntil(lambda: "✓ agrees in" in desk.panel.text, timeout=5000)
        changed = [i for i, part in enumerate(desk.panel._parts) if part is not parts[i]]
        assert [desk.panel._parts[i].section.title for i in changed] == ["Check"], "the rest of the page stays"
        desk.view.ask(None)
        desk.view.ask(desk.weight("output/W", 0, 0))
        assert "✓ agrees in" in desk.panel.text, "what was found is kept"


def test_what_comes_in_later_takes_no_more_room_than_its_words_need(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        desk.key(Key.Key_End)
        for back in (1, 2):
            # The page of another batch under the same title: its sections come in one by one.
            desk.view.ask(desk.weight("output/W", 0, back))
            desk.key(Key.Key_PageDown, Key.Key_End)
            qtbot.waitUntil(lambda: all(box.height() == box.heightForWidth(box.width()) for box in boxes_of(desk)))


def boxes_of(desk: Desk) -> list[Box]:
    found = desk.panel.area.widget().findChildren(Box)
    assert found
    return found


@pytest.mark.usefixtures("always_in_a_thread")
def test_a_check_is_given_up_when_explain_is_left(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")
    started, loss_with = threading.Event(), Trial.loss_with

    def slow(self: Trial, *asked: object) -> float:
        started.set()
        while not self.given_up:
            threading.Event().wait(0.002)
        return loss_with(self, *asked)

    monkeypatch.setattr(Trial, "loss_with", slow)
    with explaining(worked_example()) as desk:
        desk.view.ask(desk.weight("output/W", 0, 0))
        assert started.wait(5)
        desk.session.leave_explain()
        ours = "Check of a gradient"
        qtbot.waitUntil(lambda: ours not in [thread.name for thread in threading.enumerate()], timeout=500)


@pytest.mark.usefixtures("always_in_a_thread")
def test_what_goes_wrong_in_the_thread_is_not_swallowed(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")

    def broken(*_: object) -> float:
        raise RuntimeError("no more numbers")

    monkeypatch.setattr(Trial, "loss_with", broken)
    with qtbot.captureExceptions() as caught, explaining(worked_example()) as desk:
        desk.view.ask(desk.weight("output/W", 0, 0))
        qtbot.waitUntil(lambda: bool(caught), timeout=5000)
    assert [str(error) for _, error, _ in caught] == ["no more numbers"]


@pytest.mark.usefixtures("always_in_a_thread")
def test_tab_goes_through_a_page_from_its_top_although_the_check_came_in_last(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_End)
        desk.view.ask(desk.weight("output/W", 0, 0))
        qtbot.waitUntil(lambda: "✓ agrees in" in desk.panel.text, timeout=5000)
        first = at = desk.panel.area.widget().findChildren(FormulaView)[0]
        heights: list[int] = []
        while not heights or at is not first:
            if desk.panel.area.isAncestorOf(at) and at.isVisible() and at.focusPolicy() & Qt.FocusPolicy.TabFocus:
                heights.append(at.mapTo(desk.panel, QPoint()).y())
            at = at.nextInFocusChain()
        assert len(heights) > 3
        assert heights == sorted(heights)
