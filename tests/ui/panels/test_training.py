"""The training form: every number is a setting of the project; the loss is edited where it lives, in its node."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from annstudio.engine.optimizers import SGD, Adam, Momentum
from annstudio.engine.schedules import SCHEDULES, Constant, Cosine, Steps
from annstudio.training.settings import TrainingSettings
from annstudio.ui.panels.rates import course
from annstudio.ui.panels.training import TrainingPanel, switched
from annstudio.ui.status import StatusBar
from tests.ui.panels.hands import enter


@pytest.fixture
def panel(xor, seen):
    return seen(TrainingPanel(xor), 320, 500)


def test_the_form_shows_the_projects_settings(panel):
    assert panel.optimizer.choice.field("kind").currentText() == "Adam"
    assert panel.optimizer.form.field("learning_rate").text() == "0.05"
    assert panel.rest.field("epochs").text() == "300"
    assert panel.loss.field("function").currentText() == "½Σ squared error"
    assert panel.optimizer.forms["adam"].isVisible()
    assert not panel.optimizer.forms["sgd"].isVisible()


def test_edits_reach_the_project_and_undo(panel, xor):
    enter(panel.optimizer.form.field("learning_rate"), "0.2")
    enter(panel.rest.field("batch_size"), "2")
    assert (xor.project.settings.optimizer.learning_rate, xor.project.settings.batch_size) == (0.2, 2)
    xor.undo()
    xor.undo()
    assert panel.optimizer.form.field("learning_rate").text() == "0.05"
    assert panel.rest.field("batch_size").text() == "4"


def test_a_rate_of_zero_is_refused_in_words(panel, xor):
    enter(panel.optimizer.form.field("learning_rate"), "0")
    words = panel.optimizer.form.cells["learning_rate"].words
    assert words.isVisible()
    assert words.text() == "Learning rate must be above 0 and at most 1000; 0 is not."
    assert xor.document.undo_label == ""


def test_switching_the_optimiser_brings_its_own_fields(panel, xor):
    panel.optimizer.choice.field("kind").choose("momentum")
    assert isinstance(xor.project.settings.optimizer, Momentum)
    assert panel.optimizer.form.field("momentum").isVisible()
    assert panel.optimizer.form.field("learning_rate").text() == "0.05"
    xor.undo()
    assert isinstance(xor.project.settings.optimizer, Adam)
    assert panel.optimizer.form is panel.optimizer.forms["adam"]


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
    enter(panel.optimizer.form.field("learning_rate"), "0.07")
    xor.pause()
    assert xor.project.settings.optimizer.learning_rate == 0.07
    assert xor.project.progress.step > 0


# Schedules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_every_schedule_can_be_chosen_with_its_own_fields_and_trained_with(panel, xor, kind):
    xor.set_settings(epochs=4)
    name = kind.model_fields["kind"].default
    panel.schedule.choice.field("kind").choose(name)
    assert isinstance(xor.project.settings.schedule, kind)
    assert set(panel.schedule.form.names) == set(kind.model_fields) - {"kind"}
    shown = [form for form in panel.schedule.forms.values() if form.isVisible()]
    assert shown == [panel.schedule.form]
    for field, info in kind.model_fields.items():
        if field != "kind":
            assert panel.schedule.form.cells[field].isVisible()
            words = panel.schedule.form.rows.labelForField(panel.schedule.form.cells[field])
            assert words.text() == info.title
    assert panel.rates.isVisible() == (name != "constant")
    xor.train()
    xor.wait(20)
    assert xor.project.progress.epoch == 4
    for _ in range(2):
        xor.undo()
    assert isinstance(xor.project.settings.schedule, Constant)
    assert not panel.rates.isVisible()


def test_a_field_of_a_schedule_is_set_undone_and_refused_in_words(panel, xor):
    panel.schedule.choice.field("kind").choose("steps")
    enter(panel.schedule.form.field("every"), "7")
    enter(panel.schedule.form.field("gamma"), "0.25")
    assert xor.project.settings.schedule == Steps(every=7, gamma=0.25)
    enter(panel.schedule.form.field("gamma"), "2")
    assert panel.schedule.form.cells["gamma"].words.text() == "Factor must be above 0 and at most 1; 2 is not."
    xor.undo()
    assert xor.project.settings.schedule == Steps(every=7)
    assert panel.schedule.form.field("gamma").text() == "0.5"


def test_a_warm_up_goes_along_with_another_schedule(panel, xor):
    enter(panel.schedule.form.field("warm_up"), "3")
    assert panel.rates.isVisible()
    panel.schedule.choice.field("kind").choose("cosine")
    assert xor.project.settings.schedule == Cosine(warm_up=3)


def test_the_picture_is_the_rate_that_training_really_has(panel, xor):
    xor.set_settings(epochs=10, schedule={"kind": "cosine", "warm_up": 2})
    assert panel.rates.rates[0] == 0
    assert max(panel.rates.rates) == pytest.approx(0.05, rel=0.01)
    assert panel.rates.rates[-1] == pytest.approx(0, abs=1e-9)
    assert panel.rates.words().startswith("epoch 0 of 10: rate ")
    xor.step_epoch()
    xor.wait(20)
    assert panel.rates.done == 1
    # One batch an epoch: the second update is made at one and a half of two epochs of warm-up.
    assert panel.rates.now == pytest.approx(0.05 * 0.75, rel=0.01)
    QTest.mouseMove(panel.rates, panel.rates.rect().center())
    epoch = float(panel.rates.words().partition(":")[0].removeprefix("epoch "))
    assert epoch == pytest.approx(5, abs=0.1)
    QTest.mouseMove(panel.rates, QPoint(-20, -20))


def test_the_rate_is_told_while_training(panel, xor, qtbot):
    xor.set_settings(epochs=10_000_000, schedule={"kind": "exponential", "gamma": 0.99999})
    status = StatusBar(xor)
    qtbot.addWidget(status)
    xor.train()
    qtbot.waitUntil(lambda: xor.poll() or (xor.latest is not None and panel.rates.now < 0.0499))
    assert "learning rate 0.04" in status.findChild(QLabel).text()
    assert panel.rates.done > 0
    xor.pause()
    status.close_down()


def test_a_plateau_is_drawn_as_far_as_it_is_known():
    settings = TrainingSettings(schedule={"kind": "plateau", "patience": 2, "gamma": 0.5}, epochs=10)
    rates = course(settings, 10, (1.0, 1.0, 1.0, 1.0))
    assert rates[0] == 0.1
    assert rates[-1] == 0.05


def test_grouping_by_length_is_a_setting_where_there_are_lengths(panel, vowels, seen):
    assert panel.rest.cells["group_by_length"].isHidden()
    of_vowels = seen(TrainingPanel(vowels), 320, 500)
    cell = of_vowels.rest.cells["group_by_length"]
    assert not cell.isHidden()
    assert of_vowels.rest.field("group_by_length").value() is True
    QTest.mouseClick(cell.field, Qt.MouseButton.LeftButton, pos=QPoint(8, cell.field.height() // 2))
    assert not vowels.project.settings.group_by_length
    QTest.mouseClick(of_vowels.rest.cells["shuffle"].field, Qt.MouseButton.LeftButton, pos=QPoint(8, 10))
    assert cell.isHidden(), "without shuffling the order is the data's"
    vowels.undo()
    vowels.undo()
    assert vowels.project.settings.group_by_length
