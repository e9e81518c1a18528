"""The weight table: numbers to read and to edit, a matrix to paste, kernels one by one, live while training."""

import numpy as np
import pytest
from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from annstudio.ui.panels.matrix import MatrixModel, MatrixView, parse_matrix
from annstudio.ui.panels.pictures import Scale
from annstudio.ui.panels.weights import WeightsPanel


@pytest.fixture
def panel(xor, seen):
    return seen(WeightsPanel(xor), 900, 300)


@pytest.fixture
def kernels(digits, seen):
    return seen(WeightsPanel(digits), 900, 300)


def cell(panel, row, column):
    return panel.table.visualRect(panel.model.index(row, column)).center()


def type_into(panel, row, column, text):
    place = cell(panel, row, column)
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    editor = next(line for line in panel.table.viewport().findChildren(QLineEdit) if line.isVisible())
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()


def shown(panel, row, column):
    return panel.model.data(panel.model.index(row, column))


def test_rows_are_units_and_columns_inputs(panel, xor):
    model = panel.model
    assert (model.rowCount(), model.columnCount()) == (4, 2)
    assert model.headerData(1, Qt.Orientation.Vertical) == "unit 2"
    assert model.headerData(0, Qt.Orientation.Horizontal) == "input 1"
    w = xor.weight("hidden/W")
    assert shown(panel, 2, 1) == f"{w[2, 1]:.4g}".replace("-", "−")
    assert model.index(2, 1).data(Qt.ItemDataRole.ToolTipRole) == f"unit 3, input 2: {w[2, 1]}"
    assert panel.facts.text().startswith("8 numbers · ")


def test_an_entry_is_edited_and_undone(panel, xor):
    before = xor.weight("hidden/W").copy()
    type_into(panel, 1, 0, "0.25")
    assert xor.weight("hidden/W")[1, 0] == 0.25
    assert xor.document.undo_label == "Set hidden.W[1,0]"
    assert shown(panel, 1, 0) == "0.25"
    xor.undo()
    np.testing.assert_array_equal(xor.weight("hidden/W"), before)
    assert shown(panel, 1, 0) == f"{before[1, 0]:.4g}".replace("-", "−")


def test_what_is_no_number_is_refused_in_words(panel, xor):
    type_into(panel, 0, 0, "much")
    assert panel.words.isVisible()
    assert panel.words.text().startswith("“much” is no number; the value stays ")
    assert xor.document.undo_label == ""
    type_into(panel, 0, 0, "0,5")
    assert xor.weight("hidden/W")[0, 0] == 0.5
    assert not panel.words.isVisible()


def test_opening_and_leaving_an_entry_changes_nothing(panel, xor):
    place = cell(panel, 0, 0)
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.keyClick(panel.table.viewport().findChild(QLineEdit), Qt.Key.Key_Return)
    assert xor.document.undo_label == ""


def test_digits_can_be_chosen(panel, xor):
    panel.digits.setValue(9)
    assert shown(panel, 0, 0) == f"{xor.weight('hidden/W')[0, 0]:.9g}".replace("-", "−")
    assert (panel.digits.minimum(), panel.digits.maximum()) == (2, 17)


def test_biases_are_one_column(panel, xor):
    panel.view.setCurrentText("b")
    panel.view.activated.emit(1)
    assert (panel.model.rowCount(), panel.model.columnCount()) == (4, 1)
    assert panel.model.headerData(3, Qt.Orientation.Vertical) == "unit 4"
    type_into(panel, 3, 0, "-1")
    assert xor.weight("hidden/b")[3] == -1


def test_a_matrix_is_pasted_as_one_edit_and_copied(panel, xor):
    QGuiApplication.clipboard().setText("1\t2\n3\t4\n5\t6\n7\t8\n")
    panel.table.setFocus()
    QTest.keyClick(panel.table, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(xor.weight("hidden/W"), [[1, 2], [3, 4], [5, 6], [7, 8]])
    assert xor.document.undo_label == "Paste into hidden/W"
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "1.0\t2.0\n3.0\t4.0\n5.0\t6.0\n7.0\t8.0"


def test_a_part_can_be_copied_and_pasted(panel, xor):
    model = panel.model
    chosen = QItemSelection(model.index(0, 0), model.index(1, 1))
    panel.table.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    QGuiApplication.clipboard().setText("9,8\n7,6")
    QTest.mouseClick(panel.paste_button, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(xor.weight("hidden/W")[:2], [[9, 8], [7, 6]])
    QTest.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "9.0\t8.0\n7.0\t6.0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3\n4 5 6", "The clipboard holds 2×3 numbers; hidden/W is 4×2. Nothing was pasted."),
        ("1\tx", "“x” is no number; nothing was pasted."),
        ("1 2\n3", "Row 2 of what was pasted has 1 numbers, the first has 2."),
        ("", "The clipboard holds no numbers."),
    ],
)
def test_what_does_not_fit_is_refused_in_words(panel, xor, text, words):
    QGuiApplication.clipboard().setText(text)
    panel.paste()
    assert panel.words.text() == words
    assert xor.document.undo_label == ""


def test_matrices_are_read_in_many_writings():
    wanted = [[1.5, -2], [3, 4]]
    for text in ("1.5\t-2\n3\t4", "1.5, -2\n3, 4", "[[1.5, -2.], [3., 4.]]", "1.5;-2\n3;4\n", "[[1.5 -2.]\n [3. 4.]]"):
        np.testing.assert_array_equal(parse_matrix(text), wanted)


def test_set_all(panel, xor):
    panel.all.setFocus()
    QTest.keyClicks(panel.all, "0.1")
    QTest.keyClick(panel.all, Qt.Key.Key_Return)
    np.testing.assert_allclose(xor.weight("hidden/W"), 0.1)
    xor.undo()
    assert len(set(xor.weight("hidden/W").ravel())) == 8


def test_freezing_is_a_setting_of_the_layer(panel, xor):
    QTest.mouseClick(panel.frozen, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.frozen.height() // 2))
    assert xor.graph.nodes["hidden"].layer.trainable is False
    panel.view.setCurrentText("b")
    panel.touch(0)
    assert panel.frozen.isChecked()
    QTest.mouseClick(panel.frozen, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.frozen.height() // 2))
    layer = xor.graph.nodes["hidden"].layer
    assert (layer.trainable, layer.train_bias) == (True, True)


def test_kernels_are_chosen_by_filter_and_channel(kernels, digits):
    assert kernels.key == "conv_1/W"
    assert (kernels.model.rowCount(), kernels.model.columnCount()) == (3, 3)
    assert kernels.channel.maximum() == 1
    kernels.filter.setValue(6)
    np.testing.assert_array_equal(kernels.model.array, digits.weight("conv_1/W")[5, 0])
    type_into(kernels, 2, 1, "2")
    assert digits.weight("conv_1/W")[5, 0, 2, 1] == 2
    spot = kernels.picture.rect_of(3).center().toPoint()
    QTest.mouseClick(kernels.picture, Qt.MouseButton.LeftButton, pos=spot)
    assert kernels.filter.value() == 4
    kernels.choose("output")
    assert not kernels.filter.isVisible()
    assert kernels.model.columnCount() == 128


def test_kernels_over_steps_are_chosen_by_filter(vowels, seen):
    panel = seen(WeightsPanel(vowels), 900, 300)
    assert panel.key == "conv_1/W"
    assert (panel.model.rowCount(), panel.model.columnCount()) == (12, 3)
    assert not panel.channel.isVisible()
    assert panel.filter.maximum() == 4
    panel.filter.setValue(3)
    np.testing.assert_array_equal(panel.model.array, vowels.weight("conv_1/W")[2])
    type_into(panel, 4, 1, "2")
    assert vowels.weight("conv_1/W")[2, 4, 1] == 2
    QTest.mouseClick(panel.picture, Qt.MouseButton.LeftButton, pos=panel.picture.rect_of(1).center().toPoint())
    assert panel.filter.value() == 2


def test_it_follows_the_selection_and_training(panel, xor, qtbot):
    panel.choose("output")
    assert panel.key == "output/W"
    panel.choose("input")
    assert panel.key == "output/W"
    before = panel.model.array.copy()
    xor.set_settings(epochs=10_000_000)
    xor.watch(True)
    xor.train()
    qtbot.waitUntil(lambda: xor.poll() or not np.array_equal(panel.model.array, before))
    assert xor.activity == "train"
    type_into(panel, 0, 0, "3")
    qtbot.waitUntil(lambda: xor.poll() or xor.document.undo_label == "Set output.W[0,0]")
    xor.pause()


def test_an_empty_network_says_so(xor, seen):
    xor.edit_graph(xor.graph.without(["hidden", "output", "loss"]), "Delete")
    panel = seen(WeightsPanel(xor), 600, 300)
    assert panel.empty.text().startswith("No layer has weights yet.")


def test_of_a_million_numbers_only_those_in_view_are_asked_for(seen):
    model = MatrixModel()
    asked = []
    model.data = lambda index, role=0, data=model.data: asked.append(index) or data(index, role)
    model.show_array(np.random.default_rng(0).normal(size=(1000, 1000)), Scale(-4, 4, True), "unit", "input")
    table = seen(MatrixView(model), 900, 300)
    table.scrollTo(model.index(999, 999))
    QApplication.processEvents()
    asked.clear()
    table.viewport().repaint()
    assert 50 < len(asked) < 500


def test_a_long_name_can_be_read_in_the_choice_of_layers(panel, xor):
    xor.make_block(["hidden"])
    panel.refresh()
    box = panel.node
    QApplication.processEvents()
    names = [box.itemText(i) for i in range(box.count())]
    assert "block_1/hidden" in names
    assert box.width() > max(box.fontMetrics().horizontalAdvance(name) for name in names) + 20
