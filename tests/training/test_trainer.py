"""Training: the figures of the lecture, the mean over every example, and going on exactly where it stopped."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.typed import Typed
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD, Adam, Momentum
from annstudio.engine.run import Run
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.steady import Dropout
from annstudio.training import trainer
from annstudio.training.control import Control, WeightEdit
from annstudio.training.snapshot import Edited, Finished, Snapshot
from annstudio.training.trainer import train
from tests.builders import chain, finished, project, small_project, table, trained, worked_example

# The lecture's figures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("biases", "after_1", "after_10_000"),
    [
        ({}, 0.291027774, 0.0000351019),
        ({"train_bias": True}, 0.280471447, 0.00000244756),
        ({"train_bias": True, "share_bias": True}, 0.285750887, 0.00000435532),
    ],
    ids=["fixed", "learned", "shared"],
)
def test_the_worked_example_has_the_lectures_error_after_1_and_10_000_steps(biases, after_1, after_10_000):
    start = worked_example(**biases)
    assert error_of(trained(start, 1)) == pytest.approx(after_1, abs=5e-10)
    assert error_of(trained(start)) == pytest.approx(after_10_000, rel=2e-6)


def test_the_worked_example_has_the_lectures_weights_after_one_step():
    weights = trained(worked_example(), 1).weights
    hidden = [[0.149780716, 0.199561432], [0.249751144, 0.299502287]]
    output = [[0.358916480, 0.408666186], [0.511301270, 0.561370121]]
    np.testing.assert_allclose(weights["hidden/W"], hidden, rtol=0, atol=5e-10)
    np.testing.assert_allclose(weights["output/W"], output, rtol=0, atol=5e-10)


def test_forward_propagation_of_three_layers_is_that_of_plain_numpy():
    sizes, rng = (4, 4, 1), np.random.default_rng(6)
    graph = chain(
        input=Input(shape=(3,)),
        h1=Dense(units=4, activation="sigmoid"),
        h2=Dense(units=4, activation="sigmoid"),
        out=Dense(units=1, activation="linear"),
    )
    weights = {}
    for name, n, n_in in zip(("h1", "h2", "out"), sizes, (3, 4, 4), strict=True):
        weights |= {f"{name}/W": rng.normal(size=(n, n_in)), f"{name}/b": rng.normal(size=n)}
    x = rng.normal(size=(5, 3))

    def f(net: Array) -> Array:
        return 1 / (1 + np.exp(-net))

    h1 = f(weights["h1/W"] @ x.T + weights["h1/b"][:, None])
    h2 = f(weights["h2/W"] @ h1 + weights["h2/b"][:, None])
    wanted = weights["out/W"] @ h2 + weights["out/b"][:, None]
    found = Network(project(graph, None, weights)).predict({"x": x})
    np.testing.assert_allclose(found["out"], wanted.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("bias", "output"), [(0.0, 0.880797078), (-5.0, 0.047425873)])
def test_a_bias_shifts_the_sigmoid(bias, output):
    neuron = chain(input=Input(shape=(1,)), out=Dense(units=1, activation="sigmoid"))
    found = Network(project(neuron, None, {"out/W": [[1.0]], "out/b": [bias]})).predict({"x": np.array([[2.0]])})
    assert found["out"] == pytest.approx(output, abs=5e-10)


def error_of(project: Project) -> float:
    """The loss over all examples."""
    run = batch_of(project, np.arange(len(Network(project).need_dataset())))
    return run.loss


def batch_of(project: Project, indices: Array) -> Run:
    """These examples once through the fast program, forward and back."""
    network = Network(project)
    program = network.programs.fast
    arena = Arena(program, "float64")
    arena.load(network.weights())
    arena.use(SGD(learning_rate=1e-300))
    run = Run(program, arena, len(indices))
    run.load(network.rows("float64").feeds(program, indices))
    run.finish()
    return run


# Means over examples -------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_batch_is_the_mean_of_the_gradients_of_its_examples():
    start = small_project()
    whole = batch_of(start, np.arange(7))
    alone = [batch_of(start, np.array([i])) for i in range(7)]
    for parameter in whole.program.parameters:
        mean = np.mean([run.arena.gradient(parameter) for run in alone], axis=0)
        np.testing.assert_allclose(whole.arena.gradient(parameter), mean, rtol=1e-12, atol=1e-16)


def test_the_loss_of_an_epoch_is_the_mean_over_all_examples_the_uneven_last_batch_included():
    still = small_project(optimizer={"kind": "sgd", "learning_rate": 1e-300}, epochs=1)
    end = finished(still)
    assert end.progress.step == 4, "20 examples in batches of 6"
    assert end.progress.record.last["loss"] == pytest.approx(error_of(still), rel=1e-12)


def test_accuracy_is_the_share_of_right_answers_and_never_more_than_one():
    graph = chain(input=Input(shape=(1,)), output=Dense(units=1, activation="sigmoid"), loss=Loss())
    data = table([[-2.0], [-1.0], [1.0], [2.0], [3.0]], [[0.0], [1.0], [1.0], [1.0], [0.0]])
    start = project(
        graph, data, {"output/W": [[1.0]], "output/b": [0.0]}, epochs=2, batch_size=2,
        optimizer={"kind": "sgd", "learning_rate": 1e-300},
    )  # fmt: skip
    assert finished(start).progress.record.epochs[:, 2].tolist() == [0.6, 0.6]


def test_where_right_and_wrong_mean_nothing_there_is_no_accuracy():
    assert math.isnan(finished(small_project(epochs=1)).progress.record.last["accuracy"])


def test_validation_counts_every_example_once_and_changes_nothing():
    start = small_project(validation_share=0.3, epochs=2)
    job = Network(start).job()
    *_, judged = train(job)
    *_, unjudged = train(replace(job, validation=job.validation[:0]))
    for key, weight in judged.weights.items():
        np.testing.assert_array_equal(unjudged.weights[key], weight)
    end = replace(start, weights=judged.weights)
    assert judged.progress.record.last["val_loss"] == pytest.approx(batch_of(end, job.validation).loss, rel=1e-12)
    assert math.isnan(unjudged.progress.record.last["val_loss"])


def test_validation_does_not_drop_out():
    start = replace(small_project(validation_share=0.3, epochs=1), graph=with_dropout(0.9))
    job = Network(start).job()
    *_, end = train(job)
    without = replace(start, graph=with_dropout(0.0), weights=end.weights)
    assert end.progress.record.last["val_loss"] == pytest.approx(batch_of(without, job.validation).loss, rel=1e-12)


def with_dropout(rate: float) -> object:
    return chain(
        input=Input(shape=(3,)),
        hidden=Dense(units=6, activation="tanh"),
        dropout=Dropout(rate=rate),
        output=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )


# Going on ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam()], ids=lambda o: o.kind)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stops", [(4,), (1, 2, 3, 5), (6, 5)], ids=str)
def test_a_run_left_and_gone_on_with_is_the_uninterrupted_one_bit_for_bit(optimizer, dtype, stops):
    start = replace(small_project(optimizer=optimizer.model_dump(), dtype=dtype, epochs=3), graph=with_dropout(0.4))
    whole = finished(start)
    parts = start
    for steps in stops:
        parts = trained(parts, steps)
    end = finished(parts)
    assert end.progress.step == whole.progress.step == 12
    for key, weight in whole.weights.items():
        np.testing.assert_array_equal(end.weights[key], weight)
    np.testing.assert_array_equal(end.progress.record.epochs[:, :-1], whole.progress.record.epochs[:, :-1])
    np.testing.assert_array_equal(end.progress.record.blocks, whole.progress.record.blocks)
    for name, vector in whole.progress.memory.vectors.items():
        np.testing.assert_array_equal(end.progress.memory.vectors[name], vector)


def test_the_same_seed_is_the_same_run_and_another_seed_another():
    first, again, other = (finished(small_project(seed=seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first.weights[key], again.weights[key]) for key in first.weights)
    assert any((first.weights[key] != other.weights[key]).any() for key in first.weights)


def test_every_epoch_uses_every_example_once_in_an_order_of_its_own():
    network = Network(small_project(validation_share=0.25))
    job = network.job()
    seen: list[list[int]] = []
    rows = _Noting(job.rows, seen)
    list(train(replace(job, rows=rows)))
    per_epoch = [[i for batch in seen[e * 3 : e * 3 + 3] for i in batch] for e in range(3)]
    assert [sorted(epoch) for epoch in per_epoch] == [sorted(job.train.tolist())] * 3
    assert per_epoch[0] != per_epoch[1] != per_epoch[2]


def test_without_shuffling_the_examples_come_in_one_order():
    seen: list[list[int]] = []
    job = Network(small_project(shuffle=False, epochs=2)).job()
    list(train(replace(job, rows=_Noting(job.rows, seen))))
    assert seen[:4] == seen[4:]


class _Noting:
    """Rows that note which examples the training program was fed with."""

    def __init__(self, rows, seen: list[list[int]]) -> None:
        self.dataset, self._rows, self._seen = rows.dataset, rows, seen

    def note(self, indices):
        self._seen.append(indices.tolist())

    def feeds(self, program, indices):
        return self._rows.feeds(program, indices)

    def loader(self, run):
        load = self._rows.loader(run)

        def noted(indices):
            self.note(indices)
            load(indices)

        return noted


@pytest.mark.parametrize("shares", [(0.0, 0.9), (0.9, 0.0)])
def test_a_run_goes_on_when_more_or_fewer_examples_are_kept_back(shares):
    start = small_project(validation_share=shares[0], epochs=3, batch_size=1)
    middle = trained(start, 12 if not shares[0] else 1)
    settings = middle.settings.model_copy(update={"validation_share": shares[1]})
    end = finished(replace(middle, settings=settings))
    assert end.reason == "done"
    assert np.isfinite(end.progress.record.epochs[:, 1]).all()
    assert end.progress.record.epochs[:, 0].tolist() == [1, 2, 3]


def test_a_run_that_is_done_goes_on_for_as_many_epochs_more():
    done = trained(small_project())
    assert finished(done).progress.epoch == 6


# What others ask of it -----------------------------------------------------------------------------------------------


def after(steps: int, act: Callable[[Control], None], start: Project) -> list[Snapshot | Edited | Finished]:
    """All messages of a training in which `act` is done just before a certain step."""
    control = Control()
    job = Network(start).job()
    seen: list[list[int]] = []

    class Acting(_Noting):
        def note(self, indices):
            if len(seen) == steps - 1:
                act(control)
            super().note(indices)

    return list(train(replace(job, rows=Acting(job.rows, seen)), control))


def test_stop_acts_after_the_batch_at_hand():
    *_, end = after(3, lambda control: control.halt(), small_project())
    assert (end.reason, end.progress.step) == ("paused", 3)


def test_an_edited_weight_counts_from_the_next_batch_on_and_comes_with_what_was_before():
    start = small_project()
    edit = WeightEdit("hidden/W", (1, 2), 0.75)
    messages = after(3, lambda control: control.edit(edit), start)
    (told,) = (message for message in messages if isinstance(message, Edited))
    before = finished(start, 3)
    assert (told.key, told.index, told.value, told.progress.step) == ("hidden/W", (1, 2), 0.75, 3)
    for key, weight in before.weights.items():
        np.testing.assert_array_equal(told.weights[key], weight)

    by_hand = trained(start, 3)
    changed = np.array(by_hand.weights["hidden/W"])
    changed[1, 2] = 0.75
    wanted = finished(by_hand.with_weight("hidden/W", changed))
    for key, weight in wanted.weights.items():
        np.testing.assert_array_equal(messages[-1].weights[key], weight)


def test_another_learning_rate_counts_from_the_next_batch_on():
    start = small_project(epochs=1)
    faster = start.settings.model_copy(update={"optimizer": SGD(learning_rate=5)})
    *_, end = after(2, lambda control: control.change(faster), start)
    wanted = finished(replace(trained(start, 2), settings=faster))
    for key, weight in wanted.weights.items():
        np.testing.assert_array_equal(end.weights[key], weight)


def test_training_reads_its_job_and_never_writes_it():
    job = Network(small_project()).job()
    before = {key: weight.copy() for key, weight in job.weights.items()}
    list(train(job))
    assert all(np.array_equal(job.weights[key], weight) for key, weight in before.items())


# Numbers that run away -----------------------------------------------------------------------------------------------


def runaway(**settings) -> Project:
    """A linear network whose weights grow without limit."""
    graph = chain(
        input=Input(shape=(1,)),
        hidden=Dense(units=2, activation="linear"),
        output=Dense(units=1, activation="linear"),
        loss=Loss(),
    )
    data = Typed(inputs=((1.0,), (2.0,)), targets=((1.0,), (3.0,)))
    return project(graph, data, **{"optimizer": SGD(learning_rate=50), "batch_size": 2, "epochs": 1000, **settings})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [SGD(learning_rate=50), Momentum(learning_rate=50)], ids=lambda o: o.kind)
def test_a_loss_that_is_not_finite_stops_and_leaves_weights_that_give_a_finite_one(dtype, optimizer):
    start = runaway(dtype=dtype, optimizer=optimizer)
    end = finished(start)
    assert end.reason == "not finite"
    assert end.progress.step > 1
    assert all(np.isfinite(vector).all() for vector in end.progress.memory.vectors.values())
    assert math.isfinite(error_of(replace(start, weights=end.weights)))


@pytest.mark.parametrize("every", [1, 1 << 40], ids=["kept at every batch", "never kept"])
def test_weights_are_kept_only_once_they_gave_a_finite_loss(monkeypatch, every):
    monkeypatch.setattr(trainer, "KEEP_STEPS", every)
    start = runaway()
    assert math.isfinite(error_of(replace(start, weights=finished(start).weights)))


def test_the_weights_gone_back_to_do_not_hang_on_the_clock(monkeypatch):
    """A rate just above what still learns: a weight grows by a half percent a step. Of some nine thousand steps few are
    lost, and whoever does it again gets the same."""
    graph = chain(input=Input(shape=(1,)), output=Dense(units=1, activation="linear", bias=False), loss=Loss())
    one = table([(1.0,)], [(0.0,)])
    start = project(graph, one, epochs=20_000, dtype="float32", optimizer={"kind": "sgd", "learning_rate": 2.005})
    ends = []
    for seconds in (0.0, 0.0005, 1e9):
        monkeypatch.setattr(trainer, "PACE_SECONDS", seconds)
        ends.append(finished(start))
        assert ends[-1].reason == "not finite"
    for end in ends[1:]:
        assert end.progress.memory.t == ends[0].progress.memory.t
        for key, weight in end.weights.items():
            np.testing.assert_array_equal(weight, ends[0].weights[key])
    assert 0.9 < ends[0].progress.memory.t / ends[0].progress.step < 1


def test_after_running_away_training_goes_on_at_a_smaller_rate():
    start = runaway(optimizer=Momentum(learning_rate=50))
    left = trained(start)
    calmer = start.settings.model_copy(update={"optimizer": Momentum(learning_rate=0.001), "epochs": 2000})
    assert error_of(trained(replace(left, settings=calmer))) < 0.2


def test_what_ran_away_is_told_by_op_and_layer():
    start = replace(runaway(), weights={"hidden/W": np.full((2, 1), 1e200), "output/W": np.full((1, 2), 1e200)})
    end = finished(start)
    assert (end.reason, end.progress.step) == ("not finite", 0)
    assert end.trouble == "it began in output, in the step “weighted sum” (forward)"


def test_data_that_is_not_finite_is_told_as_such():
    start = runaway(dtype="float32")
    data = Typed(inputs=((1e300,), (2.0,)), targets=((1.0,), (3.0,)))
    assert finished(replace(start, data=data)).trouble == "the data of column 'x' holds a value that is not finite"
