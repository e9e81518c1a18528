"""Convolution against the plainest of loops, with every kind of border and stride."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.builder import Spec
from annstudio.engine.op import Array
from annstudio.engine.passes import quicken
from annstudio.layers.conv import Conv2D
from annstudio.layers.ends import Input
from tests.builders import chain, random_weights, run_of


def by_loops(x: Array, w: Array, b: Array, strides: tuple[int, int], padding: str) -> Array:
    """Images (N, H, W, C), kernels (F, C, kh, kw): what PyTorch and Keras do, written out."""
    n, height, width, _ = x.shape
    filters, _, kh, kw = w.shape
    sh, sw = strides
    same = padding == "same"
    rows = -(-height // sh) if same else (height - kh) // sh + 1
    columns = -(-width // sw) if same else (width - kw) // sw + 1
    above = max((rows - 1) * sh + kh - height, 0) // 2 if same else 0
    left = max((columns - 1) * sw + kw - width, 0) // 2 if same else 0
    y = np.zeros((n, rows, columns, filters))
    for e, i, j, f in np.ndindex(y.shape):
        total = b[f]
        for u, v in np.ndindex(kh, kw):
            r, c = i * sh + u - above, j * sw + v - left
            if 0 <= r < height and 0 <= c < width:
                total += w[f, :, u, v] @ x[e, r, c]
        y[e, i, j, f] = total
    return y


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "fast"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (2, 4), (5, 2)])
def test_every_window_is_multiplied_and_summed(plain, padding, strides, kernel_size):
    layer = Conv2D(filters=3, kernel_size=kernel_size, strides=strides, padding=padding, activation="linear")
    graph = chain(input=Input(shape=(5, 6, 2)), conv=layer)
    program = quicken(compile_graph(graph, {"x": Spec((2, 5, 6))}, training=False, plain=plain))
    rng = np.random.default_rng(1)
    weights, x = random_weights(program, rng), rng.normal(size=(2, 5, 6, 2))
    run = run_of(program, {program.feeds[0].slot: np.moveaxis(x, 3, 1)}, weights)
    run.finish()
    found = np.transpose(run.output("conv"), (3, 1, 2, 0))
    np.testing.assert_allclose(found, by_loops(x, weights["conv/W"], weights["conv/b"], strides, padding), atol=1e-12)
