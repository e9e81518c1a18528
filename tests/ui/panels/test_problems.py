"""The list of problems: in words, with mends, and a way to the layer."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from annstudio.ui.panels.problems import ProblemsPanel


@pytest.fixture
def panel(digits, seen):
    return seen(ProblemsPanel(digits), 500, 300)


def test_all_is_well(panel):
    assert (panel.empty.text(), panel.count) == ("Everything fits.", 0)


def test_a_problem_is_told_and_mended(panel, digits):
    digits.edit_graph(digits.graph.without(["flatten"]), "Delete")
    assert panel.count == 1
    (box,) = panel.boxes
    assert box.isVisible()
    assert "output needs a list of values" in box.words.text()
    QTest.mouseClick(box.buttons[0], Qt.MouseButton.LeftButton)
    assert panel.count == 0
    assert panel.empty.isVisible()
    digits.undo()
    assert len(panel.boxes) == 1


def test_a_double_click_or_enter_leads_to_the_layer(panel, digits, qtbot):
    digits.edit_graph(digits.graph.without(["loss"]), "Delete")
    (box,) = panel.boxes
    with qtbot.waitSignal(panel.node_chosen) as told:
        QTest.mouseDClick(box, Qt.MouseButton.LeftButton)
    assert told.args == ["output"]
    box.setFocus()
    with qtbot.waitSignal(panel.node_chosen):
        QTest.keyClick(box, Qt.Key.Key_Return)
    QTest.mouseClick(box.buttons[0], Qt.MouseButton.LeftButton)
    assert digits.checked.problems == ()
    assert digits.graph.nodes["loss_1"].layer.function == "cross_entropy"
