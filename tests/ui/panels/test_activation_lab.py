"""The activations' laboratory as a user meets it: two curves, one unit to turn, a layer's own sums on the axis."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.labs.activation_lab import ActivationLab
from annstudio.ui.plots import save_chart


@pytest.fixture
def lab(xor, seen):
    return seen(ActivationLab(xor), 1100, 560)


def test_one_unit_is_turned_by_weight_and_bias(lab):
    assert "sigmoid 0.880797078" in lab.readout.text()
    assert "range (0, 1)" in lab.readout.text()
    lab.bias.field.lineEdit().selectAll()
    QTest.keyClicks(lab.bias.field, "-5")
    QTest.keyClick(lab.bias.field, Qt.Key.Key_Return)
    assert "sigmoid 0.047425873" in lab.readout.text()
    assert lab.bias.slider.value() == -50
    QTest.keyClick(lab.weight.slider, Qt.Key.Key_PageUp)
    assert lab.weight.value == 2
    assert "net = 2 · 2 + (−5)" in lab.readout.text()


def test_two_curves_with_their_slopes_stand_side_by_side(lab):
    assert [line.name for line in lab.plot.lines] == ["sigmoid", "sigmoid′", "ReLU", "ReLU′"]
    assert [line.dashed for line in lab.plot.lines] == [False, True, False, True]
    low, high = lab.plot._plot.getViewBox().viewRange()[1]
    assert high <= 4, "beside ReLU a sigmoid would be a flat line"
    lab.second.choose("")
    assert [line.name for line in lab.plot.lines] == ["sigmoid", "sigmoid′"]
    assert not lab.leak.isVisible()
    lab.second.choose("leaky_relu")
    assert lab.leak.isVisible()


def test_softplus_is_told_as_a_sum(lab):
    assert not lab.softplus.isVisible()
    lab.first.choose("softplus")
    assert lab.softplus.isVisible()
    assert "0.01058, at x = 0" in lab.softplus.text()
    assert lab.plot.lines[-1].name == "sum of 200 sigmoids"


def test_a_layers_sums_are_ticked_and_counted(lab, xor):
    assert [lab.layer.itemText(i) for i in range(lab.layer.count())] == ["none", "hidden · tanh", "output · sigmoid"]
    lab.layer.setFocus()
    QTest.keyClick(lab.layer, Qt.Key.Key_Down)
    assert lab.first.value() == "tanh"
    assert len(lab.plot.marks) > 0
    assert lab.told.text().startswith("16 sums of 4 examples")
    before = lab.told.text()
    xor.set_weights("hidden/W", 100 * xor.weights()["hidden/W"])
    lab.refresh()
    assert lab.told.text() != before


def test_layers_without_activation_are_shown_as_one_matrix(seen):
    session = Session(load(SAMPLES / "autoencoder.annstudio"))
    lab = seen(ActivationLab(session), 1100, 560)
    assert lab.linear.isVisible()
    assert "code, decoder" in lab.linear_words.text()
    session.close()


def test_without_data_the_curves_are_there_all_the_same(lab, xor):
    xor.set_data(None)
    lab.refresh()
    assert not lab.layer.isEnabled()
    assert "data" in lab.told.text()
    assert "0.880797078" in lab.readout.text()


def test_the_chart_can_be_saved(lab, tmp_path):
    save_chart(lab.plot, tmp_path / "curves.csv", lab.plot.table())
    assert (tmp_path / "curves.csv").read_text().splitlines()[0].strip() == "x,sigmoid,sigmoid′,ReLU,ReLU′"
