"""Locked numbers while a network trains: from the next batch on, through early stopping and going on."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.training.control import Control, Locking
from annstudio.training.trainer import train
from tests.builders import small_project


def locks(project, *places: tuple[int, int]):
    mask = np.zeros(Network(project).weights()["hidden/W"].shape, bool)
    for place in places:
        mask[place] = True
    return {"hidden/W": mask}


def test_a_job_leaves_what_it_was_told_to():
    project = small_project()
    job = replace(Network(project).job(), locked=locks(project, (0, 1), (3, 2)))
    *_, end = train(job)
    still = end.weights["hidden/W"] == job.weights["hidden/W"]
    np.testing.assert_array_equal(still, job.locked["hidden/W"])


def test_locking_while_training_counts_from_the_next_batch_on():
    project = small_project(epochs=10)
    job, control = Network(project).job(), Control()
    control.edit(Locking(locks(project, (1, 1))))
    *_, end = train(job, control)
    assert end.weights["hidden/W"][1, 1] == job.weights["hidden/W"][1, 1]
    assert (end.weights["hidden/W"] != job.weights["hidden/W"]).sum() == 11


@pytest.mark.parametrize("locked", [False, True])
def test_early_stopping_brings_back_the_best_weights_but_for_locked_ones(locked):
    project = small_project(
        epochs=200, patience=4, validation_share=0.3, optimizer={"kind": "sgd", "learning_rate": 30.0}
    )
    job = replace(Network(project).job(), locked=locks(project, (0, 0)) if locked else {})
    *_, end = train(job)
    assert len(end.progress.record.epochs) < 200
    assert (end.weights["hidden/W"][0, 0] == job.weights["hidden/W"][0, 0]) == locked
