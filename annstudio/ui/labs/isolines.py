"""Lines of one height over a grid, by cutting every cell into four triangles around its middle."""

import numpy as np

from annstudio.engine.op import Array


def isoline(z: Array, xs: Array, ys: Array, level: float) -> tuple[Array, Array]:
    """Where a surface `z` (rows along `ys`, columns along `xs`) has the height `level`: the ends of straight pieces,
    x and y of two in a row each. Cells with a corner that is not a number have none."""
    corners = [z[:-1, :-1], z[:-1, 1:], z[1:, 1:], z[1:, :-1]]
    x, y = np.meshgrid(xs, ys)
    places = [np.stack([x[rows, columns], y[rows, columns]], -1) for rows, columns in _CORNERS]
    middle, at = sum(corners) / 4, sum(places) / 4
    heights, points = [], []
    for i in range(4):
        k = (i + 1) % 4
        heights.append(np.stack([corners[i], corners[k], middle], -1).reshape(-1, 3))
        points.append(np.stack([places[i], places[k], at], -2).reshape(-1, 3, 2))
    height, point = np.concatenate(heights), np.concatenate(points)
    above = height > level
    cut = above.any(1) & ~above.all(1) & np.isfinite(height).all(1)
    height, point, above = height[cut], point[cut], above[cut]
    after = np.roll(height, -1, 1)
    crossed = above != np.roll(above, -1, 1)
    share = np.divide(level - height, after - height, out=np.zeros(height.shape), where=crossed)
    ends = (point + share[..., None] * (np.roll(point, -1, 1) - point))[crossed]
    return ends[:, 0], ends[:, 1]


_ALL_BUT_LAST, _ALL_BUT_FIRST = slice(None, -1), slice(1, None)
_CORNERS = (
    (_ALL_BUT_LAST, _ALL_BUT_LAST), (_ALL_BUT_LAST, _ALL_BUT_FIRST),
    (_ALL_BUT_FIRST, _ALL_BUT_FIRST), (_ALL_BUT_FIRST, _ALL_BUT_LAST),
)  # fmt: skip
