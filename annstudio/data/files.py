"""Data of the user's own, read from a file: tables (`.csv`) and arrays (`.npz`)."""

from __future__ import annotations

import os
import stat
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from annstudio.data.archive import read_archive
from annstudio.data.base import Array, Column, Dataset, DataSource
from annstudio.data.table import as_classes, read_table
from annstudio.errors import DataError

Columns: TypeAlias = Annotated[tuple[str, ...], Field(max_length=10_000)]


class FileSource(DataSource):
    """Data in a file that the user names; a relative path starts where the project file lies."""

    path: str

    def load(self, folder: Path | None = None) -> Dataset:
        """What the file holds now: it is read again when it was written again."""
        file = self.file(folder)
        try:
            state = file.stat()
        except FileNotFoundError as error:
            raise DataError(f"The file {file} does not exist.", "Choose the file again, or put it back.") from error
        except (OSError, ValueError) as error:
            raise DataError(f"The file {file} can not be read: {error}.", "Choose another file.") from error
        if not stat.S_ISREG(state.st_mode):
            raise DataError(f"{file} is a folder or a device, not a file.", "Choose a file.")
        return _read(self, file, state.st_mtime_ns, state.st_size)

    def file(self, folder: Path | None) -> Path:
        """The file, as an absolute path. Raises DataError when none was chosen."""
        if not self.path.strip():
            raise DataError("No data file is chosen yet.", "Choose a file in the settings of the data.")
        return ((folder or Path()) / os.path.expanduser(self.path)).absolute()

    @abstractmethod
    def read(self, file: Path) -> Dataset:
        """Read the file. Called by `load`, which keeps the result while the file stays as it is."""

    def dataset(self, file: Path, columns: dict[str, Column], done: Sequence[str], **origin: str) -> Dataset:
        """The data set of these columns, with what was `done` to them and what is known of where they come from."""
        said = {"title": file.name, "note": self.note, "source": file.name, **origin}
        said["changes"] = " ".join(filter(None, [origin.get("changes", ""), *done])) or "None"
        return Dataset(file.stem, columns, stands_for=self.stands_for, **said)


class CsvFile(FileSource):
    """A table of comma-separated values: one line an example, some columns the inputs, the others the target."""

    title: ClassVar = "Table (.csv)"
    note: ClassVar = "A table of your own: one line an example, numbers as inputs, a number or a class as target."
    stands_for: ClassVar = "Your own question."
    order: ClassVar = 90

    kind: Literal["csv"] = "csv"
    path: str = Field("", title="File", description="The table.", json_schema_extra={"file": "*.csv *.tsv *.txt"})
    target: Columns = Field((), title="Target", description="Columns to learn. Left empty: the last one.")
    inputs: Columns = Field((), title="Inputs", description="Columns to learn from. Left empty: all the others.")
    target_as: Literal["auto", "value", "classes"] = Field(
        "auto", title="Target is", description="“auto”: classes if it is text, else numbers."
    )
    header: Literal["auto", "yes", "no"] = Field(
        "auto",
        title="Names in first line",
        description="“auto”: yes if none of its cells is a number.",
    )
    standardise: bool = Field(
        False,
        title="Standardise inputs",
        description="Subtract each input's mean over the whole table and divide by its standard deviation.",
    )

    def read(self, file: Path) -> Dataset:
        """Inputs "x" (N, inputs) of float64; the target "y" (N, targets) of float64, or classes."""
        table = read_table(file, self.header)
        targets = [table.index(name) for name in self.target] or [len(table.names) - 1]
        inputs = [table.index(name) for name in self.inputs] or [i for i in range(len(table.names)) if i not in targets]
        if not inputs or set(inputs) & set(targets):
            raise DataError(
                f"Of {file.name}'s {len(table.names)} columns at least one must be an input, and none both input and "
                f"target; inputs: {len(inputs)}, targets: {len(targets)}.",
                "Choose other columns as target or inputs.",
            )
        as_text = self.target_as == "auto" and not all(map(table.is_numeric, targets))
        if (as_text or self.target_as == "classes") and len(targets) > 1:
            raise DataError(
                f"{len(targets)} target columns can not all be classes: a class is one column.",
                "Choose a single target column, or columns of numbers.",
            )
        x = table.numbers(inputs)
        y = table.classes(targets[0]) if as_text or self.target_as == "classes" else table.numbers(targets)
        done = []
        if self.standardise:
            x = _standardised(x, file.name)
            done.append("Inputs standardised: mean 0 and standard deviation 1 over the whole table.")
        return self.dataset(file, {"x": x, "y": y}, done)


class NpzFile(FileSource):
    """Arrays saved by NumPy: whatever has a shape, examples first; pictures with their channels last."""

    title: ClassVar = "Arrays (.npz)"
    note: ClassVar = "Arrays of your own: examples first, channels last; whole numbers as target are classes."
    stands_for: ClassVar = "Your own question."
    order: ClassVar = 100

    kind: Literal["npz"] = "npz"
    path: str = Field("", title="File", description="Saved by numpy.savez.", json_schema_extra={"file": "*.npz"})
    x: str = Field("x", min_length=1, title="Inputs", description="The name of the array of inputs.")
    y: str = Field("y", title="Target", description="The name of the array of targets. Left empty: there is none.")
    lengths: str = Field(
        "",
        title="Lengths",
        description="The name of the array that says how many steps of each sequence count. Left empty: all do.",
    )
    grey_pictures: bool = Field(
        False,
        title="Grey pictures",
        description="Inputs of shape (examples, height, width) are pictures with one channel, not sequences.",
    )
    divide_by: float = Field(
        1.0,
        ge=1e-6,
        le=1e9,
        title="Divide inputs by",
        description="255 brings the bytes of a picture to 0..1; 1 leaves the inputs as they are.",
    )

    def read(self, file: Path) -> Dataset:
        """Inputs "x" (N, ...) of floats; the target "y" likewise, or classes if it is a whole number or text.

        "lengths" (N, 1) where the file has them.
        """
        texts = ("title", "note", "source", "licence", "citation", "changes")
        wanted = [name for name in (self.x, self.y, self.lengths) if name]
        found = read_archive(file, wanted, (*texts, "classes"))
        what = f"The array {self.x!r} of {file.name}"
        x = _floats(found[self.x], what)
        if self.grey_pictures:
            if x.ndim != 3:
                raise DataError(
                    f"{what} has the shape {found[self.x].shape}; grey pictures have (examples, height, width).",
                    "Switch “Grey pictures” off.",
                )
            x = x[..., None]
        done = []
        if self.divide_by != 1:
            with np.errstate(over="ignore"):
                x = _finite(x / x.dtype.type(self.divide_by), what)
            done.append(f"Inputs divided by {self.divide_by:g}.")
        columns = {"x": Column(x)}
        if self.y:
            columns["y"] = _target(found[self.y], f"The array {self.y!r} of {file.name}", found.get("classes"))
            if len(columns["y"]) != len(x):
                raise DataError(
                    f"{file.name} holds {len(x)} inputs but {len(columns['y'])} targets.",
                    "Save as many targets as inputs, in the same order.",
                )
        if self.lengths:
            columns["lengths"] = _lengths(found[self.lengths], f"The array {self.lengths!r} of {file.name}", len(x))
        said = {key: str(found[key]) for key in texts if key in found and _is_text(found[key], 0)}
        return self.dataset(file, columns, done, **said)


@lru_cache(maxsize=2)
def _read(source: FileSource, file: Path, changed_at: int, size: int) -> Dataset:
    # The last two are there for the key: a file that was written again is read again.
    return source.read(file)


@np.errstate(over="ignore", invalid="ignore")
def _standardised(x: Column, what: str) -> Column:
    mean, deviation = x.values.mean(axis=0), x.values.std(axis=0)
    # A column that never changes has nothing to divide by but rounding errors: it becomes 0.
    constant = x.values.min(axis=0) == x.values.max(axis=0)
    # An infinite deviation would turn every number into a finite 0.
    deviation[~np.isfinite(deviation)] = np.nan
    values = np.where(constant, 0.0, x.values - mean) / np.where(constant, 1.0, deviation)
    return Column(_finite(values, what), names=x.names)


@np.errstate(over="ignore")
def _floats(values: Array, what: str) -> Array:
    """Any numbers as finite float32 (where nothing is lost) or float64, with one axis for the examples at least."""
    if values.ndim == 0 or values.size == 0:
        raise DataError(f"{what} has the shape {values.shape}: it holds no examples.", "Save examples first.")
    if values.dtype.kind not in "buif":
        raise DataError(f"{what} holds {values.dtype}, not numbers.", "Save it as floats.")
    small = values.dtype.itemsize <= 2 or (values.dtype.kind == "f" and values.dtype.itemsize == 4)
    floats: Array = values.astype(np.float32 if small else np.float64)
    return _finite(floats[:, None] if floats.ndim == 1 else floats, what)


def _finite(values: Array, what: str) -> Array:
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{what} has {int((~finite).sum())} examples with missing, infinite or too large numbers, the first at "
            f"index {int(np.argmin(finite))}.",
            "Fill them in or leave these examples out.",
        )
    return values


def _lengths(values: Array, what: str, n: int) -> Column:
    if values.size != n or values.shape[:1] != (n,):
        raise DataError(
            f"{what} has the shape {values.shape}; wanted is one number for each of {n} sequences.",
            "Save how many steps of each sequence count, in the order of the inputs.",
        )
    return Column(_floats(values.reshape(n), what), names=("steps",))


def _target(values: Array, what: str, names: Array | None) -> Column:
    if values.ndim != 1 or values.dtype.kind not in "buiU":
        return Column(_floats(values, what))
    if values.size == 0:
        raise DataError(f"{what} holds no examples.", "Save examples first.")
    if names is None or not _is_text(names, 1) or values.dtype.kind == "U":
        return as_classes(values.tolist(), what)
    if values.min() < 0 or values.max() >= len(names):
        raise DataError(
            f"{what} holds class numbers {values.min()}..{values.max()}, but “classes” names {len(names)} of them.",
            "Count the classes from 0, and name each of them.",
        )
    return Column(values.astype(np.int64), classes=tuple(map(str, names)))


def _is_text(array: Any, ndim: int) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "U" and array.ndim == ndim
