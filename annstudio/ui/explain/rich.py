"""Symbols and numbers as one line of rich text, with links to the numbers they stand for."""

import html
import re
from functools import lru_cache

from annstudio.explain.attribution import FromInput, ToOutputs
from annstudio.explain.names import plain
from annstudio.explain.told import Quantity
from annstudio.ui.numbers import localised, places_text
from annstudio.ui.theme import TEXT, theme

_INDEX = TEXT + 1
"""Qt shows indices at two thirds of this."""
_KINDS: dict[str, type[Quantity]] = {"number": Quantity, "from-input": FromInput, "to-outputs": ToOutputs}
"""Kinds of questions by the word that their addresses begin with."""


def rich(latex: str) -> str:
    """LaTeX of the kind used here as rich text on one line: lowered indices, fractions with a slash."""
    return _rich(localised(latex))


@lru_cache(maxsize=4096)
def _rich(latex: str) -> str:
    text = html.escape(latex, quote=False).replace(r"\tfrac{1}{2}", "½")
    text = re.sub(r"\\tilde\{(\w)\}", "\\1\u0303", re.sub(r"\\hat\{(\w)\}", "\\1\u0302", text))
    for _ in range(6):
        text = re.sub(r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", lambda m: _fraction(m[1], m[2]), text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)
        text = re.sub(r"\\(?:text|mathrm)\{([^{}]*)\}", r"\1", text)
        text = re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", text)
        text = re.sub(r"\^\{([^{}]*)\}", r"<sup>\1</sup>", text)
    text = re.sub(r"_(\w)", r"<sub>\1</sub>", text.replace(r"\_", "\u0001")).replace("\u0001", "_")
    text = re.sub(r"\^(\w)", r"<sup>\1</sup>", text)
    # What is left is plain words; tags hold neither backslashes nor braces.
    text = plain(text).replace("-", "−").replace("</sub> <sup>", "</sub>\u00a0<sup>")
    # No line is broken inside of an index.
    return re.sub(r"<(su[bp])>.*?</\1>", lambda found: found[0].replace(" ", "\u00a0"), text)


def legible(text: str) -> str:
    """Rich text with its indices a little larger: as Qt makes them they are too small to read, and lose their tops."""
    opened = re.sub(r"<(su[bp])>", rf'<\1><span style="font-size:{_INDEX}px">', text)
    return re.sub(r"</(su[bp])>", r"</span></\1>", opened)


_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def one_line(latex: str) -> str:
    """LaTeX of the kind used here as text for a cell of a table: powers of ten raised, a real minus sign."""
    raised = re.sub(r"\^\{(-?\d+)\}", lambda found: found[1].translate(_POWERS), latex)
    return plain(localised(raised)).replace("-", "−")


def times(latex: str) -> str:
    """A product of numbers with crosses, as on paper; powers of ten keep their dot."""
    return re.sub(r" ?\\cdot (?!10\^)|(?<!\[)\\,(?=\()", r" × ", latex)


def bold(text: str, colour: str = "") -> str:
    inside = f'<b style="color:{colour}">' if colour else "<b>"
    return f"{inside}{text}</b>"


def coloured(text: str, colour: str) -> str:
    return f'<span style="color:{colour}">{text}</span>'


def link(text: str, quantity: Quantity | None, colour: str = "") -> str:
    """Text that leads to a number."""
    if quantity is None:
        return coloured(text, colour) if colour else text
    shade = colour or theme().link.name()
    return f'<a href="{address(quantity)}" style="color:{shade};text-decoration:none">{text}</a>'


def signed(value: float, digits: int) -> str:
    """A number in its sign's colour, with its sign."""
    t = theme()
    colour = t.positive_text if value > 0 else t.negative_text if value < 0 else t.text
    return coloured(f"{'+' if value > 0 else ''}{places_text(value, digits)}", colour.name())


def address(quantity: Quantity) -> str:
    """A number's address inside the panel."""
    index = ".".join(map(str, quantity.index))
    example, term = ("" if n is None else str(n) for n in (quantity.example, quantity.term))
    kind = next(word for word, kind in _KINDS.items() if type(quantity) is kind)
    return f"{kind}:{quantity.slot}/{index}/{example}/{term}"


def quantity_at(address: str) -> Quantity | None:
    """The number that an address means; None for other addresses."""
    kind, _, place = address.partition(":")
    if kind not in _KINDS:
        return None
    slot, index, example, term = place.split("/")
    places = tuple(int(i) for i in index.split(".") if i)
    return _KINDS[kind](int(slot), places, int(example) if example else None, int(term) if term else None)


def _fraction(above: str, below: str) -> str:
    return f"{_grouped(above)}/{_grouped(below)}"


def _grouped(text: str) -> str:
    """In brackets where a slash would be misread."""
    bare = re.sub(r"<[^>]*>", "", text)
    if re.fullmatch(r"\([^()]*\)", bare):
        return text
    return f"({text})" if re.search(r"[-+/−×·]|\\cdot", bare) else text
