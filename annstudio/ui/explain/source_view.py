"""Source text as it ran: in the font of numbers, lightly coloured, to be selected and copied."""

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QSyntaxHighlighter, QTextCharFormat, QTextDocument, QWheelEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from annstudio.ui.theme import GRID, SMALL, mono_font, theme

_WORDS = re.compile(r"\b(def|return|if|else|elif|for|in|not|and|or|is|None|True|False|while|lambda|from|import)\b")
_NUMBERS = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?\b")
_CALLS = re.compile(r"\b(np\.[\w.]+|self\.\w+)")
_TEXTS = re.compile(r"(\"[^\"]*\"|'[^']*'|#.*$)")


class PythonColours(QSyntaxHighlighter):
    """Keywords, calls, numbers, texts and comments."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        t = theme()
        self._rules = (
            (_WORDS, t.factors[1]),
            (_CALLS, t.factors[0]),
            (_NUMBERS, t.factors[2]),
            (_TEXTS, t.dim),
        )

    def highlightBlock(self, text: str) -> None:
        for pattern, colour in self._rules:
            form = QTextCharFormat()
            form.setForeground(colour)
            for found in pattern.finditer(text):
                self.setFormat(found.start(), found.end() - found.start(), form)


class SourceView(QPlainTextEdit):
    """As tall as its text; long lines are scrolled to."""

    def __init__(self, text: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlainText(f"# {name}\n{text.rstrip()}")
        self.setReadOnly(True)
        self.setAccessibleName(f"Source of {name}")
        self.setFont(mono_font(SMALL + 1))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.setProperty("bare", True)
        self._colours = PythonColours(self.document())
        lines = self.document().blockCount()
        # The bar that scrolls long lines stands below the text, not on it.
        self.setFixedHeight(QFontMetrics(self.font()).lineSpacing() * lines + 6 * GRID)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """All lines are seen: the wheel is the page's, but for the way along long lines."""
        along = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(along.x()) > abs(along.y()):
            super().wheelEvent(event)
        else:
            event.ignore()
