"""Random numbers that can be had again."""

import numpy as np
import pytest

from annstudio.engine.noise import KeepMask, generator


def test_a_generator_depends_on_seed_step_and_node_and_on_nothing_else():
    def drawn(*key):
        return generator(*key).random(4).tolist()

    assert drawn(1, 2, "a") == drawn(1, 2, "a")
    others = [drawn(2, 2, "a"), drawn(1, 3, "a"), drawn(1, 2, "b"), drawn(1, 2**40, "a"), drawn(2**31 - 1, 2, "a")]
    assert all(other != drawn(1, 2, "a") for other in others)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_keep_mask_keeps_the_mean(rate, dtype):
    mask = np.empty((200, 300), dtype)
    KeepMask(rate).fill(generator(0, 0, "dropout"), mask)
    assert np.unique(mask) == pytest.approx([0, 1 / (1 - rate)])
    assert mask.mean() == pytest.approx(1, abs=0.05)


def test_both_number_formats_draw_the_same_mask():
    wide, narrow = np.empty((50, 60)), np.empty((50, 60), np.float32)
    for mask in (wide, narrow):
        KeepMask(0.3).fill(generator(0, 1, "dropout"), mask)
    np.testing.assert_array_equal(wide > 0, narrow > 0)
