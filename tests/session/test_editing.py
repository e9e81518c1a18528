"""Edits from the desk: each one entry, each really applied, each followed by whoever listens."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.graph import Node
from annstudio.errors import GraphError, TrainingError
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.session.answers import answer_at
from tests.builders import chain, project, small_project, some_table, trained, worked_example


def test_a_setting_is_checked_and_set_and_undone(desk):
    session = desk(small_project())
    session.set_layer("hidden", units=7)
    assert session.checked.facts["hidden"].shape == (7,)
    assert session.document.undo_label == "Set units of hidden"
    with pytest.raises(GraphError, match="units"):
        session.set_layer("hidden", units=0)
    session.undo()
    assert session.checked.facts["hidden"].shape == (4,)


def test_a_weight_set_by_hand_is_applied_at_once(desk):
    session = desk(small_project())
    session.set_weight("hidden/W", (0, 1), -2.5)
    assert session.weight("hidden/W")[0, 1] == -2.5
    assert session.views.weights["hidden/W"][0, 1] == -2.5
    session.step_batch()
    session.wait()
    before = small_project()
    changed = np.array(desk(before).weight("hidden/W"))
    changed[0, 1] = -2.5
    wanted = trained(before.with_weight("hidden/W", changed), 1)
    np.testing.assert_array_equal(session.weight("hidden/W"), wanted.weights["hidden/W"])


def test_dragging_a_weight_is_one_entry(desk):
    session = desk(small_project())
    start = session.weight("hidden/W")[0, 0]
    for value in (0.1, 0.2, 0.3):
        session.set_weight("hidden/W", (0, 0), value, merge="drag")
    session.undo()
    assert session.weight("hidden/W")[0, 0] == start


def test_whole_views_of_another_shape_or_not_finite_are_refused(desk):
    session = desk(small_project())
    with pytest.raises(GraphError, match=r"has shape \(4, 3\), got \(3, 4\)"):
        session.set_weights("hidden/W", np.ones((3, 4)))
    with pytest.raises(GraphError, match="finite"):
        session.set_weights("hidden/W", np.full((4, 3), np.inf))
    with pytest.raises(GraphError):
        session.set_weights("nobody/W", np.ones(3))


def test_a_renamed_node_keeps_weights_record_and_the_run_goes_on(desk):
    session = desk(small_project())
    session.step_batch()
    session.wait()
    weights = session.weights()
    session.rename("hidden", "h")
    assert session.project.progress.step == 1
    np.testing.assert_array_equal(session.weight("h/W"), weights["hidden/W"])
    assert "hidden/W" not in session.weights()
    session.undo()
    np.testing.assert_array_equal(session.weight("hidden/W"), weights["hidden/W"])


def test_a_node_that_was_never_trained_keeps_its_start_values_under_another_name(desk):
    session = desk(small_project())
    start = session.weight("hidden/W")
    session.rename("hidden", "h")
    np.testing.assert_array_equal(session.weight("h/W"), start)


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "output", "x" * 61, "a\nb"])
def test_a_name_that_cannot_be_is_refused_and_nothing_changes(desk, name):
    session = desk(small_project())
    before = session.project
    with pytest.raises(GraphError):
        session.rename("hidden", name)
    assert session.project is before


def test_weights_come_back_when_an_edit_that_changed_their_shape_is_undone(desk):
    session = desk(trained(small_project()))
    learned = session.weight("hidden/W")
    session.set_layer("hidden", units=9)
    session.undo()
    assert session.weight("hidden/W") is learned


def test_weights_are_kept_while_a_wire_is_off(desk):
    session = desk(trained(small_project()))
    learned = session.weight("output/W")
    (link,) = session.graph.into("output")
    session.edit_graph(session.graph.disconnect(link), "Disconnect")
    assert session.weight("output/W") is learned
    session.edit_graph(session.graph.connect("hidden", "output"), "Connect")
    assert session.weight("output/W") is learned


def test_the_other_layers_weights_can_be_seen_while_a_new_one_is_not_connected_yet(desk):
    session = desk(small_project())
    start = session.weight("hidden/W")
    session.edit_graph(session.graph.with_node(Node("new", Dense())), "Add new")
    np.testing.assert_array_equal(session.weight("hidden/W"), start)


def test_who_listens_hears_of_every_change_and_of_structure_apart(desk):
    session = desk(small_project())
    changes, checks = [], []
    session.changed.connect(lambda before, after: changes.append((before, after)))
    session.rechecked.connect(checks.append)
    start = session.project
    session.edit_graph(session.graph.moved({"hidden": (1.0, 2.0)}), "Move")
    assert (len(changes), len(checks)) == (1, 0)
    session.set_layer("hidden", units=3)
    assert (len(changes), len(checks)) == (2, 1)
    session.undo()
    session.undo()
    assert changes[-1] == (changes[0][1], start)


def test_opening_another_project_begins_anew(desk):
    session = desk(small_project())
    session.set_layer("hidden", units=3)
    other = worked_example()
    session.open(other)
    assert (session.project, session.document.undo_label, session.document.clean) == (other, "", True)
    assert session.weight("hidden/W")[0, 0] == 0.15


def test_what_is_saved_is_clean_until_the_next_edit_and_after_its_undo(desk, tmp_path):
    session = desk(small_project())
    session.set_layer("hidden", units=3)
    assert not session.document.clean
    session.saved_as(tmp_path / "mine.annstudio")
    assert (session.document.clean, session.title, session.folder) == (True, "mine", tmp_path)
    session.set_layer("hidden", units=4)
    assert not session.document.clean
    session.undo()
    assert session.document.clean


def test_data_that_cannot_be_had_is_told_and_does_not_break_the_drawing(desk, tmp_path):
    session = desk(small_project())
    session.set_data(parse_source({"kind": "csv", "path": str(tmp_path / "none.csv")}))
    assert session.dataset is None
    assert "none.csv" in session.data_problem
    assert session.checked.facts["hidden"].shape == (4,)
    assert session.views is None


def test_predictions_are_those_of_the_weights_of_now(desk):
    neuron = chain(input=Input(shape=(1,)), out=Dense(units=1, activation="linear"))
    session = desk(project(neuron, some_table(4, 1, 1), {"out/W": [[2.0]], "out/b": [1.0]}))
    assert answer_at(session, np.array([[3.0]])) == [[7.0]]
    session.set_weight("out/b", (0,), 2.0)
    assert answer_at(session, np.array([[3.0]])) == [[8.0]]


# Explaining ----------------------------------------------------------------------------------------------------------


def test_an_edit_of_the_network_leaves_explain(desk):
    session = desk(worked_example())
    heard: list[str] = []
    session.activity_changed.connect(heard.append)
    session.explain(0)
    session.set_layer("hidden", units=3)
    assert (session.activity, session.stepper, heard) == ("edit", None, ["explain", "edit"])


def test_training_leaves_explain(desk):
    session = desk(worked_example())
    session.explain(0)
    session.step_batch()
    assert session.activity == "train"
    session.wait()
    assert session.activity == "edit"


def test_training_that_cannot_start_leaves_the_explanation_alone(desk):
    frozen = replace(
        worked_example(), graph=chain(input=Input(shape=(2,)), out=Dense(units=2, trainable=False), loss=Loss())
    )
    session = desk(frozen)
    session.explain(0)
    with pytest.raises(TrainingError):
        session.train()
    assert session.activity == "explain"


@pytest.mark.parametrize("edit", ["weight", "rate", "undo"])
def test_other_numbers_are_explained_from_the_same_moment_on(desk, edit):
    session = desk(worked_example())
    session.set_weight("hidden/W", (0, 0), 0.25)
    session.explain(0)
    session.stepper.to(len(session.stepper))
    before = session.stepper
    loss = before.run.loss
    if edit == "weight":
        session.set_weight("hidden/W", (0, 0), 0.9)
    elif edit == "undo":
        session.undo()
    else:
        session.set_settings(optimizer={"kind": "sgd", "learning_rate": 0.1})
    assert session.activity == "explain"
    assert session.stepper is not before
    assert session.stepper.position == len(session.stepper)
    assert (session.stepper.run.loss != loss) == (edit != "rate")
    assert session.stepper.arena.optimizer == session.project.settings.optimizer


def test_moving_a_node_leaves_the_explanation_alone(desk):
    session = desk(worked_example())
    session.explain(0)
    before = session.stepper
    session.edit_graph(session.graph.moved({"hidden": (1.0, 2.0)}), "Move")
    assert session.stepper is before


def test_explaining_changes_nothing_of_the_project(desk):
    session = desk(worked_example())
    before = session.weights()
    session.explain(0)
    session.stepper.to(len(session.stepper))
    session.leave_explain()
    assert all(np.array_equal(session.weight(key), w) for key, w in before.items())
    assert session.document.clean


def test_what_cannot_be_explained_is_said_in_words(desk):
    session = desk(replace(small_project(), data=None))
    with pytest.raises(Exception, match="no data"):
        session.explain()
    assert session.activity == "edit"
