"""Arrays of the user's own, saved by NumPy: an `.npz` file with inputs and targets, or an `.npy` file for each.

Small ones are read into memory. Large ones stay where they are: examples are read, and made what a network takes, when
a batch asks for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from annstudio.data.archive import read_archive, read_npy
from annstudio.data.base import Column, Dataset
from annstudio.data.files import FileSource, checked
from annstudio.data.lazy import LARGE_BYTES, Array, LazyArray, Values, Where, chunks
from annstudio.data.table import MAX_CLASSES, as_classes
from annstudio.errors import DataError

CHECKED_BYTES = 1 << 30
"""Up to this size every number is looked at when a file is opened; of more, an excerpt."""

GreyPictures: TypeAlias = Annotated[
    bool,
    Field(
        title="Grey pictures",
        description="Inputs of shape (examples, height, width) are pictures with one channel, not sequences.",
    ),
]
DivideBy: TypeAlias = Annotated[
    float,
    Field(
        ge=1e-6,
        le=1e9,
        title="Divide inputs by",
        description="255 brings the bytes of a picture to 0..1; 1 leaves the inputs as they are.",
    ),
]


class ArraySource(FileSource):
    """Whatever has a shape, examples first; pictures with their channels last."""

    stands_for: ClassVar = "Your own question."

    def assembled(
        self, file: Path, x: tuple[Array, str], y: tuple[Array, str] | None, names: Array | None = None,
        lengths: tuple[Array, str] | None = None, *, grey: bool, divisor: float, **origin: str,
    ) -> Dataset:  # fmt: skip
        """The data set of inputs and targets, each with what it is called; `names` are those of the classes."""
        values, what = x
        if grey and values.ndim != 3:
            raise DataError(
                f"{what} has the shape {values.shape}; grey pictures have (examples, height, width).",
                "Switch “Grey pictures” off.",
            )
        columns = {"x": Column(_floats(values[..., None] if grey else values, what, divisor))}
        called = {"x": what}
        if y is not None:
            columns["y"], called["y"] = _target(*y, names), y[1]
            if len(columns["y"]) != len(values):
                raise DataError(
                    f"There are {len(values)} inputs but {len(columns['y'])} targets in {what} and {y[1]}.",
                    "Save as many targets as inputs, in the same order.",
                )
        if lengths is not None:
            columns["lengths"], called["lengths"] = _lengths(*lengths, len(values)), lengths[1]
        done = [] if divisor == 1 else [f"Inputs divided by {divisor:g}."]
        found = self.dataset(file, columns, done, **origin)
        for key, column in columns.items():
            if column.is_large and not column.is_classes:
                # Of very many numbers an excerpt is looked at; training looks at the loss of every batch.
                seen = column.values if column.values.nbytes <= CHECKED_BYTES else found.excerpt.columns[key].values
                checked(seen, called[key])
        return found


class NpzFile(ArraySource):
    """Arrays in one file: whatever has a shape, examples first; pictures with their channels last."""

    title: ClassVar = "Arrays (.npz)"
    note: ClassVar = "Arrays of your own: examples first, channels last; whole numbers as target are classes."
    order: ClassVar = 100

    kind: Literal["npz"] = "npz"
    path: str = Field("", title="File", description="Saved by numpy.savez.", json_schema_extra={"file": "*.npz"})
    x: str = Field("x", min_length=1, title="Inputs", description="The name of the array of inputs.")
    y: str = Field("y", title="Target", description="The name of the array of targets. Left empty: there is none.")
    grey_pictures: GreyPictures = False
    divide_by: DivideBy = 1.0

    lengths: str = Field(
        "",
        title="Lengths",
        description="The name of the array that says how many steps of each sequence count. Left empty: all do.",
    )

    def read(self, file: Path, *others: Path) -> Dataset:
        """Inputs "x" (N, ...) of floats; the target "y" likewise, or classes if it is a whole number or text.

        "lengths" (N, 1) where they are named.
        """
        texts = ("title", "note", "source", "licence", "citation", "changes")
        names = (self.x, self.y, self.lengths)
        found = read_archive(file, [name for name in names if name], (*texts, "classes"))
        said = {key: str(found[key]) for key in texts if key in found and _is_text(found[key], 0)}
        x, y, lengths = ((found[key], f"The array {key!r} of {file.name}") if key else None for key in names)
        assert x is not None
        classes, grey, divisor = found.get("classes"), self.grey_pictures, self.divide_by
        return self.assembled(file, x, y, classes, lengths, grey=grey, divisor=divisor, **said)


class NpyFiles(ArraySource):
    """Arrays in a file each: one holds the inputs, the other the targets. They may be larger than memory."""

    title: ClassVar = "Arrays (.npy), of any size"
    note: ClassVar = "Two arrays of your own: inputs and targets, examples first. They may be larger than memory."
    order: ClassVar = 110
    paths: ClassVar[tuple[str, ...]] = ("path", "targets")

    kind: Literal["npy"] = "npy"
    path: str = Field("", title="Inputs", description="Saved by numpy.save.", json_schema_extra={"file": "*.npy"})
    targets: str = Field(
        "",
        title="Target",
        description="Saved by numpy.save; whole numbers are classes. Left empty: there is none.",
        json_schema_extra={"file": "*.npy"},
    )
    grey_pictures: GreyPictures = False
    divide_by: DivideBy = 1.0

    def read(self, file: Path, *others: Path) -> Dataset:
        """Inputs "x" (N, ...) of floats; the target "y" likewise, or classes if it is a whole number or text."""
        y = next(((read_npy(other), other.name) for other in others), None)
        x = read_npy(file), file.name
        return self.assembled(file, x, y, grey=self.grey_pictures, divisor=self.divide_by)


# Numbers -------------------------------------------------------------------------------------------------------------


def _floats(values: Array, what: str, divisor: float = 1.0) -> Values:
    """Any numbers, divided, as finite float32 (where nothing is lost) or float64, with an axis for the examples."""
    if values.ndim == 0 or values.size == 0:
        raise DataError(f"{what} has the shape {values.shape}: it holds no examples.", "Save examples first.")
    if values.dtype.kind not in "buif":
        raise DataError(f"{what} holds {values.dtype}, not numbers.", "Save it as floats.")
    small = values.dtype.itemsize <= 2 or (values.dtype.kind == "f" and values.dtype.itemsize == 4)
    dtype = np.dtype(np.float32 if small else np.float64)
    rows = values[:, None] if values.ndim == 1 else values

    def made(part: Array) -> Array:
        with np.errstate(over="ignore"):
            floats = part.astype(dtype)
            return floats if divisor == 1 else np.divide(floats, dtype.type(divisor), floats)

    if values.nbytes <= LARGE_BYTES:
        return checked(made(rows), what)
    _check_by_rows(rows, what)
    if values.dtype == dtype and divisor == 1:
        return rows
    return LazyArray(rows.shape, dtype, lambda where: made(rows[where]))


def _lengths(values: Array, what: str, n: int) -> Column:
    if values.size != n or values.shape[:1] != (n,):
        raise DataError(
            f"{what} has the shape {values.shape}; wanted is one number for each of {n} sequences.",
            "Save how many steps of each sequence count, in the order of the inputs.",
        )
    return Column(_floats(values.reshape(n), what), names=("steps",))


def _check_by_rows(values: Array, what: str) -> None:
    """Of what lies column by column a batch would have to read nearly all."""
    if not values.flags.c_contiguous:
        raise DataError(
            f"{what} lies column by column in its file, so that no example can be read by itself.",
            "Save it again as numpy.ascontiguousarray(x).",
        )


# Classes -------------------------------------------------------------------------------------------------------------


def _target(values: Array, what: str, names: Array | None) -> Column:
    if values.ndim != 1 or values.dtype.kind not in "buiU":
        return Column(_floats(values, what))
    if values.size == 0:
        raise DataError(f"{what} holds no examples.", "Save examples first.")
    if names is None or not _is_text(names, 1) or values.dtype.kind == "U":
        found = _labels(values)
        classes = as_classes(found.tolist(), what)
        return _numbered(values, found, classes.array, classes.classes, what)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= len(names):
        raise DataError(
            f"{what} holds class numbers {low}..{high}, but “classes” names {len(names)} of them.",
            "Count the classes from 0, and name each of them.",
        )
    there = np.arange(len(names), dtype=np.int64)
    return _numbered(values, there, there, tuple(map(str, names)), what)


def _labels(values: Array) -> Array:
    """Each label once, ascending; not all of them where they are too many to be classes."""
    found = values[:0]
    for chunk in chunks(values):
        found = np.union1d(found, chunk)
        if len(found) > MAX_CLASSES:
            break
    return found


def _numbered(values: Array, labels: Array, numbers: Array, names: tuple[str, ...], what: str) -> Column:
    """Labels as the numbers of their classes: `numbers` are those of the `labels`, which are ascending."""

    def made(where: Where) -> Array:
        part = values[where]
        places = np.minimum(np.searchsorted(labels, part), len(labels) - 1)
        if (labels[places] != part).any():
            raise DataError(
                f"{what} holds other labels now than when it was opened.", "Choose the file again, and start anew."
            )
        return np.asarray(numbers[places])

    if values.nbytes > LARGE_BYTES:
        return Column(LazyArray(values.shape, numbers.dtype, made), names)
    whole = np.empty(len(values), numbers.dtype)
    start = 0
    for part in chunks(LazyArray(values.shape, numbers.dtype, made)):
        whole[start : start + len(part)] = part
        start += len(part)
    return Column(whole, names)


def _is_text(array: Array, ndim: int) -> bool:
    return array.dtype.kind == "U" and array.ndim == ndim
