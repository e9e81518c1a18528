"""The gradients of mini-batches beside the full one: the very gradients of these examples, and an honest error."""

from functools import partial

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.training.batches import epoch_order
from annstudio.training.landscape import Landscape
from annstudio.training.minibatches import compare
from tests.builders import run_of, small_project

PLACES = (("hidden/W", (1, 2)), ("output/W", (0, 3)))


def compared(batch_size, count, seed=0):
    network = Network(small_project())
    job = network.job()
    full = Landscape(job.programs.fast, job.weights, network.rows("float64"), np.arange(20))
    *_, found = compare(full, partial(epoch_order, job.train, seed), PLACES, batch_size, count, seed)
    return network, job, found


def test_each_is_the_gradient_of_its_own_examples():
    network, job, found = compared(6, 5, seed=4)
    order = [epoch_order(job.train, 4, epoch) for epoch in range(2)]
    batches = [order[0][:6], order[0][6:12], order[0][12:18], order[1][:6], order[1][6:12]]
    for batch, drawn in zip(batches, found.drawn, strict=True):
        run = run_of(network.plain, network.rows("float64").feeds(network.plain, batch), job.weights)
        run.to_loss()
        run.to_update()
        own = [run.arena.gradient(run.program.parameter_of(key)[0])[index] for key, index in PLACES]
        np.testing.assert_allclose(drawn.gradient.plane, own, rtol=1e-10)
        assert drawn.gradient.loss == pytest.approx(run.loss)
        assert drawn.gradient.n == 6
        assert drawn.gradient.seconds > 0


def test_a_batch_of_all_examples_has_no_error():
    _, _, found = compared(20, 2)
    for drawn in found.drawn:
        assert drawn.error == pytest.approx(0, abs=1e-12)
        assert drawn.length == pytest.approx(1)
        assert drawn.angle == pytest.approx(0, abs=1e-5)


def test_the_batches_of_one_epoch_are_right_on_average():
    _, _, found = compared(5, 4)
    assert found.mean_error == pytest.approx(0, abs=1e-12)
    assert found.error > 0.05


def test_larger_batches_err_less():
    errors = [compared(n, 60)[2].error for n in (1, 4, 10)]
    assert errors[0] > errors[1] > errors[2]
