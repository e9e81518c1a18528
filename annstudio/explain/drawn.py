"""Formulas as SVG, set by ziamath."""

import re
import warnings
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

INK = "currentColor"
"""Stands in for the colour, which is put in afterwards: setting a symbol is dear, colouring it is not."""


@lru_cache(maxsize=4096)
def formula_svg(latex: str, size: int) -> str:
    """A piece of LaTeX as a drawing of its own; its viewBox begins above the line of writing, which is y = 0."""
    # Inside \text ziamath takes a low line as it is and would show the backslash.
    latex = re.sub(r"\\text\{[^{}]*\}", lambda found: found[0].replace(r"\_", "_"), latex)
    return str(_ziamath().Latex(latex, size=size, color=INK).svg())


@cache
def _ziamath() -> Any:
    """The library, loaded with the first formula. Its way of finding its font is deprecated, which is no news here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        ziamath: Any = import_module("ziamath")
    # SVG 2 symbols are not drawn by Qt.
    ziamath.config.svg2 = False
    return ziamath
