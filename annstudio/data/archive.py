"""Arrays out of `.npz` files that may come from anywhere: sizes are believed only once two places agree on them."""

from __future__ import annotations

import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from annstudio.data.base import Array
from annstudio.errors import DataError

MAX_BYTES = 2 << 30
ORIGIN = ("source", "licence", "citation", "changes")
"""What each file that ships with the program says of itself."""

# What zipfile, zlib and NumPy raise when the bytes are not what they should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tokenize.TokenError,
    EOFError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def read_archive(file: Path, wanted: Collection[str], optional: Collection[str] = ()) -> dict[str, Array]:
    """The arrays named `wanted`, and those of `optional` that are there, of an `.npz` file, as they lie in it.

    Nothing is executed (no pickle) and nothing is unpacked before its size is known. Raises DataError when the file is
    missing, foreign, damaged or too large, or lacks a wanted array.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            _check_names(file, wanted, members)
            chosen = {key: members[key] for key in (*wanted, *optional) if key in members}
            _check_size(file, sum(info.file_size for info in chosen.values()))
            return {key: _read_member(archive, info, file, key) for key, info in chosen.items()}
    except FileNotFoundError as error:
        raise DataError(f"The file {file} does not exist.", "Choose the file again, or put it back.") from error
    except OSError as error:
        raise DataError(f"The file {file} can not be read: {error}.", "Choose another file.") from error
    except MemoryError as error:
        raise DataError(f"{file.name} does not fit into the memory of this machine.", "Save a part of it.") from error
    except _DAMAGE as error:
        raise DataError(
            f"{file.name} is not an .npz file, or it is damaged ({error}).",
            "Save it again with numpy.savez, or copy it again from where it came.",
        ) from error


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
            f"{file.name} would unpack to {n_bytes / 2**30:,.1f} GiB; at most {MAX_BYTES / 2**30:g} GiB are read.",
            "Save a part of it.",
        )


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path, key: str) -> Array:
    with archive.open(info) as stream:
        version = npy.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"array {key!r} is of the unknown version {version}")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        size = stream.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject:
        raise DataError(
            f"The array {key!r} of {file.name} holds Python objects, which can carry programs and are never read.",
            "Save plain numbers: numpy.savez(file, x=x.astype(float)).",
        )
    # The header decides how much memory NumPy takes, the zip directory how much there is to read.
    if size != info.file_size:
        raise ValueError(f"array {key!r} of shape {shape} should take {size} bytes, not {info.file_size}")
    with archive.open(info) as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))
