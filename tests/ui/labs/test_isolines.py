"""Lines of one height over a grid."""

import numpy as np
import pytest

from annstudio.ui.labs.isolines import isolines

XS, YS = np.linspace(-2, 2, 41), np.linspace(-1, 3, 31)
X, Y = np.meshgrid(XS, YS)


def test_on_a_slope_the_line_is_where_the_height_is():
    x, y = isolines(2 * X + Y, XS, YS, [1.0])
    assert len(x) == len(y) > 40
    np.testing.assert_allclose(2 * x + y, 1.0, atol=1e-12)


def test_around_a_bowl_it_is_a_closed_circle():
    x, y = isolines(X**2 + (Y - 1) ** 2, XS, YS, [0.955])
    np.testing.assert_allclose(np.hypot(x, y - 1), 0.955**0.5, atol=0.01)
    ends = np.round(np.stack([x, y], 1), 9)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert set(counts) == {2}
    length = np.hypot(*(np.diff(ends.reshape(-1, 2, 2), axis=1)[:, 0].T)).sum()
    assert length == pytest.approx(2 * np.pi * 0.955**0.5, rel=0.01)


def test_where_there_is_no_number_there_is_no_line():
    z = X.copy()
    z[:10] = np.nan
    x, y = isolines(z, XS, YS, [0.5])
    assert y.min() >= YS[10]
    assert len(isolines(z, XS, YS, [9.0])[0]) == 0


def test_several_heights_give_several_lines():
    x, y = isolines(2 * X + Y, XS, YS, [0.25, 1.25])
    heights = 2 * x + y
    np.testing.assert_allclose(np.abs(heights - 0.75), 0.5, atol=1e-12)
    assert {round(height, 6) for height in heights} == {0.25, 1.25}
    assert not len(isolines(X, XS, YS, [])[0])
