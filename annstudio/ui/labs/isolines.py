"""Lines of one height over a grid, by cutting every cell into four triangles around its middle."""

from collections.abc import Sequence

import numpy as np

from annstudio.engine.op import Array


def isolines(z: Array, xs: Array, ys: Array, levels: Sequence[float]) -> tuple[Array, Array]:
    """Where a surface `z` (rows along `ys`, columns along `xs`) has one of these heights: the ends of straight pieces,
    x and y of two in a row each. Cells with a corner that is not a number have none."""
    height, point = _triangles(z, xs, ys)
    after, ahead = np.roll(height, -1, 1), np.roll(point, -1, 1)
    low, high = height.min(1, initial=np.inf), height.max(1, initial=-np.inf)
    found = [np.zeros((0, 2))]
    for level in levels:
        cut = (low <= level) & (high > level)
        here, there = height[cut], after[cut]
        crossed = (here > level) != (there > level)
        share = np.divide(level - here, there - here, out=np.zeros(here.shape), where=crossed)
        found.append((point[cut] + share[..., None] * (ahead[cut] - point[cut]))[crossed])
    ends = np.concatenate(found)
    return ends[:, 0], ends[:, 1]


def _triangles(z: Array, xs: Array, ys: Array) -> tuple[Array, Array]:
    """The heights (n, 3) and places (n, 3, 2) of the corners of all triangles that are known."""
    x, y = np.meshgrid(xs, ys)
    corners = [z[rows, columns] for rows, columns in _CORNERS]
    places = [np.stack([x[rows, columns], y[rows, columns]], -1) for rows, columns in _CORNERS]
    middle, at = np.mean(corners, 0), np.mean(places, 0)
    heights, points = [], []
    for i in range(4):
        k = (i + 1) % 4
        heights.append(np.stack([corners[i], corners[k], middle], -1).reshape(-1, 3))
        points.append(np.stack([places[i], places[k], at], -2).reshape(-1, 3, 2))
    height, point = np.concatenate(heights), np.concatenate(points)
    known = np.isfinite(height).all(1)
    return height[known], point[known]


_ALL_BUT_LAST, _ALL_BUT_FIRST = slice(None, -1), slice(1, None)
_CORNERS = (
    (_ALL_BUT_LAST, _ALL_BUT_LAST), (_ALL_BUT_LAST, _ALL_BUT_FIRST),
    (_ALL_BUT_FIRST, _ALL_BUT_FIRST), (_ALL_BUT_FIRST, _ALL_BUT_LAST),
)  # fmt: skip
