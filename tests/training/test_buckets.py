"""Batches of short sequences do fewer steps: the same comes out, in an order that can be had again, and sooner."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data import base
from annstudio.data.arrays import NpzFile
from annstudio.data.base import Column, Dataset
from annstudio.data.order import all_shuffled
from annstudio.document.network import Network
from annstudio.engine.plan import PLAIN_PLAN, Plan
from annstudio.layers.base import make
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.shaping import Flatten
from annstudio.training import batches, buckets
from annstudio.training.batches import epoch_order
from annstudio.training.buckets import Buckets, Ends, Kept, Shorter
from annstudio.training.control import Control
from annstudio.training.course import order_of
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import Job, train
from tests.builders import chain, project, small_project

STEPS, N = 40, 90
LENGTHS = np.clip(np.exp(np.random.default_rng(5).uniform(0.5, 3.7, N)), 2, STEPS).astype(int)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    """Ninety sequences of 2 to 40 steps, most of them short."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, STEPS, 2))
    y = (x * (np.arange(STEPS) < LENGTHS[:, None])[..., None]).sum((1, 2)) > 0
    file = tmp_path_factory.mktemp("buckets") / "sequences.npz"
    np.savez(file, x=x, y=y.astype(int), n=LENGTHS)
    return NpzFile(path=str(file), lengths="n")


def reader(data, *body, **settings):
    graph = chain(
        Input(shape=(STEPS, 2), lengths="lengths"), make("Dropout", {"rate": 0.2}), *(body or [GRU(units=4)]),
        Dense(units=2, activation="softmax"), Loss(function="cross_entropy"),
    )  # fmt: skip
    start = {"batch_size": 4, "epochs": 2, "validation_share": 0.1, "optimizer": {"kind": "adam"}}
    return project(graph, data, **{**start, **settings})


def end_of(job: Job, plan: Plan = PLAIN_PLAN, control: Control | None = None) -> Finished:
    *_, end = train(replace(job, plan=plan), control)
    assert isinstance(end, Finished)
    return end


def assert_same_bits(one: Finished, other: Finished) -> None:
    for key, weight in one.weights.items():
        np.testing.assert_array_equal(other.weights[key], weight, err_msg=key)
    for key, array in one.progress.memory.vectors.items():
        np.testing.assert_array_equal(other.progress.memory.vectors[key], array, err_msg=key)
    np.testing.assert_array_equal(other.progress.record.epochs[:, :5], one.progress.record.epochs[:, :5])


# Values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [Plan(), Plan(piece=3), Plan(threads=2)], ids=["whole", "pieces", "threads"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_training_comes_to_what_it_comes_to_with_all_steps(sequences, direction, plan, monkeypatch):
    job = Network(reader(sequences, GRU(units=4, direction=direction))).job()
    found = end_of(job, plan)
    assert len([size for size, short in job.buckets._made.items() if short]) > 3
    monkeypatch.setattr(Buckets, "size", lambda self, indices: 0)
    wanted = end_of(job, plan)
    for key, weight in wanted.weights.items():
        np.testing.assert_allclose(found.weights[key], weight, rtol=1e-9, atol=1e-12, err_msg=key)
    # Losses and accuracies of both epochs, also those of the examples kept back.
    np.testing.assert_allclose(found.progress.record.epochs[:, :5], wanted.progress.record.epochs[:, :5], rtol=1e-10)


def test_short_batches_go_through_short_programs_that_are_made_when_they_are_wanted(sequences, monkeypatch):
    network, made, done = Network(reader(sequences)), [], []
    job = network.job()
    make_one, size = job.buckets._make, Buckets.size

    def making(steps: int, below: int) -> Shorter | None:
        made.append(steps)
        return make_one(steps, below)

    def sized(self: Buckets, indices: np.ndarray) -> int:
        done.append((LENGTHS[indices].max(), size(self, indices)))
        return done[-1][1]

    monkeypatch.setattr(job.buckets, "_make", making)
    monkeypatch.setattr(Buckets, "size", sized)
    assert not made
    end_of(job)
    assert job.buckets.sizes == (4, 5, 8, 10, 15, 20, 29, 40)
    assert all(longest <= (steps or STEPS) for longest, steps in done)
    assert {steps for _, steps in done} >= {0, 4, 8, 15}
    assert len(made) == len(set(made)), "each once"
    assert network.followed_by(network.project).buckets is job.buckets, "and not again for the next run"


def test_data_larger_than_memory_is_read_batch_by_batch_as_far_as_a_batch_goes(sequences, monkeypatch):
    wanted = end_of(Network(reader(sequences, dtype="float32")).job())
    monkeypatch.setattr(base, "LARGE_BYTES", 0)
    monkeypatch.setattr(batches, "WHOLE_BYTES", 0)
    job = Network(reader(sequences, dtype="float32")).job()
    assert job.buckets._all is None
    assert_same_bits(wanted, end_of(job))


def test_a_network_that_cannot_be_shorter_trains_as_it_did(sequences):
    network = Network(reader(sequences, Flatten()))
    job = network.job()
    assert not job.buckets.useful
    assert_same_bits(end_of(job), end_of(replace(job, buckets=None)))


# Order ---------------------------------------------------------------------------------------------------------------


def test_batches_hold_sequences_of_similar_length_and_every_one_once(sequences):
    job = Network(reader(sequences, batch_size=4)).job()
    n = len(job.train)
    for epoch in (0, 1):
        order = order_of(job.train, job.settings, epoch, job.buckets)
        assert sorted(order) == sorted(job.train)
        shuffled = epoch_order(job.train, job.settings.seed, epoch)
        np.testing.assert_array_equal(order[n - n % 4 :], shuffled[n - n % 4 :], err_msg="the uneven rest stays last")

        def spread(order):
            return np.ptp(LENGTHS[order[: n - n % 4]].reshape(-1, 4), axis=1).mean()

        assert spread(order) < 0.3 * spread(shuffled)
        longest = LENGTHS[order[: 16 * 4]].reshape(-1, 4).max(1)
        assert (np.diff(longest) > 0).any()
        assert (np.diff(longest) < 0).any()
    again = order_of(job.train, job.settings, 1, Network(reader(sequences)).buckets)
    np.testing.assert_array_equal(again, order)
    assert not np.array_equal(order_of(job.train, job.settings, 2, job.buckets), order)


def test_nothing_is_grouped_unless_it_is_asked_for_and_there_are_lengths(sequences):
    network = Network(reader(sequences, group_by_length=False))
    job = network.job()
    np.testing.assert_array_equal(
        order_of(job.train, job.settings, 3, job.buckets), epoch_order(job.train, job.settings.seed, 3)
    )
    still = job.settings.model_copy(update={"shuffle": False, "group_by_length": True})
    assert order_of(job.train, still, 3, job.buckets) is job.train
    assert Network(small_project()).job().buckets is None


def test_of_very_many_examples_the_order_is_worked_out_piece_by_piece():
    n = 5000
    lengths = np.random.default_rng(1).integers(1, 31, n)
    dataset = Dataset("many", {"n": Column(lengths[:, None].astype(float))})
    found = Buckets(dataset, (Ends("n", 30),), lambda steps, below: None)
    order = found.grouped(all_shuffled(n, 3), 32, 7, 1)
    everything = order[0:n]
    assert sorted(everything) == list(range(n))
    assert np.ptp(lengths[everything[: n - n % 32]].reshape(-1, 32), axis=1).mean() < 5
    for start, stop in ((0, 32), (500, 700), (4990, 5000), (1024, 1025)):
        fresh = found.grouped(all_shuffled(n, 3), 32, 7, 1)
        np.testing.assert_array_equal(fresh[start:stop], everything[start:stop])
    array = found.grouped(np.asarray(all_shuffled(n, 3)[0:n]), 32, 7, 1)
    np.testing.assert_array_equal(array, everything)


def test_explain_walks_through_the_batches_of_training(sequences):
    start = reader(sequences)
    journey = Network(start).journey(None)
    journey.to(6)
    assert journey.program.slots[journey.program.feeds[0].slot].shape == (STEPS, 2), "with all steps to look at"
    for key, weight in end_of(Network(start).job(6)).weights.items():
        np.testing.assert_allclose(journey.arena.view(key), weight, rtol=1e-9, atol=1e-12, err_msg=key)


# Going on ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [Plan(), Plan(piece=3, threads=2)], ids=["whole", "threads"])
@pytest.mark.parametrize("steps", [1, 7, 23])
def test_a_run_that_was_left_goes_on_to_the_same_bits(sequences, steps, plan):
    start = reader(sequences)
    left = end_of(Network(start).job(steps), plan)
    rest = Network(replace(start, weights=left.weights, progress=left.progress)).job()
    assert_same_bits(end_of(Network(start).job(), plan), end_of(rest, plan))


def test_a_run_whose_batches_became_larger_on_the_way_goes_on_to_the_same_bits(sequences):
    start = reader(sequences)
    larger = start.settings.model_copy(update={"batch_size": 6})

    first = end_of(Network(start).job(5))
    half = replace(start, weights=first.weights, progress=first.progress)
    control = Control()
    control.change(larger)
    unbroken = end_of(Network(half).job(), control=control)
    assert_same_bits(unbroken, end_of(Network(replace(half, settings=larger)).job()))


# Memory --------------------------------------------------------------------------------------------------------------


class Heavy:
    nbytes = 40


def test_programs_for_short_sequences_that_were_not_wanted_lately_are_let_go(monkeypatch):
    monkeypatch.setattr(buckets, "KEPT_BYTES", 100)
    gone = []
    kept = Kept(gone.append)
    things = {size: kept.put(8, size, Heavy()) for size in (0, 5, 7)}
    assert kept.get(8, 5) is things[5]
    kept.put(8, 10, Heavy())
    assert gone == [things[7]]
    assert kept.get(8, 0) is things[0], "the whole is always there"
    kept.clear()
    assert len(gone) == 4
