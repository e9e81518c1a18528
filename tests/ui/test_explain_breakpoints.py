"""Breakpoints as a user sets and meets them: by key, by menu, on the canvas and while explaining."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from annstudio.session import Session
from annstudio.ui.actions import by_id
from annstudio.ui.app import application
from annstudio.ui.window import Window
from tests.builders import worked_example
from tests.ui.explaining import Desk, caption, menu_at, press, sample

Key = Qt.Key


def test_f9_sets_a_breakpoint_and_f8_runs_there_both_ways(desk: Desk):
    press(desk, Key.Key_L)
    press(desk, Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    press(desk, Key.Key_Right)
    press(desk, Key.Key_F9)
    assert desk.session.breakpoints.nodes == {"output"}
    assert list(desk.view._marks[0].marks) == ["output"]
    assert desk.view.timeline.track.stops == [5, 16, 36]
    press(desk, Key.Key_Home)
    for expected in ("Forward · output · net_o1", "Backward · output · ∂E/∂net_o1", "Update · output · w₅"):
        press(desk, Key.Key_F8)
        assert caption(desk) == expected
    assert not by_id("next_breakpoint").can_go(desk.view)
    press(desk, Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert caption(desk) == "Backward · output · ∂E/∂net_o1"
    press(desk, Key.Key_F9)
    assert desk.session.breakpoints.nodes == frozenset()
    assert desk.view._marks[0].marks == {}


def test_a_right_click_on_a_layer_sets_a_breakpoint_in_both_drawings(desk: Desk):
    for neurons, stage in ((True, desk.view.stage), (False, desk.view.layers.stage)):
        desk.view.show_neurons(neurons)
        QTest.qWait(80)
        place = (
            desk.view.scene.plan.columns["hidden"].frame.center() if neurons
            else desk.view.layers.scene.cards["hidden"].sceneBoundingRect().center()
        )  # fmt: skip
        menu = menu_at(stage.viewport(), stage.mapFromScene(place))
        stops = next(action for action in menu.actions() if action.text().startswith("Stop here"))
        assert stops.isChecked() is not neurons
        stops.trigger()
        menu.close()
        assert desk.session.breakpoints.nodes == (frozenset({"hidden"}) if neurons else frozenset())


def test_the_menu_of_a_layer_goes_to_its_turns(desk: Desk):
    stage = desk.view.stage
    menu = menu_at(stage.viewport(), stage.mapFromScene(desk.view.scene.plan.columns["hidden"].frame.center()))
    turns = {action.text(): action for action in menu.actions() if action.text().startswith("Go to")}
    assert list(turns) == ["Go to its turn: forward", "Go to its turn: backward", "Go to its turn: update"]
    turns["Go to its turn: backward"].trigger()
    menu.close()
    assert caption(desk).startswith("Backward · hidden")


def test_a_breakpoint_inside_a_block_is_marked_on_the_block(blocks: Desk):
    blocks.session.breakpoints.toggle("trunk/block_2")
    (mark,) = blocks.view._marks[1].marks.values()
    assert "trunk/block_2" in mark.toolTip()
    press(blocks, Key.Key_1)
    press(blocks, Key.Key_F8)
    assert caption(blocks) == "Forward · trunk"
    blocks.session.leave_explain()
    blocks.session.explain(0)
    assert list(blocks.view._marks[1].marks) == ["trunk"]


def test_marks_come_back_when_the_drawing_is_made_anew(desk: Desk):
    desk.session.breakpoints.toggle("hidden")
    desk.view.show_neurons(False)
    desk.view.show_neurons(True)
    desk.view.scene.unfold("input")
    mark = desk.view._marks[0].marks["hidden"]
    assert mark in desk.view.scene.items()


def test_the_canvas_menu_of_a_card_stops_there_and_a_mark_says_so(qtbot: QtBot):
    application("light")
    window = Window(Session(sample("block-of-blocks")))
    qtbot.addWidget(window)
    window.show()
    window.session.open_block("trunk")

    def chosen(words: str) -> None:
        at = window.canvas.mapFromScene(window.scene.nodes["block_2"].pos() + QPointF(90, 20))
        menu = window.canvas.menu_at(at)
        next(action for action in menu.actions() if action.text().startswith(words)).trigger()

    chosen("Stop here in Explain")
    assert window.session.breakpoints.nodes == {"trunk/block_2"}
    mark = window.scene.nodes["block_2"].stop
    assert mark is not None
    assert mark.toolTip() == "Stepping stops at trunk/block_2 (F9)"
    assert window.scene.nodes["block_1"].stop is None
    window.session.leave_block()
    assert window.scene.nodes["trunk"].stop is not None
    window.session.open_block("trunk")
    chosen("Do not stop here")
    assert window.session.breakpoints.nodes == frozenset()
    assert window.scene.nodes["block_2"].stop is None


def test_f9_on_the_canvas_stops_at_the_selected_layers(qtbot: QtBot):
    application("light")
    window = Window(Session(worked_example()))
    qtbot.addWidget(window)
    window.show()
    assert not window.actions_by_id["breakpoint"].isEnabled()
    window.canvas.select(["output"])
    window.actions_by_id["breakpoint"].trigger()
    assert window.session.breakpoints.nodes == {"output"}
    window.explain()
    assert window.explain_view.timeline.track.stops == [5, 16, 36]
    window.session.leave_explain()
    window.session.open(worked_example())
    assert window.session.breakpoints.nodes == frozenset()


def test_a_renamed_layer_keeps_its_breakpoint():
    session = Session(worked_example())
    session.breakpoints.toggle("output")
    session.rename("output", "last")
    assert session.breakpoints.nodes == {"last"}
