"""Formulas with places in them, filled with symbols or numbers; sums of them, folded where they are long."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

SHOWN_TERMS = 12
"""Longer sums are folded in formulas; the table has all terms."""
_PLACE = re.compile(r"(\^\{|\{|\||\()?«(\d+)»(\}\^|\}|\||\)|\^)?")


def filled(template: str, values: list[str], shown: list[str] | None = None) -> str:
    """A template with values at its places, in brackets where what stands beside would be misread; or with what is
    `shown` in their stead."""

    def put(match: re.Match[str]) -> str:
        before, place, after = match[1] or "", int(match[2]), match[3] or ""
        value, told = values[place], values[place] if shown is None else shown[place]
        alone = before[-1:] + after[:1] in ("{}", "()", "||")
        to_power = after == "^" and bool(re.search(r"[\^·+ ]|\\cdot", value)) and not value.startswith("(")
        if to_power or (not alone and _is_sum(value)):
            told = f"({told})"
        if alone and before != "{" and told.startswith("(-") and told.endswith(")"):
            told = told[1:-1]
        return before + told + after

    # Only the template's own: a name may have a dot in it, too.
    return _PLACE.sub(put, template.replace("·", r"\cdot"))


def _is_sum(latex: str) -> bool:
    """Whether there is a plus or minus outside of all brackets."""
    if " + " not in latex and " - " not in latex:
        return False
    depth = 0
    for i, letter in enumerate(latex):
        depth += (letter in "({[") - (letter in ")}]")
        if not depth and latex[i : i + 3] in (" + ", " - "):
            return True
    return False


def bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def summed(rows: Sequence[T], told: Callable[[T], str]) -> str:
    """The rows with plus signs between them, folded in the middle where there are many."""
    if len(rows) > SHOWN_TERMS:
        half = SHOWN_TERMS // 2
        parts = [*map(told, rows[:half]), r"\dots", *map(told, rows[-half:])]
    else:
        parts = list(map(told, rows))
    joined = " + ".join(parts) or "0"
    return joined.replace("+ -", "- ")
