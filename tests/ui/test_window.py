"""The whole window, used as a user would: menus, keys, files, training, explaining, closing."""

import gc
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QIcon, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QToolButton
from pytestqt.qtbot import QtBot

from annstudio.document.project import Project
from annstudio.formats import studio
from annstudio.formats.base import by_suffix
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui import actions
from annstudio.ui.actions import COMMANDS, shortcuts
from annstudio.ui.app import application
from annstudio.ui.command_search import CommandSearch
from annstudio.ui.docks import INSPECTOR_WIDTH, PALETTE_WIDTH
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.theme import theme
from annstudio.ui.window import LEAST_CANVAS, LEAST_SIZE, Window


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    """A window on the xor sample; what is unsaved at the end is let go."""
    yield from _opened(qtbot, "xor")


@pytest.fixture
def digits(qtbot: QtBot) -> Iterator[Window]:
    yield from _opened(qtbot, "digits-cnn")


def _opened(qtbot: QtBot, sample: str) -> Iterator[Window]:
    application("light")
    window = Window(Session(studio.load(SAMPLES / f"{sample}.annstudio")))
    window.show()
    qtbot.waitExposed(window)
    yield window
    if window.session.activity == "train":
        window.session.pause()
    window.session.document.mark_saved()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def press(window: Window, id: str) -> None:
    """Trigger a command the way its menu entry does."""
    action = window.actions_by_id[id]
    assert action.isEnabled(), f"{id} cannot be used now"
    action.trigger()


def test_every_command_is_in_a_menu_with_a_tip() -> None:
    for command in COMMANDS:
        assert command.menu
        assert command.tip
        assert command.text


def test_no_two_commands_share_a_key(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    # Explain's own keys may mean something else on the canvas: only one of the two can be used at a time.
    for local in (True, False):
        keys = [key.toString() for command in COMMANDS if command.local is local for key in shortcuts(command)]
        assert len(keys) == len(set(keys))
    x11 = {QKeySequence.StandardKey.Delete: ["Del", "Ctrl+D"]}
    monkeypatch.setattr(actions, "platform_keys", lambda key: [QKeySequence(text) for text in x11.get(key, [])])
    assert [key.toString() for key in shortcuts(actions.by_id("delete"))] == ["Del", "Backspace"]
    assert [key.toString() for key in shortcuts(actions.by_id("duplicate"))] == ["Ctrl+D"]


def test_training_from_the_keyboard_is_one_undo_entry(window: Window, qtbot: QtBot) -> None:
    before = window.session.project
    press(window, "train")
    assert window.session.state == "training"
    qtbot.waitUntil(lambda: window.session.latest is not None, timeout=10_000)
    assert window.actions_by_id["train"].text() == "Pause"
    press(window, "train")
    assert window.session.state in ("paused", "idle")
    assert window.session.document.undo_label.startswith("Train ")
    press(window, "undo")
    assert window.session.project is before


def test_the_status_bar_tells_speed_and_epoch_while_training(digits: Window, qtbot: QtBot) -> None:
    digits.session.set_settings(epochs=200)
    press(digits, "train")
    qtbot.waitUntil(lambda: "samples/s" in digits.status._speed.text(), timeout=10_000)
    assert digits.status._state.text().startswith("Training · epoch")
    assert digits.status._left.text().endswith("left")
    press(digits, "stop")
    assert digits.session.state == "idle"


def test_stop_acts_within_one_batch(digits: Window, qtbot: QtBot) -> None:
    digits.session.set_settings(epochs=10_000)
    press(digits, "train")
    qtbot.waitUntil(lambda: digits.session.latest is not None, timeout=10_000)
    began = time.perf_counter()
    press(digits, "stop")
    # Generous: a batch takes about a millisecond, a busy machine may stretch it.
    assert time.perf_counter() - began < 2


def test_saved_and_opened_again_is_the_same(window: Window, tmp_path: Path, qtbot: QtBot) -> None:
    press(window, "step_epoch")
    qtbot.waitUntil(lambda: window.session.state != "training", timeout=10_000)
    target = tmp_path / "mine.annstudio"
    assert window.files.save_to(target)
    assert window.session.document.clean
    assert not window.isWindowModified()
    found = studio.load(target)
    for key, array in window.session.weights().items():
        np.testing.assert_array_equal(found.weights[key], array)
    assert found.graph.nodes == dict(window.session.graph.nodes)


def test_a_sample_is_opened_as_a_copy_without_a_name(window: Window) -> None:
    assert window.files.open_path(SAMPLES / "spiral.annstudio", sample=True)
    assert window.session.file is None
    assert "spiral" in window.windowTitle().lower()


def test_a_file_that_is_none_is_told_and_nothing_is_lost(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.annstudio"
    bad.write_bytes(b"not a project")
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: told.append(box.text()))
    before = window.session.project
    assert not window.files.open_path(bad)
    assert "bad.annstudio" in told[0]
    assert window.session.project is before


def test_exported_weights_are_those_on_the_screen(window: Window, tmp_path: Path) -> None:
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"weights{suffix}"
        assert window.files.export_to(path)
        found = by_suffix(path).read(path).weights
        assert set(found) == set(window.session.weights())
        for key, array in found.items():
            np.testing.assert_allclose(array, window.session.weights()[key], rtol=1e-6)


def test_the_number_format_is_chosen_with_the_file_format(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []

    def choose(*arguments: Any) -> tuple[str, str]:
        offered.extend(str(arguments[3]).split(";;"))
        return str(tmp_path / "half"), next(one for one in offered if "NumPy, float16" in one)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    window.actions_by_id["export"].trigger()
    assert "float32" in offered[0]
    assert len(offered) == len(set(offered)) >= 6
    with np.load(tmp_path / "half.npz") as arrays:
        assert {arrays[key].dtype for key in arrays} == {np.dtype(np.float16)}


def test_unsaved_changes_are_asked_about(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(*arguments: object) -> QMessageBox.StandardButton:
        asked.append(str(arguments[2]))
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", answer)
    window.session.set_settings(epochs=77)
    assert not window.close()
    assert "Save the changes" in asked[0]


def test_explain_takes_over_and_gives_everything_back(window: Window, qtbot: QtBot) -> None:
    seen = {title for title, dock in window.docks.docks.items() if dock.isVisible()}
    press(window, "explain")
    assert window.session.activity == "explain"
    assert window.explain_view.isVisible()
    assert not window.canvas.isVisible()
    press(window, "step_forward")
    assert window.session.stepper is not None
    assert window.session.stepper.position > 0
    press(window, "leave_explain")
    assert window.canvas.isVisible()
    assert {title for title, dock in window.docks.docks.items() if dock.isVisible()} == seen


def test_commands_are_found_by_name(window: Window, qtbot: QtBot) -> None:
    press(window, "search")
    box = next(w for w in QApplication.topLevelWidgets() if isinstance(w, CommandSearch))
    QTest.keyClicks(box._field, "dark")
    QTest.keyClick(box._field, Qt.Key.Key_Return)
    assert window.memory.theme == "dark"
    press(window, "theme_light")


def test_the_window_remembers_its_panels(qapp: QApplication) -> None:
    application("light")
    window = Window(Session(Project()))
    window.show()
    window.docks.docks["Layers"].close()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    again = Window(Session(Project()))
    again.show()
    assert not again.docks.docks["Layers"].isVisible()
    again.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_run_of_a_replaced_project_never_writes_into_the_new_one(window: Window, qtbot: QtBot) -> None:
    window.session.set_settings(epochs=1_000_000)
    press(window, "train")
    qtbot.waitUntil(lambda: window.session.latest is not None, timeout=10_000)
    window.session.document.mark_saved()
    fresh = studio.load(SAMPLES / "spiral.annstudio")
    window.session.open(fresh)
    qtbot.wait(100)
    assert window.session.project is fresh
    assert window.session.state == "idle"


def test_nothing_of_a_closed_window_stays_alive(qtbot: QtBot) -> None:
    application("light")
    window = Window(Session(studio.load(SAMPLES / "xor.annstudio")))
    window.show()
    alive = [weakref.ref(window), weakref.ref(window.canvas), weakref.ref(window.scene)]
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del window
    gc.collect()
    assert [ref() for ref in alive] == [None, None, None]


def test_every_menu_key_is_one_the_platform_knows(qapp: QApplication) -> None:
    for command in COMMANDS:
        for key in shortcuts(command):
            assert key != QKeySequence()


def test_the_canvas_is_the_largest_thing(digits: Window) -> None:
    digits.resize(1440, 900)
    digits.show()
    area = digits.canvas.width() * digits.canvas.height()
    for dock in digits.docks.docks.values():
        if dock.isVisible() and dock.widget().isVisible():
            assert dock.width() * dock.height() <= area
    assert digits.canvas.mapToGlobal(QPoint(0, 0)).x() >= 0


def test_the_train_icon_can_be_seen_in_the_menu_and_on_the_filled_button(window: Window) -> None:
    def ink(icon: QIcon) -> set[str]:
        image = icon.pixmap(16).toImage()
        pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
        return {pixel.name() for pixel in pixels if pixel.alpha() == 255}

    action = window.actions_by_id["train"]
    button = window.toolbar.widgetForAction(action)
    assert isinstance(button, QToolButton)
    for mode in ("dark", "light"):
        window.set_theme(mode)
        window.update_actions()
        assert theme().text.name() in ink(action.icon())
        assert theme().on_accent.name() in ink(button.icon())
    assert button.text() == "Train"


def test_the_menu_says_which_theme_is_chosen(window: Window) -> None:
    names = ("theme_system", "theme_light", "theme_dark")
    for mode in ("dark", "light"):
        press(window, f"theme_{mode}")
        assert [name for name in names if window.actions_by_id[name].isChecked()] == [f"theme_{mode}"]


def test_the_panels_leave_the_window_its_freedom(digits: Window, qtbot: QtBot) -> None:
    assert digits.minimumSizeHint().width() <= LEAST_SIZE[0]
    digits.resize(1440, 900)
    digits.reset_panels()
    qtbot.waitUntil(lambda: digits.docks.docks["Layers"].width() == PALETTE_WIDTH)
    assert digits.docks.docks["Inspector"].width() == INSPECTOR_WIDTH
    digits.resize(1000, 700)
    qtbot.waitUntil(lambda: digits.width() == 1000)


def test_keys_reach_the_canvas_of_a_new_project(window: Window, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    field = window.docks.palette.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    press(window, "new")
    assert window.canvas.hasFocus()


def test_nothing_lies_over_a_message(window: Window, qtbot: QtBot) -> None:
    window.step_batch()
    window.session.wait(10)
    assert window.session.state == "paused"
    window.session.told.emit("error", "Something went wrong.")
    window.status.update_now()
    assert not window.status._bar.isVisible()
    window.session.set_settings(epochs=77)
    assert window.status._bar.isVisible()
    assert window.status.currentMessage() == ""


def test_what_an_edit_tells_is_not_wiped_away_by_the_edit(window: Window) -> None:
    window.session.told.emit("info", "Some weights begin anew.")
    window.session.set_settings(epochs=77)
    assert window.status.currentMessage() == "Some weights begin anew."


def test_where_data_is_missing_its_panel_comes_to_the_front(window: Window) -> None:
    window.session.set_data(None)
    press(window, "train")
    assert window.status.currentMessage() == "The project has no data. Choose data in the Data panel."
    panel = window.docks.panels[DataPanel]
    assert isinstance(panel, DataPanel)
    assert panel.seen


def test_an_arrangement_of_a_larger_screen_leaves_the_canvas_room(qtbot: QtBot) -> None:
    application("light")
    for size in ((1900, 1200), (960, 620)):
        window = Window(Session(studio.load(SAMPLES / "xor.annstudio")))
        window.resize(*size)
        window.show()
        qtbot.waitExposed(window)
        if size[0] > 1000:
            window.resizeDocks([window.docks.docks["Data"]], [900], Qt.Orientation.Vertical)
        else:
            qtbot.waitUntil(lambda window=window: window.canvas.height() >= LEAST_CANVAS)
            assert window.canvas.width() >= LEAST_CANVAS
        window.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_toolbar_fits_into_a_narrow_window(digits: Window, qtbot: QtBot) -> None:
    for width in (1440, LEAST_SIZE[0]):
        digits.resize(width, 700)
        qtbot.waitUntil(lambda width=width: digits.width() == width)
        QApplication.processEvents()
        for id in ("explain", "export", "search"):
            button = digits.toolbar.widgetForAction(digits.actions_by_id[id])
            assert button is not None
            assert button.isVisible(), id
    assert digits.toolbar._title.text().endswith("…")
    digits.resize(1900, 700)
    qtbot.waitUntil(lambda: digits.toolbar._title.text() == "Digits with convolutions")


def test_tabs_have_no_second_title_after_explain(window: Window) -> None:
    dock = window.docks.docks["Loss and accuracy"]
    bare = [dock.titleBarWidget() is not None for dock in window.docks.docks.values()]
    assert dock.titleBarWidget() is not None
    press(window, "explain")
    QApplication.processEvents()
    press(window, "leave_explain")
    QApplication.processEvents()
    assert [dock.titleBarWidget() is not None for dock in window.docks.docks.values()] == bare


@pytest.mark.parametrize("sample", ["block-of-blocks", "deep-sigmoid-vs-relu"])
def test_the_first_look_shows_the_whole_drawing(sample: str, qtbot: QtBot) -> None:
    application("light")
    window = Window(Session(studio.load(SAMPLES / f"{sample}.annstudio")))
    window.resize(1440, 900)
    window.show()
    qtbot.waitExposed(window)
    canvas = window.canvas
    qtbot.waitUntil(lambda: canvas.height() < 600)
    qtbot.wait(50)
    drawn = canvas.mapFromScene(canvas.canvas.whole).boundingRect()
    assert canvas.viewport().rect().contains(drawn)
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
