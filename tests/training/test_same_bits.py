"""The same seed and the same plan give the same bits, in another process too."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import NEXT_TO_NOTHING, Memory
from annstudio.engine.plan import PLAIN_PLAN, Plan
from annstudio.engine.planning import plan_for
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout, GaussianNoise
from annstudio.training import trainer
from annstudio.training.snapshot import Progress
from annstudio.training.trainer import train
from tests.builders import chain, finished, project, some_table, table

ROOT = Path(__file__).resolve().parent.parent.parent
BODIES = {
    "convolution": [
        Reshape(target=(16, 16, 1)), Conv2D(filters=8), MaxPool2D(), Dropout(rate=0.4), Flatten(), Dense(units=64),
    ],
    "recurrent": [Reshape(target=(16, 16)), GaussianNoise(), GRU(units=12, direction="both")],
}  # fmt: skip


def start(body: str, dtype: str) -> Project:
    graph = chain(Input(shape=(256,)), *BODIES[body], Dense(units=2), Loss())
    return project(
        graph, some_table(150, 256), batch_size=32, epochs=2, dtype=dtype, optimizer={"kind": "adam"}, seed=7
    )  # fmt: skip


def bits(body: str, dtype: str, plan: Plan) -> str:
    """All weights and the optimiser's memory after two epochs, as one number."""
    *_, end = train(replace(Network(start(body, dtype)).job(), plan=plan))
    digest = sha256()
    for arrays in (end.weights, end.progress.memory.vectors):
        for key, array in sorted(arrays.items()):
            digest.update(key.encode())
            digest.update(array.tobytes())
    digest.update(end.progress.record.epochs[:, 1].tobytes())
    return digest.hexdigest()


def elsewhere(body: str, dtype: str, plans: list[Plan]) -> list[str]:
    """The same for each plan, worked out by another process, which orders its sets in another way."""
    told = subprocess.run(
        [sys.executable, __file__, body, dtype, json.dumps([asdict(plan) for plan in plans])],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("body", BODIES)
def test_two_processes_come_to_the_same_bits(body, dtype):
    found = plan_for(Network(start(body, dtype)).programs.fast, dtype, 32)
    plans = [found, PLAIN_PLAN, Plan({}, 16, 2)]
    here = [bits(body, dtype, plan) for plan in plans]
    assert [bits(body, dtype, plan) for plan in plans] == here
    assert elsewhere(body, dtype, plans) == here


def test_another_seed_comes_to_others():
    one = start("recurrent", "float32")
    other = replace(one, settings=one.settings.model_copy(update={"seed": 8}))
    ends = [list(train(replace(Network(each).job(), plan=PLAIN_PLAN)))[-1] for each in (one, other)]
    assert any((ends[0].weights[key] != ends[1].weights[key]).any() for key in ends[0].weights)


def test_how_many_batches_are_done_in_a_row_changes_no_bit(monkeypatch):
    """The clock decides that. What the optimiser remembers is freed of next to nothing after step 1000 all the same: of
    a momentum that is a little more than that by then, the next hundred steps leave less, but not nothing."""
    graph = chain(input=Input(shape=(1,)), output=Dense(units=1, activation="linear"), loss=Loss())
    still = project(graph, table([(0.0,)] * 2000, [(0.0,)] * 2000), batch_size=1, optimizer={"kind": "momentum"})
    v = {"Momentum.v:output/W": np.array([[1.1 * NEXT_TO_NOTHING / 0.9**10]])}
    going = replace(still, progress=Progress(step=990, position=990, memory=Memory(990, v)))
    ends = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(trainer, "PACE_SECONDS", seconds)
        ends.append(finished(going, 110).progress.memory.vectors["Momentum.v:output/W"])
    assert 0 < ends[0] < NEXT_TO_NOTHING
    np.testing.assert_array_equal(ends[1], ends[0])


if __name__ == "__main__":
    for settings in json.loads(sys.argv[3]):
        print(bits(sys.argv[1], sys.argv[2], Plan(**settings)))
