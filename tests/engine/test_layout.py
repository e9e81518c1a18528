"""Users have channels last and examples first, the engine channels first and examples last."""

import numpy as np
import pytest

from annstudio.engine.layout import engine_shape, to_engine, to_user, user_shape
from annstudio.engine.op import shape_text


@pytest.mark.parametrize("shape", [(4,), (7, 3), (5, 6, 2), (3, 4, 5, 2)])
def test_there_and_back_is_the_start(shape):
    rows = np.arange(3 * np.prod(shape)).reshape(3, *shape)
    engine = to_engine(rows)
    assert engine.shape[1:] == engine_shape(shape)
    np.testing.assert_array_equal(to_user(np.moveaxis(engine, 0, -1)), rows)
    assert user_shape(engine_shape(shape)) == shape


def test_a_pixel_is_the_same_on_both_sides():
    rows = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    assert to_engine(rows)[1, 2, 3, 4] == rows[1, 3, 4, 2]
    film = np.random.default_rng(0).normal(size=(2, 7, 5, 6, 3))
    assert to_engine(film)[1, 4, 2, 3, 5] == film[1, 4, 3, 5, 2]


def test_shapes_read_as_users_write_them():
    assert [shape_text(shape) for shape in [(), (4,), (7, 3), (1, 8, 9), (5, 1, 8, 9)]] == [
        "1", "4", "7×3", "8×9×1", "5×8×9×1",
    ]  # fmt: skip
