"""Weights as NumPy reads them: `numpy.load(file)["hidden/W"]`."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from annstudio.engine.arena import Weights
from annstudio.errors import FormatError
from annstudio.formats.archive import pack_arrays, unpack_arrays
from annstudio.formats.base import Content, Format, atomic_write, c_ordered, check_readable, finite


class Npz(Format):
    """One array for each view of a layer, named `layer/W`, in users' layout."""

    name: ClassVar[str] = "Weights for NumPy"
    suffix: ClassVar[str] = ".npz"
    loses: ClassVar[str] = "Only the weights are kept: no drawing, no settings, no history."

    def read(self, path: Path) -> Content:
        check_readable(path)
        try:
            with path.open("rb") as file:
                arrays = unpack_arrays(file)
            return Content(finite(_floats(arrays)))
        except OSError as error:
            raise FormatError(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from error
        except FormatError as error:
            raise FormatError(f"{path.name} cannot be opened as weights. {error.message}", error.hint) from error

    def write(self, path: Path, content: Content, dtype: str = "float32") -> None:
        atomic_write(path, pack_arrays(c_ordered(finite(content.weights), dtype)))


def _floats(arrays: Weights) -> Weights:
    """Half precision and whole numbers as the floats that hold them exactly; float32 and float64 as they are."""
    converted = {}
    for name, array in arrays.items():
        wide = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64
        converted[name] = array.astype(wide, copy=False)
        converted[name].setflags(write=False)
    return converted
