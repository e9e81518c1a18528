"""The loss as a landscape: what it says is what the network's own program says, and its slopes are the gradients."""

from itertools import pairwise

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.steady import Dropout
from annstudio.training import landscape as landscapes
from annstudio.training.landscape import Landscape, Plane, Surface, fitting, survey
from tests.builders import assert_same_arrays, chain, project, run_of, small_project, some_table, worked_example

PLACES = (("hidden/W", (1, 2)), ("output/W", (0, 3)))
PLANE = Plane(PLACES, (-1.0, 2.0), (-2.0, 1.0))


def landscape_of(start, n=20, **more):
    network = Network(start)
    job = network.job()
    return Landscape(job.programs.fast, job.weights, network.rows("float64"), np.arange(n), locked=job.locked, **more)


def last(values):
    *_, end = values
    return end


def test_every_place_has_the_loss_of_the_program_that_is_explained():
    start = small_project()
    network = Network(start)
    surface = last(survey(landscape_of(start), PLANE, 8))
    assert surface.losses.shape == (9, 9)
    assert surface.done == 1.0
    feeds = network.rows("float64").feeds(network.plain, np.arange(20))
    for i, j in ((0, 0), (3, 7), (8, 2)):
        weights = {key: np.array(array) for key, array in network.weights().items()}
        weights["hidden/W"][1, 2], weights["output/W"][0, 3] = surface.xs[j], surface.ys[i]
        run = run_of(network.plain, feeds, weights)
        run.to_loss()
        assert surface.losses[i, j] == pytest.approx(run.loss, rel=1e-12)


def test_the_lectures_example_has_the_lectures_error_and_gradient():
    places = (("output/W", (0, 0)), ("output/W", (0, 1)))
    landscape = landscape_of(worked_example(), 1)
    assert landscape.loss_at(places, (0.40, 0.45)) == pytest.approx(0.298371109, abs=5e-10)
    slope = landscape.of(landscape.gradient(), places)
    assert slope[0] == pytest.approx(0.082167041, abs=5e-10)


def test_the_slope_of_the_surface_is_the_engines_gradient():
    landscape = landscape_of(small_project())
    at, step = (0.3, -0.4), 1e-5
    landscape.go(PLACES, at)
    slope = landscape.of(landscape.gradient(), PLACES)
    for axis in range(2):
        ahead, behind = ([v + sign * step * (k == axis) for k, v in enumerate(at)] for sign in (1, -1))
        found = (landscape.loss_at(PLACES, ahead) - landscape.loss_at(PLACES, behind)) / (2 * step)
        assert slope[axis] == pytest.approx(found, rel=1e-7, abs=1e-10)


def test_dropout_draws_one_mask_for_all_places():
    graph = chain(
        input=Input(shape=(3,)), hidden=Dense(units=4, activation="tanh"), drop=Dropout(rate=0.5),
        output=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    landscape = landscape_of(project(graph, some_table()))
    first = landscape.loss_at(PLACES, (0.1, 0.2))
    landscape.loss_at(PLACES, (5.0, 5.0))
    assert landscape.loss_at(PLACES, (0.1, 0.2)) == first
    other = landscape_of(project(graph, some_table()), step=1)
    assert other.loss_at(PLACES, (0.1, 0.2)) != first


def test_it_comes_coarse_first_and_no_place_is_asked_twice(monkeypatch):
    monkeypatch.setattr(landscapes, "TELL_SECONDS", 1e9)
    landscape, asked = landscape_of(small_project()), []
    loss_at = landscape.loss_at
    monkeypatch.setattr(landscape, "loss_at", lambda p, v: asked.append(v) or loss_at(p, v))
    shapes = [surface.losses.shape for surface in survey(landscape, PLANE, 32)]
    assert shapes == [(5, 5), (9, 9), (17, 17), (33, 33)]
    assert len(asked) == len(set(asked)) == 33 * 33


def test_while_a_grid_is_measured_the_last_whole_one_is_shown(monkeypatch):
    monkeypatch.setattr(landscapes, "TELL_SECONDS", 0.0)
    surfaces = list(survey(landscape_of(small_project()), PLANE, 16))
    assert not len(surfaces[0].losses)
    assert {surface.losses.shape for surface in surfaces} == {(0, 0), (5, 5), (9, 9), (17, 17)}
    assert all(a.done <= b.done for a, b in pairwise(surfaces))


def test_where_the_loss_runs_away_there_is_none():
    plane = Plane(PLACES, (-1e200, 1e200), (0.0, 1e200))
    graph = chain(input=Input(shape=(3,)), hidden=Dense(units=4), output=Dense(units=2), loss=Loss())
    surface = last(survey(landscape_of(project(graph, some_table())), plane, 8))
    assert np.isnan(surface.losses).any()
    assert not np.isinf(surface.losses).any()


def test_the_two_steepest_weights_are_found_among_those_that_learn():
    landscape = landscape_of(small_project())
    gradient = landscape.gradient()
    sizes = sorted(np.abs(gradient), reverse=True)
    assert np.abs(landscape.of(gradient, landscape.steepest(2))) == pytest.approx(sizes[:2])
    held = landscape_of(worked_example(), 1)
    assert all(key.endswith("/W") for key, _ in held.steepest(8))


def test_heights_between_the_places_of_the_grid():
    surface = Surface(PLANE, np.array([0.0, 1.0]), np.array([0.0, 2.0]), np.array([[0.0, 1.0], [2.0, 3.0]]), 1.0)
    points = np.array([(0.5, 1.0), (1.0, 2.0), (0.0, 0.0), (1.5, 1.0), (0.5, -0.1)])
    np.testing.assert_allclose(surface.heights(points), [1.5, 3.0, 0.0, np.nan, np.nan])


def test_no_more_examples_than_fit_into_the_memory_allowed(monkeypatch):
    network = Network(small_project())
    program, rows = network.programs.fast, network.rows("float64")
    assert fitting(program, rows, 20) == 20
    monkeypatch.setattr(landscapes, "BUDGET", 2000)
    assert 1 <= fitting(program, rows, 20) < 20


def test_batch_normalisation_is_measured_as_in_training_and_its_running_means_stay():
    graph = chain(
        input=Input(shape=(3,)), hidden=Dense(units=4, activation="tanh"), norm=BatchNorm(), output=Dense(units=2),
        loss=Loss(),
    )  # fmt: skip
    landscape = landscape_of(project(graph, some_table()))
    before = landscape.arena.weights()
    slope = landscape.of(landscape.gradient(), PLACES)
    start = [float(before[key][index]) for key, index in PLACES]
    ahead, behind = (landscape.loss_at(PLACES, (start[0] + h, start[1])) for h in (1e-5, -1e-5))
    assert slope[0] == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)
    landscape.go(PLACES, start)
    assert_same_arrays(landscape.arena.weights(), before)
