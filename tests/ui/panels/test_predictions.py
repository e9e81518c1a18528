"""Predictions: the network's own answers, the wrong ones to be found, any example to be looked at."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.session.answers import answers
from annstudio.ui.panels.predictions import PredictionsPanel


@pytest.fixture
def panel(digits, seen, qtbot):
    digits.watch(True, 16)
    digits.train()
    digits.wait(60)
    panel = seen(PredictionsPanel(digits), 940, 300)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 1797)
    return panel


def test_the_watched_example_and_its_outputs(panel, digits):
    found = answers(digits, np.array([16]))["output"][0]
    assert [bar.name for bar in panel.bars.bars] == list("0123456789")
    np.testing.assert_allclose([bar.value for bar in panel.bars.bars], found, rtol=1e-5)
    assert [bar.name for bar in panel.bars.bars if bar.strong] == [str(found.argmax())]
    assert panel.words.text() == f"Target 6\nPrediction {found.argmax()}"
    assert panel.thumbnail.isVisible()


def test_the_list_agrees_with_the_network(panel, digits, qtbot):
    data = digits.dataset
    found = answers(digits, np.arange(len(data)))["output"].argmax(1)
    wrong = np.flatnonzero(found != data.columns["y"].values)
    assert panel.model.rowCount() == len(data)
    assert panel.model.index(5, 2).data() == str(found[5])
    assert f"{len(wrong)} wrong" in panel.count.text().replace("\u202f", "")
    QTest.mouseClick(panel.wrong, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.wrong.height() // 2))
    qtbot.waitUntil(lambda: panel.model.rowCount() == len(wrong))
    assert panel.model.index(0, 0).data() == str(wrong[0] + 1)


def test_a_row_is_chosen_with_mouse_and_keys(panel, digits, qtbot):
    view = panel.table
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(panel.model.index(2, 1)).center())
    assert digits.sample == 2
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert digits.sample == 3
    qtbot.waitUntil(lambda: panel.sample.value() == 4)


def test_numbers_are_told_as_numbers(trained, seen):
    panel = seen(PredictionsPanel(trained), 940, 300)
    assert panel.words.text().startswith("Input 0, 0\nTarget 0\nPrediction 0.0")
    assert not panel.thumbnail.isVisible()
    assert panel.count.text() == "4 examples, 0 wrong · 100.0\u202f% right"
    assert [bar.name for bar in panel.bars.bars] == ["y"]


def test_without_data_or_network_it_says_so(trained, seen, qtbot):
    panel = seen(PredictionsPanel(trained), 940, 300)
    trained.edit_graph(trained.graph.without(["hidden"], bridge=False), "Delete")
    qtbot.waitUntil(lambda: panel.empty.isVisible())
    assert panel.empty.text() == "output needs an input; none is connected."
    trained.set_data(None)
    qtbot.waitUntil(lambda: panel.empty.text().startswith("Choose data"))


def test_the_list_is_live_while_training(panel, digits, qtbot):
    before = panel.model.found.copy()
    digits.set_settings(epochs=1000)
    digits.train()
    qtbot.waitUntil(lambda: digits.poll() or not np.array_equal(panel.model.found, before))
    digits.pause()
    now = answers(digits, np.arange(len(digits.dataset)))["output"]
    qtbot.waitUntil(lambda: np.allclose(panel.model.found, now, rtol=1e-4, atol=1e-6))


@pytest.fixture
def sample(request):
    """A session on a sample that ships with the program."""
    session = Session(load(SAMPLES / f"{request.param}.annstudio"))
    yield session
    session.close()


def test_steps_behind_the_end_count_for_nothing(vowels, seen, qtbot):
    panel = seen(PredictionsPanel(vowels), 940, 300)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 640)
    columns = vowels.dataset.columns
    told = vowels.network.predict({"x": columns["x"].values, "steps": columns["steps"].values})["output"]
    np.testing.assert_allclose(panel.model.found, told, rtol=1e-4, atol=1e-6)
    all_steps = vowels.network.predict({"x": columns["x"].values})["output"]
    assert not np.allclose(panel.model.found, all_steps, rtol=1e-2)
    assert panel.thumbnail.isVisible()
    assert panel.words.text().startswith("Target 1\n")


@pytest.mark.parametrize("sample", ["deep-sigmoid-vs-relu"], indirect=True)
def test_of_several_ends_one_is_chosen(sample, seen, qtbot):
    sample.train()
    sample.wait(60)
    panel = seen(PredictionsPanel(sample), 940, 300)
    assert [panel.end.itemText(i) for i in range(panel.end.count())] == ["sigmoid_out", "relu_out"]
    qtbot.waitUntil(lambda: panel.model.rowCount() == 1797)
    shares = [float(panel.model.right.mean())]
    panel.end.setCurrentIndex(1)
    panel.end.activated.emit(1)
    qtbot.waitUntil(lambda: len(panel.model.found) == 1797 and panel.model.right.mean() > 0.9)
    shares.append(float(panel.model.right.mean()))
    assert shares[0] < 0.15
    found = answers(sample, np.array([0]))["relu_out"][0]
    np.testing.assert_allclose([bar.value for bar in panel.bars.bars], found, rtol=1e-5)


@pytest.mark.parametrize("sample", ["autoencoder"], indirect=True)
def test_an_image_as_answer_is_shown_beside_the_input(sample, seen, qtbot):
    panel = seen(PredictionsPanel(sample), 940, 300)
    assert panel.thumbnail.isVisible()
    assert panel.drawn.isVisible()
    assert panel.end.isHidden()
    assert panel.words.text() == "Left sample 1, right what picture makes of it"
    assert not panel.wrong.isVisible()
    assert panel.count.text() in ("128 examples", "1\u202f797 examples")
    qtbot.waitUntil(lambda: len(panel.model.found) == 1797)
    x = sample.dataset.columns["x"].values.reshape(1797, -1)
    missed = np.sqrt(((panel.model.found[3] - x[3]) ** 2).mean())
    assert [panel.model.headerData(i, Qt.Orientation.Horizontal) for i in (1, 2)] == ["class", "difference"]
    assert panel.model.index(3, 1).data() == "3"
    assert float(panel.model.index(3, 2).data()) == pytest.approx(missed, rel=1e-3)
