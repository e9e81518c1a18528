"""From batch to batch in the Explain view as a user would: keys, the chooser in the bar, and what is said and kept."""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QProgressDialog, QWidget
from pytestqt.qtbot import QtBot

from annstudio.document.project import Project
from annstudio.engine.layout import to_user
from annstudio.explain.told import Quantity
from annstudio.explain.walk import Grain
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal.node import BatchNorm
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.ui.app import application
from annstudio.ui.explain import going
from annstudio.ui.explain.batch_chooser import NarrowSpin
from tests.builders import chain, project, small_project, some_table, trained, worked_example
from tests.ui.explaining import Desk, explaining

Key = Qt.Key


@pytest.fixture
def lecture(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(worked_example()) as desk:
        yield desk


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    """Twenty examples in batches of six."""
    application("light")
    with explaining(small_project()) as desk:
        yield desk


def images() -> Project:
    graph = chain(
        input=Input(shape=(16,)),
        fold=Reshape(target=(4, 4, 1)),
        conv=Conv2D(filters=2, activation="tanh"),
        flatten=Flatten(),
        out=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )
    return project(graph, some_table(9, 16, 2), batch_size=4, epochs=9)


def choose(desk: Desk, kind: int) -> None:
    """One example (0) or the whole batch (1), by keyboard."""
    combo = desk.bar.batch.kind
    combo.setFocus()
    QTest.keyClick(combo, Key.Key_Down if kind else Key.Key_Up)
    QApplication.processEvents()


def named(spin: NarrowSpin) -> str:
    """What a field says, whether or not there is room for its word."""
    return f"{spin.word}{spin.cleanText()}{spin.suffix()}"


def type_number(spin, number: int) -> None:
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, str(number))
    QTest.keyClick(spin, Key.Key_Return)
    QApplication.processEvents()


# On and back ---------------------------------------------------------------------------------------------------------


def test_a_step_behind_the_last_begins_the_next_batch_and_one_back_returns(lecture: Desk):
    timeline = lecture.view.timeline
    assert timeline.batch.text() == "Batch 1"
    lecture.key(Key.Key_End)
    end = lecture.shown()
    lecture.key(Key.Key_Right)
    assert (timeline.batch.text(), timeline.number.text()) == ("Batch 2", "Step 0 of 43")
    assert lecture.wire(lecture.weight("output/W", 0, 0)).state.value == pytest.approx(0.358916480, abs=5e-10)
    assert lecture.view.session.to_keep == 1
    lecture.key(Key.Key_Left)
    assert timeline.batch.text() == "Batch 1"
    assert lecture.shown() == end
    assert lecture.view.session.to_keep == 0


def test_layers_go_on_and_back_over_the_edge_as_well(lecture: Desk):
    lecture.key(Key.Key_End)
    lecture.key(Key.Key_Right, control=True)
    assert (lecture.tour.journey.number, lecture.tour.walk.place) == (1, 0)
    lecture.key(Key.Key_Left, control=True)
    assert (lecture.tour.journey.number, lecture.tour.walk.place) == (0, len(lecture.tour.walk))


def test_page_keys_go_from_start_to_start(lecture: Desk):
    lecture.key(Key.Key_Right, Key.Key_Right, Key.Key_PageDown, Key.Key_PageDown, Key.Key_Right)
    assert (lecture.tour.journey.number, lecture.tour.walk.place) == (2, 1)
    lecture.key(Key.Key_PageUp)
    assert (lecture.tour.journey.number, lecture.tour.walk.place) == (1, 0)
    lecture.key(Key.Key_PageUp, Key.Key_PageUp)
    assert (lecture.tour.journey.number, lecture.tour.walk.place) == (0, 0)
    assert not lecture.bar.back.isEnabled()
    lecture.key(Key.Key_PageDown)
    assert lecture.bar.back.isEnabled()


def test_the_question_stays_and_is_answered_anew_in_the_next_batch(lecture: Desk):
    weight = lecture.weight("output/W", 0, 0)
    lecture.view.ask(weight)
    assert "0.082167041" in lecture.panel.text
    lecture.key(Key.Key_PageDown)
    assert lecture.tour.question == weight
    assert "0.082167041" not in lecture.panel.text
    first, second = (trained(worked_example(), n).weights["output/W"][0, 0] for n in (1, 2))
    assert f"{(first - second) / 0.5:.9f}" in lecture.panel.text


def test_back_to_a_question_of_another_batch_goes_to_that_batch(lecture: Desk):
    lecture.view.ask(lecture.weight("output/W", 0, 0))
    lecture.key(Key.Key_PageDown)
    lecture.view.ask(lecture.weight("hidden/W", 0, 0))
    lecture.key(Key.Key_PageDown)
    QTest.keyClick(lecture.view, Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert (lecture.tour.journey.number, lecture.tour.question) == (1, lecture.weight("output/W", 0, 0))


# Choosing ------------------------------------------------------------------------------------------------------------


def test_the_next_example_follows_and_the_bar_says_which(desk: Desk):
    chooser = desk.bar.batch
    type_number(chooser.sample, 20)
    assert named(chooser.sample) == "Sample 20 of 20"
    assert "one example, number 20 of the data" in desk.panel.where.text()
    desk.key(Key.Key_PageDown)
    assert named(chooser.sample) == "Sample 1 of 20"
    assert named(chooser.number) == "Batch 2"
    assert desk.panel.where.text().endswith("1 batch will be kept as one step of undo")


def test_a_mini_batch_is_the_one_that_training_would_do(desk: Desk):
    desk.key(Key.Key_Right, Key.Key_Right)
    choose(desk, 1)
    assert desk.tour.walk.place == 2, "the same moment"
    assert (desk.tour.stepper.n, named(desk.bar.batch.sample)) == (6, "Example 1 of 6")
    where = desk.panel.where.text()
    assert where.startswith("Batch 1 of epoch 1 · example 1 of 6 (number ")
    assert "gradients of weights are the mean over all" in where
    desk.key(Key.Key_PageDown, Key.Key_PageDown, Key.Key_PageDown)
    assert named(desk.bar.batch.sample) == "Example 1 of 2", "what is left of the epoch"
    choose(desk, 0)
    assert named(desk.bar.batch.sample) == "Sample 1 of 20"
    desk.key(Key.Key_B)
    assert desk.bar.batch.kind.currentText() == "Mini-batch"


def test_everything_in_the_chooser_says_what_it_is(desk: Desk):
    chooser = desk.bar.batch
    names = (chooser.kind.accessibleName(), chooser.sample.accessibleName(), chooser.number.accessibleName())
    assert names == ("What a batch is", "Sample", "Batch")
    assert "Nothing is kept yet" in chooser.number.toolTip()
    choose(desk, 1)
    desk.key(Key.Key_PageDown, Key.Key_PageDown)
    assert chooser.sample.accessibleName() == "Example of the batch"
    assert "2 batches will be kept as one step of undo" in chooser.number.toolTip()
    assert "2 batches will be kept as one step of undo" in desk.panel.where.text()


def test_where_room_is_short_the_words_go_and_the_numbers_stay(desk: Desk):
    bar, room = desk.bar, QWidget(desk.view)
    bar.setParent(room)
    room.show()
    for width, prefix in ((2400, "Sample "), (bar.minimumSizeHint().width(), "")):
        bar.resize(width, bar.height())
        bar.show()
        QApplication.processEvents()
        assert bar.batch.sample.prefix() == prefix
        assert bar.batch.sample.text().endswith("1 of 20")


def test_what_is_shown_is_of_the_example_that_is_chosen(desk: Desk):
    choose(desk, 1)
    desk.key(Key.Key_End)
    type_number(desk.bar.batch.sample, 5)
    tour = desk.tour
    out, data = tour.program.outputs["output"], desk.session.dataset.columns
    assert desk.unit("output", 1).state.value == tour.text(tour.stepper.array(out)[1, 4])
    shown = int(desk.session.examples[4])
    assert f"example 5 of 6 (number {shown + 1} of the data)" in desk.panel.where.text()
    given = desk.unit("input", 0).state.value
    assert given == tour.short(float(np.asarray(data["x"].values)[shown, 0]))
    gradient = tour.program.gradients[out]
    assert any(tour.text(tour.stepper.array(gradient)[1, 4]) in line for line in desk.unit("output", 1).state.above)
    share = desk.view.scene.errors[0][2].state
    assert share[0] == f"target {tour.short(float(np.asarray(data['y'].values)[shown, 0]))}"


def test_number_by_number_the_numbers_are_those_of_the_example(desk: Desk):
    choose(desk, 1)
    desk.view.set_grain(Grain.NUMBER)
    desk.key(Key.Key_Right)
    before = desk.panel.text
    type_number(desk.bar.batch.sample, 3)
    assert desk.view.timeline.number.text().startswith("Step 1 of ")
    net = desk.tour.walk.now.quantity
    assert desk.tour.text(desk.tour.stepper.array(net.slot)[(*net.index, 2)]) in desk.panel.text
    assert desk.panel.text != before


def test_a_weights_gradient_has_a_term_for_every_example_and_a_click_looks_at_that_one(desk: Desk):
    choose(desk, 1)
    desk.key(Key.Key_End)
    question = desk.weight("output/W", 0, 1)
    desk.view.ask(question)
    gradient = desk.tour.program.gradients[question.slot]
    told = desk.tour.explainer.derive(Quantity(gradient, question.index))
    assert len(told.rows) == 6
    assert told.value == pytest.approx(sum(row.value for row in told.rows), abs=1e-15)
    assert told.value == desk.tour.stepper.array(gradient)[question.index]
    fourth = told.rows[3].parts[0].quantity
    assert fourth.example == 3
    desk.tour.go_and_ask(fourth)
    QApplication.processEvents()
    assert named(desk.bar.batch.sample) == "Example 4 of 6"
    assert desk.tour.question == Quantity(fourth.slot, fourth.index)
    desk.tour.ask_back()
    assert (named(desk.bar.batch.sample), desk.tour.question) == ("Example 1 of 6", question)


def test_pictures_and_tables_of_layers_are_of_the_example(qtbot: QtBot):
    application("light")
    with explaining(images()) as desk:
        choose(desk, 1)
        desk.view.show_neurons(False)
        desk.key(Key.Key_End)
        desk.view.layers.scene.select("conv")
        pane, tour = desk.view.layers.pane, desk.tour
        pane.steps.setCurrentRow(1)
        for number in (1, 3):
            type_number(desk.bar.batch.sample, number)
            out = tour.program.outputs["conv"]
            pane.steps.setCurrentRow(1)
            wanted = to_user(tour.stepper.array(out))[number - 1].transpose(2, 0, 1)
            np.testing.assert_array_equal(pane.left.mosaic.maps, wanted)
            told = desk.view.layers.scene.cards["conv"].state.values.told
            assert str(told)


def test_the_example_stays_as_far_as_there_is_one(desk: Desk):
    choose(desk, 1)
    type_number(desk.bar.batch.sample, 5)
    desk.key(Key.Key_PageDown)
    assert named(desk.bar.batch.sample) == "Example 5 of 6"
    desk.key(Key.Key_PageDown, Key.Key_PageDown)
    assert named(desk.bar.batch.sample) == "Example 2 of 2"


def test_a_batch_that_cannot_be_shown_is_refused_with_a_word(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(3,)), a=Dense(units=2), norm=BatchNorm(), loss=Loss())
    with explaining(project(graph, some_table(), batch_size=4, accumulate=2)) as desk:
        heard = []
        desk.session.told.connect(lambda kind, words: heard.append((kind, words)))
        choose(desk, 1)
        assert heard[0][0] == "error"
        assert "cannot be shown as one" in heard[0][1]
        assert desk.bar.batch.kind.currentText() == "Example"
        desk.key(Key.Key_B)
        assert len(heard) == 2


def test_the_keys_go_on_stepping_after_a_choice(desk: Desk):
    QTest.mouseClick(desk.bar.batch.kind, Qt.MouseButton.LeftButton)
    QTest.keyClick(desk.bar.batch.kind.view(), Key.Key_Down)
    QTest.keyClick(desk.bar.batch.kind.view(), Key.Key_Return)
    QApplication.processEvents()
    assert desk.session.whole_batch
    type_number(desk.bar.batch.sample, 2)
    assert desk.window.focusWidget() is desk.view
    QTest.keyClick(desk.window.focusWidget(), Key.Key_Right)
    assert desk.tour.walk.place == 1


def test_early_stopping_is_said_where_it_happens(qtbot: QtBot):
    application("light")
    wild = {"kind": "sgd", "learning_rate": 60.0}
    with explaining(small_project(patience=1, epochs=90, batch_size=20, optimizer=wild)) as desk:
        choose(desk, 1)
        seen = []
        for _ in range(12):
            desk.key(Key.Key_PageDown)
            if "gone back to the best weights" in desk.panel.where.text():
                seen.append(desk.tour.journey.number)
                best = desk.tour.journey.place.progress.best.weights
                np.testing.assert_array_equal(desk.tour.journey.arena.view("hidden/W"), best["hidden/W"])
        assert seen
        assert len(seen) < 12


# A long way ----------------------------------------------------------------------------------------------------------


def test_a_batch_far_on_is_gone_to_by_its_number(desk: Desk):
    choose(desk, 1)
    type_number(desk.bar.batch.number, 12)
    assert (desk.tour.journey.number, desk.view.timeline.batch.text()) == (11, "Batch 12")
    type_number(desk.bar.batch.number, 3)
    assert (desk.tour.journey.number, desk.session.to_keep) == (2, 2)


def test_a_long_way_is_gone_in_a_thread(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(going, "AT_ONCE_SECONDS", 0)
    desk.view.ask(desk.weight("output/W", 0, 0))
    type_number(desk.bar.batch.number, 40)
    there = desk.shown()
    desk.tour.to_batch(2)
    monkeypatch.undo()
    desk.tour.to_batch(39)
    QApplication.processEvents()
    assert desk.shown() == there


def test_a_long_way_can_be_given_up_and_all_is_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot):
    desk.key(Key.Key_PageDown, Key.Key_Right, Key.Key_Right)
    before, steps = desk.shown(), desk.tour.journey.course.after
    monkeypatch.setattr(going, "AT_ONCE_SECONDS", 0)
    monkeypatch.setattr("annstudio.ui.patience.SHOWN_AFTER_MS", 1)
    waiting: list[QProgressDialog] = []

    def slow(place, run):
        QTest.qSleep(20)
        return steps(place, run)

    def give_up() -> None:
        dialogs = desk.window.findChildren(QProgressDialog)
        if not dialogs:
            QTimer.singleShot(20, desk.window, give_up)
        for dialog in dialogs:
            waiting.append(dialog.labelText())
            # Whatever still comes in meanwhile must not touch the batch.
            desk.tour.step()
            desk.panel.refresh()
            dialog.cancel()

    monkeypatch.setattr(desk.tour.journey.course, "after", slow)
    QTimer.singleShot(80, desk.window, give_up)
    type_number(desk.bar.batch.number, 500)
    assert waiting == ["Going to batch 500 …"]
    assert desk.shown() == before
    assert named(desk.bar.batch.number) == "Batch 2"


def test_what_is_behind_is_let_go(desk: Desk):
    choose(desk, 1)
    desk.view.ask(desk.weight("output/W", 0, 0))
    desk.key(Key.Key_End)
    before = [weakref.ref(thing) for thing in (desk.tour.stepper, desk.tour.walk, desk.tour.explainer)]
    desk.key(Key.Key_PageDown, Key.Key_PageDown)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [thing() for thing in before] == [None, None, None]


def test_where_the_numbers_run_away_no_batch_follows(qtbot: QtBot):
    application("light")
    start = worked_example()
    wild = project(start.graph, start.data, {**start.weights, "hidden/W": np.full((2, 2), np.nan)}, batch_size=1)
    with explaining(wild) as desk:
        heard = []
        desk.session.told.connect(lambda kind, words: heard.append(words))
        desk.key(Key.Key_PageDown)
        assert "no longer a finite number" in heard[0]
        assert desk.view.timeline.number.text() == "Step 43 of 43"
        assert not desk.bar.on.isEnabled()
        assert desk.session.to_keep == 0
