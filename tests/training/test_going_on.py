"""Going on exactly: train, save, load and train on is the uninterrupted run, bit for bit, whatever is in use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from annstudio.data.images import Digits
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.optimizers import OPTIMIZERS
from annstudio.engine.plan import Plan
from annstudio.engine.schedules import SCHEDULES
from annstudio.formats.studio import load, save
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import Job, train
from tests.builders import assert_same_arrays, chain, project, some_table

KINDS = [kind.model_fields["kind"].default for kind in OPTIMIZERS]
COURSES = [kind.model_fields["kind"].default for kind in SCHEDULES]


def network(*, dropout: bool = False, norm: bool = False, **training) -> Project:
    between = [*([BatchNorm()] if norm else []), *([Dropout(rate=0.3)] if dropout else [])]
    graph = chain(
        Input(shape=(3,)), Dense(units=5, activation="tanh", l2=0.01), *between, Dense(units=2, activation="sigmoid"),
        Loss(),
    )  # fmt: skip
    return project(graph, some_table(20), **{"epochs": 3, **training})


def end_of(job: Job) -> Finished:
    *_, last = train(job)
    assert isinstance(last, Finished)
    return last


def run(project: Project, steps: int | None = None, plan: Plan | None = None) -> Project:
    """The project after training from where it stands."""
    job = Network(project).job(steps)
    end = end_of(replace(job, plan=plan) if plan else job)
    return replace(project, weights=end.weights, progress=end.progress)


def through_a_file(project: Project, folder: Path) -> Project:
    path = folder / "kept.annstudio"
    save(project, path, project.weights)
    return load(path)


def assert_same(one: Project, other: Project) -> None:
    """Equal to the bit in all that a run leaves behind, but for the seconds it took."""
    assert one.progress is not None
    assert other.progress is not None
    for name in ("step", "epoch", "position", "epoch_loss", "epoch_hits", "plan"):
        assert getattr(one.progress, name) == getattr(other.progress, name), name
    pairs = [(one.weights, other.weights), (one.progress.memory.vectors, other.progress.memory.vectors)]
    if one.progress.best is not None or other.progress.best is not None:
        assert one.progress.best.loss == other.progress.best.loss
        pairs.append((one.progress.best.weights, other.progress.best.weights))
    for mine, theirs in pairs:
        assert mine.keys() == theirs.keys()
        for key, array in mine.items():
            assert array.dtype == theirs[key].dtype, key
            np.testing.assert_array_equal(array, theirs[key], err_msg=key)
    assert one.progress.memory.t == other.progress.memory.t
    records = one.progress.record, other.progress.record
    np.testing.assert_array_equal(records[0].epochs[:, :-1], records[1].epochs[:, :-1])
    np.testing.assert_array_equal(records[0].blocks, records[1].blocks)


def assert_goes_on(start: Project, steps: int, folder: Path) -> None:
    whole = run(start)
    part = run(start, steps)
    assert part.progress.step == steps < whole.progress.step
    assert_same(run(through_a_file(part, folder)), whole)


@pytest.mark.parametrize("schedule", COURSES)
@pytest.mark.parametrize("optimizer", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_optimiser_with_every_schedule(optimizer, schedule, dtype, tmp_path):
    start = network(
        optimizer={"kind": optimizer}, schedule={"kind": schedule, "warm_up": 1.5}, batch_size=6, dropout=True,
        dtype=dtype, validation_share=0.2,
    )  # fmt: skip
    assert_goes_on(start, 5, tmp_path)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_run_stopped_anywhere(data, tmp_path):
    draw = data.draw
    start = network(
        dropout=draw(st.booleans()),
        norm=draw(st.booleans()),
        optimizer={"kind": draw(st.sampled_from(KINDS))},
        schedule={"kind": draw(st.sampled_from(COURSES)), "warm_up": draw(st.sampled_from([0, 0.5, 2]))},
        batch_size=draw(st.sampled_from([1, 3, 6, 7, 16, 20, 50])),
        shuffle=draw(st.booleans()),
        seed=draw(st.integers(0, 3)),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        validation_share=draw(st.sampled_from([0, 0.2, 0.35])),
        clip_norm=draw(st.sampled_from([0, 0.05])),
        clip_value=draw(st.sampled_from([0, 0.01])),
        patience=draw(st.sampled_from([0, 1, 2])),
    )
    steps = run(start).progress.step
    assume(steps > 1)
    assert_goes_on(start, draw(st.integers(1, steps - 1)), tmp_path)


def test_stopped_at_every_single_step(tmp_path):
    start = network(optimizer={"kind": "adam"}, batch_size=6, dropout=True, norm=True, schedule={"kind": "one_cycle"})
    whole, now = run(start), start
    for _ in range(whole.progress.step):
        now = through_a_file(run(now, 1), tmp_path)
    assert_same(now, whole)


def test_the_plan_is_kept_so_that_sums_are_made_in_the_same_order(tmp_path):
    graph = chain(
        input=Input(shape=(8, 8, 1)), flatten=Flatten(), hidden=Dense(units=32),
        output=Dense(units=10, activation="softmax"), loss=Loss(function="cross_entropy"),
    )  # fmt: skip
    start = Project(graph, data=Digits(), settings=network().settings.model_copy(update={
        "dtype": "float32", "batch_size": 100, "epochs": 1, "validation_share": 0.5}))  # fmt: skip
    pieces = Plan(piece=16, threads=2)
    whole = run(start, plan=pieces)
    assert whole.progress.plan == pieces
    part = through_a_file(run(start, 3, plan=pieces), tmp_path)
    assert Network(part).job().plan == pieces
    assert_same(run(part), whole)
    plain = run(start, plan=Plan())
    assert any((plain.weights[key] != array).any() for key, array in whole.weights.items()), (
        "the plan made no difference"
    )


# Early stopping ------------------------------------------------------------------------------------------------------


def restless(**more) -> Project:
    """A rate so large that it soon gets no better."""
    return network(
        epochs=200,
        patience=3,
        validation_share=0.3,
        batch_size=6,
        optimizer={"kind": "sgd", "learning_rate": 30.0},
        **more,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps", [1, 4, 9, 11])
def test_patience_and_the_best_weights_go_through_a_file(steps, dtype, tmp_path):
    whole = run(restless(dtype=dtype))
    watched = whole.progress.record.epochs[:, 3]
    assert len(watched) < 200
    assert np.argmin(watched) == len(watched) - 1 - 3
    assert whole.progress.best.loss == watched.min()
    assert_same_arrays(whole.weights, whole.progress.best.weights)
    assert_same(run(through_a_file(run(restless(dtype=dtype), steps), tmp_path)), whole)


def test_the_weights_given_back_really_have_the_best_loss():
    end = run(restless())
    still = replace(end, progress=None, settings=end.settings.model_copy(update={"patience": 0, "epochs": 1}))
    still = replace(still, settings=type(still.settings).model_validate(
        {**still.settings.model_dump(), "optimizer": {"kind": "sgd", "learning_rate": 1e-300}}))  # fmt: skip
    judged = run(still).progress.record.last["val_loss"]
    assert judged == pytest.approx(end.progress.best.loss, rel=1e-12)


def test_a_run_that_patience_ended_can_be_gone_on_with_and_waits_again(tmp_path):
    end = run(restless())
    n = end.progress.epoch
    more = run(through_a_file(end, tmp_path))
    assert more.progress.epoch > n
    assert more.progress.best.loss <= end.progress.best.loss
