"""The paper as a table of comma-separated values: one row for every number, weights with gradient and new value."""

import csv
import io
from collections.abc import Callable

from annstudio.explain.names import plain
from annstudio.explain.takeaway import ChapterName, Entry, Paper

Told = Callable[[int], None]
HEAD = ("chapter", "layer", "number", "value", "gradient", "after the update", "formula", "with numbers")


def tables(paper: Paper, told: Told = lambda n: None) -> str:
    """The whole table. Numbers are told in full; `gradient` is ∂E by the number."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(HEAD)
    done = 0
    for chapter in paper.chapters:
        for section in chapter.sections:
            for entry in section.entries:
                writer.writerow((chapter.name, section.title, *_row(paper, entry, chapter.name)))
                done += 1
                if done % 50 == 0:
                    told(done)
    return held.getvalue()


def _row(paper: Paper, entry: Entry, chapter: ChapterName) -> tuple[object, ...]:
    gradient, after = (paper.by_key.get(key) for key in (entry.gradient, entry.after))
    new = after.value if after is not None else entry.value if chapter is ChapterName.WEIGHTS and entry.after else ""
    formula = " + ".join(plain(worth.symbols()) for worth in entry.told)
    numbers = " + ".join(plain(worth.figures(paper.digits)) for worth in entry.told)
    value = int(entry.value) if entry.whole else entry.value
    return plain(entry.symbol), value, "" if gradient is None else gradient.value, new, formula, numbers
