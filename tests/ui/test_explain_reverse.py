"""Reverse questions and fields as a user asks them: by links in the panel, cells of arrays, and what lights up."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from annstudio.data.images import Digits
from annstudio.explain.attribution import FromInput, ToOutputs
from annstudio.explain.receptive import Receptive
from annstudio.explain.told import Quantity
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from annstudio.ui.explain.blocks import PageTable
from annstudio.ui.explain.marks import Marked
from tests.builders import chain, project, worked_example
from tests.ui.explaining import Desk, click, click_item, click_widget, explaining

Key = Qt.Key


def cnn():
    graph = chain(
        input=Input(shape=(8, 8, 1)), conv=Conv2D(filters=3), pool=MaxPool2D(), flat=Flatten(), drop=Dropout(rate=0.4),
        output=Dense(units=10, activation="softmax"), loss=Loss(function="cross_entropy"),
    )  # fmt: skip
    return project(graph, Digits())


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(cnn()) as desk:
        yield desk


def follow(desk: Desk, words: str) -> None:
    """Follow the link in the panel that begins with these words."""
    label = next(
        x for x in desk.panel.area.widget().findChildren(QLabel) if x.text().partition(">")[2].startswith(words)
    )
    label.linkActivated.emit(label.text().partition('href="')[2].partition('"')[0])


def tables(desk: Desk) -> list[PageTable]:
    return desk.panel.area.widget().findChildren(PageTable)


def cell(desk: Desk, frame, i: int, row: int, column: int) -> QPointF:
    rect = frame.mosaic.rect_of(i)
    _, rows, columns = frame.mosaic.maps.shape
    return rect.topLeft() + QPointF((column + 0.5) * rect.width() / columns, (row + 0.5) * rect.height() / rows)


def ask_logit(desk: Desk) -> None:
    """Click the card of the output, its weighted sum, and its third number."""
    desk.key(Key.Key_L)
    layers = desk.view.layers
    click(layers.stage, layers.scene.cards["output"].sceneBoundingRect().center())
    layers.pane.steps.setCurrentRow(0)
    table = layers.pane.left.table
    click_widget(table.viewport(), table.visualRect(table.model().index(2, 0)).center())


def test_from_a_logit_one_asks_what_the_input_contributed(desk: Desk):
    ask_logit(desk)
    place = desk.tour.walk.place
    follow(desk, "What did the input contribute")
    assert isinstance(desk.tour.question, FromInput)
    assert desk.tour.walk.place == place
    assert desk.panel.text.startswith("What did the input contribute to net_o3?")
    assert "They add up: everything between is straight here." in desk.panel.text
    told = desk.tour.attribution.contributions(desk.tour.question)
    assert f"net_o3 = {desk.tour.text(told.value)}" in desk.panel.text
    rows = tables(desk)[0].table.rows
    assert [abs(row[3].sign) for row in rows] == sorted((abs(row[3].sign) for row in rows), reverse=True)
    assert len(rows) == 64
    QTest.keyClick(desk.view, Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert not isinstance(desk.tour.question, FromInput)


def test_the_contributions_lie_as_a_map_beside_the_picture(desk: Desk):
    ask_logit(desk)
    follow(desk, "What did the input contribute")
    pane = desk.view.layers.pane
    assert pane.which.currentText() == "x of input to net_o3"
    assert pane.right.title.text().startswith("Contribution to net_o3")
    told = desk.tour.attribution.contributions(desk.tour.question).sources[0]
    np.testing.assert_array_equal(pane.left.mosaic.maps, told.values)
    np.testing.assert_array_equal(pane.right.mosaic.maps, told.products)
    assert pane.right.bar.accessibleName().startswith("Colours from −")


def test_from_a_pixel_s_contribution_one_asks_to_which_outputs_and_back(desk: Desk):
    ask_logit(desk)
    follow(desk, "What did the input contribute")
    pane = desk.view.layers.pane
    click_widget(pane.right.mosaic, cell(desk, pane.right, 0, 3, 2))
    assert isinstance(desk.tour.question, ToOutputs)
    assert desk.tour.question.index == (0, 3, 2)
    assert desk.panel.text.startswith("To which outputs does i_(4,3,1) contribute?")
    rows = tables(desk)[0].table.rows
    assert sorted(row[0].text for row in rows) == sorted(f"o{i + 1}" for i in range(10))
    QTest.mouseClick(
        tables(desk)[0].viewport(), Qt.MouseButton.LeftButton,
        pos=tables(desk)[0].visualRect(tables(desk)[0].model().index(0, 0)).center(),
    )  # fmt: skip
    assert isinstance(desk.tour.question, FromInput)


def test_a_unit_of_the_drawing_of_neurons_leads_to_the_input_as_well(qtbot: QtBot):
    application("dark")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_L)
        click_item(desk.view.stage, desk.unit("hidden", 1))
        follow(desk, "What did the input contribute")
        assert "They do not add up" in desk.panel.text
        assert desk.unit("hidden", 1).state.asked
        click_item(desk.view.stage, desk.unit("input", 0))
        follow(desk, "To which outputs")
        assert [row[0].text for row in tables(desk)[0].table.rows]


def test_a_question_lights_its_field_through_all_layers(desk: Desk):
    desk.key(Key.Key_L)
    program, scene = desk.tour.program, desk.view.layers.scene
    assert not any(isinstance(card.state.values, Marked) for card in scene.cards.values() if card.node.id != "drop")
    asked = Quantity(program.outputs["pool"], (1, 2, 1))
    desk.view.ask(asked)
    lit = Receptive(program).field(asked)
    for node, n in (("input", 16), ("conv", 4), ("pool", 1)):
        slot = program.outputs[node]
        np.testing.assert_array_equal(scene.cards[node].state.values.marks.lit, lit[slot])
        assert f"{n} of {lit[slot].size} lit" in scene.cards[node].toolTip()
    assert scene.cards["flat"].state.values.marks.lit.sum() == 1
    desk.key(Key.Key_Escape)
    assert not isinstance(scene.cards["input"].state.values, Marked)


def test_the_winner_of_a_window_is_marked_where_the_gradient_goes_back_to(desk: Desk):
    desk.key(Key.Key_G)
    program, scene = desk.tour.program, desk.view.layers.scene
    asked = Quantity(program.outputs["pool"], (1, 2, 1))
    desk.view.ask(asked)
    won = scene.cards["conv"].state.gradients.marks.won
    values = desk.tour.stepper.array(program.outputs["conv"])[..., 0]
    assert won.sum() == 1
    assert values[won] == desk.tour.explainer.value(asked)
    assert (np.argwhere(won)[0] // [1, 2, 2]).tolist() == [1, 2, 1]


def test_a_pooling_at_hand_marks_all_its_winners_forward_and_backward(desk: Desk):
    program, scene = desk.tour.program, desk.view.layers.scene
    done = {s.backward: i for i, s in enumerate(program.steps) if getattr(s, "node", "") == "pool" and hasattr(s, "op")}
    for backward in (False, True):
        desk.tour.to_position(done[backward] + 1)
        won = scene.cards["conv"].state.values.marks.won
        gradient = desk.tour.stepper.array(program.gradients[program.outputs["conv"]])[..., 0]
        assert won.sum() == 3 * 16
        if backward:
            assert not gradient[~won].any()
    desk.key(Key.Key_Right)
    assert not isinstance(scene.cards["conv"].state.values, Marked)


def test_an_asked_cell_s_window_is_lit_in_the_array_that_it_was_read_from(desk: Desk):
    desk.key(Key.Key_L)
    layers, program = desk.view.layers, desk.tour.program
    click(layers.stage, layers.scene.cards["conv"].sceneBoundingRect().center())
    layers.pane.steps.setCurrentRow(0)
    click_widget(layers.pane.left.mosaic, cell(desk, layers.pane.left, 2, 0, 5))
    assert desk.tour.question.index == (2, 0, 5)
    assert layers.pane.left.mosaic.marks.lit.sum() == 1
    titles = [layers.pane.which.itemText(i) for i in range(layers.pane.which.count())]
    layers.pane.which.setCurrentIndex(titles.index("x of input"))
    lit = layers.pane.left.mosaic.marks.lit
    assert np.argwhere(lit[0]).tolist() == [[i, j] for i in (0, 1) for j in (4, 5, 6)]
    assert program.slots[desk.tour.question.slot].name == "net"


def test_units_that_dropout_turned_off_are_told_from_the_others(desk: Desk):
    desk.key(Key.Key_L)
    program, card = desk.tour.program, desk.view.layers.scene.cards["drop"]
    mask = next(s for s in program.slots if s.role.value == "noise")
    off = int((desk.tour.stepper.array(mask.index) == 0).sum())
    assert 0 < off < 48
    assert f"{off} of 48 off" in card.toolTip()
