"""Make samples/data/sunspots.npz from the copy in the package statsmodels. Run it in the project's main folder:

    pip download statsmodels==0.15.0 --no-deps
    python tools/convert_sunspots.py statsmodels-0.15.0-*.whl

The same input gives the same bytes: both are checked by their sha256.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from packing import check, member, write

INPUT = "statsmodels/datasets/sunspots/sunspots.csv"
INPUT_SHA256 = "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b"
OUTPUT_SHA256 = "169889d9945f40d4cf8c06eb3384971bfc23c064fe6df238ef1974af5b19f2b5"
OUTPUT = Path("samples") / "data" / "sunspots.npz"

ORIGIN = {
    "source": "Yearly sunspot numbers 1700–2008, NOAA National Geophysical Data Center, "
    "http://www.ngdc.noaa.gov/stp/solar/solarda3.html; as copied by statsmodels 0.15.0",
    "licence": "Public domain",
    "citation": "NOAA National Geophysical Data Center. Yearly sunspot numbers 1700–2008.",
    "changes": "Stored as arrays; values and order kept.",
}


def main(wheel: str) -> None:
    """Read, check, convert, check, write."""
    content = member(wheel, INPUT)
    check("input", content, INPUT_SHA256)
    rows = [line.split(",") for line in content.decode("ascii").splitlines()[1:]]
    arrays: dict[str, npt.NDArray[Any]] = {
        "year": np.array([year for year, _ in rows], np.uint16),
        "sunspots": np.array([number for _, number in rows], np.float64),
    }
    write(OUTPUT, arrays, ORIGIN, OUTPUT_SHA256)


if __name__ == "__main__":
    main(sys.argv[1])
