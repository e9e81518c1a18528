"""Numbers as users read and type them: in their locale's writing, with limits told in words."""

import math
import re
from dataclasses import dataclass

from PySide6.QtCore import QLocale

from annstudio.explain.numbers import number_text as number_text_of

_POINTS = re.compile(r"\\text\{[^{}]*\}|(?<=\d)\.(?=\d)")
"""Names, which stay as they are, and decimal points."""


@dataclass(frozen=True)
class Limits:
    """Which numbers may be: from `least` to `most`, the ends left out where `above` or `below` says so."""

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False

    def allows(self, value: float) -> bool:
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)

    def words(self) -> str:
        """The limits as users read them: "above 0 and at most 1 000"."""
        parts = []
        if self.least > -math.inf:
            parts.append(f"{'above' if self.above else 'at least'} {number_text(self.least)}")
        if self.most < math.inf:
            parts.append(f"{'below' if self.below else 'at most'} {number_text(self.most)}")
        return " and ".join(parts)


def number_text(value: float, digits: int | None = None) -> str:
    """A number as the user's locale writes it, without groups: all its digits, or so many significant ones."""
    if digits is None and abs(value) < 1e6 and float(value).is_integer():
        value = int(value)
    text = repr(value) if digits is None else f"{value:.{digits}g}"
    text = re.sub(r"e([+-]?)0*(\d)", lambda found: f"e{found[1].replace('+', '')}{found[2]}", text)
    return text.replace(".", QLocale().decimalPoint())


def use_decimal_sign(sign: str) -> None:
    """Write numbers with a `point` or a `comma` from now on, or as the `system` has it. Both can always be typed."""
    language = QLocale.Language.English
    chosen = {
        "point": QLocale(language, QLocale.Country.UnitedStates),
        # English as it is written where the comma is the decimal sign.
        "comma": QLocale(language, QLocale.Country.Germany),
    }
    QLocale.setDefault(chosen.get(sign, QLocale.system()))


def localised(text: str, sign: str = "") -> str:
    """Text or LaTeX with numbers in it, written with the user's decimal sign (or `sign`); names are left alone."""
    sign = sign or QLocale().decimalPoint()
    if sign == ".":
        return text
    return _POINTS.sub(lambda found: sign if found[0] == "." else found[0], text)


def localised_latex(latex: str) -> str:
    """LaTeX with the user's decimal sign; a bare comma would be set with a gap behind it."""
    sign = QLocale().decimalPoint()
    return localised(latex, f"{{{sign}}}") if sign != "." else latex


def places_text(value: float, digits: int) -> str:
    """A number with so many places behind its decimal sign, as explanations write them."""
    return localised(number_text_of(value, digits))


def count_text(n: int) -> str:
    """A count in groups of three with thin spaces, at which no line is broken: 4 640."""
    return f"{n:,}".replace(",", "\u202f")


def parse_number(text: str) -> float | None:
    """The number that a text means, in the locale's writing or with a decimal point; None where it is none."""
    bare = (
        re.sub(r"[\s\u00a0\u2009\u202f_']", "", text).replace("\u2212", "-").replace("·10^", "e").replace("×10^", "e")
    )
    if QLocale().decimalPoint() == ",":
        bare = bare.replace(".", "").replace(",", ".") if "," in bare else bare
    elif re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", bare):
        bare = bare.replace(",", "")
    else:
        # Whoever types 0,5 where the point is the decimal sign means one half.
        bare = bare.replace(",", ".")
    try:
        value = float(bare)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def stepped(value: float, steps: int, limits: Limits) -> float:
    """The number `steps` further on, within limits: whole ones by one, others by a unit of their leading digit."""
    if limits.whole:
        return min(max(value + steps, limits.least), limits.most)
    for _ in range(abs(steps)):
        further = min(max(_one_step(value, 1 if steps > 0 else -1), limits.least), limits.most)
        value = further if limits.allows(further) else value
    return value


def _one_step(value: float, direction: int) -> float:
    if value == 0:
        return 0.1 * direction
    exponent = math.floor(math.log10(abs(value)) + 1e-12)
    leading = round(abs(value) / 10**exponent, 9)
    # From 0.01 downwards comes 0.009: the unit of the digit that will lead.
    if (value > 0) != (direction > 0) and leading == 1:
        exponent -= 1
    return float(f"{value + direction * 10.0**exponent:.12g}")
