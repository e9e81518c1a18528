"""Quick twins where the small networks of the contract do not come: pictures in blocks, arrays that are not kept."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.passes import quicken
from annstudio.engine.program import Role, Step
from annstudio.layers.base import make
from annstudio.layers.fast import grouped
from tests.builders import chain, project, random_feeds, random_weights, run_of
from tests.layers.cases import Case, written

SETTINGS = [{}, {"padding": "valid"}, {"strides": (2, 1)}, {"dilation": (2, 1)}, {"bias": False}]


@pytest.mark.parametrize("room", [1, 200, 700, 10_000])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_one_filter_a_channel_is_right_in_blocks_of_any_size(monkeypatch, room, settings):
    monkeypatch.setattr(grouped, "ROOM", room)
    case = Case(make("DepthwiseConv2D", {"kernel_size": (3, 2), "activation": "linear", **settings}), ((4, 7, 5),))
    plain, fast = (_finished(case, plain=plain) for plain in (True, False))
    np.testing.assert_allclose(fast.output("layer"), plain.output("layer"), atol=1e-12)
    for parameter in fast.program.parameters:
        found, wanted = fast.arena.gradient(parameter), plain.arena.gradient(parameter)
        np.testing.assert_allclose(found, wanted, atol=1e-11 * np.abs(wanted).max())


def test_one_filter_a_channel_keeps_no_patches():
    case = Case(make("DepthwiseConv2D", {}), ((4, 7, 5),))
    run = _finished(case, plain=False)
    program = run.program
    buffers = [slot.index for slot in program.slots if slot.role is Role.BUFFER and slot.index in program.used]
    assert sum(run.arrays[slot].size for slot in buffers) == 0


POOLED = [
    # Many filters: windows place by place; few: by rows.
    ({"filters": 20}, (2, 2)),
    ({"filters": 2}, (2, 2)),
    ({"filters": 30, "padding": "valid", "strides": (1, 2)}, (2, 1)),
    ({"filters": 20, "bias": False}, (1, 3)),
    ({"filters": 20, "activation": "tanh"}, (3, 2)),
    ({"filters": 20}, (1, 1)),
]


@pytest.mark.parametrize(("settings", "size"), POOLED, ids=str)
@pytest.mark.parametrize("ahead", [False, True], ids=["first", "second"])
def test_a_convolution_and_its_pooling_in_one_step_are_the_two(settings, size, ahead):
    conv = make("Conv2D", {"kernel_size": (3, 2), "padding": "same", "activation": "relu", **settings})
    first = [make("Conv2D", {"filters": 2, "kernel_size": (2, 2)})] if ahead else []
    pool = make("MaxPool2D", {"pool_size": size})
    network = Network(project(chain(
        make("Input", {"shape": (8, 9, 1)}), *first, conv, pool, make("Flatten", {}), make("Dense", {"units": 2}),
        make("Loss", {}),
    )))  # fmt: skip
    fast, plain = network.programs.fast, network.plain
    assert "PooledCorrelate2D" in [type(step.op).__name__ for step in fast.steps if isinstance(step, Step)]
    rng = np.random.default_rng(7)
    feeds, weights = random_feeds(plain, 3, rng), random_weights(plain, rng)
    runs = [run_of(program, feeds, weights, "float64") for program in (fast, plain)]
    for run in runs:
        run.finish()
    assert runs[0].loss == pytest.approx(runs[1].loss, rel=1e-12)
    for parameter in plain.parameters:
        found, wanted = (run.arena.gradient(parameter) for run in runs)
        np.testing.assert_allclose(found, wanted, atol=1e-11 * np.abs(wanted).max())


def _finished(case, *, plain):
    program = quicken(written(case, plain=plain))
    rng = np.random.default_rng(5)
    weights = random_weights(program, rng)
    run = run_of(program, random_feeds(program, 3, rng), weights, "float64")
    run.finish()
    return run
