"""Nothing in Explain holds the window: long answers come from a thread, pages are made piece by piece."""

import gc
import threading

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annstudio.explain.attribution import Attribution, FromInput, ToOutputs
from annstudio.explain.trial import GivenUp as Dropped
from annstudio.session import Session
from annstudio.ui.app import application, get_ready
from annstudio.ui.explain import answers
from annstudio.ui.explain.going import explain
from annstudio.ui.patience import GivenUp, patiently
from tests.builders import small_project, worked_example
from tests.ui.explaining import Desk, cells, explaining, table_of

WORKING = "It is being worked out …"


# Answers from a thread ------------------------------------------------------------------------------------------------


@pytest.fixture
def always_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AT_ONCE_NUMBERS", 0)


def to_outputs(desk: Desk) -> ToOutputs:
    return ToOutputs(desk.tour.program.feeds[0].slot, (1,))


def from_input(desk: Desk) -> FromInput:
    return FromInput(desk.tour.program.outputs["hidden"], (0,))


def answered(desk: Desk, question: FromInput | ToOutputs) -> str:
    desk.view.ask(question)
    return desk.panel.text


@pytest.mark.usefixtures("always_in_a_thread")
def test_a_long_question_is_worked_out_while_the_page_stands(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        assert WORKING in answered(desk, to_outputs(desk))
        qtbot.waitUntil(lambda: WORKING not in desk.panel.text, timeout=5000)
        rows = cells(table_of(desk, "output"))
        told = Attribution(desk.tour.stepper).reached(to_outputs(desk))
        assert [row[3] for row in rows] == [desk.tour.text(one.product) for one in told]
        desk.view.ask(None)
        assert WORKING not in answered(desk, to_outputs(desk)), "what was found is kept"


@pytest.mark.usefixtures("always_in_a_thread")
def test_of_a_number_that_is_still_to_come_the_answer_tells_what_it_will_be(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        hidden = ToOutputs(desk.tour.program.outputs["hidden"], (0,))
        name = "out_h1 = "
        assert name not in answered(desk, hidden)
        qtbot.waitUntil(lambda: WORKING not in desk.panel.text, timeout=5000)
        told = desk.panel.text
        desk.view.to_loss()
        assert f"{name}{desk.tour.text(desk.tour.number(hidden.slot, hidden.index))}" in told


@pytest.mark.usefixtures("always_in_a_thread")
def test_the_map_of_contributions_comes_with_the_answer(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        desk.view.show_neurons(False)
        pane = desk.view.layers.pane
        assert WORKING in answered(desk, from_input(desk))
        assert "Contribution" not in pane.right.title.text()
        qtbot.waitUntil(lambda: pane.right.title.text().startswith("Contribution to"), timeout=5000)
        told = Attribution(desk.tour.stepper).contributions(from_input(desk))
        np.testing.assert_array_equal(pane._shown[1].maps.values.ravel(), told.sources[0].products.ravel())


@pytest.mark.usefixtures("always_in_a_thread")
def test_a_long_question_is_given_up_when_explain_is_left(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")
    started = threading.Event()

    def slow(self: Attribution, *_: object) -> object:
        started.set()
        while not self.given_up:
            threading.Event().wait(0.002)
        raise Dropped

    monkeypatch.setattr(Attribution, "answer", slow)
    with explaining(small_project()) as desk:
        desk.view.ask(to_outputs(desk))
        assert started.wait(5)
        desk.session.leave_explain()
        ours = "A question the other way round"
        qtbot.waitUntil(lambda: ours not in [thread.name for thread in threading.enumerate()], timeout=2000)


@pytest.mark.usefixtures("always_in_a_thread")
def test_what_goes_wrong_in_the_thread_is_not_swallowed(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")

    def broken(*_: object) -> object:
        raise RuntimeError("no more numbers")

    monkeypatch.setattr(Attribution, "answer", broken)
    with qtbot.captureExceptions() as caught, explaining(small_project()) as desk:
        desk.view.ask(to_outputs(desk))
        qtbot.waitUntil(lambda: bool(caught), timeout=5000)
    assert [str(error) for _, error, _ in caught] == ["no more numbers"]


# Pages piece by piece -------------------------------------------------------------------------------------------------


def pages(desk: Desk) -> int:
    """How many pages there are, shown or begun."""
    shown = desk.panel.area.widget()
    return len([child for child in desk.panel.area.children() if type(child) is QWidget and child is not shown]) + 1


def test_the_page_before_stands_until_the_next_is_made(qtbot: QtBot):
    application("light")
    with explaining(worked_example(), at_once=False) as desk:
        desk.panel.finish()
        desk.panel.turn_seconds = 0
        before, title = desk.panel.area.widget(), desk.panel.title.text()
        desk.view.ask(desk.weight("output/W", 0, 0))
        turns = 0
        while not desk.panel.done:
            assert desk.panel.area.widget() is before
            assert desk.panel.title.text() == title
            turns += 1
            QApplication.processEvents()
        assert turns > 5
        assert desk.panel.text.startswith("How much does w_5 change the error?")
        assert len(desk.panel.page.sections) == len(desk.panel._parts)


def test_a_page_that_nobody_wants_any_more_is_dropped(qtbot: QtBot):
    application("light")
    with explaining(worked_example(), at_once=False) as desk:
        desk.panel.finish()
        desk.panel.turn_seconds = 0
        usual = pages(desk)
        for unit in (0, 1):
            desk.view.ask(desk.weight("output/W", 0, unit))
            for _ in range(4):
                QApplication.processEvents()
        assert not desk.panel.done
        qtbot.waitUntil(lambda: desk.panel.done, timeout=5000)
        assert desk.panel.text.startswith("How much does w_6 change the error?")
        QTest.qWait(0)
        gc.collect()
        assert pages(desk) == usual


# Waiting --------------------------------------------------------------------------------------------------------------


def test_the_window_lives_while_a_thread_gets_ready(qtbot: QtBot):
    application("light")
    parent, beats = QWidget(), []
    qtbot.addWidget(parent)
    timer = QTimer(parent)
    timer.timeout.connect(lambda: beats.append(len(beats)))
    timer.start(5)
    assert patiently(parent, "Thinking", lambda: threading.Event().wait(0.12) or 7) == 7
    timer.stop()
    assert len(beats) > 5


def test_a_walk_is_made_in_a_thread_and_can_be_given_up(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    application("light")
    session, parent, threads = Session(small_project()), QWidget(), []
    qtbot.addWidget(parent)
    journey = type(session.network).journey

    def told(*given: object) -> object:
        threads.append(threading.current_thread())
        return journey(*given)

    monkeypatch.setattr(type(session.network), "journey", told)
    assert explain(parent, session, 2)
    assert session.activity == "explain"
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    session.leave_explain()

    def given_up(*_: object) -> None:
        raise GivenUp

    monkeypatch.setattr("annstudio.ui.explain.going.patiently", given_up)
    assert not explain(parent, session, 2)
    assert session.activity == "edit"


def test_what_stays_to_the_end_is_not_looked_through_again_and_again():
    before = gc.get_freeze_count()
    try:
        get_ready()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
