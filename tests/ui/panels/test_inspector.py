"""The inspector: what is selected is shown and edited, every edit is one undo entry, mistakes are told in words."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QScrollArea

from annstudio.layers.activation import ACTIVATIONS
from annstudio.ui.panels.inspector import InspectorPanel
from annstudio.ui.panels.sections import curve_of, weights_text


def form_with(panel, name):
    return next(form for form in panel._forms.values() if name in form.names and form.isVisible())


def enter(field, text):
    line = field if isinstance(field, QLineEdit) else field.lineEdit()
    field.setFocus()
    line.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


@pytest.fixture
def panel(digits, seen):
    panel = InspectorPanel(digits)
    seen(panel, 320, 1100)
    return panel


def test_it_is_empty_handed_with_the_whole_network(panel, digits):
    assert panel.head.text() == "digits-cnn"
    assert "6 layers · 1\u2009370 parameters · Handwritten digits, 1\u2009797 examples" in panel.facts.text()
    assert panel.training.isVisible()
    assert not panel.name.isVisible()


def test_what_a_project_is_for_is_read_while_nothing_is_chosen(panel, digits):
    assert not panel.note.isVisible()
    digits.edit(replace(digits.project, note="Press Train & look."), "Note")
    assert panel.note.text() == "Press Train & look."
    assert panel.note.isVisible()
    panel.show(["conv_1"])
    assert not panel.note.isVisible()


def test_saved_under_another_name_it_goes_by_that(panel, digits, tmp_path):
    digits.saved_as(tmp_path / "mine.annstudio")
    assert panel.head.text() == "mine"


def test_a_layer_shows_its_settings_shapes_and_weights(panel):
    panel.show(["conv_1"])
    assert (panel.name.text(), panel.kind.text()) == ("conv_1", "Conv2D")
    assert form_with(panel, "filters").field("filters").text() == "8"
    assert panel.shape.text() == "in  8×8×1\nout 8×8×8\n80 parameters"
    assert panel.glance.words.text().startswith("8×1×3×3 and 8 biases · 80 · ")
    assert panel.curve.isVisible()
    panel.show(["flatten"])
    assert not panel.glance.isVisible()
    assert not panel.curve.isVisible()
    assert panel.shape.text() == "in  4×4×8\nout 128\nno parameters"


def test_editing_a_setting_is_one_undo_entry(panel, digits):
    panel.show(["conv_1"])
    enter(form_with(panel, "filters").field("filters"), "4")
    assert digits.graph.nodes["conv_1"].layer.filters == 4
    assert "out 8×8×4" in panel.shape.text()
    digits.undo()
    assert digits.graph.nodes["conv_1"].layer.filters == 8
    assert form_with(panel, "filters").field("filters").text() == "8"
    assert digits.document.undo_label == ""


def test_steps_in_a_row_undo_as_one(panel, digits):
    panel.show(["output"])
    field = form_with(panel, "units").field("units")
    field.setFocus()
    for _ in range(3):
        QTest.keyClick(field, Qt.Key.Key_Up)
    assert digits.graph.nodes["output"].layer.units == 13
    digits.undo()
    assert digits.graph.nodes["output"].layer.units == 10


def test_what_is_being_typed_goes_to_the_layer_it_was_typed_for(panel, digits):
    panel.show(["conv_1"])
    field = form_with(panel, "filters").field("filters")
    field.setFocus()
    field.lineEdit().selectAll()
    QTest.keyClicks(field, "5")
    panel.show(["output"])
    assert digits.graph.nodes["conv_1"].layer.filters == 5
    assert digits.graph.nodes["output"].layer.units == 10


def test_a_layer_can_be_renamed_and_a_taken_name_is_refused_in_words(panel, digits, qtbot):
    panel.show(["conv_1"])
    with qtbot.waitSignal(panel.renamed) as told:
        enter(panel.name, "edges")
    assert told.args == ["conv_1", "edges"]
    assert "edges" in digits.graph.nodes
    assert panel.name.text() == "edges"
    assert panel.shape.text().endswith("80 parameters")
    enter(panel.name, "output")
    assert panel.name_cell.words.text() == "There is a node called 'output' already."
    assert panel.ids == ["edges"]
    panel.training.rest.field("seed").setFocus()
    assert panel.name.text() == "edges"
    digits.undo()
    assert "conv_1" in digits.graph.nodes


def test_a_problem_stands_there_with_its_mend(panel, digits):
    digits.edit_graph(digits.graph.without(["flatten"]), "Delete flatten")
    panel.show(["output"])
    (box,) = panel._problems
    assert "output needs a list of values; pool_1 gives 4×4×8." in box.words.text()
    assert not panel.glance.isVisible()
    QTest.mouseClick(box.buttons[0], Qt.MouseButton.LeftButton)
    assert digits.checked.problems == ()
    assert panel._problems == []
    assert digits.document.undo_label == "Insert Flatten"


def test_several_of_one_kind_are_edited_together(panel, digits):
    digits.edit_graph(digits.graph.with_part(digits.graph.part(["conv_1"]), 0, 200)[0], "Paste")
    digits.set_layer("conv_2", filters=3)
    panel.show(["conv_1", "conv_2"])
    assert panel.head.text() == "2 layers"
    form = form_with(panel, "filters")
    assert form.field("filters").text() == ""
    assert form.field("padding").currentText() == "same"
    enter(form.field("filters"), "6")
    assert [digits.graph.nodes[id].layer.filters for id in ("conv_1", "conv_2")] == [6, 6]
    digits.undo()
    assert [digits.graph.nodes[id].layer.filters for id in ("conv_1", "conv_2")] == [8, 3]


def test_several_of_different_kinds_say_what_they_are(panel):
    panel.show(["conv_1", "output"])
    assert "1 Conv2D, 1 Dense" in panel.facts.text()
    assert not any(form.isVisible() for form in panel._forms.values())


def test_a_deleted_node_leaves_the_network_shown(panel, digits):
    panel.show(["flatten"])
    digits.edit_graph(digits.graph.without(["flatten"]), "Delete")
    assert panel.ids == []
    assert panel.head.isVisible()


def test_a_hidden_panel_does_nothing_and_catches_up(panel, digits, monkeypatch):
    panel.show(["conv_1"])
    panel.hide()
    monkeypatch.setattr(panel, "_show_forms", lambda chosen: pytest.fail("drawn while hidden"))
    digits.set_layer("conv_1", filters=3)
    monkeypatch.undo()
    panel.show()
    assert form_with(panel, "filters").field("filters").text() == "3"


@pytest.mark.parametrize("name", ["linear", *ACTIVATIONS])
def test_the_curve_is_the_ops_own(name):
    x = np.linspace(-3, 3, 7)
    y, slope = curve_of(name, x)
    near = (curve_of(name, x + 1e-6)[0] - curve_of(name, x - 1e-6)[0]) / 2e-6
    at_corner = np.isclose(x, 0) if name in ("step", "relu", "leaky_relu", "selu") else np.zeros(7, bool)
    np.testing.assert_allclose(slope[~at_corner], near[~at_corner], atol=1e-5)
    assert len(y) == 7


def test_the_curve_tells_its_values_under_the_pointer(panel):
    panel.show(["conv_1"])
    inner = panel.curve.inner()
    QTest.mouseMove(panel.curve, QPoint(round(inner.right()), 20))
    assert panel.curve.value_text() == "x 4   f 4   f′ 1"
    assert panel.curve.grab().toImage().pixelColor(5, 30).isValid()


def test_a_large_matrix_is_drawn_thinned_and_tells_the_places_of_the_whole_one(panel):
    weights = np.arange(60_000.0).reshape(200, 300)
    panel.glance.show_weights({"W": weights})
    picture = panel.glance.picture
    assert picture.maps.shape == (1, 67, 75), "every third row, every fourth column"
    assert picture.value_text((0, 0, 0)) == "row 1, column 1: 0"
    assert picture.value_text((0, 1, 2)).startswith("row 4, column 9: +908")
    picture.redress()
    assert picture.value_text((0, 1, 2)).startswith("row 4, column 9: +908")
    assert weights[3, 8] == 908


def test_words_about_weights():
    told = weights_text({"W": np.array([[1.0, -1.0], [2.0, 0.0]]), "b": np.zeros(2)})
    assert told == "2×2 and 2 biases · 6 · 50\u2009% positive"


def test_a_setting_that_does_not_apply_is_hidden(panel, digits):
    panel.show(["conv_1"])
    form = form_with(panel, "bias")
    assert form.field("train_bias").isVisible()
    QTest.mouseClick(form.field("bias"), Qt.MouseButton.LeftButton, pos=QPoint(8, form.field("bias").height() // 2))
    assert digits.graph.nodes["conv_1"].layer.bias is False
    assert not form.field("train_bias").isVisible()


def test_another_choice_of_nodes_is_shown_at_once_while_training(panel, digits, qtbot):
    digits.set_settings(epochs=10_000)
    digits.train()
    qtbot.waitUntil(lambda: digits.poll() or digits.latest is not None)
    panel.show(["output"])
    assert panel.name.text() == "output"
    panel.show([])
    assert panel.head.isVisible()
    digits.pause()


def test_only_what_the_initialiser_needs_is_shown(panel, digits):
    panel.show_nodes(["output"])
    form, names = form_with(panel, "initializer"), ("constant", "limit", "deviation", "bias_start", "bias_value")

    def shown():
        return {name for name in names if form.cells[name].isVisible()}

    assert shown() == {"bias_start"}
    for initializer, own in (("constant", "constant"), ("uniform", "limit"), ("normal", "deviation")):
        digits.set_layer("output", initializer=initializer)
        assert shown() == {own, "bias_start"}
    digits.set_layer("output", initializer="auto", bias_start="constant")
    assert shown() == {"bias_start", "bias_value"}
    digits.set_layer("output", bias=False)
    assert shown() == set()


def test_training_settings_follow_when_they_are_scrolled_into_view(xor, seen, qtbot):
    panel, area = InspectorPanel(xor), QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    seen(area, 320, 300)
    panel.show_nodes(["hidden"])
    qtbot.waitUntil(lambda: not panel.training.seen)
    xor.edit_graph(xor.graph.without(["loss"]), "Delete")
    assert not panel.training.add_loss.isVisible()
    qtbot.wait(50)
    area.ensureWidgetVisible(panel.training.rest)
    qtbot.waitUntil(panel.training.add_loss.isVisible)
