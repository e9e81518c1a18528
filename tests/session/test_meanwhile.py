"""Edits while something trains are neither lost nor overwritten; runs end with their projects."""

import time
from dataclasses import replace

import numpy as np
import pytest

from annstudio.errors import GraphError
from annstudio.explain.worksheet import Worksheet
from tests.builders import small_project, some_table
from tests.session.running import labels, steps_done, training, until

# Edits while it trains -----------------------------------------------------------------------------------------------


def test_undo_while_training_pauses_first(desk):
    session = training(desk)
    session.undo()
    assert session.state == "idle"
    assert session.project.weights == {}
    assert session.document.redo_label.startswith("Train ")


def test_a_weight_set_while_training_gives_two_entries_and_is_really_set(desk):
    session = training(desk, optimizer={"kind": "sgd", "learning_rate": 1e-12})
    session.set_weight("hidden/W", (1, 2), 7.5)
    until(session, lambda: session.document.undo_label == "Set hidden.W[1,2]")
    assert session.weight("hidden/W")[1, 2] == 7.5
    session.pause()
    assert session.weight("hidden/W")[1, 2] == pytest.approx(7.5, abs=1e-6)
    told = labels(session)
    assert [label.split()[0] for label in told] == ["Train", "Set", "Train"]


def test_a_worksheet_filled_in_while_training_stays(desk):
    session = training(desk)
    sheet = Worksheet(asked=("hidden.net[0]",)).answered("hidden.net[0]", "0.5")
    session.edit(replace(session.project, worksheet=sheet), "Answer")
    assert session.state == "training"
    session.pause()
    assert session.project.worksheet == sheet
    assert session.project.progress.step > 10
    assert [label.split()[0] for label in labels(session)] == ["Train", "Answer"]


def test_a_weight_set_in_the_last_moment_of_a_run_is_not_lost(desk):
    session = desk(small_project())
    session.train()
    session._errand.join()
    session.set_weight("hidden/W", (1, 2), 7.5)
    session.poll()
    assert session.weight("hidden/W")[1, 2] == 7.5
    assert labels(session) == ["Set hidden.W[1,2]", "Train 12 steps"]


@pytest.mark.parametrize(
    ("key", "index", "value"),
    [("nobody/W", (0, 0), 1), ("hidden/W", (9, 0), 1), ("hidden/W", (0,), 1), ("hidden/W", (0, -1), 1),
     ("hidden/W", (0, 0), float("nan"))],
)  # fmt: skip
@pytest.mark.parametrize("while_training", [True, False])
def test_a_weight_that_is_not_there_is_refused_in_words(desk, key, index, value, while_training):
    session = training(desk) if while_training else desk(small_project())
    with pytest.raises(GraphError):
        session.set_weight(key, index, value)
    session.pause()


def test_whole_views_set_while_training_stay(desk):
    session = training(desk)
    session.set_weights("hidden/W", np.full((4, 3), 0.5))
    assert (session.weight("hidden/W") == 0.5).all()
    assert session.state == "paused"
    assert (session.weight("output/W") != desk(small_project()).weight("output/W")).any(), "what was learned is kept"


def test_a_learning_rate_set_while_training_counts_and_no_other_edit_brings_the_old_one_back(desk):
    session = training(desk, optimizer={"kind": "sgd", "learning_rate": 1e-300})
    start = session.weight("hidden/W")
    session.set_settings(optimizer={"kind": "sgd", "learning_rate": 0.5})
    session.edit_graph(session.graph.moved({"hidden": (5.0, 5.0)}), "Move hidden")
    before = steps_done(session)
    until(session, lambda: steps_done(session) > before + 10)
    session.pause()
    assert np.abs(session.weight("hidden/W") - start).max() > 1e-4, "it learns at the new rate"
    assert session.project.settings.optimizer.learning_rate == 0.5
    assert session.graph.nodes["hidden"].x == 5.0
    session.train()
    session.edit_graph(session.graph.moved({"hidden": (6.0, 6.0)}), "Move hidden")
    session.pause()
    assert session.project.settings.optimizer.learning_rate == 0.5


def test_moving_a_node_while_training_does_not_stop_it(desk):
    session = training(desk)
    session.edit_graph(session.graph.moved({"hidden": (5.0, 5.0)}), "Move hidden")
    assert session.state == "training"


def test_a_change_of_the_network_while_training_pauses_and_keeps_what_fits(desk):
    session = training(desk)
    said: list[str] = []
    session.told.connect(lambda level, text: said.append(text))
    session.set_layer("output", activation="linear")
    assert session.state == "idle"
    assert session.project.progress is None, "the record was that of another network"
    assert (session.weight("hidden/W") != desk(small_project()).weight("hidden/W")).any()
    assert said == ["Training paused: the network is another now. The weights of hidden, output were kept."]

    session.train()
    until(session, lambda: steps_done(session) > 0)
    session.set_layer("hidden", units=5)
    assert session.weight("hidden/W").shape == (5, 3)
    assert session.weight("output/W").shape == (2, 5)
    assert "The weights of hidden, output start anew: their shape changed." in said[-1]


def test_undo_after_such_a_change_has_the_trained_network_again(desk):
    session = training(desk)
    session.set_layer("hidden", units=5)
    session.undo()
    assert session.weight("hidden/W").shape == (4, 3)
    assert session.project.progress.step > 10
    assert session.state == "paused"


def test_copies_made_while_training_bring_their_weights_along(desk):
    session = training(desk)
    graph, names = session.graph.with_part(session.graph.part(["hidden"]))
    copy = names["hidden"]
    given = np.full((4, 3), 0.25)
    edited = replace(session.project, graph=graph, weights={**session.project.weights, f"{copy}/W": given})
    session.edit(edited, "Paste")
    np.testing.assert_array_equal(session.weight(f"{copy}/W"), given)
    assert (session.weight("hidden/W") != given).any()


def test_freezing_a_bias_keeps_run_and_weights(desk):
    session = training(desk)
    session.pause()
    step, bias = session.project.progress.step, session.weight("hidden/b")
    session.set_layer("hidden", train_bias=False)
    assert session.project.progress.step == step
    session.step_batch()
    session.wait()
    np.testing.assert_array_equal(session.weight("hidden/b"), bias)


# Other projects ------------------------------------------------------------------------------------------------------


def test_a_run_whose_project_was_replaced_never_writes_into_the_new_one(desk):
    session = training(desk)
    heard: list[object] = []
    for signal in (session.snapshot, session.finished):
        signal.connect(heard.append)
    other = small_project(seed=5)
    session.open(other)
    for _ in range(20):
        session.poll()
        time.sleep(0.001)
    assert (session.project, session.state, session.latest, heard) == (other, "idle", None, [])
    assert session.document.clean
    assert not session.document.undo_label


def test_a_record_does_not_outlive_the_network_it_tells_of(desk):
    session = desk(small_project())
    session.train()
    session.wait()
    session.set_layer("output", activation="linear")
    assert session.project.progress is None
    assert session.latest is None
    session.undo()
    assert session.project.progress.record.n_steps == 12


def test_other_data_end_the_record_too(desk):
    session = desk(small_project())
    session.train()
    session.wait()
    learned = session.weight("hidden/W")
    session.set_data(some_table(seed=9))
    assert session.project.progress is None
    np.testing.assert_array_equal(session.weight("hidden/W"), learned)
