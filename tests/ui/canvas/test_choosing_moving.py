"""Choosing and moving: clicks, modifier keys, the rubber band, dragging, arrows, Escape."""

from PySide6.QtCore import QPointF, Qt

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_a_click_chooses_one_and_tells(hand, qtbot):
    with qtbot.waitSignal(hand.view.selection_changed) as told:
        hand.click("hidden")
    assert told.args == [["hidden"]]
    hand.click("output")
    assert hand.view.selection == ["output"]
    hand.click(QPointF(100, 400))
    assert hand.view.selection == []


def test_modifier_click_never_loses_the_selection(hand):
    hand.click("hidden")
    hand.click("output", CTRL)
    assert hand.view.selection == ["hidden", "output"]
    hand.click(QPointF(100, 400), CTRL)  # Beside everything.
    hand.click(QPointF(100, 400), SHIFT)
    assert hand.view.selection == ["hidden", "output"]
    hand.click("hidden", SHIFT)
    assert hand.view.selection == ["output"]
    hand.click(hand.middle_of("input", "hidden"), CTRL)
    assert hand.view.selection == ["output"]
    assert len(hand.scene.chosen_links()) == 1


def test_a_rubber_band_chooses_what_it_touches(hand):
    hand.drag(QPointF(-30, 200), QPointF(250, 100))
    assert hand.view.selection == ["input", "hidden"]
    hand.drag(QPointF(420, 200), QPointF(450, 100), SHIFT)
    assert hand.view.selection == ["input", "hidden", "output"]
    hand.drag(QPointF(-30, 200), QPointF(-20, 190))
    assert hand.view.selection == []


def test_escape_breaks_off_a_rubber_band(hand):
    hand.click("loss")
    hand.drag(QPointF(-30, 200), QPointF(250, 100), let_go=False)
    hand.key(Qt.Key.Key_Escape)
    assert hand.view.selection == ["loss"]
    hand.release(QPointF(250, 100))
    assert hand.view.selection == ["loss"]


def test_a_drag_moves_all_that_is_chosen_and_is_one_entry(hand):
    before = hand.session.project
    hand.click("hidden")
    hand.click("output", CTRL)
    hand.drag("hidden", hand.scene.nodes["hidden"].pos() + QPointF(78 + 40, 70 + 130))
    nodes = hand.graph.nodes
    assert (nodes["hidden"].x, nodes["hidden"].y) == (240, 130)
    assert (nodes["output"].x, nodes["output"].y) == (440, 130)
    assert nodes["input"].y == 0
    assert hand.view.selection == ["hidden", "output"]
    hand.agree()
    hand.session.undo()
    assert hand.session.project is before
    hand.agree()


def test_moving_draws_the_wires_along(hand):
    hand.drag("hidden", QPointF(278, 270), let_go=False)

    assert hand.scene.wires[hand.graph.into("hidden")[0]].path().pointAtPercent(1) == hand.input("hidden")
    assert hand.input("hidden").y() > 200
    hand.key(Qt.Key.Key_Escape)
    hand.agree()
    assert hand.session.document.undo_label == ""


def test_an_unchosen_card_is_dragged_alone(hand):
    hand.click("loss")
    hand.drag("hidden", QPointF(278, 270))
    assert hand.view.selection == ["hidden"]
    assert hand.graph.nodes["loss"].y == 0


def test_a_click_that_trembles_moves_nothing(hand):
    place = hand.at("hidden")
    hand.press(place)
    hand.move(place + place.__class__(1, 1))
    hand.release(place + place.__class__(1, 1))
    assert hand.session.document.undo_label == ""


def test_arrows_nudge_and_undo_as_one(hand):
    hand.view.setFocus()
    hand.click("hidden")
    for _ in range(3):
        hand.key(Qt.Key.Key_Right)
    hand.key(Qt.Key.Key_Up)
    assert (hand.graph.nodes["hidden"].x, hand.graph.nodes["hidden"].y) == (230, -10)
    hand.session.undo()
    assert (hand.graph.nodes["hidden"].x, hand.graph.nodes["hidden"].y) == (200, 0)


def test_the_keyboard_walks_along_the_wires(hand):
    hand.key(Qt.Key.Key_Right)
    assert hand.view.selection == ["input"]
    alt = Qt.KeyboardModifier.AltModifier
    hand.key(Qt.Key.Key_Right, alt)
    hand.key(Qt.Key.Key_Right, alt)
    assert hand.view.selection == ["output"]
    hand.key(Qt.Key.Key_Left, alt)
    assert hand.view.selection == ["hidden"]
    hand.key(Qt.Key.Key_Escape)
    assert hand.view.selection == []


def test_select_all_and_delete_leaves_nothing(hand):
    hand.view.select_all()
    assert len(hand.view.selection) == 4
    hand.view.delete_selection()
    assert not hand.graph.nodes
    assert hand.view.hint.isVisible()
    hand.session.undo()
    assert not hand.view.hint.isVisible()
    hand.agree()


def test_what_is_deleted_is_no_longer_chosen(hand, qtbot):
    hand.click("hidden")
    with qtbot.waitSignal(hand.view.selection_changed) as told:
        hand.session.edit_graph(hand.graph.without(["hidden"]), "Delete")
    assert told.args == [[]]


def test_a_change_from_elsewhere_breaks_off_a_drag(hand):
    hand.drag("hidden", QPointF(278, 270), let_go=False)
    hand.session.set_layer("output", units=2)
    assert hand.view.gesture is None
    hand.release(QPointF(278, 270))
    hand.agree()
