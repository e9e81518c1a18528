"""Numbers as people write them on a worksheet: decimal comma or point, fractions, powers of ten. Nothing is run."""

import math
import re

MOST_CHARACTERS = 60
"""Longer answers are no numbers."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_POWER = r"(?:\s*[eE]\s*(?P<e>[+-]?\d{1,4})|\s*[*·×]\s*10\s*(?:\^|\*\*)\s*[({]?(?P<ten>[+-]?\d{1,4})[)}]?)?"
_SCIENTIFIC = re.compile(rf"\s*(?P<mantissa>{_NUMBER}){_POWER}\s*")
_BARE_POWER = re.compile(r"\s*(?P<sign>[+-]?)10\s*(?:\^|\*\*)\s*[({]?(?P<ten>[+-]?\d{1,4})[)}]?\s*")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def parse_answer(text: str) -> float:
    """The number that an answer means. Raises ValueError in words where it is none.

    0.082, 0,082, 3/8, 1e-3, 2·10^-3 and 2·10⁻³ are numbers; so are 1.234,5 and 1,234.5, whose last sign is the decimal
    one.
    """
    bare = _tidied(text)
    if not bare:
        raise ValueError("There is no number yet.")
    if len(bare) > MOST_CHARACTERS:
        raise ValueError("That is too long for a number.")
    above, slash, below = bare.partition("/")
    if not slash:
        return _number(above, text)
    divisor = _number(below, text)
    if divisor == 0:
        raise ValueError("A fraction with 0 below is no number.")
    return _finite(_number(above, text) / divisor)


def digits_given(text: str) -> int:
    """With how many significant digits a number was written; 17 for fractions, which are exact."""
    bare = _tidied(text)
    found = _SCIENTIFIC.fullmatch(bare)
    if "/" in bare or found is None:
        return 17
    return len(found["mantissa"].lstrip("+-").replace(".", "").lstrip("0"))


def _number(text: str, whole: str) -> float:
    found = _SCIENTIFIC.fullmatch(text)
    if found is not None:
        return _finite(float(f"{found['mantissa']}e{found['e'] or found['ten'] or 0}"))
    power = _BARE_POWER.fullmatch(text)
    if power is not None:
        return _finite(float(f"{power['sign']}1e{power['ten']}"))
    said = whole.strip()
    raise ValueError(f"“{said[:20]}{'…' if len(said) > 20 else ''}” is no number. Write 0.082, 3/8 or 1e-3.")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("That is too large for a number.")
    return value


def _tidied(text: str) -> str:
    """With a point as the decimal sign, without signs between groups, with plain minus signs and powers."""
    bare = re.sub(r"[\u00a0\u2009\u202f_']", "", text.strip())
    bare = bare.replace("\u2212", "-").replace("\u2013", "-").replace("⁄", "/").replace("∕", "/")
    bare = re.sub(r"10([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"10^{m[1].translate(_RAISED)}", bare)
    bare = re.sub(r"\s*([-+/eE^*·×])\s*", r"\1", bare)
    bare = re.sub(r"(?<=\d)\s+(?=\d{3}\b)", "", bare)
    return "/".join(_decimal_point(part) for part in bare.split("/", 1))


def _decimal_point(number: str) -> str:
    if "," not in number:
        return number
    if "." in number:
        grouped, decimal = (",", ".") if number.rindex(".") > number.rindex(",") else (".", ",")
        return number.replace(grouped, "").replace(decimal, ".")
    return number.replace(",", "") if number.count(",") > 1 else number.replace(",", ".")
