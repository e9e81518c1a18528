"""How numbers are written: with the digits the user chose, the same on the canvas, in formulas and in tables."""

import math

DEFAULT_DIGITS = 4
MIN_DIGITS, MAX_DIGITS = 2, 17
PLAIN = 1e-4
"""Smaller numbers than this may be written with powers of ten, others that are less than 1 never are."""


def number_text(value: float, digits: int = DEFAULT_DIGITS) -> str:
    """`digits` places behind the point for numbers of everyday size (fewer where many stand before it, more where zeros
    would take them), else powers of ten: 0.593269992, 1234.57, 0.0007515, 3.510e-05. A minus is the real minus sign."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    value = value if size else 0.0  # never minus zero
    if size and (size < 10.0 ** -min(digits - 1, 5) or size >= 1e9):
        text = f"{value:.{digits - 1}e}"
        if PLAIN <= size < 1:
            text = f"{value:.{digits - 1 - int(text.partition('e')[2])}f}"
    else:
        before = len(str(int(size)))
        text = f"{value:.{max(digits + 1 - before, 0) if before > 1 else digits}f}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def number_latex(value: float, digits: int = DEFAULT_DIGITS) -> str:
    """The same for a formula."""
    text = number_text(value, digits).replace("−", "-")
    if math.isfinite(value) and "e" in text:
        mantissa, _, power = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{int(power)}}}"
    return text.replace("∞", r"\infty").replace("not a number", r"\text{not a number}")
