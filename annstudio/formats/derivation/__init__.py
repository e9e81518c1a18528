"""The derivation to take away, as files: a web page, LaTeX, an Excel workbook, a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from annstudio.errors import FormatError
from annstudio.explain.takeaway import Paper
from annstudio.formats.derivation.latex import latex
from annstudio.formats.derivation.tables import tables
from annstudio.formats.derivation.webpage import webpage
from annstudio.formats.derivation.workbook import Workbook

Told = Callable[[int], None]
"""Is told now and then how many numbers are written; may raise to give up."""


@dataclass(frozen=True)
class Output:
    """A kind of file. `most`: larger papers are unwieldy in it, in numbers."""

    name: str
    suffix: str
    written: Callable[[Paper, Told], bytes]
    whole: bool = False
    """Whether it needs all chapters."""
    most: int = 2000


OUTPUTS: Mapping[str, Output] = {
    output.suffix: output
    for output in (
        Output("Web page", ".html", lambda paper, told: webpage(paper, told).encode()),
        Output("LaTeX", ".tex", lambda paper, told: latex(paper, told).encode()),
        Output("Excel workbook", ".xlsx", lambda paper, told: Workbook(paper, told).bytes(), True, 10_000),
        # With the mark that has Excel read it as UTF-8.
        Output("Table", ".csv", lambda paper, told: tables(paper, told).encode("utf-8-sig"), False, 10_000),
    )
}
"""Every kind of file by its suffix."""


def output_of(path: Path) -> Output:
    """The kind of a file by the end of its name. Raises FormatError where there is none."""
    found = OUTPUTS.get(path.suffix.lower())
    if found is None:
        raise FormatError(f"{str(path)!r} cannot be a derivation.", f"End its name in one of {', '.join(OUTPUTS)}.")
    return found
