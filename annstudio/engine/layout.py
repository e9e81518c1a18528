"""Between the layout users see (images channels last) and the engine's (channels first), for arrays of examples.

Sequences (T, D) and lists of values (D,) are laid out alike in both. Examples stay the first axis here; a Run puts
them last.
"""

import numpy as np

from annstudio.engine.op import Array, Shape


def engine_shape(shape: Shape) -> Shape:
    """(H, W, C) → (C, H, W), of pictures one after the other as well; other shapes as they are."""
    return (*shape[:-3], shape[-1], *shape[-3:-1]) if len(shape) >= 3 else shape


def user_shape(shape: Shape) -> Shape:
    """(C, H, W) → (H, W, C), of pictures one after the other as well; other shapes as they are."""
    return (*shape[:-3], *shape[-2:], shape[-3]) if len(shape) >= 3 else shape


def to_engine(rows: Array) -> Array:
    """Examples in the users' layout → the engine's, examples first in both."""
    return np.moveaxis(rows, -1, -3) if rows.ndim >= 4 else rows


def to_user(columns: Array) -> Array:
    """What a Run holds, examples last → the users' layout, examples first."""
    rows = np.moveaxis(columns, -1, 0)
    return np.moveaxis(rows, -3, -1) if rows.ndim >= 4 else rows
