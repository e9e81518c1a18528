"""What a page shows, taken along: formulas, lines and whole tables as text or as LaTeX."""

import re
from collections.abc import Iterable, Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from annstudio.ui.numbers import localised_latex

_SIGNS = {
    "−": "-", "×": r"\times ", "·": r"\cdot ", "∂": r"\partial ", "…": r"\dots ", "Σ": r"\sum ", "√": r"\surd ",
    "→": r"\to ", "η": r"\eta ", "σ": r"\sigma ", "β": r"\beta ", "ε": r"\epsilon ", "λ": r"\lambda ", "μ": r"\mu ",
    "Δ": r"\Delta ", "½": r"\tfrac{1}{2}", "%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "\u202f": r"\,",
}  # fmt: skip
_LOWERED, _RAISED = "₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"


def copy_menu(parent: QWidget, text: str, latex: str = "") -> QMenu:
    """The context menu of formulas, lines and tables: take them along as text or as LaTeX."""
    menu = QMenu(parent)
    menu.addAction("Copy as text", lambda: QGuiApplication.clipboard().setText(text))
    if latex:
        menu.addAction("Copy as LaTeX", lambda: QGuiApplication.clipboard().setText(latex))
    return menu


def table_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells, the heading first, as spreadsheets take them: cells apart by tabs."""
    return "\n".join("\t".join(re.sub(r"\s*\n\s*", ": ", cell) for cell in row) for row in rows)


def table_latex(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells, the heading first, as a tabular."""
    heading, *others = ([cell_latex(cell) for cell in row] for row in rows)
    head, *lines = (" & ".join(row) + r" \\" for row in (heading, *others))
    columns = "l" + "r" * (len(heading) - 1)
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", head, r"\hline", *lines, r"\end{tabular}"])


def cell_latex(text: str) -> str:
    """A cell's text as LaTeX: symbols and numbers set as mathematics, words as words."""
    text = re.sub(r"\s*\n\s*", ": ", text)
    if not text:
        return ""
    told = re.sub(rf"[{_LOWERED}]+", lambda found: f"\0{_digits(found[0], _LOWERED)}\1", text)
    told = re.sub(rf"[{_RAISED}]+", lambda found: f"\2{_digits(found[0], _RAISED)}\1", told)
    words = re.split(r"([A-Za-z]\w*(?:[ /][A-Za-z]\w*)*)", told)
    told = "".join(_word(part) if i % 2 else _symbols(part) for i, part in enumerate(words))
    return f"${localised_latex(told.replace(chr(0), '_{').replace(chr(2), '^{').replace(chr(1), '}'))}$"


def _digits(text: str, written: str) -> str:
    return "".join("0123456789-"[written.index(letter)] for letter in text)


def _word(text: str) -> str:
    """One letter is a symbol; longer ones are words. What is lowered behind a word goes on."""
    bare, lowered = (text, "") if "_" not in text else text.split("_", 1)
    told = bare if len(bare) == 1 else rf"\text{{{_symbols(bare)}}}"
    return told + (rf"_{{\text{{{_symbols(lowered)}}}}}" if lowered else "")


def _symbols(text: str) -> str:
    return "".join(_SIGNS.get(letter, letter) for letter in text)
