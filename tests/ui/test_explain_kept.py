"""What becomes of the batches that were gone through in Explain, in the whole window: undo, saving, closing."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.window import Window
from tests.builders import assert_same_arrays


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    """A window on the xor sample, three batches on and in the middle of the fourth."""
    application("light")
    window = Window(Session(studio.load(SAMPLES / "xor.annstudio")))
    window.show()
    qtbot.waitExposed(window)
    window.actions_by_id["explain"].trigger()
    window.actions_by_id["whole_batch"].trigger()
    for _ in range(3):
        QTest.keyClick(window.explain_view, Qt.Key.Key_PageDown)
    QTest.keyClick(window.explain_view, Qt.Key.Key_L)
    yield window
    window.session.leave_explain()
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def undo_text(window: Window) -> str:
    return window.actions_by_id["undo"].text()


def test_the_menu_goes_from_batch_to_batch_and_undo_says_what_it_would_take_back(window: Window):
    assert undo_text(window) == "Undo step 3 batches"
    assert window.isWindowModified()
    assert window.actions_by_id["whole_batch"].isChecked()
    window.actions_by_id["previous_batch"].trigger()
    assert undo_text(window) == "Undo step 2 batches"
    window.actions_by_id["next_batch"].trigger()
    assert undo_text(window) == "Undo step 3 batches"
    assert window.explain_view.timeline.batch.text() == "Batch 4"


def test_leaving_keeps_them_as_one_entry_and_says_so(window: Window):
    before = window.session.project
    window.actions_by_id["leave_explain"].trigger()
    assert window.status.currentMessage() == "3 batches were kept. Undo takes them back."
    assert undo_text(window) == "Undo step 3 batches"
    assert window.session.state == "paused"
    window.actions_by_id["undo"].trigger()
    assert window.session.project is before
    assert not window.isWindowModified()


def test_undo_in_explain_takes_them_back_at_once(window: Window):
    before = window.session.project
    window.actions_by_id["undo"].trigger()
    assert window.session.project is before
    assert window.session.activity == "explain"
    assert window.explain_view.timeline.batch.text() == "Batch 1"
    assert window.explain_view.timeline.caption.text().startswith("Loss")
    assert not window.actions_by_id["undo"].isEnabled()


def test_what_is_saved_has_them(window: Window, tmp_path: Path):
    seen = window.session.journey.arena.weights()
    target = tmp_path / "mine.annstudio"
    place = window.explain_view.tour.walk.place
    assert window.files.save_to(target)
    assert not window.isWindowModified()
    assert window.session.to_keep == 0
    assert (window.session.activity, window.explain_view.tour.walk.place) == ("explain", place)
    found = studio.load(target)
    assert found.progress.step == 3
    assert_same_arrays(found.weights, seen)


def test_closing_asks_whether_they_are_to_be_saved(window: Window, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def answer(*arguments: object) -> QMessageBox.StandardButton:
        asked.append(arguments[2])
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", answer)
    window.close()
    assert len(asked) == 1
    assert window.isVisible()
    assert window.session.project.progress.step == 3


def test_exported_weights_are_those_on_the_screen(window: Window, tmp_path: Path):
    target = tmp_path / "mine.npz"
    assert window.files.export_to(target, "float64")
    with np.load(target) as arrays:
        for key in arrays.files:
            np.testing.assert_array_equal(arrays[key], window.session.journey.arena.weights()[key])


def test_the_status_bar_says_how_many_examples_are_explained(window: Window):
    n = window.session.stepper.n
    window.status.update_now()
    assert window.status._state.text() == f"Explain · mini-batch of {n} · float64"
    window.actions_by_id["whole_batch"].trigger()
    window.status.update_now()
    assert window.status._state.text() == "Explain · one sample · float64"
