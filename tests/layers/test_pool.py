"""Max-pooling gives each gradient to exactly one place."""

import numpy as np

from annstudio.engine.op import Array
from annstudio.layers.framing import border
from annstudio.layers.windows import WindowMax


def gradient(x: Array, size: tuple[int, int] = (2, 2)) -> Array:
    """The gradient of an image (H, W) when every window's result has gradient 1."""
    x = x[None, :, :, None].astype(float)
    op = WindowMax(size, size, border(x.shape[:-1], size, size, "valid"))
    y = np.empty((*op.shape(x.shape[:-1]), 1))
    op.forward(y, x)
    dx = np.full_like(x, 7.0)
    op.backward(dx, np.ones_like(y), x, y)
    return dx[0, :, :, 0]


def test_a_tie_gives_the_gradient_to_the_first_place_alone():
    np.testing.assert_array_equal(
        gradient(np.ones((4, 4))), np.kron(np.eye(1), [[1, 0] * 2, [0] * 4, [1, 0] * 2, [0] * 4])
    )


def test_what_no_window_covers_gets_no_gradient():
    x = np.arange(25).reshape(5, 5)
    wanted = np.zeros((5, 5))
    wanted[1:4:2, 1:4:2] = 1
    np.testing.assert_array_equal(gradient(x), wanted)
