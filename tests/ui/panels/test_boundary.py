"""The decision boundary: what the network answers over the plane, in the classes' colours, or why there is nothing."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from annstudio.ui.panels.boundary import BoundaryPanel, field_colours
from annstudio.ui.panels.plane import class_colours


@pytest.fixture
def panel(trained, seen, qtbot):
    panel = seen(BoundaryPanel(trained), 600, 400)
    qtbot.waitUntil(lambda: not panel._timer.isActive())
    return panel


def colour_at(panel, x, y):
    field = panel.plane._field
    left, right, bottom, top = panel.plane.extent
    row = int((y - bottom) / (top - bottom) * field.shape[0])
    column = int((x - left) / (right - left) * field.shape[1])
    return field[row, column].astype(int)


def test_the_corners_of_xor_have_their_classes_colours(panel):
    for x, y in ((0, 0), (1, 1)):
        red, _, blue = colour_at(panel, x, y)
        assert red > blue + 30
    for x, y in ((0, 1), (1, 0)):
        red, _, blue = colour_at(panel, x, y)
        assert blue > red + 30
    assert "●" in panel.legend.text()


def test_what_is_seen_is_that_field(panel):
    picture = panel.plane._plot.viewport().grab().toImage()
    box = panel.plane._plot.getViewBox()
    place = panel.plane._plot.mapFromScene(box.mapViewToScene(QPointF(0.1, 0.85)))
    seen = picture.pixelColor(place)
    assert seen.blue() > seen.red() + 20


def test_examples_can_be_read_and_chosen(panel, trained, qtbot):
    plot = panel.plane._plot
    place = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(1, 0)))
    QTest.mouseMove(plot.viewport(), place)
    qtbot.waitUntil(lambda: panel.place.text() != "")
    assert panel.place.text() == "sample 3: x1 1, x2 0, 1"
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: trained.sample == 2)
    assert panel.sample.value() == 3


def test_it_changes_with_training_and_weights(panel, trained, qtbot):
    before = panel.plane._field.copy()
    trained.set_weights("output/b", np.array([5.0]))
    qtbot.waitUntil(lambda: not np.array_equal(panel.plane._field, before))


def test_other_inputs_are_told_in_words(digits, seen, qtbot):
    panel = seen(BoundaryPanel(digits), 600, 300)
    assert panel.empty.text().startswith("A plane shows two inputs and a target; this data has 8×8×1 inputs.")
    digits.set_data(None)
    qtbot.waitUntil(lambda: "Choose data with two inputs" in panel.empty.text())


def test_without_a_network_the_examples_stay(trained, seen, qtbot):
    trained.edit_graph(trained.graph.without(["hidden"], bridge=False), "Delete")
    panel = seen(BoundaryPanel(trained), 600, 300)
    assert panel.plane._field is None
    assert len(panel.plane.points) == 4
    assert not panel.empty.isVisible()


def test_colours_of_answers(qapp):
    binary = field_colours(np.array([[0.0], [0.5], [1.0]]), np.array([0.0, 1.0])).astype(int)
    assert binary[0, 0] > binary[0, 2]
    assert binary[2, 2] > binary[2, 0]
    np.testing.assert_array_equal(field_colours(np.array([[0.1, 0.9]]), None)[0].argmax(), 2)
    three = field_colours(np.eye(3), None).astype(int)
    assert len({tuple(row) for row in three}) == 3
    assert field_colours(np.full((1, 1), np.nan), None).shape == (1, 3)
    assert len({colour.name() for colour in class_colours(10)}) == 10
