"""Lines of one height over a grid."""

import numpy as np
import pytest

from annstudio.ui.labs.isolines import isoline

XS, YS = np.linspace(-2, 2, 41), np.linspace(-1, 3, 31)
X, Y = np.meshgrid(XS, YS)


def test_on_a_slope_the_line_is_where_the_height_is():
    x, y = isoline(2 * X + Y, XS, YS, 1.0)
    assert len(x) == len(y) > 40
    np.testing.assert_allclose(2 * x + y, 1.0, atol=1e-12)


def test_around_a_bowl_it_is_a_closed_circle():
    x, y = isoline(X**2 + (Y - 1) ** 2, XS, YS, 0.955)
    np.testing.assert_allclose(np.hypot(x, y - 1), 0.955**0.5, atol=0.01)
    ends = np.round(np.stack([x, y], 1), 9)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert set(counts) == {2}
    length = np.hypot(*(np.diff(ends.reshape(-1, 2, 2), axis=1)[:, 0].T)).sum()
    assert length == pytest.approx(2 * np.pi * 0.955**0.5, rel=0.01)


def test_where_there_is_no_number_there_is_no_line():
    z = X.copy()
    z[:10] = np.nan
    x, y = isoline(z, XS, YS, 0.5)
    assert y.min() >= YS[10]
    assert len(isoline(z, XS, YS, 9.0)[0]) == 0
