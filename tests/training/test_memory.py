"""Ten thousand steps take no more memory than a thousand, whatever is looked at meanwhile."""

import gc
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from annstudio.training.snapshot import Finished, Snapshot
from annstudio.training.trainer import Control, train
from tests.builders import chain, project, some_table

FIRST, LAST = 2000, 12_000
STATM = Path("/proc/self/statm")
BODIES = {
    "dense": [Dense(units=5), BatchNorm(), Dropout(rate=0.4)],
    "convolution": [Reshape(target=(3, 2, 1)), Conv2D(filters=2), Flatten(), Dropout(rate=0.4)],
    "recurrent": [Reshape(target=(3, 2)), LSTM(units=3)],
}


def start(body: str) -> Project:
    """Epochs of a hundred batches, a tenth kept back, early stopping on watch and a schedule that follows the loss."""
    graph = chain(Input(shape=(6,)), *BODIES[body], Dense(units=2), Loss())
    return project(
        graph, some_table(1112, 6), validation_share=0.1, batch_size=10, epochs=1000, dtype="float32", patience=900,
        optimizer={"kind": "adam"}, schedule={"kind": "plateau"}, clip_norm=1.0,
    )  # fmt: skip


def grown(body: str, watch: int | None, measure) -> int:
    """By how much memory grows between the steps FIRST and LAST."""
    control, found, due = Control(watch=watch), [], FIRST
    for message in train(Network(start(body)).job(LAST + 100_000), control):
        if isinstance(message, Finished):
            assert message.reason == "paused"
        elif isinstance(message, Snapshot) and message.step >= due:
            gc.collect()
            found.append(measure())
            due, control.stop = LAST, message.step >= LAST
    (before, after) = found[0], found[-1]
    assert len(list(pairwise(found))) == 1
    return after - before


@pytest.mark.timeout(500)  # Counting every object is slow, and slower on a machine with much else to do.
@pytest.mark.parametrize(("body", "watch"), [*((body, None) for body in BODIES), ("dense", 3)])
def test_ten_thousand_steps_leave_no_objects_behind(body, watch):
    tracemalloc.start()
    try:
        # The record of the losses comes and goes by some 50 000 bytes; one number a step would be 240 000 and more.
        assert grown(body, watch, lambda: tracemalloc.get_traced_memory()[0]) < 80_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not STATM.exists(), reason="this system does not tell what a process has in memory")
def test_ten_thousand_steps_take_no_more_pages():
    pages = grown("dense", 3, lambda: int(STATM.read_text().split()[1]))
    assert pages * 4096 < 3_000_000
