"""The sheet that is worked on: what is given on the left, the calculation with its blanks on the right."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from annstudio.explain.drawn import formula_svg
from annstudio.explain.sheet import Line, Section, Sheet, digits_given, given_text
from annstudio.explain.worksheet import Help, Worksheet
from annstudio.ordinals import nth
from annstudio.ui.explain.blocks import Box
from annstudio.ui.explain.formula import FormulaView
from annstudio.ui.explain.rich import rich
from annstudio.ui.labs.worksheet_rows import SYMBOL_SIZE, Blank, pieces_of
from annstudio.ui.numbers import count_text, localised, localised_latex
from annstudio.ui.panels.base import heading, quiet_label
from annstudio.ui.theme import GRID, SMALL, mono_font

GIVEN_WIDTH = 64 * GRID
MOST_OF_TWO = 16
"""Numbers with more signs than that have no place beside each other there."""


class SheetPage(QWidget):
    """Shows a Sheet. `given`, `hinted` and `led` are those of its blanks."""

    given = Signal(str, str, bool)
    hinted = Signal(str)
    led = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.blanks: dict[str, Blank] = {}
        self._given: list[NumbersView] = []
        self._form: object = None
        """Of what is shown all but the given numbers."""
        self.left = _area(self)
        self.left.setFixedWidth(GIVEN_WIDTH)
        self.right = _area(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4 * GRID)
        row.addWidget(self.left)
        row.addWidget(self.right, 1)

    def show_sheet(self, sheet: Sheet, worksheet: Worksheet) -> None:
        """Another sheet is to be filled in, or the same one with other numbers given: then all stays where it is."""
        helps, digits = worksheet.help, digits_given(worksheet.tolerance)
        form = (helps, worksheet.tolerance, sheet.rule, *map(_form, (sheet.given, *sheet.sections)))
        if form == self._form:
            given = [section.given for section in (sheet.given, *sheet.sections) if section.given]
            for view, lines in zip(self._given, given, strict=True):
                view.show_lines(lines, digits)
            return
        self._form = form
        wanted = quiet_label(f"Give every number {worksheet.tolerance.words}.")
        left = [wanted, *_given(sheet, digits)]
        self.blanks = {}
        right = [part for section in sheet.sections for part in self._section(section, helps, digits)]
        self._given = [part for part in (*left, *right) if isinstance(part, NumbersView)]
        _fill(self.left, left)
        _fill(self.right, right)
        for blank in self.blanks.values():
            # Whoever goes from field to field sees the one that he is in.
            blank.field.installEventFilter(self)

    def forget(self) -> None:
        """What is shown has the colours of another theme."""
        self._form = None

    def _section(self, section: Section, helps: Help, digits: int) -> list[QWidget]:
        parts: list[QWidget] = [_plain(heading(section.title))]
        if section.given:
            parts.append(NumbersView(section.given, digits))
        if section.left_out:
            parts.append(quiet_label(f"and {count_text(section.left_out)} numbers more that are not asked", size=SMALL))
        for example, lines in groupby(section.blanks, lambda line: line.example):
            if example is not None:
                parts.append(quiet_label(nth("Example", example), size=SMALL))
            for line in lines:
                blank = Blank(line, helps)
                blank.given.connect(self.given)
                blank.hinted.connect(self.hinted)
                blank.led.connect(self.led)
                self.blanks[line.name] = blank
                parts.append(blank)
        return parts

    def focus_next(self, name: str, wanted: Callable[[str], bool]) -> None:
        """Go to the next blank that is wanted, after the one of that name, from the start again at the end."""
        names = list(self.blanks)
        at = names.index(name) + 1
        for other in (*names[at:], *names[:at]):
            if wanted(other):
                self.blanks[other].field.setFocus(Qt.FocusReason.TabFocusReason)
                self.blanks[other].field.selectAll()
                return

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, QWidget):
            self.right.ensureWidgetVisible(watched.parentWidget() or watched, 0, 4 * GRID)
        return super().eventFilter(watched, event)


class NumbersView(QLabel):
    """Given numbers example by example: one after the other, or in columns where there is but a `narrow` place."""

    def __init__(
        self, lines: Sequence[Line], digits: int, parent: QWidget | None = None, *, narrow: bool = False
    ) -> None:
        super().__init__(parent)
        self._narrow = narrow
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setFont(mono_font(SMALL + 1))
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_lines(lines, digits)

    def show_lines(self, lines: Sequence[Line], digits: int) -> None:
        paragraphs, plain = [], []
        for example, group in groupby(lines, lambda line: line.example):
            told = [(rich(line.symbol), line.text, localised(given_text(line.value, digits))) for line in group]
            start = "" if example is None else f"{nth('Example', example)}: "
            numbers = [f"{symbol} = {number}".replace(" ", "&nbsp;") for symbol, _, number in told]
            numbers = [re.sub(r"(?<!<)/", "/&#8288;", number) for number in numbers]  # ∂E/∂w stays on one line
            length = max(len(f"{text.partition(',')[0]} = {number}") for _, text, number in told)
            columns = (2 if length <= MOST_OF_TWO else 1) if self._narrow else 0
            paragraphs.append(f"<div>{start}{_in_columns(numbers, columns)}</div>")
            plain += [f"{text} = {number}" for _, text, number in told]
        self.setText("".join(paragraphs))
        self.setAccessibleName("; ".join(plain))


def set_formulas(sheet: Sheet) -> None:
    """Set a sheet's formulas for the first time, which takes a while and no window: the page finds them ready."""
    for _, formulas in sheet.given.formulas:
        for formula in formulas:
            for piece in pieces_of(formula):
                formula_svg(localised_latex(piece.latex), SYMBOL_SIZE - 2)


def _form(section: Section) -> object:
    """A section without the numbers in it."""
    lines = tuple((line.symbol, line.name, line.example) for line in section.lines)
    return section.title, lines, section.left_out, section.formulas


def _in_columns(numbers: Sequence[str], columns: int) -> str:
    if not columns:
        return f"{3 * '&nbsp;'} ".join(numbers)
    n = -(-len(numbers) // columns)
    rows = ("".join(f'<td style="padding-right:{4 * GRID}px">{cell}</td>' for cell in numbers[i::n]) for i in range(n))
    return "<table cellspacing=0>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _given(sheet: Sheet, digits: int) -> list[QWidget]:
    parts: list[QWidget] = [heading(sheet.given.title)]
    if sheet.given.lines:
        parts.append(NumbersView(sheet.given.lines, digits, narrow=True))
    if sheet.given.left_out:
        words = f"{count_text(sheet.given.left_out)} inputs and weights more are in the panels Data and Weights."
        parts.append(quiet_label(words, size=SMALL))
    if sheet.rule:
        parts.append(quiet_label(sheet.rule))
    if sheet.given.formulas:
        parts.append(heading("How the layers work"))
    for layers, formulas in sheet.given.formulas:
        parts.append(_plain(quiet_label(layers, size=SMALL)))
        box = Box()
        for formula in formulas:
            box.rows.addWidget(FormulaView(pieces_of(formula), box, SYMBOL_SIZE - 2))
        parts.append(box)
    return parts


def _plain(label: QLabel) -> QLabel:
    """Names of layers are no rich text, whatever stands in them."""
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _area(parent: QWidget) -> QScrollArea:
    area = QScrollArea(parent)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _fill(area: QScrollArea, parts: Sequence[QWidget]) -> None:
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 3 * GRID, 2 * GRID)
    column.setSpacing(2 * GRID)
    for i, part in enumerate(parts):
        if i and isinstance(part, QLabel) and part.font().bold():
            column.addSpacing(2 * GRID)
        column.addWidget(part)
    column.addStretch(1)
    old = area.takeWidget()
    area.setWidget(body)
    if old is not None:
        old.deleteLater()
