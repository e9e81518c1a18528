"""What is remembered of a run: every epoch, and every step's loss in blocks that lose no peak."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annstudio.training import record as module
from annstudio.training.record import Record, Recorder

losses = st.lists(st.floats(0, 1e6, width=32), max_size=30)


@pytest.fixture(autouse=True)
def _few_blocks(monkeypatch):
    monkeypatch.setattr(module, "MAX_BLOCKS", 8)


@given(parts=st.lists(losses, max_size=12))
def test_blocks_keep_least_mean_largest_and_the_number_of_steps(parts):
    recorder = Recorder(Record())
    for part in parts:
        recorder.add_steps(np.array(part))
        recorder = Recorder(recorder.record())  # As when a run is left and gone on with.
    record, told = recorder.record(), np.array([loss for part in parts for loss in part])
    assert record.n_steps == len(told)
    assert len(record.blocks) <= 8
    for i, (least, mean, largest) in enumerate(record.blocks):
        steps = told[i * record.per_block : (i + 1) * record.per_block]
        assert (least, largest) == (steps.min(), steps.max())
        assert mean == pytest.approx(steps.mean(), rel=1e-9)


@given(parts=st.lists(losses, max_size=12))
def test_how_the_steps_come_in_makes_no_difference(parts):
    in_parts, at_once = Recorder(Record()), Recorder(Record())
    for part in parts:
        in_parts.add_steps(np.array(part))
    at_once.add_steps(np.array([loss for part in parts for loss in part]))
    np.testing.assert_allclose(in_parts.record().blocks, at_once.record().blocks, rtol=1e-9)


def test_records_that_were_handed_out_do_not_change():
    recorder = Recorder(Record())
    handed_out = []
    for i in range(200):
        recorder.add_steps(np.full(3, float(i)))
        recorder.add_epoch(i, i, i, i, i, i)
        record = recorder.record()
        handed_out.append((record, record.blocks.copy(), record.epochs.copy()))
        with pytest.raises(ValueError, match="read-only"):
            record.blocks[0, 0] = 1
    for record, blocks, epochs in handed_out:
        np.testing.assert_array_equal(record.blocks, blocks)
        np.testing.assert_array_equal(record.epochs, epochs)


def test_the_last_epoch_is_known_by_name():
    assert Record().last == {}
    recorder = Recorder(Record())
    recorder.add_epoch(1, 0.5, 0.9, 0.6, 0.8, 2.0)
    assert recorder.record().last == {
        "epoch": 1, "loss": 0.5, "accuracy": 0.9, "val_loss": 0.6, "val_accuracy": 0.8, "seconds": 2.0,
    }  # fmt: skip


def test_losses_that_run_away_are_remembered_without_a_complaint():
    """Their mean may be too large for a number; the least and the largest are not."""
    recorder = Recorder(Record())
    recorder.add_steps(np.full(20, 1.7e308))
    blocks = recorder.record().blocks
    assert (blocks[:, [0, 2]] == 1.7e308).all()
    assert not np.isnan(blocks).any()
