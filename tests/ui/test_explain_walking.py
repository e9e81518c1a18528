"""Going through a batch as a user does: grains, breakpoints, boxes gone into, and commands by key, menu and bar."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from annstudio.explain.moments import Grain
from annstudio.session import Session
from annstudio.ui.actions import COMMANDS, by_id, explain_keys
from annstudio.ui.app import application
from annstudio.ui.window import Window
from tests.builders import worked_example
from tests.ui.explaining import Desk, caption, click, explaining, press, sample

Key = Qt.Key


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(worked_example()) as desk:
        yield desk


@pytest.fixture
def blocks(qtbot: QtBot) -> Iterator[Desk]:
    application("dark")
    with explaining(sample("block-of-blocks")) as desk:
        desk.view.show_neurons(False)
        yield desk


# Grains --------------------------------------------------------------------------------------------------------------


def test_digits_choose_how_far_a_step_goes(desk: Desk):
    for key, grain, n in ((Key.Key_1, Grain.LAYER, 8), (Key.Key_2, Grain.OP, 14), (Key.Key_3, Grain.NUMBER, 43)):
        press(desk, key)
        assert desk.tour.walk.grain is grain
        assert desk.view.timeline.number.text() == f"Step 0 of {n}"
        assert desk.view.timeline.grains.checkedButton().text() == {8: "Layer", 14: "Operation", 43: "Element"}[n]


def test_element_by_element_through_a_network_of_any_size(qtbot: QtBot):
    application("light")
    with explaining(sample("digits-cnn")) as desk:
        press(desk, Key.Key_3)
        assert desk.view.timeline.number.text() == "Step 0 of 28\u2009661"
        press(desk, Key.Key_Right)
        assert caption(desk) == "Forward · conv_1 · net_conv_1 (1,1,1)"
        press(desk, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        press(desk, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        assert caption(desk) == "Forward · conv_1 · out_conv_1 (8,8,16)"
        press(desk, Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
        assert caption(desk) == "Forward · conv_1 · net_conv_1 (8,8,16)"
        press(desk, Key.Key_L)
        assert caption(desk) == "Loss · loss · E"
        press(desk, Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
        assert caption(desk).startswith("Backward · loss")


def test_a_picture_fills_element_by_element(qtbot: QtBot):
    application("dark")
    with explaining(sample("digits-cnn")) as desk:
        press(desk, Key.Key_3)
        desk.tour.to(70)
        pane = desk.view.layers.pane
        marks = pane.left.mosaic.marks
        assert marks.coming is not None
        assert marks.coming.ravel()[:70].sum() == 0
        assert marks.coming.sum() == 1024 - 70
        assert "954 of 1024 to come" in pane.left.mosaic.accessibleName()
        desk.tour.to(600)
        picture = pane.left.mosaic.grab().toImage()
        shades = [
            {picture.pixelColor(x, y).name() for x in _inner(rect.left(), rect.right())
             for y in _inner(rect.top(), rect.bottom())}
            for rect in (pane.left.mosaic.rect_of(7), pane.left.mosaic.rect_of(15))
        ]  # fmt: skip
        assert len(shades[0]) > 20
        assert len(shades[1]) < 5
        QTest.mouseClick(pane.left.toggle, Qt.MouseButton.LeftButton)
        pane.left.picker.setValue(10)
        model = pane.left.table.model()
        assert [[model.index(i, j).data() == "·" for j in range(8)] for i in (2, 3)] == [[False] * 8, [True] * 8]
        assert model.index(3, 0).data(Qt.ItemDataRole.ToolTipRole).endswith("not computed yet")
        desk.tour.to(1024)
        assert pane.left.mosaic.marks.coming is None or pane.left.table.isVisible()
        assert model.index(7, 7).data() != "·"


def _inner(low: float, high: float) -> range:
    return range(round(low) + 3, round(high) - 3)


def test_weights_get_their_new_numbers_one_by_one_in_the_table(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.show_neurons(False)
        desk.tour.to(37)
        assert caption(desk) == "Update · output · w₆"
        pane = desk.view.layers.pane
        shown = [[side.table.model().index(i, j).data() for i in range(2) for j in range(2)]
                 for side in (pane.left, pane.right)]  # fmt: skip
        assert shown[0] == ["0.400000000", "0.450000000", "0.500000000", "0.550000000"]
        assert shown[1] == ["0.358916480", "0.408666186", "·", "·"]


def test_one_gate_at_one_time_step_is_an_element(qtbot: QtBot):
    application("light")
    with explaining(sample("vowels-lstm")) as desk:
        press(desk, Key.Key_3)
        walk = desk.tour.walk
        gate = next(m.quantity for m in walk.moments[5000:9000] if walk.text(m.quantity).startswith("f_"))
        desk.tour.go_and_ask(gate)
        assert caption(desk).startswith("Forward · memory · t = ")
        assert desk.panel.text.startswith("How does f_m")


# Boxes ---------------------------------------------------------------------------------------------------------------


def test_function_keys_go_over_into_and_out_of_blocks(blocks: Desk):
    press(blocks, Key.Key_1)
    press(blocks, Key.Key_F10)
    press(blocks, Key.Key_F10)
    assert caption(blocks) == "Forward · trunk"
    press(blocks, Key.Key_F11)
    assert caption(blocks) == "Forward · trunk/block_1"
    press(blocks, Key.Key_F11)
    assert caption(blocks) == "Forward · trunk/block_1/dense"
    assert blocks.view.timeline.number.text() == "Step 2 of 19"
    press(blocks, Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    press(blocks, Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    assert caption(blocks) == "Forward · trunk"
    assert blocks.view.timeline.number.text() == "Step 2 of 12"
    assert not by_id("step_out").can_go(blocks.view)


def test_who_goes_into_a_block_sees_what_it_holds(blocks: Desk):
    scene, layers = blocks.view.layers.scene, blocks.view.layers
    press(blocks, Key.Key_1)
    press(blocks, Key.Key_Right)
    press(blocks, Key.Key_F11)
    assert scene.path == "trunk"
    assert {"trunk/block_1", "trunk/block_2", "trunk/block_3"} < set(scene.cards)
    assert layers.where.text() == "Inside trunk · Shift+F11 leaves it"
    assert layers.where.isVisible()
    statuses = {node: card.state.status for node, card in scene.cards.items()}
    assert statuses["trunk/block_1"] == "now"
    assert statuses["trunk/block_2"] == "to come"
    click(layers.stage, scene.cards["trunk/block_2"].sceneBoundingRect().center())
    assert layers.pane.title.text() == "Operations of trunk/block_2"
    press(blocks, Key.Key_F9)
    assert blocks.session.breakpoints.nodes == {"trunk/block_2"}
    assert list(blocks.view._marks[1].marks) == ["trunk/block_2"]
    press(blocks, Key.Key_Escape)
    press(blocks, Key.Key_F11)
    assert scene.path == "trunk/block_1"
    assert [wire.state for link, wire in scene.wires.items() if link.target == "trunk/block_1/dense"] == ["forward"]
    press(blocks, Key.Key_Home)
    assert scene.path == ""
    assert not layers.where.isVisible()
    for _ in range(2):
        press(blocks, Key.Key_Right)
    assert scene.path == "trunk/block_1"
    press(blocks, Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    press(blocks, Key.Key_F11, Qt.KeyboardModifier.ShiftModifier)
    assert scene.path == ""
    assert scene.cards["trunk"].state.status == "now"


def test_an_opened_block_stays_open_for_the_next_sample_and_grain(blocks: Desk):
    press(blocks, Key.Key_1)
    press(blocks, Key.Key_Right)
    press(blocks, Key.Key_F11)
    n = len(blocks.tour.walk)
    blocks.session.explain(3)
    assert len(blocks.tour.walk) == n
    press(blocks, Key.Key_3)
    press(blocks, Key.Key_1)
    assert len(blocks.tour.walk) == n


def test_a_recurrent_layer_as_a_whole_is_told_in_short(qtbot: QtBot):
    application("light")
    with explaining(sample("vowels-lstm")) as desk:
        press(desk, Key.Key_1)
        press(desk, Key.Key_Right)
        qtbot.waitUntil(lambda: "526 operations in 31 parts" in desk.panel.text)
        assert "Step into it (F11)" in desk.panel.text
        assert "Stack" not in desk.panel.text
        press(desk, Key.Key_F11)
        press(desk, Key.Key_Right)
        assert caption(desk) == "Forward · memory · t = 1"
        qtbot.waitUntil(lambda: "18 operations" in desk.panel.text)


def test_buttons_for_boxes_are_there_where_there_are_boxes(desk: Desk, blocks: Desk):
    assert not any(button.isVisible() for button in desk.bar.boxes)
    assert all(button.isVisible() for button in blocks.bar.boxes)


# Commands ------------------------------------------------------------------------------------------------------------


def test_every_key_of_explain_belongs_to_a_command_that_says_so():
    for key, command in explain_keys().items():
        assert command.menu == "Explain"
        assert command.go is not None
        assert command.help.startswith(command.tip), key


def test_the_menu_of_explain_has_every_command_with_its_key_and_fits_on_a_small_screen(qtbot: QtBot):
    application("light")
    window = Window(Session(worked_example()))
    qtbot.addWidget(window)
    menu = next(a.menu() for a in window.menuBar().actions() if a.text() == "Explain")
    inner = [a.menu() for a in menu.actions() if a.menu() is not None]
    assert [m.title() for m in inner] == ["Go to", "Play", "Step by", "Breakpoints", "Ask"]
    found = {a.objectName(): a for m in (menu, *inner) for a in m.actions()}
    assert {c.id for c in COMMANDS if c.menu == "Explain"} <= found.keys()
    assert found["step_forward"].shortcut().toString() == "Right"
    assert found["step_into"].toolTip().endswith("(F11)")
    assert menu.sizeHint().height() < 620


def test_commands_are_enabled_only_where_they_make_sense(qtbot: QtBot):
    application("light")
    window = Window(Session(worked_example()))
    qtbot.addWidget(window)
    window.show()
    actions = window.actions_by_id
    stepping = [command.id for command in COMMANDS if command.local]
    assert not any(actions[id].isEnabled() for id in stepping)
    window.explain()
    assert actions["step_forward"].isEnabled()
    assert not actions["step_back"].isEnabled()
    assert not actions["step_into"].isEnabled()
    assert actions["by_element"].isChecked()
    actions["to_end"].trigger()
    assert actions["step_back"].isEnabled()
    assert actions["step_forward"].isEnabled()  # into the next batch
    assert not any(actions[id].isEnabled() for id in ("to_end", "to_update", "step_over"))
    actions["by_layer"].trigger()
    assert [actions[id].isChecked() for id in ("by_layer", "by_operation", "by_element")] == [True, False, False]
    assert not actions["next_breakpoint"].isEnabled()
    actions["to_start"].trigger()
    actions["breakpoint"].trigger()
    assert actions["next_breakpoint"].isEnabled()
    actions["clear_breakpoints"].trigger()
    assert not actions["next_breakpoint"].isEnabled()
    window.session.leave_explain()
    assert not any(actions[id].isEnabled() for id in stepping)


def test_f10_trains_a_batch_on_the_canvas_and_steps_over_while_explaining(qtbot: QtBot):
    application("light")
    window = Window(Session(worked_example()))
    qtbot.addWidget(window)
    window.show()
    window.explain()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.explain_view.setFocus()
    QTest.keyClick(window.explain_view, Key.Key_F10)
    assert window.explain_view.tour.walk.place == 4
    assert window.session.activity == "explain"
    window.session.leave_explain()


def test_plain_keys_stay_with_the_field_that_has_the_focus(desk: Desk):
    field = desk.view.timeline.number
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "12")
    assert desk.tour.walk.grain is Grain.NUMBER
    assert desk.tour.walk.place == 0
    QTest.keyClick(field, Key.Key_Return)
    assert desk.tour.walk.place == 12


def test_the_narrow_bar_keeps_the_words_of_what_is_used_most(desk: Desk):
    bar, style = desk.bar, Qt.ToolButtonStyle
    bar.setParent(None)
    bar.show()
    bar.resize(bar._width(set()) + 160, 48)
    assert bar.on.toolButtonStyle() is style.ToolButtonTextBesideIcon
    assert bar.update_all.toolButtonStyle() is style.ToolButtonIconOnly
    bar.resize(2000, 48)
    assert bar.update_all.toolButtonStyle() is style.ToolButtonTextBesideIcon
    bar.close()
    bar.deleteLater()
