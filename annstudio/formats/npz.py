"""Weights as NumPy reads them: `numpy.load(file)["hidden/W"]`."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from annstudio.engine.op import Array
from annstudio.errors import FormatError
from annstudio.formats.archive import pack_arrays, unpack_arrays
from annstudio.formats.base import Content, Format, atomic_write, c_ordered, check_readable, finite


class Npz(Format):
    """One array for each view of a layer, named `layer/W`, in users' layout."""

    name: ClassVar[str] = "Weights for NumPy"
    suffix: ClassVar[str] = ".npz"
    loses: ClassVar[str] = "Only the weights are kept: no drawing, no settings, no history."

    def read(self, path: Path) -> Content:
        return Content(finite(read_arrays(path)))

    def write(self, path: Path, content: Content, dtype: str = "float32") -> None:
        atomic_write(path, pack_arrays(c_ordered(finite(content.weights), dtype)))


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an `.npz` file as floats, read-only. Raises FormatError."""
    check_readable(path)
    try:
        with path.open("rb") as file:
            return {name: _floats(array) for name, array in unpack_arrays(file).items()}
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from error
    except FormatError as error:
        raise FormatError(f"{path.name} cannot be opened. {error.message}", error.hint) from error


def _floats(array: Array) -> Array:
    """Half precision and whole numbers as the floats that hold them exactly; float32 and float64 as they are."""
    small = array.dtype.itemsize <= (4 if array.dtype.kind == "f" else 2)
    floats: Array = array.astype(np.float32 if small else np.float64, copy=False)
    floats.setflags(write=False)
    return floats
