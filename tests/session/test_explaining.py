"""Explaining at the desk: looking changes nothing, batches that lie behind are one entry of undo, and training goes on
exactly from there.
"""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.project import Project
from annstudio.errors import DataError, TrainingError
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal.node import BatchNorm
from annstudio.session import Session
from tests.builders import assert_same_arrays, chain, project, small_project, some_table, trained, worked_example
from tests.session.running import labels

ADAM = {"kind": "adam", "learning_rate": 0.01}


def explaining(desk, start: Project, n: int = 0, *, whole_batch: bool = True, sample: int = 0) -> Session:
    """A session that has walked through so many batches."""
    session = desk(start)
    session.explain(sample, whole_batch=whole_batch)
    session.journey.to(n)
    return session


def assert_weights(session: Session, wanted: Project) -> None:
    for key, weight in wanted.weights.items():
        np.testing.assert_allclose(session.weight(key), weight, rtol=0, atol=1e-10)


# What is kept --------------------------------------------------------------------------------------------------------


def test_batches_stepped_are_one_entry_that_says_how_many(desk):
    session = explaining(desk, small_project(optimizer=ADAM), 3)
    assert session.to_keep == 3
    session.leave_explain()
    assert (session.activity, session.state, session.to_keep) == ("edit", "paused", 0)
    assert_weights(session, trained(small_project(optimizer=ADAM), 3))
    assert session.project.progress.step == 3
    assert labels(session) == ["Step 3 batches"]
    assert (session.project.weights, session.project.progress) == ({}, None)
    assert session.state == "idle"


def test_what_was_on_the_screen_is_what_is_kept_to_the_last_digit(desk):
    session = explaining(desk, small_project(dtype="float32", optimizer=ADAM), 4)
    seen = session.journey.arena.weights()
    session.leave_explain()
    assert_same_arrays(session.weights(), seen)
    session.explain(whole_batch=True)
    assert_same_arrays(session.journey.arena.weights(), seen)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_training_goes_on_from_there(desk, dtype, tolerance):
    session = explaining(desk, small_project(dtype=dtype, optimizer=ADAM), 7)
    session.leave_explain()
    session.train()
    session.wait()
    wanted = trained(small_project(dtype=dtype, optimizer=ADAM))
    for key, weight in wanted.weights.items():
        assert session.weight(key).dtype == dtype
        np.testing.assert_allclose(session.weight(key), weight, rtol=0, atol=tolerance)
    np.testing.assert_allclose(session.project.progress.record.blocks, wanted.progress.record.blocks, atol=tolerance)
    assert labels(session) == ["Train 5 steps", "Step 7 batches"]


def test_looking_keeps_nothing(desk):
    session = explaining(desk, worked_example())
    before = session.project
    session.stepper.to(len(session.stepper))
    session.leave_explain()
    assert session.project is before
    session.explain()
    session.journey.to(2)
    session.stepper.to(7)
    session.journey.to(0)
    session.stepper.to(len(session.stepper))
    assert session.to_keep == 0
    session.leave_explain()
    assert session.project is before
    assert not labels(session)


def test_the_batch_at_hand_is_not_kept_though_it_is_half_done(desk):
    session = explaining(desk, small_project(), 2)
    session.stepper.to(len(session.stepper) - 1)
    session.leave_explain()
    assert_weights(session, trained(small_project(), 2))


def test_a_single_batch_is_called_one(desk):
    session = explaining(desk, small_project(), 1)
    heard = []
    session.told.connect(lambda kind, words: heard.append(words))
    session.leave_explain()
    assert heard == ["1 batch was kept. Undo takes it back."]
    assert labels(session) == ["Step 1 batch"]


def test_a_network_that_learns_nothing_goes_through_its_examples_and_keeps_nothing(desk):
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2))
    session = explaining(desk, project(graph, some_table()), 4, whole_batch=False)
    before = session.project
    assert (session.sample, session.to_keep) == (4, 0)
    session.leave_explain()
    assert session.project is before
    assert session.sample == 4


# Choosing ------------------------------------------------------------------------------------------------------------


def test_the_next_example_is_the_next_batch_and_the_last_wraps(desk):
    session = explaining(desk, small_project(), 1, whole_batch=False, sample=19)
    assert (session.sample, session.whole_batch) == (0, False)
    session.leave_explain()
    assert session.sample == 0
    assert session.project.progress.position == 0


def test_another_example_or_a_whole_batch_can_be_chosen_on_the_way(desk):
    session = explaining(desk, small_project(), 2, whole_batch=False)
    session.explain(17)
    assert (session.sample, session.to_keep, session.stepper.n) == (17, 2, 1)
    session.explain(whole_batch=True)
    assert (session.whole_batch, session.to_keep, session.stepper.n) == (True, 2, 6)
    session.journey.to(3)
    session.explain(whole_batch=False)
    assert (session.sample, session.to_keep, session.stepper.n) == (17, 3, 1)
    session.leave_explain()
    assert labels(session) == ["Step 3 batches"]


def test_what_cannot_be_shown_as_one_batch_is_refused_and_all_stays(desk):
    graph = chain(input=Input(shape=(3,)), a=Dense(units=2), norm=BatchNorm(), loss=Loss())
    session = desk(project(graph, some_table(), batch_size=4, accumulate=2))
    with pytest.raises(TrainingError, match="cannot be shown as one"):
        session.explain(whole_batch=True)
    assert session.activity == "edit"
    session.explain(3)
    with pytest.raises(TrainingError):
        session.explain(whole_batch=True)
    assert (session.activity, session.sample, session.whole_batch) == ("explain", 3, False)


def test_settings_that_take_the_batch_away_end_explaining_with_a_word(desk):
    graph = chain(input=Input(shape=(3,)), a=Dense(units=2), norm=BatchNorm(), loss=Loss())
    session = explaining(desk, project(graph, some_table(), batch_size=4))
    heard = []
    session.told.connect(lambda kind, words: heard.append(words))
    session.set_settings(accumulate=2)
    assert session.activity == "edit"
    assert "cannot be shown as one" in heard[0]


def test_without_data_there_is_no_batch(desk):
    session = desk(project(small_project().graph))
    with pytest.raises(DataError):
        session.explain()
    assert session.activity == "edit"


# Edits on the way ----------------------------------------------------------------------------------------------------


def test_a_weight_set_on_the_way_comes_behind_the_batches(desk):
    session = explaining(desk, small_project(), 3)
    session.stepper.to(5)
    session.set_weight("output/W", (0, 1), 0.25)
    assert (session.activity, session.stepper.position, session.to_keep) == ("explain", 5, 0)
    assert session.journey.arena.view("output/W")[0, 1] == 0.25
    after = trained(small_project(), 3)
    np.testing.assert_allclose(session.weight("hidden/W"), after.weights["hidden/W"], atol=1e-10)
    session.journey.to(2)
    session.leave_explain()
    assert session.project.progress.step == 5
    assert labels(session) == ["Step 2 batches", "Set output.W[0,1]", "Step 3 batches"]


def test_settings_and_locks_on_the_way_count_from_the_batch_at_hand(desk):
    session = explaining(desk, small_project(), 2)
    session.set_settings(optimizer={"kind": "sgd", "learning_rate": 1e-12})
    session.journey.to(3)
    session.lock("output/b", np.array([True, False]))
    session.leave_explain()
    assert_weights(session, trained(small_project(), 2))
    assert labels(session) == ["Lock in output/b", "Step 3 batches", "Set optimizer", "Step 2 batches"]


@pytest.mark.parametrize(
    ("edit", "label"),
    [
        (lambda s: s.set_weights("output/b", np.zeros(2)), "Set output/b"),
        (lambda s: s.rename("hidden", "middle"), "Rename hidden"),
        (lambda s: s.set_layer("hidden", units=7), "Set units of hidden"),
        (lambda s: s.make_block(["hidden"]), "Make block_1"),
        (lambda s: s.reset_same(), "Reset weights"),
        (lambda s: s.stop(), "Stop training"),
    ],
)
def test_whatever_is_edited_the_batches_come_first(desk, edit, label):
    session = explaining(desk, small_project(), 2)
    edit(session)
    session.leave_explain()
    assert session.document.undo_label == label
    session.undo()
    assert_weights(session, trained(small_project(), 2))
    assert labels(session) == ["Step 2 batches"]


def test_undo_on_the_way_takes_the_batches_back_and_redo_brings_them(desk):
    session = explaining(desk, small_project(), 3)
    session.stepper.to(4)
    session.undo()
    assert (session.activity, session.stepper.position, session.to_keep) == ("explain", 4, 0)
    assert session.project.progress is None
    session.redo()
    assert session.project.progress.step == 3
    assert session.stepper.batch_number == 3


def test_training_begins_behind_the_batches(desk):
    session = explaining(desk, small_project(), 2)
    session.step_batch()
    session.wait()
    assert_weights(session, trained(small_project(), 3))
    assert labels(session) == ["Train batch by batch", "Step 2 batches"]


def test_another_project_is_opened_without_a_trace_of_the_batches(desk):
    session = explaining(desk, small_project(), 2)
    other = worked_example()
    session.open(other)
    assert session.project is other
    assert (session.activity, session.sample) == ("edit", 0)


def test_examples_put_together_are_one_batch_and_no_part_of_the_epoch():
    session = Session(small_project())
    session.explain(3, whole_batch=False, beside=(5, 0))
    assert session.examples.tolist() == [3, 5, 0]
    assert session.several
    assert not session.whole_batch
    session.journey.to(1)
    assert session.examples.tolist() == [4, 6, 1]
    session.leave_explain()
    assert session.project.progress.step == 1
    assert session.project.progress.position == 0
    session.explain(2)
    assert session.examples.tolist() == [2]


# Ahead, in another thread --------------------------------------------------------------------------------------------


def test_what_takes_long_is_done_ahead(desk):
    session = desk(small_project())
    session.readying(3)()
    made = session._ready[2]
    session.explain(3)
    assert session.journey is made
    session.readying(whole_batch=True)()
    n = len(session.network.need_dataset())
    bound = {n: run for n, run in made._runs.items() if n > 1}
    session.explain(whole_batch=True)
    assert session.stepper.run in bound.values()
    assert session.stepper.n <= n


def test_what_was_made_ahead_of_another_project_or_example_is_left(desk):
    session = desk(small_project())
    session.readying(3)()
    session.explain(2)
    assert session.sample == 2
    session.leave_explain()
    session.readying(2)()
    made = session._ready[2]
    settings = session.project.settings.model_copy(update={"seed": 5})
    session.edit(replace(session.project, settings=settings), "Set seed")
    session.explain(2)
    assert session.journey is not made


def test_why_one_cannot_explain_is_said_ahead_too(desk):
    graph = chain(input=Input(shape=(2,)), out=Dense(units=1))
    session = desk(project(graph, some_table(4, 2, 1)))
    with pytest.raises(TrainingError, match="no loss"):
        session.readying(whole_batch=True)()
