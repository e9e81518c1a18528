"""Make samples/data/digits.npz from the digits that come with scikit-learn. Run it in the project's main folder.

The same input gives the same bytes: both are checked by their sha256.
"""

import gzip
import io
from importlib.resources import files
from pathlib import Path

import numpy as np
from packing import check, write

INPUT_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
OUTPUT_SHA256 = "53ae9b0e1d31ddf43d7aaa2cdfd26e3616bf46a318c419e8e9e59675ce7f1999"
OUTPUT = Path("samples") / "data" / "digits.npz"

ORIGIN = {
    "source": "Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
    "https://archive.ics.uci.edu/dataset/80; its test set, as copied by scikit-learn",
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "citation": "E. Alpaydin, C. Kaynak (1998). Optical Recognition of Handwritten Digits [Dataset]. "
    "UCI Machine Learning Repository. https://doi.org/10.24432/C50P49",
    "changes": "Rows of 64 numbers reshaped to pictures of 8 by 8 pixels and stored as bytes; values and order kept.",
}


def main() -> None:
    """Read, check, convert, check, write."""
    packed = files("sklearn.datasets.data").joinpath("digits.csv.gz").read_bytes()
    check("input", packed, INPUT_SHA256)
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",")
    arrays = {
        "x": table[:, :64].reshape(-1, 8, 8).astype(np.uint8),
        "y": table[:, 64].astype(np.uint8),
    }
    write(OUTPUT, arrays, ORIGIN, OUTPUT_SHA256)


if __name__ == "__main__":
    main()
