"""Feature maps and kernels: the engine's numbers, one scale each, the value under the pointer, any example."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from annstudio.ui.panels.maps import MapsPanel
from annstudio.ui.panels.pictures import Scale, image_of, signed_text


@pytest.fixture
def panel(digits, seen):
    return seen(MapsPanel(digits), 940, 300)


def test_maps_and_kernels_are_the_engines_numbers(panel, digits):
    assert [panel.node.itemText(i) for i in range(panel.node.count())] == ["conv_1", "pool_1"]
    maps = digits.views.activations["conv_1"][0]
    np.testing.assert_array_equal(panel.maps.mosaic.maps[3], maps[:, :, 3])
    np.testing.assert_array_equal(panel.kernels.mosaic.maps[5], digits.weight("conv_1/W")[5, 0])
    assert panel.maps.count.text() == "8 of 8×8"
    assert panel.maps.bar.scale.high == pytest.approx(float(maps.max()))
    largest = float(np.abs(digits.weight("conv_1/W")).max())
    assert (panel.kernels.bar.scale.low, panel.kernels.bar.scale.high) == pytest.approx((-largest, largest))


def test_the_exact_value_and_place_stand_under_the_pointer(panel, digits):
    mosaic = panel.kernels.mosaic
    rect = mosaic.rect_of(2)
    cell = rect.width() / 3
    spot = rect.topLeft()
    spot.setX(spot.x() + 1.5 * cell)
    spot.setY(spot.y() + 0.5 * cell)
    QTest.mouseMove(mosaic, spot.toPoint())
    value = float(digits.weight("conv_1/W")[2, 0, 0, 1])
    told = panel.kernels.place.text()
    assert told.startswith("filter 3, channel 1, row 1, column 2: ")
    assert float(told.rpartition(" ")[2].replace("−", "-")) == pytest.approx(value, rel=1e-5)


def test_it_follows_the_selection(panel):
    panel.choose("pool_1")
    assert panel.maps.count.text() == "8 of 4×4"
    assert not panel.kernels.isVisible()
    panel.choose("output")
    assert panel.node.currentText() == "pool_1"


def test_another_sample_can_be_watched(panel, digits):
    before = panel.maps.mosaic.maps.copy()
    panel.sample.setFocus()
    panel.sample.selectAll()
    QTest.keyClicks(panel.sample, "17")
    QTest.keyClick(panel.sample, Qt.Key.Key_Return)
    assert digits.sample == 16
    assert panel.sample.text() == "Sample 17 of 1\u2009797"
    assert panel.target.text() == "class 6"
    assert not np.array_equal(panel.maps.mosaic.maps, before)
    digits.watch(True, 3)
    assert panel.sample.value() == 4


def test_it_is_live_while_training(panel, digits, qtbot):
    digits.watch(True)
    before = panel.maps.mosaic.maps.copy()
    digits.set_settings(epochs=1000)
    digits.train()
    qtbot.waitUntil(lambda: digits.poll() or not np.array_equal(panel.maps.mosaic.maps, before))
    digits.pause()
    digits.poll()
    qtbot.waitUntil(lambda: np.array_equal(panel.maps.mosaic.maps[0], digits.views.activations["conv_1"][0][:, :, 0]))


def test_without_images_it_says_so(xor, seen):
    panel = seen(MapsPanel(xor), 500, 300)
    assert panel.empty.text().startswith("No layer makes images or sequences here.")


def test_with_a_problem_it_says_so_and_comes_back(panel, digits):
    digits.edit_graph(digits.graph.without(["flatten"]), "Delete")
    assert panel.empty.isVisible()
    digits.undo()
    assert not panel.empty.isVisible()


def test_colours_say_sign_and_size(qapp):
    scale = Scale.of([np.array([-2.0, 1.0])], signed=True)
    assert (scale.low, scale.high, scale.words()) == (-2, 2, ("−2", "+2"))
    image = image_of(np.array([[-2.0, 0.0, 2.0]]), scale)
    orange, zero, blue = (image.pixelColor(i, 0) for i in range(3))
    assert blue.blue() > blue.red()
    assert orange.red() > orange.blue()
    assert zero.lightness() > blue.lightness()
    grey = image_of(np.array([[0.0, np.nan, 1.0]]), Scale(0, 1))
    assert [grey.pixelColor(i, 0).red() for i in range(3)] == [0, 0, 255]


def test_a_sequence_is_one_map_of_its_steps(vowels, seen):
    panel = seen(MapsPanel(vowels), 940, 300)
    assert [panel.node.itemText(i) for i in range(panel.node.count())] == ["conv_1"]
    np.testing.assert_array_equal(panel.maps.mosaic.maps, vowels.views.activations["conv_1"].transpose(0, 2, 1))
    assert panel.maps.count.text() == "4 over 29 steps"
    np.testing.assert_array_equal(panel.kernels.mosaic.maps, vowels.weight("conv_1/W"))
    assert panel.kernels.count.text() == "4 filters × 12 channels of 3"
    assert panel.maps.mosaic.value_text((0, 2, 5)).startswith("feature 3, step 6: ")
    assert panel.kernels.mosaic.value_text((1, 11, 2)).startswith("filter 2, channel 12, step 3: ")


def test_a_zero_has_no_sign():
    assert Scale.of([np.zeros(3)], signed=True).words() == ("0", "0")
    assert [signed_text(value, 3) for value in (-0.0, -1.5, 1.5)] == ["0", "−1.5", "+1.5"]
