"""Zip archives and JSON that may come from anywhere: sizes are checked before anything is unpacked, nothing is run.

Archives are written without dates and without compression, so that equal content gives equal bytes everywhere.
"""

import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any, NoReturn

import numpy as np
from numpy.lib import format as npy

from annstudio.engine.op import Array
from annstudio.errors import FormatError

MAX_MEMBERS = 20_000
MAX_DIRECTORY_BYTES = 8 << 20
MAX_MEMBER_BYTES = 2 << 30
MAX_RATIO = 200
"""A project's members are stored as they are; one that swells like this was not made by this program."""
MAX_JSON_DEPTH = 32

_EPOCH = (1980, 1, 1, 0, 0, 0)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What zipfile, zlib and NumPy raise when bytes are not what they should be."""
CHANGED = "The file is damaged or was changed by hand."


class Archive:
    """A zip archive opened for reading, with the members' names known and their sizes within bounds."""

    def __init__(self, file: IO[bytes], *, max_ratio: float | None = None) -> None:
        self._max_ratio = max_ratio
        try:
            _check_directory(file)
            self._zip = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise FormatError("It is no archive, or was cut short.", "Copy it again from where it came.") from error
        members = self._zip.infolist()
        self.members = {info.filename: info for info in members}
        if len(self.members) != len(members):
            raise FormatError("It holds two members of one name.", "It was not written by this program.")
        if len(members) > MAX_MEMBERS or sum(info.file_size for info in members) > MAX_MEMBER_BYTES:
            raise FormatError("It would unpack to more than is ever read.", "It was not written by this program.")

    def read(self, name: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of a member of at most `limit` bytes. Raises FormatError where it is missing or damaged."""
        info = self.members.get(name)
        if info is None:
            raise FormatError(f"It holds no {name}.", "It is another kind of file, or parts of it are lost.")
        self._check(info, limit)
        try:
            with self._zip.open(info) as stream:
                data = stream.read(info.file_size + 1)
        except _DAMAGE as error:
            raise FormatError(f"Its {short(name)} is damaged.", "Copy it again from where it came.") from error
        if len(data) != info.file_size:
            raise FormatError(f"Its {short(name)} is damaged.", "Copy it again from where it came.")
        return data

    def _check(self, info: zipfile.ZipInfo, limit: int) -> None:
        name, size = short(info.filename), info.file_size
        if info.flag_bits & 1 or info.compress_type not in _METHODS:
            raise FormatError(f"Its {name} is encrypted or packed in an unknown way.", "Save it again unencrypted.")
        if size > limit:
            raise FormatError(
                f"Its {name} would unpack to {size / 2**20:,.0f} MiB; at most {limit / 2**20:,.0f} MiB are read.",
                "It was not written by this program.",
            )
        if self._max_ratio and size > 1 << 20 and size > self._max_ratio * max(info.compress_size, 1):
            raise FormatError(f"Its {name} swells suspiciously when unpacked.", "It was not written by this program.")


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a directory so large that reading it alone would fill the memory, whatever it says about the members."""
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - (1 << 16) - 42))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("no end record")
    # Archives beyond 4 GiB have a second end record, which this program neither writes nor needs.
    second = b"PK\x06\x07" in tail[max(0, end - 20) : end]
    if second or struct.unpack_from("<L", tail, end + 12)[0] > MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile("too many members")
    file.seek(0)


def packed(members: Mapping[str, bytes]) -> bytes:
    """An archive of these members in this order: the same members give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, zipfile.ZIP_STORED)
    return out.getvalue()


# Arrays --------------------------------------------------------------------------------------------------------------


def pack_arrays(arrays: Mapping[str, Array]) -> bytes:
    """The arrays as `numpy.load` reads them (`.npz`)."""
    members = {}
    for name, array in arrays.items():
        out = io.BytesIO()
        npy.write_array(out, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
        members[f"{name}.npy"] = out.getvalue()
    return packed(members)


def unpack_arrays(file: IO[bytes]) -> dict[str, Array]:
    """All arrays of an `.npz` file, read-only. Only plain numbers are read. Raises FormatError."""
    archive = Archive(file)
    if not all(name.endswith(".npy") for name in archive.members):
        raise FormatError("It holds something else than arrays.", "Save arrays with numpy.savez.")
    return {name.removesuffix(".npy"): _array(archive.read(name), name) for name in archive.members}


def _array(data: bytes, name: str) -> Array:
    stream = io.BytesIO(data)
    name = short(name.removesuffix(".npy"))
    try:
        version = npy.read_magic(stream)
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read_header(stream)
    except _DAMAGE as error:
        raise FormatError(f"Its array {name} is damaged.", "Copy it again from where it came.") from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise FormatError(
            f"Its array {name} holds {dtype}, not plain numbers; objects can carry programs and are never read.",
            "Save it again as floats.",
        )
    # The header says what to allocate, the archive how much there is: they must agree before anything is made.
    if len(shape) > 8 or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise FormatError(f"Its array {name} is not as large as it says.", "Copy it again from where it came.")
    array: Array = np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")
    return read_only(array)


def read_only(array: Array) -> Array:
    """The numbers in this machine's byte order, in one piece, not to be written to."""
    own: Array = np.array(array, array.dtype.newbyteorder("="), order="C")
    own.setflags(write=False)
    return own


# JSON ----------------------------------------------------------------------------------------------------------------


def parse_json(data: bytes) -> Any:
    """JSON of moderate depth, without numbers that are none, doubled keys or broken text. Raises FormatError."""
    try:
        value = json.loads(
            data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_no_doubles
        )
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        raise FormatError("Its text cannot be read as JSON.", "Copy it again from where it came.") from error
    return value


def _no_number(token: str) -> NoReturn:
    raise ValueError(f"{token} is no number")


def _finite(token: str) -> float:
    number = float(token)
    if not math.isfinite(number):
        raise ValueError(f"{token} is too large")
    return number


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _check_depth(value: Any) -> None:
    """Level by level and not by recursion; half characters, which no other program takes, are refused on the way."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        following: list[Any] = []
        for item in level:
            if isinstance(item, str):
                item.encode("utf-8")
            elif isinstance(item, dict):
                following += item.keys()
                following += item.values()
            elif isinstance(item, list):
                following += item
        if not following:
            return
        level = following
    raise ValueError("nested too deeply")


def short(text: str, most: int = 200) -> str:
    """The text in one line, cut where it would fill the screen, and without a full stop."""
    line = " ".join(text.split()).removesuffix(".")
    return line if len(line) <= most else f"{line[: most - 1]}…"
