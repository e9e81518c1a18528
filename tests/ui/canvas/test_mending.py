"""Problems that are told and mended on the canvas, and menus."""

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from annstudio.layers.graph import Link
from annstudio.ui.canvas.entries import entries


def entry(title: str):
    return next(e for e in entries() if e.title == title)


# Problems --------------------------------------------------------------------------------------------------------


@pytest.fixture
def wrong(opened, making):
    return opened(
        making(
            ("input", "Input", {"shape": (8, 8, 1)}),
            ("dense", "Dense", {"units": 10, "activation": "softmax"}),
            ("loss", "Loss", {"function": "cross_entropy"}),
            data={"kind": "digits"},
        )
    )


def test_a_problem_is_told_where_it_is_and_mended_with_a_click(wrong):
    assert wrong.scene.nodes["dense"].problem.message == "dense needs a list of values; input gives 8×8×1."
    notice = wrong.scene.notices["dense"]
    assert notice.labels == ["Insert Flatten"]
    assert notice.sceneBoundingRect().top() > 140
    wrong.click(notice.button_place(0))
    assert [wrong.graph.nodes[id].layer.kind() for id in wrong.graph.order()] == ["Input", "Flatten", "Dense", "Loss"]
    assert not wrong.scene.notices
    assert wrong.scene.nodes["dense"].fact.n_parameters == 650
    wrong.session.undo()
    assert "dense" in wrong.scene.notices


def test_a_problem_at_the_edge_is_told_inside_the_window(wrong):
    right = wrong.view.mapToScene(wrong.view.viewport().rect()).boundingRect().right()
    wrong.session.edit_graph(wrong.graph.moved({"dense": (right - 170, 0), "loss": (right - 170, -400)}), "Move")
    seen = wrong.view.mapToScene(wrong.view.viewport().rect()).boundingRect()
    assert seen.contains(wrong.scene.notices["dense"].sceneBoundingRect().adjusted(2, 2, -2, -2))


def test_a_press_that_leaves_the_button_mends_nothing(wrong):
    project = wrong.session.project
    wrong.press(wrong.scene.notices["dense"].button_place(0))
    wrong.move(QPointF(0, 500))
    wrong.release(QPointF(0, 500))
    assert wrong.session.project is project


def test_the_missing_loss_is_offered_mildly(hand):
    hand.session.edit_graph(hand.graph.without(["loss"]), "Delete")
    notice = hand.scene.notices["output"]
    assert notice.problem.open
    hand.click(notice.button_place(0))
    assert Link("output", "loss_1") in hand.graph.links


def test_what_is_unfinished_is_said_on_the_card(hand):
    hand.view.append_layer("Dropout", at=QPointF(300, 400))
    item = hand.scene.nodes["dropout_1"]
    assert item.problem.open
    assert "dropout_1" not in hand.scene.notices
    assert "Drag a wire to it." in hand.view.tip_at(hand.at("dropout_1"))


def test_tips_escape_names(hand):
    hand.session.rename("hidden", "<b>x&")
    assert "&lt;b&gt;x&amp;" in hand.view.tip_at(hand.at("<b>x&"))


# Menus -----------------------------------------------------------------------------------------------------------


def chosen_action(menu: QMenu, words: str):
    return next(action for action in menu.actions() if action.text().split("\t")[0] == words)


def test_the_menu_of_a_node_a_wire_and_the_canvas(hand):
    menu = hand.view.menu_at(hand.at("hidden"))
    assert hand.view.selection == ["hidden"]
    chosen_action(menu, "Duplicate").trigger()
    assert "dense_1" in hand.graph.nodes
    menu = hand.view.menu_at(hand.at(hand.middle_of("output", "loss")))
    chosen_action(menu, "Delete").trigger()
    assert Link("output", "loss") not in hand.graph.links
    menu = hand.view.menu_at(hand.at(QPointF(50, 400)))
    chosen_action(menu, "Select all").trigger()
    assert len(hand.view.selection) == 5


def test_the_menu_inserts_on_a_wire(hand):
    menu = hand.view.menu_at(hand.at(hand.middle_of("hidden", "output")))
    chosen_action(menu, "Insert layer …").trigger()
    assert "Loss" not in hand.chooser().titles
    hand.choose("dropout")
    assert Link("dropout_1", "output") in hand.graph.links


def test_the_menu_of_a_problem_has_its_mend(wrong):
    chosen_action(wrong.view.menu_at(wrong.at("dense")), "Insert Flatten").trigger()
    assert "flatten_1" in wrong.graph.nodes


def test_the_menu_key_opens_the_menu_of_the_selection(hand, monkeypatch):
    opened = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, place: opened.append((menu, place)))
    hand.click("hidden")
    at = hand.at(QPointF(0, 500))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, hand.view.viewport().mapToGlobal(at))
    QApplication.sendEvent(hand.view.viewport(), event)
    ((menu, place),) = opened
    chosen_action(menu, "Delete").trigger()
    assert "hidden" not in hand.graph.nodes
    assert hand.view.viewport().mapFromGlobal(place).y() < at.y()
