"""Loss, accuracy and gradients: what is drawn is the record; values under the pointer; charts can be saved."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from annstudio.layers.graph import Node
from annstudio.layers.losses import Loss
from annstudio.training.record import Record, Recorder
from annstudio.ui.panels.curves import TRAINING, VALIDATION, CurvesPanel, loss_blocks
from annstudio.ui.plots import MOST_POINTS, SaveButton, save_chart


@pytest.fixture
def panel(digits, seen, qtbot):
    panel = seen(CurvesPanel(digits), 940, 270)
    digits.watch(True, 0)
    digits.train()
    digits.wait(60)
    qtbot.waitUntil(lambda: not panel.empty.isVisible() and not panel._timer.isActive())
    return panel


def test_before_training_it_says_what_to_do(digits, seen):
    panel = seen(CurvesPanel(digits), 940, 270)
    assert panel.empty.isVisible()
    assert panel.empty.text().startswith("Nothing is trained yet. Press Train")
    assert panel.minimumSizeHint().width() < 500


def test_the_curves_are_the_record(panel, digits):
    record = digits.project.progress.record
    x, y = panel.loss._data[VALIDATION]
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(y, record.epochs[:, 3])
    x, y = panel.loss._data[TRAINING]
    assert len(y) == len(record.blocks)
    assert y[-1] == record.blocks[-1, 1]
    assert 2.9 < x[-1] < 3
    drawn = panel.accuracy._curves[VALIDATION].getData()[1]
    np.testing.assert_allclose(drawn, 100 * record.epochs[:, 4])


def test_axes_are_numbered_as_the_numbers_are(panel):
    panel.loss.show_data({TRAINING: (np.arange(3.0), np.array([0.6, 0.5, 0.4]))})
    axis = panel.loss._plot.getAxis("left")
    assert "0.001" not in axis.labelString()
    assert axis.tickStrings([0.2, 0.4], axis.autoSIPrefixScale, 0.2) == ["0.2", "0.4"]


def test_gradients_are_shown_per_layer(panel, digits):
    bars = {bar.name: bar.value for bar in panel.gradients.bars.bars}
    assert list(bars) == ["conv_1", "output"]
    assert all(-6 < value < 2 for value in bars.values())
    names, rows = panel.gradients.table()
    assert rows[0][0] == "conv_1"
    assert rows[0][1] == pytest.approx(10 ** bars["conv_1"])


def test_gradients_are_there_at_once_when_a_run_ends(panel, digits):
    digits.step_batch()
    digits.wait(60)
    assert panel.gradients.bars.bars


def test_an_edit_takes_the_report_of_another_network_away(panel, digits):
    digits.set_layer("conv_1", filters=4)
    assert panel.empty.isVisible()
    digits.undo()
    assert not panel.empty.isVisible()
    assert panel.gradients.bars.bars


def test_exact_values_stand_under_the_pointer(panel, digits, qtbot):
    plot = panel.loss._plot
    middle = plot.viewport().rect().center()
    QTest.mouseMove(plot.viewport(), middle + QPoint(20, 0))
    qtbot.waitUntil(lambda: panel.loss.values.text() != "")
    assert panel.loss.values.text().startswith("epoch ")
    assert "· validation " in panel.loss.values.text()
    assert panel.loss._cross.isVisible()
    assert panel.loss.values_at(2.1).endswith(f"validation {panel.loss._data[VALIDATION][1][1]:.4g}")


def test_the_loss_can_be_logarithmic(panel):
    plain = panel.loss._curves[VALIDATION].getData()[1]
    QTest.mouseClick(panel.log, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.log.height() // 2))
    assert panel.log.isChecked()
    np.testing.assert_allclose(panel.loss._curves[VALIDATION].getData()[1], np.log10(plain))


def test_charts_are_saved_as_png_svg_and_csv(panel, digits, tmp_path):
    button = panel.loss.findChild(SaveButton)
    told = []
    digits.told.connect(lambda *words: told.append(words))
    for kind in ("png", "svg", "csv"):
        button.save(tmp_path / f"loss.{kind}")
    assert told == [("info", f"Saved loss.{kind}.") for kind in ("png", "svg", "csv")]
    picture = QImage(str(tmp_path / "loss.png"))
    assert picture.width() == 2 * panel.loss.width()
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}
    assert len(colours) > 20
    assert "<path" in (tmp_path / "loss.svg").read_text(encoding="utf-8")
    rows = list(csv.reader((tmp_path / "loss.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["epoch", "Loss training", "Loss validation"]
    assert float(rows[-1][2]) == digits.project.progress.record.epochs[-1, 3]
    assert button.isVisible()


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_a_chart_that_cannot_be_saved_is_told_in_words(panel, digits, tmp_path, kind):
    told = []
    digits.told.connect(lambda *words: told.append(words))
    panel.loss.findChild(SaveButton).save(tmp_path / "nowhere" / f"loss.{kind}")
    assert [level for level, _ in told] == ["error"]
    assert "could not be written" in told[0][1]


def test_many_steps_become_few_blocks_that_keep_their_peaks():
    recorder = Recorder(Record())
    losses = np.linspace(2, 1, 10_000)
    losses[5000] = 9
    recorder.add_steps(losses)
    x, low, mean, high = loss_blocks(recorder.record(), 100.0)
    assert len(x) <= 200
    assert high.max() == 9
    assert low.min() == pytest.approx(1)
    assert x[-1] == pytest.approx(100, abs=1)
    assert mean.mean() == pytest.approx(losses.mean(), rel=0.01)
    assert not math.isnan(mean.sum())


def test_of_several_losses_it_is_said_whose_accuracy_is_drawn(panel, digits):
    assert panel.accuracy.name.text() == "Accuracy"
    graph = digits.project.graph.with_node(Node("second", Loss(function="cross_entropy"))).connect("output", "second")
    digits.edit(replace(digits.project, graph=graph), "Another loss")
    digits.train()
    digits.wait(60)
    panel.refresh()
    order = [id for id in graph.order() if id in ("loss", "second")]
    assert panel.accuracy.name.text() == f"Accuracy of {order[0]}"


def test_a_line_without_a_single_number_is_left_out(panel, qapp):
    epochs = np.arange(1.0, 4)
    panel.loss.show_data({TRAINING: (epochs, np.array([0.3, 0.2, 0.0])), VALIDATION: (epochs, np.full(3, np.nan))})
    panel.loss.set_log(True)
    panel.loss.show_data({TRAINING: (epochs, np.zeros(3)), VALIDATION: (epochs, np.full(3, np.nan))})
    panel.grab()
    qapp.processEvents()
    assert [curve.opts["symbol"] for curve in panel.loss._curves.values()] == [None, None]


def test_of_a_long_curve_the_peaks_are_drawn(panel):
    y = np.zeros(100_000)
    y[77_777] = 5.0
    y[3] = np.nan
    panel.loss.show_data({TRAINING: (np.arange(100_000.0), y)})
    x, drawn = panel.loss._curves[TRAINING].getData()
    assert len(drawn) <= MOST_POINTS
    assert drawn.max() == 5.0
    assert abs(x[drawn.argmax()] - 77_777) < 200
    assert np.isfinite(drawn).all()
    assert "5" in panel.loss.values_at(77_777)


def test_a_chart_is_painted_once_for_new_numbers_and_not_at_all_for_the_same(panel, qtbot):
    painted = []

    class Watcher(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                painted.append(1)
            return False

    viewport = panel.loss._plot.viewport()
    watcher = Watcher()
    viewport.installEventFilter(watcher)
    x = np.arange(50.0)
    for height in (3.0, 2.95, 2.9):
        painted.clear()
        panel.loss.show_data({TRAINING: (x, height / (1 + x))}, (x, 0 * x, height + x))
        qtbot.wait(60)
    assert painted == [1]
    panel.loss.show_data({TRAINING: (x, 2.9 / (1 + x))}, (x, 0 * x, 2.9 + x))
    qtbot.wait(60)
    assert painted == [1]
    viewport.removeEventFilter(watcher)


def test_the_symbols_of_a_saved_drawing_are_shapes(panel, tmp_path):
    saved = []
    for n in (3, 41):
        # Of few points each has a symbol, of many none has.
        panel.loss.show_data({TRAINING: (np.arange(float(n)), np.full(n, 0.5))})
        save_chart(panel.loss, tmp_path / "loss.svg", panel.loss.table())
        saved.append((tmp_path / "loss.svg").read_text(encoding="utf-8"))
    few, many = saved
    assert few.count("<path") == many.count("<path") + 3
    assert few.count("<image") == many.count("<image")
