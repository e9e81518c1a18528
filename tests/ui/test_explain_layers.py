"""Networks of any kind in Explain: cards, the operations of a layer, arrays as pictures and numbers, cells that ask."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.data.images import Digits
from annstudio.engine.program import Phase, Role
from annstudio.explain.moments import Grain
from annstudio.layers.activation import Activation
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from annstudio.ui.explain.array_maps import layout, quantity_at, subjects_of
from annstudio.ui.explain.blocks import PageTable
from annstudio.ui.explain.layer_plan import layer_plan
from annstudio.ui.explain.unit_items import DONE, NOW, TO_COME
from tests.builders import chain, project, some_table, with_branch, worked_example
from tests.ui.explaining import Desk, click, click_widget, explaining, sample

Key = Qt.Key


def cnn():
    graph = chain(
        input=Input(shape=(8, 8, 1)),
        conv=Conv2D(filters=3),
        pool=MaxPool2D(),
        flat=Flatten(),
        drop=Dropout(rate=0.2),
        output=Dense(units=10, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )
    return project(graph, Digits(), optimizer={"kind": "adam"})


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(cnn()) as desk:
        yield desk


def texts(desk: Desk) -> list[str]:
    steps = desk.view.layers.pane.steps
    return [steps.item(i).text() for i in range(steps.count())]


def test_images_are_drawn_as_cards_by_operation(desk: Desk):
    assert not desk.view.shows_neurons
    assert desk.view.switch.isHidden()
    assert desk.tour.walk.grain.value == "op"
    assert all(button.isEnabled() for button in desk.view.timeline.grains.buttons())
    cards = desk.view.layers.scene.cards
    assert list(cards) == list(desk.session.graph.nodes)
    assert cards["conv"].state.status == TO_COME
    assert cards["conv"].state.values is None


def test_values_and_then_gradients_come_as_pictures(desk: Desk):
    cards, wires = desk.view.layers.scene.cards, desk.view.layers.scene.wires
    desk.key(Key.Key_Right, Key.Key_Right, Key.Key_Right)
    assert (cards["conv"].state.status, cards["pool"].state.status) == (DONE, NOW)
    assert cards["pool"].state.values.told.startswith("3 maps")
    assert [link.target for link, wire in wires.items() if wire.state == "forward"] == ["pool"]
    desk.key(Key.Key_L)
    assert cards["loss"].state.values.told == desk.tour.text(desk.tour.stepper.run.loss)
    assert cards["pool"].state.gradients is None
    desk.key(Key.Key_G)
    assert all(card.state.gradients is not None for name, card in cards.items() if name != "loss")
    assert cards["pool"].state.gradients.told.startswith("full colour at ±")
    assert [link.target for link, wire in wires.items() if wire.state == "gradient"] == ["conv"]
    desk.key(Key.Key_U)
    assert cards["conv"].state.updated
    assert not cards["pool"].state.updated


def test_a_click_on_a_card_lists_its_operations_and_escape_follows_again(desk: Desk):
    desk.key(Key.Key_Right)
    stage, scene = desk.view.layers.stage, desk.view.layers.scene
    assert texts(desk)[0] == "▶  Forward · net"
    click(stage, scene.cards["output"].sceneBoundingRect().center())
    assert desk.view.layers.pane.title.text() == "Operations of output"
    assert [text[3:] for text in texts(desk)] == [
        "Forward · net", "Forward · out", "Backward · ∂E/∂W, ∂E/∂b, ∂E/∂out of drop", "Update · W, b",
    ]  # fmt: skip
    assert scene.cards["output"].state.selected
    desk.key(Key.Key_Right)
    assert desk.view.layers.pane.title.text() == "Operations of output"
    desk.key(Key.Key_Escape)
    assert desk.view.layers.pane.title.text() == "Operations of conv"


def test_an_operation_is_gone_to_from_the_list(desk: Desk):
    pane = desk.view.layers.pane
    pane.steps.setFocus()
    pane.steps.setCurrentRow(1)
    pane.steps.itemActivated.emit(pane.steps.item(1))
    assert desk.view.timeline.caption.text() == "Forward · conv · out"


def test_the_array_that_was_written_is_shown_with_its_gradient_beside_it(desk: Desk):
    pane = desk.view.layers.pane
    desk.key(Key.Key_Right)
    assert pane.which.currentText() == "net of conv"
    assert pane.left.mosaic.isVisible()
    assert pane.left.mosaic.maps.shape == (3, 8, 8)
    net = desk.tour.program.slots[2]
    assert net.name == "net"
    np.testing.assert_array_equal(pane.left.mosaic.maps, desk.tour.stepper.array(2)[..., 0])
    assert "Not computed yet" in pane.right.empty.text()
    desk.key(Key.Key_G)
    assert pane.which.currentText() == "W"
    assert pane.right.title.text().startswith("∂E/∂W")
    assert pane.right.mosaic.maps.shape == (3, 3, 3)
    assert pane.right.bar.accessibleName().startswith("Colours from −")


def test_numbers_have_one_scale_and_the_picker_reaches_every_map(desk: Desk):
    pane = desk.view.layers.pane
    desk.key(Key.Key_Right)
    QTest.mouseClick(pane.left.toggle, Qt.MouseButton.LeftButton)
    assert pane.left.table.isVisible()
    assert pane.left.picker.maximum() == 3
    pane.left.picker.setValue(2)
    model = pane.left.table.model()
    array = desk.tour.stepper.array(2)[1, ..., 0]
    assert model.index(4, 5).data() == desk.tour.text(float(array[4, 5]))
    assert model.headerData(4, Qt.Orientation.Vertical) == "row 5"
    largest = float(np.abs(desk.tour.stepper.array(2)).max())
    assert model.scale.high == pytest.approx(largest)
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsEditable


def test_a_cell_asks_about_its_number_in_pictures_and_in_numbers(desk: Desk):
    pane = desk.view.layers.pane
    desk.key(Key.Key_Right)
    cell = pane.left.mosaic.rect_of(2)
    size = cell.width() / 8
    click_widget(pane.left.mosaic, QPointF(cell.left() + 5.5 * size, cell.top() + 4.5 * size))
    assert (desk.tour.question.slot, desk.tour.question.index) == (2, (2, 4, 5))
    assert desk.panel.text.startswith("How does net_c(5,6,3) get its value?")
    QTest.mouseClick(pane.left.toggle, Qt.MouseButton.LeftButton)
    table = pane.left.table
    click_widget(table.viewport(), table.visualRect(table.model().index(1, 2)).center())
    # The numbers are those of the map that was asked about.
    assert desk.tour.question.index == (2, 1, 2)


def test_a_kernel_s_weight_is_asked_and_its_long_sum_is_folded(desk: Desk):
    desk.key(Key.Key_G)
    w = desk.weight("conv/W", 1, 0, 2, 1)
    desk.view.ask(w)
    text = desk.panel.text
    assert text.startswith("How much does w_c(2,1,3,2) change the error?")
    assert "Sum of 64 terms" in text
    assert "✓ agrees in" in text


def test_the_update_shows_weights_before_and_after(desk: Desk):
    desk.key(Key.Key_U)
    pane = desk.view.layers.pane
    assert pane.left.title.text().startswith("W before")
    assert pane.right.title.text().startswith("W after")
    assert not np.array_equal(pane.left.mosaic.maps, pane.right.mosaic.maps)
    pane.which.setCurrentIndex(1)
    assert pane.left.title.text().startswith("b before")


def test_small_networks_can_be_looked_at_both_ways(qtbot: QtBot):
    application("dark")
    with explaining(worked_example()) as desk:
        desk.key(Key.Key_L)
        QTest.mouseClick(desk.view.switch.buttons.button(0), Qt.MouseButton.LeftButton)
        assert not desk.view.shows_neurons
        pane = desk.view.layers.pane
        click(desk.view.layers.stage, desk.view.layers.scene.cards["output"].sceneBoundingRect().center())
        pane.steps.setCurrentRow(1)
        model = pane.left.table.model()
        assert [model.index(i, 0).data() for i in range(2)] == ["0.751365070", "0.772928465"]
        QTest.mouseClick(desk.view.switch.buttons.button(1), Qt.MouseButton.LeftButton)
        assert desk.view.shows_neurons


def test_cards_keep_to_rows_and_branches_to_columns():
    graph = cnn().graph
    plan = layer_plan(graph, 2.5)
    tops = {rect.top() for rect in plan.cards.values()}
    assert 1 < len(tops) < len(plan.cards)
    branched = with_branch(chain(input=Input(shape=(2,)), a=Dense(units=2), out=Dense(units=2)), "input", "out",
                           b=Activation())  # fmt: skip
    cards = layer_plan(branched, 2.5).cards
    assert cards["a"].left() == cards["b"].left()
    assert not cards["a"].intersects(cards["b"])


def test_every_cell_is_the_number_that_it_shows(qtbot: QtBot):
    application("light")
    with explaining(cnn()) as desk:
        tour = desk.tour
        tour.to_phase_end(Phase.BACKWARD)
        for slot in tour.program.slots:
            if slot.role in (Role.BUFFER, Role.CONSTANT):
                continue
            gradient = tour.program.gradients.get(slot.index)
            for subject in subjects_of(tour.program, slot.index, ""):
                for shown in filter(lambda s: s is not None, (slot.index, gradient)):
                    maps = layout(tour.program, subject, tour.stepper.array(shown))
                    for place in ((0, 0, 0), tuple(size - 1 for size in maps.values.shape)):
                        quantity = quantity_at(tour.program, subject, shown, place)
                        assert tour.explainer.value(quantity) == maps.values[place], (slot, subject, place)


def test_values_that_stand_in_a_list_can_be_seen_as_a_picture_too(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(30,)), output=Dense(units=2, activation="sigmoid"), loss=Loss())
    with explaining(project(graph, some_table(5, 30, 2))) as desk:
        desk.view.show_neurons(False)
        desk.key(Key.Key_Right)
        pane = desk.view.layers.pane
        pane.which.setCurrentIndex([s.title for s in pane.pairs].index("x of input"))
        assert pane.left.table.isVisible()
        QTest.mouseClick(pane.left.toggle, Qt.MouseButton.LeftButton)
        assert pane.left.mosaic.maps.shape == (1, 1, 30)
        cell = pane.left.mosaic.rect_of(0)
        click_widget(pane.left.mosaic, QPointF(cell.left() + 7.5 * cell.width() / 30, cell.center().y()))
        assert desk.tour.question.index == (7,)


def test_where_paths_meet_the_layer_s_array_is_shown_with_the_whole_gradient(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(3, 1)), memory=SimpleRNN(units=2), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 3}))) as desk:
        desk.view.set_grain(Grain.OP)
        program = desk.tour.program
        weight = next(p.slot for p in program.parameters if program.slots[p.slot].node == "memory")
        added = next(i for i, s in enumerate(program.steps) if getattr(s, "output", None) == program.gradients[weight])
        desk.tour.to_position(added + 1)
        pane = desk.view.layers.pane
        assert "∂E/∂W, U, b, paths added" in desk.view.timeline.caption.text()
        shares = [pane.which.itemText(i) for i in range(pane.which.count())]
        assert shares[:3] == [f"W: share {4 - t} of 3, by memory · t = {t}" for t in (3, 2, 1)]
        parts = []
        for i in range(3):
            pane.which.setCurrentIndex(i)
            assert pane.right.title.text().startswith("⊕ Sum: ∂E/∂W ")
            parts.append(pane.left.table.model().array.copy())
        np.testing.assert_allclose(sum(parts), pane.right.table.model().array)
        assert pane.right.table.model().headerData(0, Qt.Orientation.Vertical).endswith("unit 1")
        qtbot.waitUntil(lambda: "paths added" in desk.panel.text)
        tables = [t.table for t in desk.panel.area.widget().findChildren(PageTable)]
        (read,) = (table for table in tables if table.heading[1] == "name")
        assert [row[2].text for row in read.rows] == ["∂E/∂W, U, b of memory"] * 4


def test_nothing_lies_over_a_fitted_drawing(qtbot: QtBot):
    application("light")
    with explaining(worked_example()) as desk:
        for neurons in (False, True):
            desk.view.show_neurons(neurons)
            stage = desk.view.stage if neurons else desk.view.layers.stage
            content = stage.mapFromScene(stage._content()).boundingRect()
            assert content.top() >= desk.view.switch.geometry().bottom() - 1
            assert content.bottom() <= stage.viewport().height()


def test_a_number_of_an_array_is_explained_under_the_pointer(qtbot: QtBot):
    application("light")
    with explaining(sample("digits-cnn")) as desk:
        desk.tour.to_position(2)
        QApplication.processEvents()
        frame = desk.view.layers.pane.left
        map_, row, column = 2, 2, 2
        at = next(
            QPoint(x, y)
            for y in range(frame.mosaic.height())
            for x in range(frame.mosaic.width())
            if frame.mosaic.place_at(QPointF(x, y)) == (map_, row, column)
        )
        QApplication.sendEvent(frame.mosaic, QHelpEvent(QEvent.Type.ToolTip, at, frame.mosaic.mapToGlobal(at)))
        lines = QToolTip.text().splitlines()
        assert lines[0] == "out_conv_1 (3,3,3) = max(0, net_conv_1 (3,3,3))"
        assert lines[-1] == "Click to ask about it"
        value = desk.tour.number(desk.tour.program.outputs["conv_1"], (map_, row, column))
        assert f"= {desk.tour.text(value)}" in lines
        QToolTip.hideText()
