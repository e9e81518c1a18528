"""Schedules, clipping and early stopping while a network trains."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.arena import Clipping
from annstudio.explain.derivation import Explainer
from annstudio.explain.update import explain_update
from annstudio.explain.weight import ask
from tests.builders import assert_same_arrays, finished, small_project, trained


def test_a_schedule_scales_every_update():
    plain = small_project(batch_size=20, epochs=1, optimizer={"kind": "sgd", "learning_rate": 0.1})
    slow = small_project(
        batch_size=20, epochs=1, optimizer={"kind": "sgd", "learning_rate": 0.1},
        schedule={"kind": "exponential", "gamma": 0.25},
    )  # fmt: skip
    start = Network(plain).weights()
    full, part = finished(plain).weights, finished(slow).weights
    for key in start:
        np.testing.assert_allclose(part[key] - start[key], 0.5 * (full[key] - start[key]), atol=1e-15)


@pytest.mark.parametrize(("value", "norm"), [(0.01, 0), (0, 0.05), (0.02, 0.05)])
def test_clipped_gradients_move_the_weights_no_further(value, norm):
    rate = 0.1
    project = small_project(
        batch_size=20, epochs=1, optimizer={"kind": "sgd", "learning_rate": rate}, clip_value=value, clip_norm=norm
    )
    start, end = Network(project).weights(), finished(project).weights
    moved = np.concatenate([(end[key] - start[key]).ravel() for key in start]) / rate
    if value:
        assert np.abs(moved).max() <= value + 1e-12
    if norm:
        assert np.linalg.norm(moved) == pytest.approx(norm)


def test_the_update_is_told_with_the_clipped_gradient_and_the_rate_of_the_moment():
    project = small_project(clip_norm=0.01, schedule={"kind": "cosine", "warm_up": 1})
    stepper = Network(project).stepper(0)
    question = ask(stepper.program, "hidden/W", (0, 1))
    account = explain_update(stepper, question)
    assert account.lines[0].symbol == "g"
    assert account.lines[-1].value == pytest.approx(account.after, abs=1e-15)
    assert Explainer(stepper).stepper.position == stepper.position


def test_what_is_frozen_has_no_part_in_the_length():
    clipping = Clipping(norm=1.0)
    assert clipping.scale(np.array([3.0, 4.0])) == pytest.approx(0.2)
    assert clipping.scale(np.array([0.3, 0.4])) == 1
    assert not Clipping()


def test_training_stops_when_nothing_gets_better_and_goes_back_to_the_best():
    project = small_project(
        epochs=200, patience=4, validation_share=0.3, optimizer={"kind": "sgd", "learning_rate": 30.0}
    )
    end = finished(project)
    record = end.progress.record.epochs
    watched = record[:, 3]
    assert len(watched) < 200
    assert end.reason == "done"
    assert np.argmin(watched) == len(watched) - 1 - 4
    assert end.progress.best is not None
    assert end.progress.best.loss == watched.min()
    assert_same_arrays(end.weights, end.progress.best.weights)


def test_patience_goes_on_where_a_run_stopped():
    settings = {
        "epochs": 200,
        "patience": 4,
        "validation_share": 0.3,
        "optimizer": {"kind": "sgd", "learning_rate": 30.0},
    }
    whole = finished(small_project(**settings))
    part = trained(small_project(**settings), max_steps=7)
    rest = finished(part)
    assert len(rest.progress.record.epochs) == len(whole.progress.record.epochs)
    for key in whole.weights:
        np.testing.assert_array_equal(rest.weights[key], whole.weights[key])
