"""The thread that trains, and its mailbox: nothing is lost but old frames, and exceptions are told."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.training.control import WeightEdit
from annstudio.training.record import Record
from annstudio.training.snapshot import Edited, Failed, Finished, Progress, Snapshot
from annstudio.training.worker import Mailbox, Worker
from tests.builders import finished, small_project

SECONDS = 20.0
"""So long a test waits for a thread at most."""


def frame(step: int) -> Snapshot:
    return Snapshot(step, 0, 0, 1, 0.0, Record(), 0.0, 0.0)


def edited(i: int) -> Edited:
    return Edited({}, Progress(step=i), "a/W", (0,), float(i))


def test_the_newest_frame_wins_and_events_come_all_and_in_order():
    box = Mailbox()
    for message in (frame(1), edited(1), frame(2), edited(2), frame(3)):
        box.put(message)
    assert [m.step if isinstance(m, Snapshot) else m.progress.step for m in box.take()] == [3, 1, 2]
    assert box.take() == []


def test_a_worker_trains_what_the_generator_trains():
    start = small_project()
    worker = Worker(Network(start).job())
    worker.start()
    worker.join(SECONDS)
    *_, end = worker.mailbox.take()
    wanted = finished(start)
    assert isinstance(end, Finished)
    assert all(np.array_equal(end.weights[key], weight) for key, weight in wanted.weights.items())
    assert not worker.running


def test_stop_ends_a_run_that_would_last_for_ever():
    worker = Worker(Network(small_project(epochs=10_000_000)).job())
    worker.start()
    worker.stop()
    worker.join(SECONDS)
    *_, end = worker.mailbox.take()
    assert (end.reason, worker.running) == ("paused", False)


def test_frames_tell_the_whole_record_and_what_is_watched():
    worker = Worker(Network(small_project(epochs=10_000_000)).job(), watch=3)
    worker.start()
    seen = []
    while len(seen) < 2:
        seen += worker.mailbox.take()
    worker.stop()
    worker.join(SECONDS)
    first = seen[0]
    assert first.record.n_steps == first.step
    assert first.views.activations["hidden"].shape == (1, 4)
    assert first.views.weights.keys() == {"hidden/W", "hidden/b", "output/W", "output/b"}
    assert all(size > 0 for size in first.views.gradients.values())
    assert first.samples_per_second > 0


def test_edits_in_a_row_are_all_told_in_order():
    worker = Worker(Network(small_project(epochs=10_000_000)).job())
    for i in range(50):
        worker.edit(WeightEdit("hidden/b", (i % 4,), float(i)))
    worker.start()
    told = []
    while len(told) < 50:
        told += [message for message in worker.mailbox.take() if isinstance(message, Edited)]
    worker.stop()
    worker.join(SECONDS)
    assert [message.value for message in told] == list(range(50))


def test_an_exception_in_the_thread_comes_through_the_mailbox():
    job = Network(small_project()).job()
    worker = Worker(replace(job, weights={"hidden/W": np.ones((9, 9))}))
    worker.start()
    worker.join(SECONDS)
    (message,) = worker.mailbox.take()
    assert isinstance(message, Failed)
    with pytest.raises(ValueError, match="hidden/W has shape"):
        raise message.error
