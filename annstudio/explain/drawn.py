"""Formulas as SVG, set by ziamath."""

import html
import re
import warnings
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

INK = "currentColor"
"""Stands in for the colour, which is put in afterwards: setting a symbol is dear, colouring it is not."""


_TEXT = re.compile(r"(\\text\{[^{}]*\})")


@lru_cache(maxsize=4096)
def formula_svg(latex: str, size: int) -> str:
    """A piece of LaTeX as a drawing of its own; its viewBox begins above the line of writing, which is y = 0."""
    told = "".join(
        _words(part) if i % 2 else part.replace("&", r"\text{&amp;}") for i, part in enumerate(_TEXT.split(latex))
    )
    return str(_ziamath().Latex(told, size=size, color=INK).svg())


def _words(text: str) -> str:
    r"""What stands inside \text: ziamath takes it as XML, and would show the backslash of a low line."""
    return html.escape(text.replace(r"\_", "_"), quote=False)


def load() -> None:
    """Load what formulas are set with, which takes a tenth of a second: for a thread, before anybody asks."""
    _ziamath()


@cache
def _ziamath() -> Any:
    """The library, loaded with the first formula. Its way of finding its font is deprecated, which is no news here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        ziamath: Any = import_module("ziamath")
    # SVG 2 symbols are not drawn by Qt.
    ziamath.config.svg2 = False
    return ziamath
