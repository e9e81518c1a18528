"""Optimisers from one start: real training, the same batches, and ways that are where the weights were."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.optimizers import OPTIMIZERS, SGD, Adam
from annstudio.training import trace as traces
from annstudio.training.control import Control
from annstudio.training.race import Race, retrace, side_by_side
from annstudio.training.snapshot import Finished
from annstudio.training.trace import Trace
from annstudio.training.trainer import train
from tests.builders import assert_same_arrays, small_project

PLACES = (("hidden/W", (1, 2)), ("output/W", (0, 3)))


def job(**settings):
    return Network(small_project(**settings)).job()


def ends(jobs):
    *_, ways = side_by_side(jobs, PLACES)
    return ways


def test_a_trace_notes_where_the_weights_are_after_every_update():
    track = Race((SGD(),), PLACES, (0.5, -0.5), steps=7, batch_size=6, alone=False)
    (only,) = track.jobs(job())
    *_, way = retrace(only, PLACES)
    np.testing.assert_array_equal(way.track.steps, np.arange(8))
    np.testing.assert_array_equal(way.track.points[0], (0.5, -0.5))
    for steps in (1, 4, 7):
        (part,) = Race((SGD(),), PLACES, (0.5, -0.5), steps=steps, batch_size=6, alone=False).jobs(job())
        *_, finished = train(part)
        expected = [finished.weights[key][index] for key, index in PLACES]
        np.testing.assert_array_equal(way.track.points[steps], expected)


def test_a_trace_changes_nothing_of_the_training():
    for settings in ({"batch_size": 6}, {"batch_size": 20}, {"batch_size": 6, "validation_share": 0.3}):
        trace = Trace(PLACES)
        *_, noted = train(job(epochs=9, **settings), Control(trace=trace))
        *_, plain = train(job(epochs=9, **settings))
        assert_same_arrays(noted.weights, plain.weights)
        np.testing.assert_array_equal(noted.progress.record.blocks, plain.progress.record.blocks)
        assert trace.track.steps[-1] == plain.progress.step
        np.testing.assert_array_equal(trace.track.losses[:-1], plain.progress.record.blocks[:, 1])
        assert np.isnan(trace.track.losses[-1])


def test_a_long_trace_is_thinned_and_keeps_its_ends(monkeypatch):
    monkeypatch.setattr(traces, "MOST", 50)
    trace = Trace(PLACES)
    *_, noted = train(job(epochs=101, batch_size=20), Control(trace=trace))
    track = trace.track
    assert len(track.steps) <= 52
    assert track.steps[0] == 0
    assert track.steps[-1] == noted.progress.step == 101
    assert len(set(np.diff(track.steps)[:-1])) == 1
    np.testing.assert_array_equal(track.points[-1], [noted.weights[key][index] for key, index in PLACES])
    whole = Trace(PLACES)
    monkeypatch.setattr(traces, "MOST", 5000)
    list(train(job(epochs=101, batch_size=20), Control(trace=whole)))
    np.testing.assert_array_equal(whole.track.points[track.steps], track.points)
    np.testing.assert_array_equal(whole.track.losses[track.steps], track.losses)


def test_alone_means_that_no_other_number_moves():
    start = job()
    kinds = tuple(kind() for kind in OPTIMIZERS)
    ways = ends(Race(kinds, PLACES, (0.5, -0.5), steps=9, batch_size=6).jobs(start))
    for way in ways:
        assert isinstance(way.end, Finished)
        assert way.end.reason == "limit"
        moved = {key: way.end.weights[key] != array for key, array in start.weights.items()}
        assert [bool(moved[key][index]) for key, index in PLACES] == [True, True]
        assert sum(int(mask.sum()) for mask in moved.values()) == 2


def test_a_number_that_is_locked_stays_locked():
    project = small_project()
    mask = np.zeros((2, 4), bool)
    mask[0, 3] = True
    network = Network(project)
    locked = Network(network.locking("output/W", mask)).job()
    for alone in (True, False):
        (way,) = ends(Race((Adam(),), PLACES, (0.5, -0.5), steps=5, alone=alone).jobs(locked))
        assert way.track.points[-1][0] != 0.5
        assert way.track.points[-1][1] == -0.5


def test_all_see_the_same_batches():
    ways = ends(Race((SGD(), Adam()), PLACES, (0.5, -0.5), steps=4, batch_size=6).jobs(job()))
    assert ways[0].track.losses[0] == ways[1].track.losses[0]
    assert ways[0].track.losses[1] != ways[1].track.losses[1]


def test_a_race_that_is_left_ends_its_training():
    racing = side_by_side(Race((SGD(), Adam()), PLACES, (0.5, -0.5), steps=10**6, batch_size=6).jobs(job()), PLACES)
    ways = next(racing)
    racing.close()
    assert ways[0].end is None
    assert len(ways[0].track.steps) > 1
    with pytest.raises(StopIteration):
        next(racing)
