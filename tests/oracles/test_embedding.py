"""Embedding against PyTorch: rows looked up, and gradients added where a number comes more than once."""

import numpy as np
import pytest

from annstudio.layers.embedding import Embedding
from tests.oracles.bench import N, assert_near, ours, program_of, theirs, weights_of

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_embedding(torch, dtype, plain):
    layer = Embedding(vocabulary=6, units=4)
    xs = [np.random.default_rng(0).integers(0, 6, (N, 5)).astype(float)]
    weights = weights_of(program_of(layer, ((5,),)))
    found, r = ours(layer, xs, weights, None, dtype, plain=plain)
    wanted = theirs(torch, lambda x, W: torch.nn.functional.embedding(x.long(), W), xs, weights, r, dtype)
    assert_near(found.y, wanted.y, dtype, "y")
    assert_near(found.dweights["W"], wanted.dweights["W"], dtype, "dW")
