"""Locked numbers at the desk: part of the project, undone like any edit, in force from the next batch on."""

import numpy as np
import pytest

from annstudio.document import history
from annstudio.document.network import Network
from annstudio.engine.op import Array
from annstudio.errors import GraphError, TrainingError
from annstudio.explain.derivation import Explainer
from annstudio.explain.moments import Grain
from annstudio.explain.update import explain_update
from annstudio.explain.walk import Walk
from annstudio.explain.weight import answer, ask
from annstudio.formats.studio import load, save
from annstudio.layers.graph import Node
from annstudio.layers.normal import BatchNorm
from annstudio.session import Session
from annstudio.ui.canvas import clipboard
from tests.builders import assert_same_arrays, finished, small_project, worked_example
from tests.session.test_training import labels, steps_done, training, until

KEY = "hidden/W"


def mask_of(session: Session, *places: tuple[int, int], key: str = KEY) -> Array:
    mask = np.zeros(session.weight(key).shape, bool)
    for place in places:
        mask[place] = True
    return mask


def lock(session: Session, *places: tuple[int, int], key: str = KEY) -> Array:
    """Locks these places; the mask is given back."""
    mask = mask_of(session, *places, key=key)
    session.lock(key, mask)
    return mask


def trained_to_the_end(session: Session) -> None:
    session.train()
    session.wait()


def test_a_locked_number_does_not_move_and_is_free_again_after_undo(desk):
    session = desk(small_project())
    start, mask = session.weight(KEY), lock(session, (0, 1), (2, 2))
    assert session.document.undo_label == "Lock in hidden/W"
    trained_to_the_end(session)
    np.testing.assert_array_equal(session.weight(KEY) == start, mask)
    session.undo()
    session.undo()
    assert session.project.locked == {}
    trained_to_the_end(session)
    assert (session.weight(KEY) != start).all()


def test_locking_the_same_again_is_no_edit_and_unlocking_all_leaves_nothing(desk):
    session = desk(small_project())
    mask = lock(session, (0, 1))
    session.lock(KEY, mask)
    assert labels(session) == ["Lock in hidden/W"]
    session.redo()
    session.lock(KEY, ~mask & mask, "Unlock hidden.W[0,1]")
    assert session.project.locked == {}
    assert session.document.undo_label == "Unlock hidden.W[0,1]"


def test_locking_while_training_goes_on_counts_from_the_next_batch_on(desk):
    session = training(desk)
    mask = lock(session, (1, 0))
    assert session.state == "training"
    at = steps_done(session)
    until(session, lambda: steps_done(session) > at + 5)
    session.pause()
    held = session.weight(KEY)
    session.train()
    until(session, lambda: steps_done(session) > 5)
    session.pause()
    np.testing.assert_array_equal(session.weight(KEY) == held, mask)


def test_a_hand_may_still_set_a_locked_number(desk):
    session = desk(small_project())
    lock(session, (0, 0))
    session.set_weight(KEY, (0, 0), 0.75)
    trained_to_the_end(session)
    assert session.weight(KEY)[0, 0] == 0.75


@pytest.mark.parametrize("new_seed", [False, True])
@pytest.mark.parametrize("before", [False, True], ids=["locked after training", "locked before"])
def test_a_reset_leaves_locked_numbers_as_they_are_and_starts_the_others_anew(desk, new_seed, before):
    session = desk(small_project())
    if before:
        mask = lock(session, (0, 1))
    trained_to_the_end(session)
    if not before:
        mask = lock(session, (0, 1))
    session.set_weight(KEY, (0, 1), 0.875)
    (session.reset_new_seed if new_seed else session.reset_same)()
    fresh = Network(small_project(seed=int(new_seed))).weights()[KEY]
    np.testing.assert_array_equal(session.weight(KEY), np.where(mask, 0.875, fresh))
    trained_to_the_end(session)
    assert session.weight(KEY)[0, 1] == 0.875


def test_locks_go_along_with_a_new_name_and_with_copies(desk):
    session = desk(small_project())
    mask = lock(session, (0, 1))
    session.rename("hidden", "h")
    assert list(session.project.locked) == ["h/W"]
    (copy,) = clipboard.duplicate(session, ["h"])
    (pasted,) = clipboard.paste(session, clipboard.copied(session, ["h"]))
    assert set(session.project.locked) == {"h/W", f"{copy}/W", f"{pasted}/W"}
    for key, found in session.project.locked.items():
        assert found.dtype == bool
        np.testing.assert_array_equal(found, mask, err_msg=key)
    session.edit_graph(session.graph.without(["h", copy, pasted]), "Delete")
    assert session.graph.nodes.keys() == {"input", "output", "loss"}
    assert session.project.locked == {}


def test_locks_stay_over_a_change_of_structure_where_the_shape_does(desk):
    session = desk(small_project())
    mask = lock(session, (0, 1))
    lock(session, (1, 1), key="output/W")
    session.set_layer("hidden", activation="relu")
    np.testing.assert_array_equal(session.project.locked[KEY], mask)
    session.set_layer("output", units=2)
    assert set(session.project.locked) == {KEY, "output/W"}
    session.edit_graph(session.graph.disconnect(session.graph.links[0]), "Disconnect")
    session.undo()
    session.set_layer("hidden", units=5)
    assert session.project.locked == {}
    session.undo()
    np.testing.assert_array_equal(session.project.locked[KEY], mask)


def test_locks_are_in_the_file_and_the_run_goes_on_from_it_to_the_bit(desk, tmp_path):
    session = desk(small_project(optimizer={"kind": "adam"}))
    mask = lock(session, (0, 1), (3, 0))
    session.step_batch()
    session.wait()
    path = tmp_path / "locked.annstudio"
    save(session.project, path, session.weights())
    read = load(path)
    assert read.locked[KEY].dtype == bool
    np.testing.assert_array_equal(read.locked[KEY], mask)
    np.testing.assert_array_equal(read.start[KEY], session.project.start[KEY])
    gone_on, loaded_on = finished(session.project), finished(read)
    assert_same_arrays(loaded_on.weights, gone_on.weights)
    np.testing.assert_array_equal(gone_on.weights[KEY] == session.weight(KEY), mask)


def test_explain_shows_the_gradient_and_says_that_it_is_locked(desk):
    session = desk(worked_example())
    lock(session, (0, 0), key="output/W")
    session.explain(0)
    stepper = session.stepper
    question = ask(stepper.program, "output/W", (0, 0))
    told, account = answer(Explainer(stepper), question), explain_update(stepper, question)
    assert told.gradient == pytest.approx(0.082167041, abs=5e-10)
    assert not told.learns
    assert (told.value, told.after_update) == (0.4, 0.4)
    assert account.reason == "It is locked: its gradient is shown, it is not updated."
    other = ask(stepper.program, "output/W", (0, 1))
    assert answer(Explainer(stepper), other).after_update == pytest.approx(0.408666186, abs=5e-10)
    moments = Walk(Explainer(stepper), Grain.NUMBER).moments
    written = {moment.quantity for moment in moments}
    places = [(q.slot, q.index) for q in written]
    assert (question.parameter.slot, other.stored) in places
    assert (question.parameter.slot, question.stored) not in places


def test_locking_while_explaining_stays_at_the_moment(desk):
    session = desk(worked_example())
    session.explain(0)
    session.stepper.to(5)
    lock(session, (0, 0), key="output/W")
    assert session.stepper.position == 5
    assert explain_update(session.stepper, ask(session.stepper.program, "output/W", (0, 0))).lines == ()


def test_what_cannot_be_locked_is_said_in_words(desk):
    session = desk(small_project())
    with pytest.raises(GraphError, match=r"hidden/W has shape \(4, 3\), got \(2,\)"):
        session.lock(KEY, np.ones(2, bool))
    with pytest.raises(GraphError, match="nobody/W has shape none"):
        session.lock("nobody/W", np.ones(2, bool))
    graph = session.graph
    session.edit_graph(graph.inserted(Node("norm", BatchNorm()), graph.links[1]), "Insert")
    with pytest.raises(GraphError, match=r"norm/running_mean is not learned"):
        session.lock("norm/running_mean", np.ones(4, bool))
    session.lock("norm/gamma", np.ones(4, bool))


def test_where_everything_is_locked_there_is_nothing_to_train(desk):
    session = desk(small_project())
    for key, array in session.weights().items():
        session.lock(key, np.ones(array.shape, bool))
    with pytest.raises(TrainingError, match="Every weight that could learn is locked"):
        session.train()


def test_an_old_entry_that_let_go_of_its_weights_still_has_its_locked_numbers(desk, monkeypatch):
    session = desk(small_project())
    lock(session, (0, 1))
    trained_to_the_end(session)
    session.set_weight(KEY, (0, 1), 0.875)
    monkeypatch.setattr(history, "WEIGHT_BYTES", 1)
    session.set_weight(KEY, (0, 0), 0.5)
    session.undo()
    assert session.weight(KEY)[0, 1] == 0.875
