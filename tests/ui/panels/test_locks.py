"""Locking numbers in the weights panel: by key, button and menu, cell by cell, row by row."""

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from annstudio.ui.panels.weights import WeightsPanel
from annstudio.ui.theme import apply_theme

KEY = "hidden/W"


@pytest.fixture
def panel(xor, seen):
    return seen(WeightsPanel(xor), 900, 300)


def cell(panel, row, column):
    return panel.table.visualRect(panel.model.index(row, column)).center()


def click(panel, row, column, key=Qt.KeyboardModifier.NoModifier):
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, key, cell(panel, row, column))


def locked(session):
    return [tuple(int(i) for i in place) for place in np.argwhere(session.project.locked.get(KEY, np.zeros((4, 2))))]


def texts(menu):
    return [action.text().partition("\t")[0] for action in menu.actions() if not action.isSeparator()]


def act(menu, words):
    next(action for action in menu.actions() if action.text().partition("\t")[0] == words).trigger()


def test_a_cell_is_locked_and_unlocked_with_the_button_and_undone(panel, xor):
    click(panel, 1, 0)
    QTest.mouseClick(panel.lock_button, Qt.MouseButton.LeftButton)
    assert locked(xor) == [(1, 0)]
    assert xor.document.undo_label == "Lock hidden.W[1,0]"
    assert panel.facts.text().endswith("\n1 locked")
    tip = panel.model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.endswith(", locked")
    QTest.mouseClick(panel.lock_button, Qt.MouseButton.LeftButton)
    assert xor.document.undo_label == "Unlock hidden.W[1,0]"
    assert locked(xor) == []
    xor.undo()
    assert locked(xor) == [(1, 0)]
    assert panel.facts.text().endswith("\n1 locked")


def test_scattered_cells_and_whole_rows_are_locked_by_selection(panel, xor):
    click(panel, 0, 0)
    click(panel, 3, 1, Qt.KeyboardModifier.ControlModifier)
    panel.lock()
    assert locked(xor) == [(0, 0), (3, 1)]
    assert xor.document.undo_label == "Lock 2 numbers of hidden/W"
    panel.table.clearSelection()
    panel.table.selectRow(3)
    panel.lock()
    assert locked(xor) == [(0, 0), (3, 0), (3, 1)]
    panel.lock()
    assert locked(xor) == [(0, 0)]


def test_the_menu_offers_what_can_be_done_with_the_cell(panel, xor):
    click(panel, 2, 1)
    menu = panel.locks.menu(cell(panel, 2, 1))
    assert texts(menu) == ["Lock", "Lock unit 3", "Lock input 2", "Unlock all of hidden/W", "Copy", "Paste"]
    act(menu, "Lock input 2")
    assert locked(xor) == [(i, 1) for i in range(4)]
    menu = panel.locks.menu(cell(panel, 2, 1))
    assert texts(menu)[:3] == ["Unlock", "Lock unit 3", "Unlock input 2"]
    act(menu, "Unlock")
    assert locked(xor) == [(0, 1), (1, 1), (3, 1)]
    act(panel.locks.menu(cell(panel, 0, 0)), "Unlock all of hidden/W")
    assert locked(xor) == []
    assert xor.document.undo_label == "Unlock all of hidden/W"


def test_the_right_button_and_the_menu_key_open_it(panel, qtbot):
    click(panel, 0, 1)
    for open_it in (
        lambda: QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.RightButton, pos=cell(panel, 0, 1)),
        lambda: panel._open_menu(cell(panel, 0, 1)),
    ):
        open_it()
        if QApplication.activePopupWidget() is None:
            continue
        menu = QApplication.activePopupWidget()
        assert texts(menu)[0] == "Lock"
        menu.close()


def test_with_nothing_selected_it_says_what_to_do(panel, xor):
    panel.table.selectionModel().select(panel.model.index(0, 0), QItemSelectionModel.SelectionFlag.Clear)
    panel.lock()
    assert panel.words.text().startswith("Select the numbers to lock")
    assert xor.document.undo_label == ""


def test_a_bias_and_a_kernel_weight_can_be_locked(digits, seen):
    panel = seen(WeightsPanel(digits), 900, 300)
    panel.filter.setValue(6)
    click(panel, 2, 1)
    panel.lock()
    assert digits.document.undo_label == "Lock conv_1.W[5,0,2,1]"
    assert np.argwhere(digits.project.locked["conv_1/W"]).tolist() == [[5, 0, 2, 1]]
    panel.filter.setValue(5)
    assert not panel.model.locked.any()
    panel.view.setCurrentText("b")
    panel.view.activated.emit(1)
    click(panel, 3, 0)
    panel.lock()
    assert np.argwhere(digits.project.locked["conv_1/b"]).tolist() == [[3]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sign_is_painted_in_the_cell(panel, xor, qapp, theme):
    apply_theme(qapp, theme)
    panel.table.clearSelection()
    before = panel.table.viewport().grab(panel.table.visualRect(panel.model.index(1, 1))).toImage()
    mask = np.zeros((4, 2), bool)
    mask[1, 1] = True
    xor.lock(KEY, mask)
    after = panel.table.viewport().grab(panel.table.visualRect(panel.model.index(1, 1))).toImage()
    assert after != before
    apply_theme(qapp, "light")


def test_a_locked_number_stays_while_the_others_are_seen_to_learn(panel, xor, qtbot):
    click(panel, 1, 0)
    panel.lock()
    held = xor.weight(KEY).astype(np.float32)
    xor.set_settings(epochs=10_000_000)
    xor.watch(True)
    xor.train()
    qtbot.waitUntil(lambda: xor.poll() or (panel.model.array != held).sum() == 7)
    click(panel, 0, 0)
    panel.lock()
    assert xor.activity == "train"
    assert locked(xor) == [(0, 0), (1, 0)]
    xor.pause()
    assert xor.weight(KEY)[1, 0] == held[1, 0]
