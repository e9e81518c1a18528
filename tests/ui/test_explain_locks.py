"""Explain on a network with locked numbers: they are marked in the drawing, and the page says why they stay."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annstudio.document.network import Network
from annstudio.explain.weight import ask
from annstudio.ui.app import application
from annstudio.ui.explain.weight_table import layer_table
from tests.builders import worked_example
from tests.ui.explaining import Desk, click_item, explaining


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    mask = np.array([[True, False], [False, False]])
    with explaining(Network(worked_example()).locking("output/W", mask)) as desk:
        yield desk


def test_a_locked_weight_has_a_sign_and_its_page_says_so(desk: Desk):
    locked, free = desk.weight("output/W", 0, 0), desk.weight("output/W", 0, 1)
    assert desk.wire(locked).state.locked
    assert not desk.wire(free).state.locked
    click_item(desk.view.stage, desk.wire(locked))
    assert "It is locked: its gradient is shown, it is not updated." in desk.panel.text
    assert "0.082167041" in desk.panel.text
    rows = layer_table(desk.tour, ask(desk.tour.program, "output/W", (0, 0))).rows
    assert [rows[i][0].text for i in range(2)] == ["w₅ h₁→o₁ · locked", "w₆ h₂→o₁"]


def test_the_update_passes_it_by_number_for_number(desk: Desk):
    # Of four weights of the output one is locked; biases are held in this sample.
    assert desk.view.timeline.number.text() == "Step 0 of 42"
    desk.key(Qt.Key.Key_End)
    assert desk.tour.walk.updated(*_place(desk.weight("output/W", 0, 1)))
    assert desk.wire(desk.weight("output/W", 0, 0)).state.second == ""
    assert desk.wire(desk.weight("output/W", 0, 1)).state.second.startswith("→ 0.4086")


def test_unlocking_while_explaining_is_seen_at_once(desk: Desk):
    desk.session.undo()
    desk.session.lock("output/W", np.zeros((2, 2), bool))
    assert not desk.wire(desk.weight("output/W", 0, 0)).state.locked
    assert desk.view.timeline.number.text() == "Step 0 of 43"


def _place(quantity):
    return quantity.slot, quantity.index
