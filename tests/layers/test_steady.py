"""Dropout: the mask of a batch is drawn for (seed, step, node), and only while training."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena
from annstudio.engine.builder import Spec
from annstudio.engine.program import Program
from annstudio.engine.run import Run
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.steady import Dropout
from tests.builders import chain

GRAPH = chain(input=Input(shape=(500,)), dropout=Dropout(rate=0.3), loss=Loss())
COLUMNS = {"x": Spec((500,)), "y": Spec((500,))}


def program(*, training: bool = True, plain: bool = True) -> Program:
    return compile_graph(GRAPH, COLUMNS, training=training, plain=plain)


def batch(of: Program, seed: int = 1, step: int = 2, n: int = 40) -> Run:
    """Ones through dropout, forward and back."""
    run = Run(of, Arena(of, "float64"), n)
    run.load({feed.slot: np.ones((n, 500)) for feed in of.feeds}, seed, step)
    run.finish()
    return run


def test_the_same_seed_and_step_draw_the_same_mask_and_others_another():
    mask = batch(program()).output("dropout")
    np.testing.assert_array_equal(batch(program()).output("dropout"), mask)
    np.testing.assert_array_equal(batch(program(plain=False)).output("dropout"), mask)
    assert (batch(program(), step=3).output("dropout") != mask).any()
    assert (batch(program(), seed=2).output("dropout") != mask).any()


def test_what_stays_on_is_scaled_so_that_the_mean_stays():
    values = batch(program()).output("dropout")
    assert np.unique(values) == pytest.approx([0, 1 / 0.7])
    assert values.mean() == pytest.approx(1, abs=0.02)
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.02)


def test_the_mask_applies_on_the_way_back_too():
    of = program()
    run = batch(of)
    (feed,) = (feed for feed in of.feeds if feed.column == "x")
    gradient = run.arrays[of.gradients[feed.slot]]
    mask = run.output("dropout")
    assert (gradient[mask == 0] == 0).all()
    np.testing.assert_allclose(gradient, mask * (mask - 1) / 40)


def test_in_prediction_nothing_is_off():
    of = program(training=False)
    assert not of.noises
    assert (batch(of).output("dropout") == 1).all()
