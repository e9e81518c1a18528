"""Arrays out of `.npz` and `.npy` files that may come from anywhere: sizes are believed once two places agree on them.

Large arrays that lie in a file as they are become maps of it: their pages are read when they are looked at.
"""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from annstudio.data.lazy import LARGE_BYTES, Array
from annstudio.errors import DataError

MAX_BYTES = 2 << 30
"""So much is read into memory at most."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What stands before a member of a zip file: its mark, and the lengths of the name and the extra that follow."""
_ENCRYPTED = 1
ORIGIN = ("source", "licence", "citation", "changes")
"""What each file that ships with the program says of itself."""

# What zipfile, zlib and NumPy raise when the bytes are not what they should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tokenize.TokenError,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def read_archive(file: Path, wanted: Collection[str], optional: Collection[str] = ()) -> dict[str, Array]:
    """The arrays named `wanted`, and those of `optional` that are there, of an `.npz` file, as they lie in it.

    Nothing is executed (no pickle) and nothing is unpacked before its size is known; large arrays that are not
    compressed are mapped. Raises DataError when the file is missing, foreign, damaged or too large, or lacks a wanted
    array.
    """
    with _told(file, ".npz", "Save it again with numpy.savez, or copy it again from where it came."):
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            _check_names(file, wanted, members)
            chosen = {key: members[key] for key in (*wanted, *optional) if key in members}
            mapped = {key for key, info in chosen.items() if _can_be_mapped(info)}
            _check_size(file, sum(info.file_size for key, info in chosen.items() if key not in mapped))
            return {key: _read_member(archive, info, file, key) for key, info in chosen.items()}


def read_npy(file: Path) -> Array:
    """The array of an `.npy` file as it lies in it; a large one is mapped. Raises DataError as `read_archive` does."""
    with _told(file, ".npy", "Save it again with numpy.save, or copy it again from where it came."):
        n_bytes = file.stat().st_size
        with file.open("rb") as stream:
            header = _header(stream, f"{file.name} holds", "numpy.save(file, x.astype(float))")
            header.check(n_bytes, file.name)
            if n_bytes > LARGE_BYTES:
                return header.mapped(file, 0)
            stream.seek(0)
            return np.asarray(npy.read_array(stream, allow_pickle=False))


@contextmanager
def _told(file: Path, kind: str, hint: str) -> Iterator[None]:
    """Whatever may go wrong with a file that somebody else wrote, in the user's words."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"The file {file} does not exist.", "Choose the file again, or put it back.") from error
    except OSError as error:
        raise DataError(f"The file {file} can not be read: {error}.", "Choose another file.") from error
    except MemoryError as error:
        raise DataError(f"{file.name} does not fit into the memory of this machine.", "Save a part of it.") from error
    except _DAMAGE as error:
        raise DataError(f"{file.name} is not an {kind} file, or it is damaged ({error}).", hint) from error


@dataclass(frozen=True)
class _Header:
    """What an array's own header says of it; `length` is the header's."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    length: int

    def check(self, n_bytes: int, what: str) -> None:
        """The header decides how much memory NumPy takes, the file or its directory how much there is to read."""
        size = self.length + math.prod(self.shape) * self.dtype.itemsize
        if size != n_bytes or min(self.shape, default=0) < 0:
            raise ValueError(f"{what} of shape {self.shape} should take {size} bytes, not {n_bytes}")

    def mapped(self, file: Path, start: int) -> Array:
        """The array in its place in the file, where its header begins at `start`."""
        place = start + self.length
        return np.asarray(
            np.memmap(file, self.dtype, "r", place, self.shape, "F")
            if self.by_columns
            else np.memmap(file, self.dtype, "r", place, self.shape)
        )


def _header(stream: IO[bytes], holder: str, example: str) -> _Header:
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array is of the unknown version {version}")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read(stream)
    if dtype.hasobject:
        raise DataError(
            f"{holder} Python objects, which can carry programs and are never read.", f"Save plain numbers: {example}."
        )
    return _Header(shape, by_columns, dtype, stream.tell())


def read_shipped(file: Path, *wanted: str) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays of a file that ships with the program, and where they come from: source, licence, citation, changes.

    Raises DataError as `read_archive`.
    """
    arrays = read_archive(file, (*wanted, *ORIGIN))
    return {key: arrays[key] for key in wanted}, {key: str(arrays[key]) for key in ORIGIN}


def _check_names(file: Path, wanted: Collection[str], members: Collection[str]) -> None:
    missing = [key for key in wanted if key not in members]
    if missing:
        there = ", ".join(repr(key) for key in members) or "nothing"
        raise DataError(
            f"{file.name} holds no array {missing[0]!r}; it holds {there:.300}.",
            "Name the arrays in the settings of the data, or save the file with such names.",
        )


def _check_size(file: Path, n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        raise DataError(
            f"{file.name} would unpack to {n_bytes / 2**30:,.1f} GiB; at most {MAX_BYTES / 2**30:g} GiB are unpacked.",
            "Save it with numpy.savez, which does not compress, or each array with numpy.save: such files may be of "
            "any size, since they are read piece by piece.",
        )


def _can_be_mapped(info: zipfile.ZipInfo) -> bool:
    """Whether a member lies in the archive as it is, and is large enough to be left there."""
    plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & _ENCRYPTED
    return plain and info.file_size == info.compress_size and info.file_size > LARGE_BYTES


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path, key: str) -> Array:
    with archive.open(info) as stream:
        header = _header(stream, f"The array {key!r} of {file.name} holds", "numpy.savez(file, x=x.astype(float))")
    header.check(info.file_size, f"array {key!r}")
    if _can_be_mapped(info):
        return header.mapped(file, _start_of(file, info))
    with archive.open(info) as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))


def _start_of(file: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: behind its local header, whose length only itself tells."""
    with file.open("rb") as stream:
        stream.seek(info.header_offset)
        mark, name, extra = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    if mark != b"PK\x03\x04":
        raise ValueError(f"there is no array where {info.filename!r} should begin")
    return int(info.header_offset + _LOCAL_HEADER.size + name + extra)
