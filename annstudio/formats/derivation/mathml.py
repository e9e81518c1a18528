"""LaTeX of the kind used here as MathML, which browsers set by themselves; numbers in it may be links."""

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from annstudio.explain.takeaway import Number, Worth
from annstudio.explain.takeaway.paper import in_place
from annstudio.explain.templates import filled


@lru_cache(maxsize=8192)
def inner(latex: str) -> str:
    """What stands inside <math>…</math>."""
    convert: Any = import_module("latex2mathml.converter").convert
    # It sets functions without the room that they need.
    latex = re.sub(r"\\(ln|tanh)(?![a-z])\s*", r"\\,\\\1\\,", latex)
    found: str = convert(latex.replace(r"\_", "_"))
    return re.sub(r"^<math[^>]*>|</math>$", "", found)


def math(latex: str) -> str:
    """A formula by itself."""
    return f"<math>{inner(latex)}</math>"


def symbols(worth: Worth, listed: frozenset[str]) -> str:
    """A term in symbols; those with an entry of their own are links to it."""
    return _filled(worth, [number.symbol for number in worth.numbers], [linked(n, listed) for n in worth.numbers])


def figures(worth: Worth, digits: int) -> str:
    """A term with the numbers put in."""
    latex = [in_place(number, digits) for number in worth.numbers]
    # A minus is a sign only where it stands first.
    return _filled(worth, latex, [inner(re.sub(r"^\((-.*)\)$", r"({\1})", each)) for each in latex])


def linked(number: Number, listed: frozenset[str]) -> str:
    """A symbol as a link. MathML itself has none in every browser; HTML inside <mtext> has."""
    if number.entry not in listed:
        return inner(number.symbol)
    return f'<mtext><a href="#{html.escape(number.entry)}">{math(number.symbol)}</a></mtext>'


def _filled(worth: Worth, latex: list[str], pieces: Sequence[str]) -> str:
    """The term with pieces of MathML in its blanks, which stand for `latex`."""
    marks = [rf"\text{{@{i}@}}" for i in range(len(pieces))]
    found = re.sub(r"<mtext>@(\d+)@</mtext>", lambda m: pieces[int(m[1])], inner(filled(worth.shape, latex, marks)))
    return f"<math>{found}</math>"
