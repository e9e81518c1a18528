"""Sequences that ship with the program: spoken vowels of different length, and a series of years cut into windows."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.data.archive import read_shipped
from annstudio.data.base import BuiltIn, Column, Dataset
from annstudio.ordinals import ordinal
from annstudio.places import SAMPLES

_VOWELS = SAMPLES / "data" / "japanese_vowels.npz"
_SUNSPOTS = SAMPLES / "data" / "sunspots.npz"
_SPEAKERS = 9
_HUNDRED = 100


class JapaneseVowels(BuiltIn):
    """Who speaks? Utterances of nine men, each as long as it took."""

    title: ClassVar = "Spoken vowels"
    note: ClassVar = (
        "640 utterances of the vowels a and e by nine men: 7 to 29 steps of 12 numbers that tell the sound."
    )
    stands_for: ClassVar = "Recognising speech and speakers: sequences of different length, class by class."
    order: ClassVar = 84

    kind: Literal["japanese_vowels"] = "japanese_vowels"

    def make(self) -> Dataset:
        """Cepstra "x", float32 (640, 29, 12), zeros behind the end; lengths "steps" (640, 1); classes "y", "1".."9"."""
        arrays, text = read_shipped(_VOWELS, "x", "steps", "y")
        steps = arrays["steps"].astype(np.intp)
        counts = np.arange(steps.max()) < steps[:, None]
        x = np.zeros((*counts.shape, arrays["x"].shape[1]), np.float32)
        x[counts] = arrays["x"]
        text["changes"] += f" When loaded: utterances filled up with zeros to {len(x[0])} steps."
        columns = {
            "x": Column(x),
            "steps": Column(steps[:, None].astype(np.float64), names=("steps",)),
            "y": Column(arrays["y"].astype(np.int64), classes=tuple(str(ordinal(i)) for i in range(_SPEAKERS))),
        }
        return Dataset(self.kind, columns, title=self.title, note=self.note, stands_for=self.stands_for, **text)


class Sunspots(BuiltIn):
    """What will next year be like? A series of years, cut into windows that overlap."""

    title: ClassVar = "Sunspots"
    note: ClassVar = "The sunspots of every year from 1700 to 2008: some years in a row, and the one that followed."
    stands_for: ClassVar = "Forecasts: traffic, demand for power, sales, whatever is counted over time."
    order: ClassVar = 86

    kind: Literal["sunspots"] = "sunspots"
    window: int = Field(9, ge=2, le=100, title="Window", description="How many years the network sees.")

    def make(self) -> Dataset:
        """Windows "x" (N, window, 1), the year after each "y" (N, 1), float64, in hundreds; N = 309 − window."""
        arrays, text = read_shipped(_SUNSPOTS, "sunspots")
        series = arrays["sunspots"] / _HUNDRED
        x = np.lib.stride_tricks.sliding_window_view(series[:-1], self.window)
        text["changes"] += (
            f" When loaded: numbers divided by {_HUNDRED} and cut into windows of {self.window} years. Windows "
            f"overlap, so a year that is judged by is an input of others."
        )
        columns = {"x": Column(x[:, :, None].copy()), "y": Column(series[self.window :, None], names=("next year",))}
        return Dataset(self.kind, columns, title=self.title, note=self.note, stands_for=self.stands_for, **text)
