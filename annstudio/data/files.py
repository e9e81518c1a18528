"""Data of the user's own, read from files; here tables (`.csv`)."""

from __future__ import annotations

import os
import stat
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
from pydantic import Field

from annstudio.data.base import Column, Dataset, DataSource
from annstudio.data.lazy import Values, chunks
from annstudio.data.table import read_table
from annstudio.errors import DataError
from annstudio.ordinals import nth

Numbers = TypeVar("Numbers", bound=Values)
Columns: TypeAlias = Annotated[tuple[str, ...], Field(max_length=10_000)]


class FileSource(DataSource):
    """Data in files that the user names; relative paths start where the project file lies."""

    paths: ClassVar[tuple[str, ...]] = ("path",)
    """The settings that name a file. Only the first must not be empty."""

    path: str

    def load(self, folder: Path | None = None) -> Dataset:
        """What the files hold now: they are read again when they were written again."""
        files = tuple(self.file(folder, name) for name in self.paths if name == "path" or getattr(self, name).strip())
        return _read(self, files, tuple(map(_state, files)))

    def file(self, folder: Path | None, name: str = "path") -> Path:
        """The file that a setting names, as an absolute path. Raises DataError when none was chosen."""
        said: str = getattr(self, name)
        if not said.strip():
            raise DataError("No data file is chosen yet.", "Choose a file in the settings of the data.")
        return ((folder or Path()) / os.path.expanduser(said)).absolute()

    @abstractmethod
    def read(self, file: Path, *others: Path) -> Dataset:
        """Read the files, in the order of `paths`. Called by `load`, which keeps the result while they are the same."""

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

    def read(self, file: Path, *others: Path) -> Dataset:
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


@lru_cache(maxsize=2)
def _read(source: FileSource, files: tuple[Path, ...], states: tuple[tuple[int, int], ...]) -> Dataset:
    # The last are there for the key: a file that was written again is read again.
    return source.read(*files)


def _state(file: Path) -> tuple[int, int]:
    """What tells one writing of a file from another. Raises DataError where there is no file to be read."""
    try:
        state = file.stat()
    except FileNotFoundError as error:
        raise DataError(f"The file {file} does not exist.", "Choose the file again, or put it back.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"The file {file} can not be read: {error}.", "Choose another file.") from error
    if not stat.S_ISREG(state.st_mode):
        raise DataError(f"{file} is a folder or a device, not a file.", "Choose a file.")
    return state.st_mtime_ns, state.st_size


@np.errstate(over="ignore", invalid="ignore")
def _standardised(x: Column, what: str) -> Column:
    mean, deviation = x.array.mean(axis=0), x.array.std(axis=0)
    # A column that never changes has nothing to divide by but rounding errors: it becomes 0.
    constant = x.array.min(axis=0) == x.array.max(axis=0)
    # An infinite deviation would turn every number into a finite 0.
    deviation[~np.isfinite(deviation)] = np.nan
    values = np.where(constant, 0.0, x.array - mean) / np.where(constant, 1.0, deviation)
    return Column(checked(values, what), names=x.names)


def checked(values: Numbers, what: str) -> Numbers:
    """The values (N, ...), after a look at every one. Raises DataError where one is not finite."""
    bad, first, seen = 0, -1, 0
    for chunk in chunks(values):
        finite = np.isfinite(chunk.reshape(len(chunk), -1)).all(axis=1)
        if not finite.all():
            first = seen + int(np.argmin(finite)) if first < 0 else first
            bad += int((~finite).sum())
        seen += len(chunk)
    if bad:
        raise DataError(
            f"{what} has {bad} examples with missing, infinite or too large numbers, the first is "
            f"{nth('example', first)}.",
            "Fill them in or leave these examples out.",
        )
    return values
