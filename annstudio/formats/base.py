"""What a file format is, which there are, and how a file is written so that a crash leaves the old one or the new.

One module adds a format: dialogs, the command line and the round-trip tests are made from the catalogue.
"""

import os
import pkgutil
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import ClassVar

import numpy as np

import annstudio.formats
from annstudio.document.project import Project
from annstudio.engine.arena import Weights
from annstudio.engine.op import Array
from annstudio.errors import FormatError

MAX_FILE_BYTES = 2 << 30
DTYPES = ("float32", "float64", "float16")
"""The number formats in which weights are written, the usual one first."""
ABANDONED_SECONDS = 3600
"""A temporary file of ours that is older than this belongs to a save that was killed."""


@dataclass(frozen=True)
class Content:
    """What a file gives or is given: weights by name (`hidden/W`, users' layout), and a project where there is one."""

    weights: Weights
    project: Project | None = None


class Format(ABC):
    """A kind of file. `loses` says in one sentence what it cannot hold; empty where it holds everything."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    holds_project: ClassVar[bool] = False
    loses: ClassVar[str] = ""

    @abstractmethod
    def read(self, path: Path) -> Content:
        """What the file holds. Raises FormatError where it is not what its name says."""

    @abstractmethod
    def write(self, path: Path, content: Content, dtype: str = "float32") -> None:
        """Write the file, whole or not at all. Formats for weights write numbers of `dtype`. Raises FormatError."""


@cache
def catalogue() -> Mapping[str, Format]:
    """Every format by its suffix, found by walking the modules beside this one."""
    found: dict[str, Format] = {}
    for info in pkgutil.iter_modules(annstudio.formats.__path__, f"{annstudio.formats.__name__}."):
        for thing in vars(import_module(info.name)).values():
            if isinstance(thing, type) and issubclass(thing, Format) and thing.__module__ == info.name:
                if thing is not Format:
                    found[thing.suffix] = thing()
    return dict(sorted(found.items(), key=lambda item: (not item[1].holds_project, item[0])))


def by_suffix(path: Path, *, writing: bool = False) -> Format:
    """The format of a file by the end of its name. Raises FormatError where there is none that reads (or writes)."""
    usable = {key: format for key, format in catalogue().items() if (format.writes if writing else format.reads)}
    found = usable.get(path.suffix.lower())
    if found is None:
        why = f"no format here ends in {path.suffix!r}" if path.suffix else "its name has no ending such as .annstudio"
        raise FormatError(
            f"{str(path)!r} cannot be {'written' if writing else 'read'}: {why}.", f"Use one of {', '.join(usable)}."
        )
    return found


# Reading -------------------------------------------------------------------------------------------------------------


def check_readable(path: Path) -> None:
    """Raise FormatError unless the path is a file of a size that is read; a pipe or a device is never waited for."""
    try:
        state = path.stat()
    except FileNotFoundError:
        raise FormatError(f"There is no file {path}.", "Check the name and the folder.") from None
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} cannot be read: {_reason(error)}.", "Choose another file.") from None
    if not stat.S_ISREG(state.st_mode):
        raise FormatError(f"{path} is a folder or a device, not a file.", "Choose a file.")
    if state.st_size > MAX_FILE_BYTES:
        size = f"{state.st_size / 2**30:,.1f} GiB"
        raise FormatError(f"{path.name} is {size} large; at most {MAX_FILE_BYTES >> 30} GiB are read.")


def read_bytes(path: Path) -> bytes:
    """All bytes of a file. Raises FormatError where it cannot be read."""
    check_readable(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {_reason(error)}.", "Choose another file.") from None


def finite(weights: Weights) -> Weights:
    """The weights as they are. Raises FormatError where one is infinite or not a number."""
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise FormatError(
                f"The weights {name} hold a number that is infinite or not a number.",
                "Undo the training that led to it, or reset the weights.",
            )
    return weights


def c_ordered(weights: Weights, dtype: str) -> dict[str, Array]:
    """Arrays of little-endian `dtype`, each in one piece in memory, by name in alphabetical order.

    What is exported is mostly a transposed view, and a writer that copies raw memory would write it in the wrong order.
    Raises FormatError where a number is too large for `dtype`.
    """
    small = np.dtype(dtype).newbyteorder("<")
    with np.errstate(over="ignore"):
        written = {name: np.asarray(weights[name], small, order="C") for name in sorted(weights)}
    for name, array in written.items():
        if not np.isfinite(array).all():
            largest = float(weights[name].flat[np.abs(weights[name]).argmax()])
            raise FormatError(
                f"{name} holds {largest:g}; {dtype} goes from {np.finfo(small).min:g} to {np.finfo(small).max:g}.",
                "Choose a larger number format.",
            )
    return written


# Writing -------------------------------------------------------------------------------------------------------------


def atomic_write(path: Path, data: bytes) -> None:
    """Put `data` in the place of a file, whole or not at all: if the program dies, the old or the new one is there.

    A temporary file beside the target is written, forced to disk and renamed. Raises FormatError, with the old file
    as it was, where that cannot be done.
    """
    target = Path(os.path.realpath(path))  # A link stays a link; what it leads to is replaced.
    temporary = target.with_name(f".{target.name[:80]}.{token_hex(6)}.saving")
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        _write_to_disk(temporary, data, target)
        os.replace(temporary, target)
    except (OSError, ValueError) as error:
        raise FormatError(
            f"{path} could not be written: {_reason(error)}.",
            "Save to another place; what was there before is unchanged.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    _sync_folder(target.parent)
    _clear_abandoned(target)


def _write_to_disk(temporary: Path, data: bytes, target: Path) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
        with suppress(OSError):
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the new name to disk too, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _clear_abandoned(target: Path) -> None:
    start = f".{target.name[:80]}."
    with suppress(OSError):
        for left in target.parent.iterdir():
            if left.name.startswith(start) and left.name.endswith(".saving"):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                        left.unlink()


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said[:1].lower() + said[1:]
