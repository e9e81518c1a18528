"""Adding, inserting, deleting, copying, renaming: what the commands do to the document."""

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from annstudio.data.images import Digits
from annstudio.document.graph import Link
from annstudio.ui.canvas import edits
from annstudio.ui.canvas.entries import MIME, entries


def entry(title: str):
    return next(e for e in entries() if e.title == title)


# Adding ----------------------------------------------------------------------------------------------------------


def test_a_layer_dropped_on_the_canvas_is_there(hand):
    assert hand.drag_in(entry("Dense").mime(), QPointF(278, 370))
    node = hand.graph.nodes["dense_1"]
    assert (node.x, node.y) == (200, 300)
    assert hand.view.selection == ["dense_1"]
    hand.agree()


def test_a_preset_comes_with_its_settings(hand):
    hand.drag_in(entry("Cross-entropy").mime(), QPointF(278, 370))
    assert hand.graph.nodes["loss_1"].layer.function == "cross_entropy"


def test_a_new_input_has_the_shape_of_the_data(hand):
    hand.session.set_data(Digits())
    hand.drag_in(entry("Input").mime(), QPointF(278, 370))
    assert hand.graph.nodes["input_1"].layer.shape == (8, 8, 1)


def test_a_ghost_shows_where_a_layer_would_be(hand):
    before = hand.view.grab().toImage()
    assert hand.drag_in(entry("Dense").mime(), QPointF(278, 370), drop=False)
    assert hand.view.grab().toImage() != before
    hand.drag_in(entry("Dense").mime(), QPointF(278, 370), drop=False, leave=True)
    assert hand.view.grab().toImage() == before
    assert len(hand.graph.nodes) == 4


@pytest.mark.parametrize("pitch", [190, 200, 260])
def test_a_layer_dropped_on_a_wire_is_put_in(opened, making, pitch):
    layers = [
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {}),
        ("output", "Dense", {}),
        ("loss", "Loss", {}),
    ]
    hand = opened(making(*layers, pitch=pitch))
    hand.drag_in(entry("Dropout").mime(), hand.middle_of("hidden", "output"))
    assert Link("hidden", "dropout_1") in hand.graph.links
    assert Link("dropout_1", "output") in hand.graph.links
    assert Link("hidden", "output") not in hand.graph.links
    xs = [hand.graph.nodes[id].x for id in ("hidden", "dropout_1", "output", "loss")]
    assert all(b - a > 156 for a, b in pairwise(xs))  # Room was made.
    hand.agree()
    hand.session.undo()
    hand.agree()


def test_a_loss_is_not_put_on_a_wire(hand):
    hand.drag_in(entry("Cross-entropy").mime(), hand.middle_of("hidden", "output"))
    assert Link("hidden", "output") in hand.graph.links


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", b"[]", b'{"kind": "Dense"}', b'{"kind": "Virus", "settings": {}}', b"\xff\xfe"]
)
def test_foreign_drags_are_refused(hand, raw):
    data = QMimeData()
    data.setData(MIME, raw)
    assert not hand.drag_in(data, QPointF(278, 370))
    text = QMimeData()
    text.setText("Dense")
    assert not hand.drag_in(text, QPointF(278, 370))
    assert len(hand.graph.nodes) == 4


def test_append_goes_behind_the_selection_and_connects(hand):
    hand.click("hidden")
    hand.view.append_layer("Dropout", {"rate": 0.5})
    assert Link("hidden", "dropout_1") in hand.graph.links
    assert hand.view.selection == ["dropout_1"]
    hand.view.append_layer("Dense")
    assert Link("dropout_1", "dense_1") in hand.graph.links
    hand.agree()


def test_append_to_an_empty_canvas(opened, making):
    hand = opened(making())
    assert hand.view.hint.isVisible()
    hand.view.append_layer("Input", {"shape": (2,)})
    hand.view.append_layer("Dense")
    assert hand.graph.links == (Link("input_1", "dense_1"),)
    assert not hand.view.hint.isVisible()


def test_double_click_on_empty_canvas_searches_there(hand):
    hand.double_click(QPointF(300, 320))
    hand.choose("dens")
    node = hand.graph.nodes["dense_1"]
    assert abs(node.x + 78 - 300) <= 1
    assert abs(node.y + 70 - 320) <= 1
    assert not hand.graph.into("dense_1")


def test_the_search_box_is_worked_with_keys(hand):
    hand.click("hidden")
    hand.key(Qt.Key.Key_Return)
    box = hand.chooser()
    QTest.keyClicks(box.line, "maxpool2")
    assert box.titles == ["MaxPool2D"]
    QTest.keyClicks(box.line, "xyz")
    assert box.titles == []
    assert box.nothing.isVisible()
    box.line.clear()
    QTest.keyClick(box.line, Qt.Key.Key_Down)
    QTest.keyClick(box.line, Qt.Key.Key_Return)
    assert Link("hidden", "dense_1") in hand.graph.links


def test_the_search_box_goes_when_elsewhere_is_clicked(hand):
    hand.view.open_search()
    box = hand.chooser()
    hand.view.setFocus()
    assert not box.isVisible()


# Deleting --------------------------------------------------------------------------------------------------------


def test_deleting_bridges_the_gap(hand):
    hand.click("hidden")
    hand.view.delete_selection()
    assert Link("input", "output") in hand.graph.links
    assert hand.session.document.undo_label == "Delete hidden"
    hand.agree()


def test_deleting_bridges_only_what_fits(opened, making):
    hand = opened(
        making(
            ("input", "Input", {"shape": (8, 8, 1)}),
            ("flatten", "Flatten", {}),
            ("dense", "Dense", {"units": 10, "activation": "softmax"}),
            ("loss", "Loss", {"function": "cross_entropy"}),
            data={"kind": "digits"},
        )
    )
    hand.click("flatten")
    hand.view.delete_selection()
    assert hand.graph.links == (Link("dense", "loss"),)
    hand.session.undo()
    hand.agree()


def test_a_chosen_wire_is_deleted(hand):
    hand.click(hand.middle_of("hidden", "output"))
    assert hand.scene.chosen_links() == [Link("hidden", "output")]
    hand.view.delete_selection()
    assert Link("hidden", "output") not in hand.graph.links
    assert set(hand.graph.nodes) == {"input", "hidden", "output", "loss"}


# Copying ---------------------------------------------------------------------------------------------------------


def test_copy_and_paste_take_weights_along(hand):
    hand.session.set_weight("hidden/W", (0, 1), 7.5)
    given = hand.session.weight("output/W")
    hand.click("hidden")
    hand.click("output", Qt.KeyboardModifier.ControlModifier)
    hand.view.copy()
    hand.view.paste()
    assert hand.view.selection == ["dense_1", "dense_2"]
    assert Link("dense_1", "dense_2") in hand.graph.links
    assert Link("input", "dense_1") not in hand.graph.links
    assert hand.session.project.weights["dense_1/W"][0, 1] == 7.5
    np.testing.assert_array_equal(hand.session.project.weights["dense_2/W"], given)
    hand.agree()
    hand.session.edit_graph(hand.graph.connect("input", "dense_1"), "Connect")
    hand.session.edit_graph(hand.graph.without(["hidden", "output"], bridge=False).connect("dense_2", "loss"), "Rewire")
    assert hand.session.weight("dense_1/W")[0, 1] == 7.5


def test_cut_and_paste_come_back_under_their_names(hand):
    before = hand.graph
    hand.click("hidden")
    hand.view.cut()
    assert "hidden" not in hand.graph.nodes
    hand.view.paste()
    assert hand.graph.nodes["hidden"] == before.nodes["hidden"]


def test_pasting_twice_does_not_hide_one_copy_behind_another(hand):
    hand.click("hidden")
    hand.view.copy()
    for _ in range(3):
        hand.view.paste()
    places = {(n.x, n.y) for n in hand.graph.nodes.values()}
    assert len(places) == 7


def test_duplicate(hand):
    hand.click("hidden")
    hand.view.duplicate()
    assert hand.graph.nodes["dense_1"].layer == hand.graph.nodes["hidden"].layer
    assert hand.view.selection == ["dense_1"]
    hand.session.undo()
    hand.agree()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "__import__('os').system('true')",
        '{"annstudio": 1}',
        '{"annstudio": 1, "nodes": [], "links": []}',
        '{"annstudio": 1, "nodes": [{"id": "a", "kind": "Dense", "settings": {}, "x": NaN, "y": 0}], "links": []}',
        '{"annstudio": 1, "nodes": [{"id": "a/b", "kind": "Dense", "settings": {}, "x": 0, "y": 0}], "links": []}',
        '{"annstudio": 1, "nodes": [{"id": "a", "kind": "Dense", "settings": {"units": -1}, "x": 0, "y": 0}],'
        ' "links": []}',
        '{"annstudio": 1, "nodes": [{"id": "a", "kind": "Dense", "settings": {}, "x": 0, "y": 0}],'
        ' "links": [["a", "a", 0]]}',
        '{"annstudio": 1, "nodes": [{"id": "a", "kind": "Dense", "settings": {}, "x": 0, "y": 0}],'
        ' "links": [], "weights": {"a/W": {"shape": [9, 9], "dtype": "float64", "data": "AAAA"}}}',
    ],
)
def test_foreign_text_is_not_pasted(hand, text):
    project = hand.session.project
    QGuiApplication.clipboard().setText(text)
    hand.view.paste()
    assert hand.session.project is project
    assert len(hand.told) == 1


def test_what_was_copied_can_be_pasted_from_text(hand, opened, making):
    hand.click("hidden")
    hand.view.copy()
    other = opened(making())
    QGuiApplication.clipboard().setText(edits.copied(hand.session, ["hidden"]))
    other.view.paste()
    assert other.graph.nodes["hidden"].layer == hand.graph.nodes["hidden"].layer


# Renaming --------------------------------------------------------------------------------------------------------


def line_of(hand) -> QLineEdit:
    return next(line for line in hand.view.findChildren(QLineEdit) if line.objectName() == "renaming")


def test_rename_where_it_stands(hand):
    hand.double_click(hand.scene.nodes["hidden"].pos() + QPointF(30, 16))
    line = line_of(hand)
    QTest.keyClicks(line, "middle")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert "middle" in hand.graph.nodes
    assert hand.view.selection == ["middle"]
    hand.agree()


def test_a_name_that_is_taken_is_told_and_may_be_mended(hand):
    hand.click("hidden")
    hand.view.rename_selected()
    line = line_of(hand)
    QTest.keyClicks(line, "output")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert "hidden" in hand.graph.nodes
    assert "already" in hand.view.tag.text()
    assert line.isVisible()
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert not line.isVisible()
    assert "hidden" in hand.graph.nodes


def test_double_click_below_the_name_opens_the_node(hand, qtbot):
    with qtbot.waitSignal(hand.view.node_opened) as told:
        hand.double_click("hidden")
    assert told.args == ["hidden"]
