"""Writes the derivation to take away from the command line."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from annstudio.explain.stepper import Stepper
from annstudio.explain.takeaway import About, Extent, fitting, n_numbers, write
from annstudio.formats.base import atomic_write
from annstudio.formats.derivation import output_of


def write_derivation(stepper: Stepper, head: About, target: Path, units: int | None, digits: int) -> dict[str, Any]:
    """Write the whole batch to a file; what is in it comes back. Raises FormatError."""
    output = output_of(target)
    extent = fitting(stepper, output.most) if units is None else Extent(units)
    total = n_numbers(stepper, extent)
    with tqdm(total=2 * total, unit=" numbers", leave=False, disable=not sys.stderr.isatty()) as bar:
        with np.errstate(all="ignore"):
            paper = write(stepper, head, extent, digits, lambda n: bar.update(n - bar.n))
        done = sum(1 for _ in paper.entries())
        written = output.written(paper, lambda n: bar.update(done + n - bar.n))
    atomic_write(target, written)
    return {"written": str(target), "numbers": done, "units": extent.units, "left_out": len(paper.left_out)}


def told(found: dict[str, Any]) -> str:
    """The same in words."""
    units = "the first unit" if found["units"] == 1 else f"the first {found['units']} units"
    cut = f", {units} of every layer; --units N takes more or fewer" if found["left_out"] else ""
    return f"Written: {found['written']}: {found['numbers']:,} numbers{cut}"
