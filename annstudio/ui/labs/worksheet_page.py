"""The sheet that is worked on: what is given on the left, the calculation with its blanks on the right."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
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
ROWS_AT_ONCE, NUMBERS_A_ROW = 12, 8
"""So many given numbers take as long as a row with a blank."""


class SheetPage(QWidget):
    """Shows a Sheet, whose rows come from the top on. `given`, `hinted` and `led` are those of its blanks; `came` says
    which blanks have come in."""

    given = Signal(str, str, bool)
    hinted = Signal(str)
    led = Signal(str)
    came = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.blanks: dict[str, Blank] = {}
        self._given: list[NumbersView] = []
        self._form: object = None
        """Of what is shown all but the given numbers."""
        self._coming: Iterator[QWidget] = iter(())
        """The rows that are still to be made."""
        self.rows_at_once = ROWS_AT_ONCE
        """So many are made before whatever else waits for the window has its turn."""
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._go_on)
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
            self.finish()
            given = [section.given for section in (sheet.given, *sheet.sections) if section.given]
            for view, lines in zip(self._given, given, strict=True):
                view.show_lines(lines, digits)
            return
        self._form = form
        wanted = quiet_label(f"Give every number {worksheet.tolerance.words}.")
        left = [wanted, *_given(sheet, digits)]
        self.blanks = {}
        self._given = [part for part in left if isinstance(part, NumbersView)]
        self._coming = (part for section in sheet.sections for part in self._section(section, helps, digits))
        first = self._some()
        _fill(self.left, left)
        _fill(self.right, first)
        self._note(first)
        self._turn.start()

    def forget(self) -> None:
        """What is shown has the colours of another theme."""
        self._form = None

    def finish(self) -> None:
        """Make the rows that are left at once."""
        self._add([*self._coming])
        self._turn.stop()

    def _go_on(self) -> None:
        self._add(self._some())

    def _some(self) -> list[QWidget]:
        """As many rows as are made at once."""
        rows: list[QWidget] = []
        weight = 0
        while weight < self.rows_at_once and (row := next(self._coming, None)) is not None:
            rows.append(row)
            weight += 1 + (row.n_numbers // NUMBERS_A_ROW if isinstance(row, NumbersView) else 0)
        return rows

    def _add(self, rows: Sequence[QWidget]) -> None:
        """Put further rows below those that are there."""
        body = self.right.widget()
        column = None if body is None else body.layout()
        if not rows or not isinstance(column, QVBoxLayout):
            return
        _append(column, rows)
        for row in rows:
            # A layout shows what comes in late a turn later: too late for whoever goes to its field.
            row.show()
        self._note(rows)
        self._turn.start()

    def _note(self, rows: Sequence[QWidget]) -> None:
        """Rows are there from now on."""
        self._given += [row for row in rows if isinstance(row, NumbersView)]
        blanks = [row for row in rows if isinstance(row, Blank)]
        for blank in blanks:
            # Whoever goes from field to field sees the one that he is in.
            blank.field.installEventFilter(self)
        if blanks:
            self.came.emit([blank.line.name for blank in blanks])

    def _section(self, section: Section, helps: Help, digits: int) -> Iterator[QWidget]:
        yield _plain(heading(section.title))
        if section.given:
            yield NumbersView(section.given, digits)
        if section.left_out:
            yield quiet_label(f"and {count_text(section.left_out)} numbers more that are not asked", size=SMALL)
        for example, lines in groupby(section.blanks, lambda line: line.example):
            if example is not None:
                yield quiet_label(nth("Example", example), size=SMALL)
            for line in lines:
                blank = Blank(line, helps)
                blank.given.connect(self.given)
                blank.hinted.connect(self.hinted)
                blank.led.connect(self.led)
                self.blanks[line.name] = blank
                yield blank

    def focus_next(self, name: str, wanted: Callable[[str], bool]) -> None:
        """Go to the next blank that is wanted, after the one of that name, from the start again at the end."""
        self.finish()
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
        self._heights: dict[int, int] = {}
        """How high it is, by its width: layouts ask again and again, and each time all the text would be set."""
        super().__init__(parent)
        self.n_numbers = len(lines)
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
        self._heights.clear()
        self.setText("".join(paragraphs))
        self.setAccessibleName("; ".join(plain))

    def heightForWidth(self, width: int) -> int:
        if width not in self._heights:
            self._heights[width] = super().heightForWidth(width)
        return self._heights[width]

    def sizeHint(self) -> QSize:
        # It takes the width that there is.
        return QSize(0, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().lineSpacing())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._heights.clear()
        super().changeEvent(event)


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
    column.addStretch(1)
    _append(column, parts)
    old = area.takeWidget()
    area.setWidget(body)
    if old is not None:
        old.deleteLater()


def _append(column: QVBoxLayout, parts: Sequence[QWidget]) -> None:
    """Put widgets below those that are there, above the room that is left."""
    for part in parts:
        at = column.count() - 1
        if at and isinstance(part, QLabel) and part.font().bold():
            column.insertSpacing(at, 2 * GRID)
        column.insertWidget(column.count() - 1, part)
