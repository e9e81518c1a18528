"""Plans are found by trying where that can pay, and a run repeats its plan."""

from dataclasses import replace

import numpy as np

from annstudio.document.network import Network
from annstudio.engine import planning
from annstudio.engine.plan import PLAIN_PLAN, Plan
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import train
from tests.builders import chain, project, small_project, some_table, trained


def large():
    graph = chain(Input(shape=(300,)), Dense(units=256, activation="relu"), Dense(units=2), Loss())
    return project(graph, some_table(64, 300), batch_size=64, epochs=1, dtype="float32")


def test_small_programs_are_not_tried(monkeypatch):
    monkeypatch.setattr(planning, "Run", None)
    network = Network(small_project())
    assert planning.plan_for(network.programs.fast, "float64", 6) == PLAIN_PLAN


def test_large_programs_get_a_plan_of_forms_that_there_are():
    network = Network(large())
    plan = planning.plan_for(network.programs.fast, "float32", 64)
    assert plan.threads in (1, 2)
    assert all(form.partition(":")[0] in ("rows", "columns", "inner") for form in plan.forms.values())


def test_the_way_that_is_quicker_by_far_is_taken(monkeypatch):
    network = Network(large())
    monkeypatch.setattr(planning, "LEAST_SECONDS", 0.0)
    tried = []

    def seconds(program, arena, n, plan):
        tried.append((plan.piece, plan.threads))
        return 1e-9 if plan.piece else 1.0

    monkeypatch.setattr(planning, "_crew_seconds", seconds)
    assert planning.plan_for(network.programs.fast, "float32", 64).piece == planning.PIECE
    assert tried == [(0, 2), (16, 1), (16, 2)]


def test_a_run_goes_on_with_the_plan_it_began_with():
    job = Network(small_project()).job(2)
    plan = Plan({}, 2, 1)
    *_, end = train(replace(job, plan=plan))
    assert isinstance(end, Finished)
    assert end.progress.plan == plan
    start = small_project()
    half = replace(start, weights=end.weights, progress=end.progress)
    network = Network(half)
    assert network.job().plan == plan
    assert network.followed_by(half.reset()).job().plan == plan


def test_pieces_and_threads_train_to_the_same_weights():
    whole = trained(small_project())
    for plan in (Plan({}, 2, 1), Plan({}, 0, 2), Plan({}, 4, 2)):
        *_, end = train(replace(Network(small_project()).job(), plan=plan))
        for key, weight in whole.weights.items():
            np.testing.assert_allclose(end.weights[key], weight, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(end.progress.record.epochs[:, 1], whole.progress.record.epochs[:, 1], rtol=1e-9)
