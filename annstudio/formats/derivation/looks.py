"""What the workbook's cells look like: named styles that the user can change in one place, widths, frozen rows."""

import json
import math
from collections.abc import Sequence
from importlib import import_module
from textwrap import wrap
from typing import Any

from annstudio.places import RESOURCES

WIDTHS = (20, 22, 60, 18, 18, 14)
"""Of the columns, in signs."""
_TEXTS = frozenset({"Symbol", "Words", "Section", "Heading"})
"""Styles of cells that hold words, also where these begin with an equals sign."""
FRONT_WIDTH = 110


def number_format(value: float, digits: int, *, whole: bool) -> str:
    """How a cell shows its number: like the program, small and large ones with powers of ten."""
    size = abs(value)
    if whole:
        return "0"
    if size and math.isfinite(size) and (size < 10.0 ** -min(digits - 1, 5) or size >= 1e9):
        return f"0.{'0' * (digits - 1)}E+00"
    return f"0.{'0' * digits}"


class Looks:
    """The styles of one workbook."""

    def __init__(self, book: Any) -> None:
        self.styles = import_module("openpyxl.styles")
        self.column = import_module("openpyxl.utils").get_column_letter
        self.rules = import_module("openpyxl.formatting.rule")
        self._illegal = import_module("openpyxl.cell.cell").ILLEGAL_CHARACTERS_RE
        self.kinds = json.loads((RESOURCES / "derivation" / "workbook.json").read_text("utf-8"))
        for name, kind in self.kinds.items():
            book.add_named_style(self._style(name, kind))

    def _style(self, name: str, kind: dict[str, Any]) -> Any:
        style = self.styles.NamedStyle(name=name)
        style.font = self._font(kind)
        if "paper" in kind:
            style.fill = self.styles.PatternFill("solid", fgColor=kind["paper"])
        return style

    def _font(self, kind: dict[str, Any]) -> Any:
        return self.styles.Font(name="Calibri", size=kind.get("size", 11), color=kind["ink"], bold=kind.get("bold"))

    def dress(self, sheet: Any, title: str, words: str, columns: Sequence[str], first: int) -> None:
        """Title, words, names of the columns; they stay in sight."""
        self._put(sheet, 1, 1, str(title), "Heading")
        self._put(sheet, 2, 1, words, "Words")
        for i, name in enumerate(columns, 1):
            self._put(sheet, first - 1, i, name, "Columns")
            if i > 3:
                sheet.cell(first - 1, i).alignment = self.styles.Alignment(horizontal="right")
            sheet.column_dimensions[self.column(i)].width = WIDTHS[i - 1]
        sheet.freeze_panes = f"C{first}"
        self._onto_paper(sheet)
        sheet.print_title_rows = f"{first - 1}:{first - 1}"

    def _onto_paper(self, sheet: Any) -> None:
        """Printed, a sheet is as wide as the page."""
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        properties = import_module("openpyxl.worksheet.properties")
        sheet.sheet_properties.pageSetUpPr = properties.PageSetupProperties(fitToPage=True)

    def section(self, sheet: Any, row: int, title: str, words: str) -> None:
        for i in range(1, len(WIDTHS) + 1):
            self._put(sheet, row, i, {1: title, 3: words}.get(i), "Section")

    def row(
        self, sheet: Any, row: int, texts: Sequence[str], value: float | str, engine: float | str, style: str,
        format: str, more: Sequence[str],
    ) -> None:  # fmt: skip
        """One number: its texts, its value or formula, the engine's number, the difference, and partial sums."""
        for i, text in enumerate(texts, 1):
            self._put(sheet, row, i, text or None, "Symbol" if i == 2 else "Words")
        self._put(sheet, row, 4, value, style, format)
        self._put(sheet, row, 5, engine, "Check", format)
        if isinstance(engine, float):
            self._put(sheet, row, 6, f"=D{row}-E{row}", "Check", "0.0E+00")
        for i, part in enumerate(more, len(WIDTHS) + 1):
            self._put(sheet, row, i, part, "Check", format)

    def mark_differences(self, sheet: Any, first: int, last: int) -> None:
        """Differences that are more than rounding stand out: something was changed."""
        if last >= first:
            changed = self._font(self.kinds["Changed"])
            rule = self.rules.FormulaRule(formula=[f"ABS($F{first})>1E-9*MAX(1,ABS($E{first}))"], font=changed)
            sheet.conditional_formatting.add(f"F{first}:F{last}", rule)

    def front(self, sheet: Any, title: str, words: Sequence[str], layers: Sequence[tuple[str, str]]) -> None:
        """The first sheet, one line below the other."""
        sheet.title = "About"
        self._onto_paper(sheet)
        sheet.column_dimensions["A"].width = FRONT_WIDTH + 10
        legend = (
            ("Given", "Given: change it"),
            ("Worked out", "Worked out from other cells"),
            ("Fixed", "Stands still"),
        )
        lines = [
            (title, "Heading"), ("", "Words"),
            *((line, "Words") for each in words for line in wrap(each, FRONT_WIDTH)), ("", "Words"),
            *((meaning, style) for style, meaning in legend), ("", "Words"),
            *((f"{name}: {described}", "Words") for name, described in layers),
        ]  # fmt: skip
        for row, (text, style) in enumerate(lines, 1):
            self._put(sheet, row, 1, text or None, style)

    def _put(self, sheet: Any, row: int, column: int, value: Any, style: str, format: str = "") -> None:
        cell = sheet.cell(row, column)
        cell.value = self._illegal.sub("", value) if isinstance(value, str) else value
        if isinstance(value, str) and style in _TEXTS:
            cell.data_type = "s"  # "= w₅ · out" is no formula
        cell.style = style
        if format:
            cell.number_format = format
