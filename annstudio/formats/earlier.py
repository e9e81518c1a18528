"""Names of numbers as worksheets of earlier files have them, in the words of today.

Up to schema 4 time steps and examples counted from 0 there: `lstm_1.c[2] t=3 of example 1`. Still earlier words for
that were `lstm_1.c(t = 3)[2]@1`, and `loss.e#1` for `loss.e[1]`.
"""

import re

from annstudio.ordinals import ordinal

_OF_EXAMPLE = re.compile(r"(.*)@(\d{1,9})")
_SHARE = re.compile(r"(.*)#(\d{1,9})")
_AT_TIME = re.compile(r"(.*)\(((?:back|\w+ = \d+)(?:, \w+ = \d+)*)\)(\[[\d,]*\])?")
_FROM_0 = re.compile(r"((?<=[\s,\]])(?:t|row|window) ?= ?|of example )(\d{1,9})")


def name_of_today(name: str) -> str:
    """The name of the same number today."""
    example = ""
    if found := _OF_EXAMPLE.fullmatch(name):
        name, example = found[1], f" of example {found[2]}"
    if found := _SHARE.fullmatch(name):
        name = f"{found[1]}[{found[2]}]"
    elif found := _AT_TIME.fullmatch(name):
        name = f"{found[1]}{found[3] or ''} {found[2].replace(' = ', '=').replace(', ', ',')}"
    return _FROM_0.sub(lambda found: f"{found[1]}{ordinal(int(found[2]))}", name + example)
