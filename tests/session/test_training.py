"""Training from the desk: one entry of undo a run, and what is heard and seen of it."""

import time
from dataclasses import replace

import numpy as np
import pytest

from annstudio.errors import TrainingError
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Node
from annstudio.layers.losses import Loss
from annstudio.session import Session
from annstudio.session.keeping import fit_weights
from annstudio.training.snapshot import Finished
from tests.builders import (
    assert_same_arrays,
    chain,
    finished,
    project,
    small_project,
    some_table,
    trained,
    with_branch,
    worked_example,
)
from tests.session.running import LONG, labels, steps_done, training, until

# One run, one entry --------------------------------------------------------------------------------------------------


def test_a_run_is_one_entry_that_says_how_many_steps_it_took(desk):
    session = desk(small_project())
    session.train()
    assert (session.state, session.activity) == ("training", "train")
    session.wait()
    assert (session.state, session.activity) == ("idle", "edit")
    wanted = finished(small_project())
    assert_same_arrays(session.weights(), wanted.weights)
    assert labels(session) == ["Train 12 steps"]
    assert session.project.weights == {}


def test_undo_and_redo_bring_weights_and_record_along(desk):
    session = desk(small_project())
    before = session.weights()
    session.train()
    session.wait()
    after, record = session.weights(), session.project.progress
    session.undo()
    assert all(np.array_equal(session.weight(key), w) for key, w in before.items())
    assert session.project.progress is None
    session.redo()
    assert all(session.weight(key) is w for key, w in after.items())
    assert session.project.progress is record


def test_single_steps_in_a_row_are_one_entry_and_add_up_to_the_run(desk):
    session = desk(small_project())
    for _ in range(4):
        session.step_batch()
        session.wait()
    assert session.state == "paused"
    session.step_epoch()
    session.wait()
    session.step_epoch()
    session.wait()
    wanted = finished(small_project())
    assert_same_arrays(session.weights(), wanted.weights)
    assert len(labels(session)) == 2


def test_pausing_and_going_on_is_the_uninterrupted_run(desk):
    session = desk(small_project(epochs=40))
    session.train()
    session.pause()
    assert session.state in ("paused", "idle")
    session.train()
    session.wait()
    wanted = finished(small_project(epochs=40))
    if session.project.progress.epoch == 40:
        assert_same_arrays(session.weights(), wanted.weights)


def test_after_stop_the_next_run_begins_anew_with_the_weights_as_they_are(desk):
    session = training(desk)
    session.stop()
    learned = session.weights()
    assert session.state == "idle"
    assert session.project.progress.over
    session.step_batch()
    session.wait()
    assert session.project.progress.step == 1
    once = trained(replace(small_project(epochs=LONG), weights=learned), 1)
    np.testing.assert_array_equal(session.weight("hidden/W"), once.weights["hidden/W"])


def test_a_paused_run_can_be_stopped_for_good(desk):
    session = training(desk)
    session.pause()
    assert session.state == "paused"
    session.stop()
    assert session.state == "idle"


def test_starting_twice_starts_once(desk):
    session = training(desk)
    session.train()
    session.pause()
    assert labels(session) == [f"Train {session.document.redo_label.split()[1]} steps"]


def test_reset_to_the_same_seed_gives_the_same_bits_and_to_a_new_one_others(desk):
    session = desk(small_project())
    start = session.weights()
    session.train()
    session.wait()
    session.reset_same()
    assert all(np.array_equal(session.weight(key), w) for key, w in start.items())
    assert (session.project.progress, session.state) == (None, "idle")
    session.reset_new_seed()
    assert session.project.settings.seed == 1
    assert all((session.weight(key) != w).any() for key, w in start.items() if key.endswith("/W"))
    session.undo()
    session.undo()
    assert session.project.progress.step == 12


def test_weights_set_by_hand_before_any_training_come_back_on_reset_and_go_with_a_new_seed(desk):
    session = desk(worked_example())
    session.set_weight("hidden/W", (0, 0), 0.9)
    session.train()
    until(session, lambda: steps_done(session) > 0)
    session.pause()
    session.set_weight("hidden/W", (0, 1), 5.0)
    session.reset_same()
    assert session.weight("hidden/W").tolist() == [[0.9, 0.20], [0.25, 0.30]]
    session.reset_new_seed()
    assert (session.weight("hidden/W") != np.array([[0.9, 0.20], [0.25, 0.30]])).all()


def test_what_was_set_by_hand_is_forgotten_where_it_no_longer_fits(desk):
    session = desk(small_project())
    session.set_weight("hidden/W", (0, 0), 0.9)
    session.set_layer("hidden", units=6)
    session.reset_same()
    assert session.project.weights == {}
    assert session.weight("hidden/W").shape == (6, 3)


def test_what_was_learned_is_no_start_although_its_record_was_forgotten(desk):
    session = desk(small_project())
    start = session.weight("hidden/W")
    session.train()
    session.wait()
    session.set_layer("output", activation="linear")
    session.set_weight("hidden/W", (0, 0), 0.9)
    session.rename("hidden", "h")
    session.rename("h", "hidden")
    session.reset_same()
    np.testing.assert_array_equal(session.weight("hidden/W"), start)


def test_reset_while_training_stops_it_and_keeps_nothing_of_it(desk):
    session = training(desk)
    start = desk(small_project(epochs=LONG)).weights()
    session.reset_same()
    assert session.state == "idle"
    assert all(np.array_equal(session.weight(key), w) for key, w in start.items())


def test_what_cannot_be_trained_is_said_in_words(desk):
    whole = small_project()
    with pytest.raises(TrainingError, match="no loss"):
        desk(replace(whole, graph=whole.graph.without(["loss"]))).train()
    frozen = chain(input=Input(shape=(3,)), output=Dense(units=2, trainable=False), loss=Loss())
    with pytest.raises(TrainingError, match="trainable"):
        desk(replace(whole, graph=frozen)).train()
    session = desk(replace(whole, data=None))
    with pytest.raises(Exception, match="no data"):
        session.train()
    assert session.state == "idle"


def test_a_parameter_that_nobody_uses_does_no_harm(desk):
    graph = chain(input=Input(shape=(3,)), output=Dense(units=2, activation="sigmoid"), loss=Loss())
    graph = graph.with_node(Node("aside", Dense(units=5))).connect("input", "aside")
    session = desk(project(graph, some_table(), epochs=2))
    before = session.weight("aside/W")
    session.train()
    session.wait()
    np.testing.assert_array_equal(session.weight("aside/W"), before)
    assert session.project.progress.epoch == 2
    assert set(session.weights()) == {"output/W", "output/b", "aside/W", "aside/b"}
    session.explain(0)
    session.stepper.to(len(session.stepper))


# What is heard and seen ----------------------------------------------------------------------------------------------


def test_snapshots_and_the_end_are_heard_from_poll_alone(desk):
    session = desk(small_project(epochs=LONG))
    heard: list[str] = []
    session.snapshot.connect(lambda _: heard.append("snapshot"))
    session.finished.connect(lambda _: heard.append("finished"))
    session.activity_changed.connect(heard.append)
    session.train()
    time.sleep(0.15)
    assert heard == ["train"]
    until(session, lambda: len(heard) > 1)
    assert set(heard) == {"train", "snapshot"}
    session.pause()
    assert heard[-2:] == ["edit", "finished"]


def test_the_watched_example_is_that_of_the_running_training(desk):
    session = desk(small_project(epochs=LONG))
    session.watch(True, 2)
    session.train()
    until(session, lambda: session.latest is not None and session.latest.views is not None)
    x = session.dataset.columns["x"].values
    np.testing.assert_array_equal(session.views.activations["input"], x[2:3])
    session.watch(True, 3)
    until(session, lambda: np.array_equal(session.views.activations["input"], x[3:4]))
    session.pause()
    np.testing.assert_array_equal(session.views.activations["input"], x[3:4])
    np.testing.assert_array_equal(session.views.weights["hidden/W"], session.weight("hidden/W"))


def test_a_loss_that_runs_away_is_told_and_the_weights_stay_good(desk):
    graph = chain(
        input=Input(shape=(3,)),
        hidden=Dense(units=4, activation="linear"),
        output=Dense(units=2, activation="linear"),
        loss=Loss(),
    )
    session = desk(project(graph, some_table(), optimizer={"kind": "sgd", "learning_rate": 1000}, epochs=1000))
    said: list[tuple[str, str]] = []
    session.told.connect(lambda *told: said.append(told))
    session.train()
    session.wait()
    ((level, text),) = said
    assert level == "error"
    assert text.startswith("Training stopped: the loss is no longer a finite number;")
    assert text.endswith("The last good weights are kept. Try a smaller learning rate.")
    assert all(np.isfinite(w).all() for w in session.weights().values())
    assert session.document.undo_label.startswith("Train ")


def test_a_layer_is_told_as_lost_or_as_kept_but_never_both():
    before = small_project()
    session = Session(before)
    weights = session.weights()
    after = replace(before, graph=before.graph.with_layer("hidden", Dense(units=6)), weights=weights)
    _, said = fit_weights(after, session.network.followed_by(after), paused=True)
    assert said == (
        "Training paused: the network is another now. The weights of hidden, output start anew: their shape changed."
    )
    session.close()


def test_a_defect_in_the_thread_is_raised_where_somebody_sees_it(desk, monkeypatch):
    session = desk(small_project())
    monkeypatch.setattr("annstudio.training.trainer.order_of", lambda *_: 1 / 0)
    session.train()
    with pytest.raises(ZeroDivisionError):
        session.wait()
    assert session.state == "idle"


def test_a_branch_added_to_a_trained_network_starts_fresh_beside_what_was_learned(desk):
    session = desk(small_project())
    session.train()
    session.wait()
    learned = session.weight("hidden/W")
    session.edit_graph(
        with_branch(session.graph.with_node(Node("second", Loss())), "hidden", "second", end=Dense(units=2)), "Branch"
    )
    np.testing.assert_array_equal(session.weight("hidden/W"), learned)
    assert session.weight("end/W").shape == (2, 4)
    ends: list[Finished] = []
    session.finished.connect(ends.append)
    session.train()
    session.wait()
    assert ends[0].reason == "done"
