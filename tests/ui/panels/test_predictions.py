"""Predictions: the network's own answers, the wrong ones to be found, any example to be looked at."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from annstudio.data.sequences import JapaneseVowels
from annstudio.document.project import Project
from annstudio.session import Session
from annstudio.ui.panels.predictions import PredictionsPanel
from tests.ui.panels.conftest import chain


@pytest.fixture
def panel(digits, seen, qtbot):
    digits.watch(True, 16)
    digits.train()
    digits.wait(60)
    panel = seen(PredictionsPanel(digits), 940, 300)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 1797)
    return panel


def test_the_watched_example_and_its_outputs(panel, digits):
    found = digits.predict({"x": digits.dataset.columns["x"].values[16:17]})[0]
    assert [bar.name for bar in panel.bars.bars] == list("0123456789")
    np.testing.assert_allclose([bar.value for bar in panel.bars.bars], found, rtol=1e-5)
    assert [bar.name for bar in panel.bars.bars if bar.strong] == [str(found.argmax())]
    assert panel.words.text() == f"Target 6\nPrediction {found.argmax()}"
    assert panel.thumbnail.isVisible()


def test_the_list_agrees_with_the_network(panel, digits, qtbot):
    data = digits.dataset
    found = digits.predict({"x": data.columns["x"].values}).argmax(1)
    wrong = np.flatnonzero(found != data.columns["y"].values)
    assert panel.model.rowCount() == len(data)
    assert panel.model.index(5, 2).data() == str(found[5])
    assert f"{len(wrong)} wrong" in panel.count.text().replace("\u2009", "")
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
    assert panel.count.text() == "4 examples, 0 wrong · 100.0\u2009% right"
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
    now = digits.predict({"x": digits.dataset.columns["x"].values})
    qtbot.waitUntil(lambda: np.allclose(panel.model.found, now, rtol=1e-4, atol=1e-6))


def test_sequences_are_asked_with_their_lengths(seen, qtbot):
    graph = chain(
        ("input", "Input", {"shape": (29, 12), "lengths": "steps"}),
        ("mean", "GlobalAveragePool", {}),
        ("output", "Dense", {"units": 9, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    session = Session(Project(graph, data=JapaneseVowels()))
    panel = seen(PredictionsPanel(session), 940, 300)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 640)
    columns = {name: column.values for name, column in session.dataset.columns.items()}
    found = session.network.predict(columns)["output"]
    assert np.abs(found - session.network.predict({"x": columns["x"]})["output"]).max() > 0.01
    np.testing.assert_allclose(panel.model.found, found, rtol=1e-5)
    session.close()
