"""Quick twins where the small networks of the contract do not come: pictures in blocks, arrays that are not kept."""

import numpy as np
import pytest

from annstudio.engine.passes import quicken
from annstudio.engine.program import Role
from annstudio.layers.base import make
from annstudio.layers.fast import grouped
from tests.builders import random_feeds, random_weights, run_of
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


def _finished(case, *, plain):
    program = quicken(written(case, plain=plain))
    rng = np.random.default_rng(5)
    weights = random_weights(program, rng)
    run = run_of(program, random_feeds(program, 3, rng), weights, "float64")
    run.finish()
    return run
