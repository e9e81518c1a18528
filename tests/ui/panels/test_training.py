"""The training form: every number is a setting of the project; the loss is edited where it lives, in its node."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from annstudio.engine.optimizers import SGD, Adam, Momentum
from annstudio.ui.panels.training import TrainingPanel, switched


@pytest.fixture
def panel(xor, seen):
    return seen(TrainingPanel(xor), 320, 500)


def enter(field, text):
    field.setFocus()
    field.lineEdit().selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_the_form_shows_the_projects_settings(panel):
    assert panel.kind.field("kind").currentText() == "Adam"
    assert panel.optimizer_form.field("learning_rate").text() == "0.05"
    assert panel.rest.field("epochs").text() == "300"
    assert panel.loss.field("function").currentText() == "½Σ squared error"
    assert panel.optimizers["adam"].isVisible()
    assert not panel.optimizers["sgd"].isVisible()


def test_edits_reach_the_project_and_undo(panel, xor):
    enter(panel.optimizer_form.field("learning_rate"), "0.2")
    enter(panel.rest.field("batch_size"), "2")
    assert (xor.project.settings.optimizer.learning_rate, xor.project.settings.batch_size) == (0.2, 2)
    xor.undo()
    xor.undo()
    assert panel.optimizer_form.field("learning_rate").text() == "0.05"
    assert panel.rest.field("batch_size").text() == "4"


def test_a_rate_of_zero_is_refused_in_words(panel, xor):
    enter(panel.optimizer_form.field("learning_rate"), "0")
    words = panel.optimizer_form.cells["learning_rate"].words
    assert words.isVisible()
    assert words.text() == "Learning rate must be above 0 and at most 1000; 0 is not."
    assert xor.document.undo_label == ""


def test_switching_the_optimiser_brings_its_own_fields(panel, xor):
    panel.kind.field("kind").choose("momentum")
    assert isinstance(xor.project.settings.optimizer, Momentum)
    assert panel.optimizer_form.field("momentum").isVisible()
    assert panel.optimizer_form.field("learning_rate").text() == "0.05"
    xor.undo()
    assert isinstance(xor.project.settings.optimizer, Adam)
    assert panel.optimizer_form is panel.optimizers["adam"]


@pytest.mark.parametrize(
    ("old", "kind", "rate"),
    [
        (SGD(learning_rate=0.5), Momentum, 0.5),
        (SGD(), Adam, 0.001),
        (SGD(learning_rate=0.5), Adam, 0.001),
        (SGD(learning_rate=0.003), Adam, 0.003),
        (Adam(), SGD, 0.1),
        (Adam(learning_rate=0.01), SGD, 0.01),
    ],
)
def test_the_learning_rate_is_kept_where_it_is_sensible(old, kind, rate):
    assert switched(old, kind) == kind(learning_rate=rate)


def test_the_loss_is_edited_in_its_node(panel, xor):
    panel.loss.field("function").choose("binary_cross_entropy")
    assert xor.graph.nodes["loss"].layer.function == "binary_cross_entropy"
    xor.set_layer("loss", function="mean_squared_error")
    assert panel.loss.field("function").currentText() == "Mean squared error"


def test_a_missing_loss_is_offered(panel, xor):
    xor.edit_graph(xor.graph.without(["loss"]), "Delete")
    assert not panel.loss.isVisible()
    QTest.mouseClick(panel.add_loss, Qt.MouseButton.LeftButton)
    assert xor.checked.problems == ()
    assert panel.loss.isVisible()
    assert not panel.add_loss.isVisible()


def test_a_number_changed_while_training_takes_effect(panel, xor, qtbot):
    xor.set_settings(epochs=10_000_000)
    xor.train()
    qtbot.waitUntil(lambda: xor.poll() or xor.latest is not None)
    enter(panel.optimizer_form.field("learning_rate"), "0.07")
    xor.pause()
    assert xor.project.settings.optimizer.learning_rate == 0.07
    assert xor.project.progress.step > 0
