"""The gradient of weights over moments: whatever the way, it is the sum over moments and examples."""

import numpy as np
import pytest

from annstudio.engine.calls import do
from annstudio.layers.fast.products import weight_gradient_calls


@pytest.mark.parametrize("n", [1, 40], ids=["side by side", "moment by moment"])
@pytest.mark.parametrize("order", [(slice(None),), (slice(3, None), slice(3))], ids=["as they are", "turned round"])
def test_every_way_gives_the_sum(n, order):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(7, 12, n)), rng.normal(size=(7, 9, n))
    dw = np.empty((12, 9))
    calls = weight_gradient_calls(dw, left, right, order)
    for _ in range(2):
        dw.fill(np.nan)
        do(calls)
        rows = np.concatenate([left[:, piece] for piece in order], 1)
        np.testing.assert_allclose(dw, np.einsum("trn,tkn->rk", rows, right), rtol=1e-12)


def test_the_products_of_all_moments_are_kept_only_where_they_are_small():
    left, right = np.zeros((100, 64, 2)), np.zeros((100, 65, 2))
    largest = max(array.size for call in weight_gradient_calls(np.empty((64, 65)), left, right)
                  for array in getattr(call, "args", ()) if isinstance(array, np.ndarray))  # fmt: skip
    assert largest < 100 * 64 * 65 / 10
