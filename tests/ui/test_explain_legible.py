"""What was hard to see in Explain: what is lit and looked dark, what was cut off, hidden, or empty."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.data.images import Digits
from annstudio.explain.moments import Grain
from annstudio.explain.told import Quantity
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from annstudio.ui.canvas.thumbnail import Dots
from annstudio.ui.explain.blocks import PageTable
from annstudio.ui.explain.formula import FormulaView
from annstudio.ui.explain.rich import legible
from tests.builders import chain, project, some_table
from tests.ui.explaining import Desk, click_widget, explaining

Key = Qt.Key


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    """A picture, twelve maps, a long list that dropout goes through, ten classes."""
    application("light")
    graph = chain(
        input=Input(shape=(8, 8, 1)), conv=Conv2D(filters=12), flat=Flatten(), drop=Dropout(rate=0.5),
        hidden=Dense(units=6), output=Dense(units=10, activation="softmax"), loss=Loss(function="cross_entropy"),
    )  # fmt: skip
    with explaining(project(graph, Digits())) as desk:
        yield desk


def slot(desk: Desk, node: str, name: str) -> int:
    return next(s.index for s in desk.tour.program.slots if s.node == node and s.name == name and not s.scope)


def test_a_single_number_is_written_out_and_can_be_asked_about(desk: Desk):
    desk.key(Key.Key_L)
    left = desk.view.layers.pane.left
    assert left.single.isVisible()
    assert left.single.text() == desk.tour.text(desk.tour.number(slot(desk, "loss", "E")))
    assert not left.bar.isVisible()
    assert not left.toggle.isVisible()
    QTest.mouseClick(left.single, Qt.MouseButton.LeftButton)
    assert desk.tour.question == Quantity(slot(desk, "loss", "E"), ())
    desk.key(Key.Key_Home)
    desk.key(Key.Key_Right)
    assert not left.single.isVisible()
    assert left.toggle.isVisible()


def test_a_layer_at_work_shows_its_weighted_sum(desk: Desk):
    desk.key(Key.Key_Right)
    card = desk.view.layers.scene.cards["conv"]
    assert card.state.doing == "net"
    assert "full colour at" in card.state.values.told
    desk.key(Key.Key_Right)
    assert "black" in card.state.values.told
    net = slot(desk, "hidden", "net")
    desk.tour.to_position(desk.tour.stepper.written_by[net] + 1)
    bars = desk.view.layers.scene.cards["hidden"].state.values
    assert bars.told.startswith("6 values")
    # It stands where values stand, left of the gradients.
    assert all(rect.right() <= 112 for rect in (*bars._up, *bars._down))


def test_the_weight_that_is_asked_about_is_lit(desk: Desk):
    desk.key(Key.Key_G)
    pane = desk.view.layers.pane
    while pane.which.currentText() != "W":
        pane.which.setCurrentIndex(pane.which.currentIndex() + 1)
    for frame in (pane.left, pane.right):
        assert frame.mosaic.marks.lit is None
    click_widget(pane.left.mosaic, pane.left.mosaic.rect_of(4).center())
    for frame in (pane.left, pane.right):
        assert [tuple(place) for place in np.argwhere(frame.mosaic.marks.lit)] == [(4, 1, 1)]
    biases = [i for i in range(pane.which.count()) if pane.which.itemText(i) == "b"]
    pane.which.setCurrentIndex(biases[0])
    assert pane.left.table.isVisible()
    assert pane.left._alone_lit is None
    desk.view.ask(desk.weight("conv/b", 7))
    for frame in (pane.left, pane.right):
        assert frame.table.currentIndex().row() == 7


def test_a_card_turns_to_the_map_that_is_lit(desk: Desk):
    desk.key(Key.Key_G)
    card, out = desk.view.layers.scene.cards["conv"], desk.tour.program.outputs["conv"]
    assert card.state.values.told.startswith("8 of 12 maps")
    desk.view.ask(Quantity(out, (10, 2, 2)))
    assert card.state.values.told.startswith("maps 9 to 12 of 12 maps")
    assert card.state.gradients.told.startswith("maps 9 to 12 of 12 maps")
    desk.view.ask(Quantity(out, (3, 2, 2)))
    assert card.state.values.told.startswith("8 of 12 maps")


def test_in_grey_pictures_what_stands_back_is_darker_than_what_is_lit(desk: Desk):
    desk.key(Key.Key_G)
    out = desk.tour.program.outputs["conv"]
    values = np.array(desk.tour.array(out))[..., 0]
    place = tuple(int(i) for i in np.unravel_index(values.argmax(), values.shape))
    desk.view.ask(Quantity(out, place))
    desk.view.layers.scene.select("conv")
    pane = desk.view.layers.pane
    pane.steps.setCurrentRow(1)
    QApplication.processEvents()
    picture = pane.left.mosaic.grab().toImage()
    ratio = picture.devicePixelRatio()

    def grey(map: int, row: int, column: int) -> int:
        rect = pane.left.mosaic.rect_of(map)
        cell = rect.width() / values.shape[2]
        at = rect.topLeft() * ratio
        return picture.pixelColor(round(at.x() + (column + 0.5) * cell * ratio),
                                  round(at.y() + (row + 0.5) * cell * ratio)).lightness()  # fmt: skip

    others = [index for index in np.ndindex(values.shape) if index != place]
    assert grey(*place) > 200
    assert max(grey(*index) for index in others[::7]) < 100


def test_a_softmax_says_why_the_error_does_not_come_to_its_results(desk: Desk):
    desk.key(Key.Key_G)
    desk.view.layers.scene.select("output")
    pane = desk.view.layers.pane
    pane.steps.setCurrentRow(1)
    assert pane.left.title.text().startswith("out of output")
    assert pane.right.empty.text() == "Loss and activation go back in one step: straight to ∂E/∂net of output."
    desk.view.layers.scene.select("drop")
    pane.which.setCurrentIndex(pane.which.findText("mask of drop"))
    assert pane.right.empty.text() == "The error does not flow back to it."


def test_of_an_output_is_not_asked_to_which_outputs_it_contributes(desk: Desk):
    desk.key(Key.Key_G)
    for asked in (desk.tour.program.outputs["output"], slot(desk, "output", "net")):
        desk.view.ask(Quantity(asked, (3,)))
        assert "What did the input contribute to" in desk.panel.text
        assert "To which outputs" not in desk.panel.text
    desk.view.ask(Quantity(desk.tour.program.outputs["hidden"], (3,)))
    assert "To which outputs" in desk.panel.text


def test_of_a_dropout_the_mask_is_drawn_and_the_gradients(desk: Desk):
    desk.key(Key.Key_G)
    state = desk.view.layers.scene.cards["drop"].state
    assert isinstance(state.values, Dots)
    assert not isinstance(state.gradients, Dots)
    assert "values from" in state.gradients.told


def test_letters_are_commands_in_tables_and_lists_too(desk: Desk):
    desk.key(Key.Key_G)
    pane = desk.view.layers.pane
    pane.left.toggle.setChecked(True)
    done = desk.tour.stepper.position
    for widget, key, at in (
        (pane.left.table, Key.Key_L, desk.tour.stepper.end_of("loss")),
        (pane.steps, Key.Key_G, done),
    ):
        widget.setFocus()
        QTest.keyClick(widget, key)
        assert desk.tour.stepper.position == at
    page_table = desk.panel.area.widget().findChildren(PageTable)[0]
    QTest.keyClick(page_table, Key.Key_L)
    assert desk.tour.stepper.position == desk.tour.stepper.end_of("loss")


def test_no_column_of_a_table_is_out_of_sight(desk: Desk):
    desk.key(Key.Key_G)
    desk.key(Key.Key_U)
    for table in desk.panel.area.widget().findChildren(PageTable):
        for width in (300, 420, 600):
            table.resize(width, table.height())
            assert sum(table.columnWidth(i) for i in range(len(table.table.heading))) <= table.viewport().width()


def test_a_term_of_a_sum_is_not_torn_apart(desk: Desk):
    desk.key(Key.Key_G)
    desk.view.ask(desk.weight("conv/W", 1, 0, 1, 1))
    views = [view for view in desk.panel.area.widget().findChildren(FormulaView) if len(view._groups()) > 1]
    assert views
    for view in views:
        view._lay_out(300)
        line = {id(spot.piece): round(spot.y + spot.told.above * spot.scale) for spot in view._spots}
        assert len(set(line.values())) > 1
        for group in view._groups():
            assert len({line[id(piece)] for piece in group}) == 1


def test_the_product_of_a_path_is_in_sight_behind_long_names(qtbot: QtBot):
    application("light")
    graph = chain(
        input=Input(shape=(3,)), first_layer=Dense(units=2), second_layer=Dense(units=5),
        last_layer=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    with explaining(project(graph, some_table(4, 3, 2))) as desk:
        desk.key(Key.Key_G)
        desk.view.ask(Quantity(desk.tour.program.outputs["first_layer"], (0,)))
        (table,) = (t for t in desk.panel.area.widget().findChildren(PageTable) if "paths" in t.table.heading[0])
        words, product = table.table.rows[0][0].text.split("\n")
        assert product.startswith("= ")
        metrics = table.fontMetrics()
        needed = -(-metrics.horizontalAdvance(words) // table.columnWidth(0)) + 1
        assert table.rowHeight(0) >= needed * metrics.lineSpacing()


def test_what_a_memory_begins_with_is_told_once(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(6, 1)), memory=LSTM(units=9), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 6}))) as desk:
        desk.view.set_grain(Grain.OP)
        desk.key(Key.Key_Right)
        assert "h_m1 = 0.0000" in desk.panel.text
        assert "= 0 = " not in desk.panel.text
        desk.key(Key.Key_Right, Key.Key_Right)
        value = desk.tour.text(desk.tour.number(desk.tour.walk.current.output, (0,)))
        assert f"= {value} = {value}" not in desk.panel.text


def test_indices_are_large_enough_to_be_read():
    assert legible("x<sub>1</sub>") == 'x<sub><span style="font-size:14px">1</span></sub>'
