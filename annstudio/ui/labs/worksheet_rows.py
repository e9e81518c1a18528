"""One blank of a worksheet: the symbol, a field for the answer, what it was judged, hints, and the way to Explain."""

import re
from collections.abc import Sequence
from functools import cached_property

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from annstudio.explain.answers import MOST_CHARACTERS
from annstudio.explain.marking import Judgement, Verdict
from annstudio.explain.sheet import Line
from annstudio.explain.worksheet import Help
from annstudio.ui.explain.blocks import Box
from annstudio.ui.explain.formula import FormulaView, Piece
from annstudio.ui.explain.typeset import typeset
from annstudio.ui.panels.base import number_label
from annstudio.ui.theme import GRID, TEXT, mono_font, theme, ui_font

SYMBOL_WIDTH, EQUALS_WIDTH, FIELD_WIDTH = 28 * GRID, 4 * GRID, 38 * GRID
SYMBOL_SIZE, SYMBOL_HEIGHT, FRACTION_HEIGHT = 15, 7 * GRID, 11 * GRID
NEXT_HINT = ("Hint", "With numbers", "Solution")
"""What the button for hints offers, by how many have been given."""
WORDS = {
    Verdict.RIGHT: "✓ Right",
    Verdict.FOLLOWS: "↳ Right with your number",
    Verdict.NEAR: "≈ Nearly",
    Verdict.SLIP: "✗ Not right",
    Verdict.WRONG: "✗ Not right",
    Verdict.UNREADABLE: "? No number",
    Verdict.OPEN: "",
}
"""How a verdict is told, by a sign and by words; its colour says nothing more."""


class AnswerField(QLineEdit):
    """Where an answer is typed. Enter asks for a judgement, leaving the field only keeps what stands in it."""

    given = Signal(str, bool)
    """The text, and whether it is to be judged."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kept = ""
        self.setFont(mono_font(TEXT))
        self.setMaxLength(MOST_CHARACTERS)
        self.setFixedWidth(FIELD_WIDTH)
        self.setPlaceholderText("?")
        self.returnPressed.connect(lambda: self.given.emit(self.text().strip(), True))
        self.editingFinished.connect(self._left)

    def show_text(self, text: str) -> None:
        """Show what the sheet holds; what is being typed at the moment stays."""
        if text != self.kept or not self.hasFocus():
            self.kept = text
            if self.text() != text:
                self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text() != self.kept:
            self.setText(self.kept)
            return
        super().keyPressEvent(event)

    def _left(self) -> None:
        if self.text().strip() != self.kept:
            self.given.emit(self.text().strip(), False)


class SymbolView(QWidget):
    """A number's symbol and an equals sign. It is set when it is first seen: a sheet may have a hundred."""

    def __init__(self, latex: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.latex = latex
        self.setFixedSize(SYMBOL_WIDTH, FRACTION_HEIGHT if r"\frac" in latex else SYMBOL_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        told = typeset(self.latex, SYMBOL_SIZE, theme().text.name())
        height = told.above + told.below
        room = self.width() - EQUALS_WIDTH
        scale = min(1.0, room / max(told.width, 1.0), self.height() / max(height, 1.0))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        told.draw(painter, QPointF(0, (self.height() - height * scale) / 2), theme().text, scale)
        painter.setPen(theme().text)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "=")
        painter.end()


class Blank(QWidget):
    """A row of the sheet. `given(name, text, judged)`, `hinted(name)` and `led(name)` tell what the user wants."""

    given = Signal(str, str, bool)
    hinted = Signal(str)
    led = Signal(str)

    def __init__(self, line: Line, helps: Help, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = line
        self.symbol = SymbolView(line.symbol, self)
        self.field = AnswerField(self)
        self.field.setAccessibleName(line.text)
        self.field.setToolTip(f"{line.text}: a number such as 0.082, 0,082, 3/8 or 1e-3. Enter judges it.")
        self.hint = QPushButton(NEXT_HINT[0], self)
        self.hint.setFixedWidth(self.hint.fontMetrics().horizontalAdvance(NEXT_HINT[1]) + 7 * GRID)
        self.lead = QPushButton("Show me", self)
        self.lead.setToolTip("Go to this number in Explain. Then it counts as shown.")
        self.lead.setAccessibleName(f"Show {line.text} in Explain")
        self.hint.setVisible(helps.allows(Help.HINTS))
        self.lead.setVisible(helps.allows(Help.SOLUTIONS))
        self._hints_shown: tuple[str, ...] = ()
        self._lay_out()
        self.field.given.connect(lambda text, judged: self.given.emit(line.name, text, judged))
        self.hint.clicked.connect(lambda: self.hinted.emit(line.name))
        self.lead.clicked.connect(lambda: self.led.emit(line.name))

    def _words(self) -> QLabel:
        label = QLabel(self)
        label.setFont(ui_font(TEXT))
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        return label

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        middle = Qt.AlignmentFlag.AlignVCenter
        grid.addWidget(self.symbol, 0, 0, middle)
        grid.addWidget(self.field, 0, 1, middle)
        grid.addWidget(self.hint, 0, 3, middle)
        grid.addWidget(self.lead, 0, 4, middle)
        grid.setColumnStretch(2, 1)
        self._grid = grid

    # Most rows need these late or never, and a sheet may have a hundred rows.

    @cached_property
    def verdict(self) -> QLabel:
        """How an answer is judged, in a word or two."""
        label = self._words()
        self._grid.addWidget(label, 0, 2, Qt.AlignmentFlag.AlignVCenter)
        return label

    @cached_property
    def remarks(self) -> QLabel:
        """What is said about an answer."""
        label = self._words()
        self._grid.addWidget(label, 1, 1, 1, 4)
        return label

    @cached_property
    def hints(self) -> Box:
        """The hints that were taken."""
        box = Box(self)
        box.hide()
        self._grid.addWidget(box, 2, 1, 1, 4)
        return box

    def show_answer(self, text: str, judgement: Judgement | None, quiet: str = "") -> None:
        """Show an answer, and how it is judged; None where it has not been judged."""
        self.field.show_text(text)
        words, remarks, colour = quiet, "", theme().dim
        if judgement is not None and judgement.verdict is not Verdict.OPEN:
            words, colour = WORDS[judgement.verdict], verdict_colour(judgement.verdict)
            remarks = "\nOr: ".join(judgement.sentences)
        if words or "verdict" in self.__dict__:
            self.verdict.setText(words)
            palette = self.verdict.palette()
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.verdict.setPalette(palette)
        if remarks or "remarks" in self.__dict__:
            self.remarks.setText(remarks)
            self.remarks.setVisible(bool(remarks))
        self.field.setAccessibleDescription(f"{words}. {remarks}" if remarks else words)

    def show_hints(self, hints: Sequence[tuple[str, ...]], solution: str, given: int, *, solutions: bool) -> None:
        """Show the hints that were given, as lines of LaTeX each, and with the third the solution."""
        last = len(NEXT_HINT) if solutions else len(NEXT_HINT) - 1
        self.hint.setEnabled(given < last)
        words = NEXT_HINT[given] if given < last else "All told"
        self.hint.setText(words)
        tips = ("The formula in symbols", "The formula with numbers", "The number itself; then it counts as shown")
        self.hint.setToolTip(tips[given] if given < last else "There is no further hint")
        self.hint.setAccessibleName(f"{words} for {self.line.text}")
        shown = tuple(line for lines in hints for line in lines) + ((solution,) if solution else ())
        if shown == self._hints_shown:
            return
        self._hints_shown = shown
        for old in self.hints.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            self.hints.rows.removeWidget(old)
            old.hide()
            old.deleteLater()
        for latex in (line for lines in hints for line in lines):
            self.hints.rows.addWidget(FormulaView(pieces_of(latex), self.hints, SYMBOL_SIZE))
        if solution:
            self.hints.rows.addWidget(number_label(solution, self.hints, TEXT))
        self.hints.setVisible(bool(shown))


def pieces_of(latex: str) -> list[Piece]:
    """A formula in pieces, so that a long sum is broken before its plus signs."""
    left, equals, right = latex.partition(" = ")
    if not equals:
        return [Piece(latex)]
    parts, depth, start = [], 0, 0
    for i, sign in enumerate(right):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(sign, 0)
        if depth == 0 and i > start and right[i : i + 3] in (" + ", " - "):
            parts.append(right[start:i].strip())
            start = i
    parts.append(right[start:].strip())
    # A sign that begins a piece would stand close to what follows, as that of a negative number does.
    spaced = (re.sub(r"^([+-]) ", r"\1\\;", part) for part in parts if part)
    return [Piece(left), Piece("="), *map(Piece, spaced)]


def verdict_colour(verdict: Verdict) -> QColor:
    t = theme()
    if verdict is Verdict.RIGHT:
        return t.ok
    return t.hint if verdict in (Verdict.NEAR, Verdict.FOLLOWS) else t.problem
