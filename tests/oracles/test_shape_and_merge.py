"""Layers that reshape and that bring branches together, against PyTorch."""

import numpy as np
import pytest

from annstudio.layers.merge import Add, Average, Concatenate, Dot, Maximum, Multiply, Subtract, UnitLength
from annstudio.layers.shaping import Flatten, Permute, RepeatVector, Reshape
from tests.oracles.bench import compare

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
SHAPES = [(4,), (5, 3), (3, 4, 2)]


@dtypes
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [2, 3])
def test_merging(torch, shape, n, dtype):
    shapes = (shape,) * n
    compare(torch, Add(), shapes, lambda *xs: sum(xs), dtype)
    compare(torch, Multiply(), shapes, lambda *xs: torch.stack(xs).prod(0), dtype)
    compare(torch, Average(), shapes, lambda *xs: torch.stack(xs).mean(0), dtype)
    compare(torch, Maximum(), shapes, lambda *xs: torch.stack(xs).amax(0), dtype)
    compare(torch, Concatenate(), shapes, lambda *xs: torch.cat(xs, -1), dtype)
    if n == 2:
        compare(torch, Subtract(), shapes, lambda a, b: a - b, dtype)


@dtypes
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(torch, normalize, dtype):
    def unit(x):
        return torch.nn.functional.normalize(x, dim=-1) if normalize else x

    layer = Dot(normalize=normalize)
    compare(torch, layer, ((4,), (4,)), lambda a, b: (unit(a) * unit(b)).sum(-1, keepdim=True), dtype)
    compare(torch, layer, ((5, 4), (3, 4)), lambda a, b: unit(a) @ unit(b).transpose(1, 2), dtype)


@dtypes
@pytest.mark.parametrize("order", [(2, 1), (1, 2), (2, 1, 3), (3, 1, 2), (2, 3, 1), (1, 3, 2), (3, 2, 1)])
def test_permute(torch, order, dtype):
    shape = (5, 3) if len(order) == 2 else (3, 4, 2)
    compare(torch, Permute(order_of_axes=order), (shape,), lambda x: x.permute(0, *order), dtype)


@dtypes
def test_laying_out_anew(torch, dtype):
    """Images are read channel by channel, as PyTorch lays them out."""
    compare(torch, RepeatVector(times=4), ((3,),), lambda x: x[:, None].expand(-1, 4, -1), dtype)
    compare(torch, Flatten(), ((3, 4, 2),), lambda x: x.permute(0, 3, 1, 2).flatten(1), dtype)
    folded = Reshape(target=(4, 3, 2))
    compare(torch, folded, ((24,),), lambda x: x.reshape(-1, 2, 4, 3).permute(0, 2, 3, 1), dtype)
    compare(torch, Reshape(target=(4, 6)), ((24,),), lambda x: x.reshape(-1, 4, 6), dtype)


def test_directions_of_nothing_are_nothing(torch):
    x = np.zeros((3, 2))
    y, dx = np.ones_like(x), np.ones_like(x)
    UnitLength().forward(y, x)
    UnitLength().backward(dx, np.ones_like(x), x, y)
    assert not y.any()
    assert np.isfinite(dx).all()
