"""Pictures that ship with the program."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from annstudio.data.archive import read_shipped
from annstudio.data.base import BuiltIn, Column, Dataset
from annstudio.places import SAMPLES

_DIGITS = SAMPLES / "data" / "digits.npz"
_GREY_LEVELS = 16


class Digits(BuiltIn):
    """Digits written by hand, 8 by 8 pixels each: real, and small enough to learn in seconds."""

    title: ClassVar = "Handwritten digits"
    note: ClassVar = "1,797 real digits of 13 writers, 8 by 8 pixels in 17 greys, about 180 of each digit."
    stands_for: ClassVar = "Reading handwriting: postcodes on letters, sums on cheques and forms."
    order: ClassVar = 80

    kind: Literal["digits"] = "digits"

    def make(self) -> Dataset:
        """Grey values "x" in 0..1, float32 (1797, 8, 8, 1); and classes "y", "0".."9"."""
        arrays, text = read_shipped(_DIGITS, "x", "y")
        # Sixteenths are exact in float32: nothing is lost by it.
        x = arrays["x"].astype(np.float32)[..., None] / np.float32(_GREY_LEVELS)
        text["changes"] += f" When loaded: grey values 0..{_GREY_LEVELS} divided by {_GREY_LEVELS}."
        return Dataset(
            self.kind,
            {"x": Column(x), "y": Column(arrays["y"].astype(np.int64), classes=tuple("0123456789"))},
            title=self.title,
            note=self.note,
            stands_for=self.stands_for,
            **text,
        )
