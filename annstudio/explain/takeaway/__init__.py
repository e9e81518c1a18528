"""The derivation to take away: one batch written down from the first number to the last, for files of any kind."""

from annstudio.explain.takeaway.counting import fitting, n_numbers
from annstudio.explain.takeaway.extent import Extent
from annstudio.explain.takeaway.paper import About, Chapter, ChapterName, Entry, Number, Paper, Section, Worth
from annstudio.explain.takeaway.writing import write

__all__ = [
    "About", "Chapter", "ChapterName", "Entry", "Extent", "Number", "Paper", "Section", "Worth", "fitting", "n_numbers",
    "write",
]  # fmt: skip
