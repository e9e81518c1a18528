"""The panel beside the Explain view: the question that was asked and its whole answer, or the step at hand."""

from itertools import pairwise

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from annstudio.explain.told import Quantity
from annstudio.ui import theme as themes
from annstudio.ui.explain.batch_chooser import where_text
from annstudio.ui.explain.blocks import Box, plain_text, title_label, widgets_of
from annstudio.ui.explain.page import Formula, Lines, Note, Page, Section
from annstudio.ui.explain.step_page import page_of
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import GRID, SMALL, TITLE, ui_font, wear

TAB = Qt.FocusPolicy.TabFocus


class ExplainPanel(QWidget):
    """Follows the view's tour. Links go to where a number was computed; Back returns to the question before."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.tour = view.tour
        self.page: Page | None = None
        self._parts: list[SectionView] = []
        self.setAccessibleName("Explanation")
        self.back = self._button("back", "Back", "To the question before (Alt+Left)")
        self.release = self._button("close", "Follow the steps", "Leave the question; explain the step at hand (Esc)")
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setWordWrap(True)
        self.title.setFont(ui_font(TITLE, bold=True))
        self.where = QLabel(self)
        self.where.setWordWrap(True)
        self.where.setFont(ui_font(SMALL))
        self.where.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.where.setContentsMargins(4 * GRID, 0, 4 * GRID, GRID)
        self.where.setAccessibleName("Which batch")
        head = QHBoxLayout()
        head.setContentsMargins(4 * GRID, 3 * GRID, 2 * GRID, GRID)
        head.addWidget(self.back)
        head.addWidget(self.title, 1)
        head.addWidget(self.release)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.where)
        layout.addWidget(self.area, 1)
        self.setMinimumWidth(80 * GRID)
        self.back.clicked.connect(self.tour.ask_back)
        self.release.clicked.connect(self._release)
        # Keys that are held down come faster than pages are made: the last moment of a rush is enough.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self.tour.moved.connect(self._soon.start)
        for signal in (self.tour.begun, self.tour.asked, self.tour.digits_changed, self.tour.checker.found):
            signal.connect(self.refresh)
        follow(self, themes.changed, self._redress)
        self.refresh()

    def _button(self, icon: str, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setAccessibleName(text)
        button.setToolTip(tip)
        wear(button, icon)
        return button

    # Showing ---------------------------------------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Show the answer, or the step; what is the same already is left alone."""
        self._soon.stop()
        if self.tour.going:
            return
        self.where.setText(where_text(self.view.session, self.tour))
        self.back.setVisible(self.tour.walk is not None and self.tour.can_go_back)
        self.release.setVisible(self.tour.question is not None)
        self.tour.checker.leave()
        page = page_of(self.tour)
        if page != self.page:
            self._show(page)

    def _show(self, page: Page) -> None:
        """Another page; of the same question what is said already stays, as when a check comes in later."""
        same_question = self.page is not None and self.page.title == page.title and bool(self._parts)
        self.page = page
        self.title.setText(page.title)
        if not same_question:
            self._begin(page)
            return
        kept, body = self._parts, self.area.widget()
        parts = []
        for i, section in enumerate(page.sections):
            stays = i < len(kept) and kept[i].section == section
            parts.append(kept[i] if stays else SectionView(section, self.tour, body or self))
            if not stays:
                self._rows.insertWidget(i, parts[i])
                parts[i].show()
        for part in kept:
            if part not in parts:
                self._rows.removeWidget(part)
                part.hide()
                part.setParent(None)
                part.deleteLater()
        self._parts = parts
        reached = [w for part in parts for w in part.findChildren(QWidget) if w.focusPolicy() & TAB]
        for one, other in pairwise(reached):
            # By Tab one comes through a page from its top to its end, whichever part came in last.
            QWidget.setTabOrder(one, other)

    def _begin(self, page: Page) -> None:
        """A page from its top."""
        body = QWidget(self.area)
        self._rows = QVBoxLayout(body)
        self._rows.setContentsMargins(4 * GRID, GRID, 4 * GRID, 4 * GRID)
        self._rows.setSpacing(2 * GRID)
        self._parts = [SectionView(section, self.tour, body) for section in page.sections]
        for part in self._parts:
            self._rows.addWidget(part)
        self._rows.addStretch(1)
        old = self.area.takeWidget()
        self.area.setWidget(body)
        if old is not None:
            old.deleteLater()
        self.area.verticalScrollBar().setValue(0)

    @property
    def text(self) -> str:
        """All that is said, as plain text."""
        lines = [plain_text(self.title.text())]
        for label in (label for part in self._parts for label in part.findChildren(QLabel)):
            lines.append(getattr(label, "plain", None) or plain_text(label.text()))
        return "\n".join(lines)

    # Events ----------------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        self.tour.ask(None)

    def _redress(self, *_: object) -> None:
        self.page, self._parts = None, []
        self.refresh()

    def ask(self, quantity: Quantity) -> None:
        """Ask about a number."""
        self.tour.ask(quantity)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The same keys step whether the drawing or the panel is in use.
        if not self.view.take_key(event):
            super().keyPressEvent(event)


class SectionView(QWidget):
    """One section of a page: its heading and its blocks."""

    def __init__(self, section: Section, tour: Tour, parent: QWidget) -> None:
        super().__init__(parent)
        self.section = section
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, GRID, 0, 0)
        rows.setSpacing(2 * GRID)
        rows.addWidget(title_label(section.title, self))
        box, kind = None, None
        for block in section.blocks:
            if isinstance(block, Formula | Lines | Note):
                # Formulas and lines of numbers have boxes of their own; notes stand in whichever is there.
                if box is None or (type(block) is not kind and not isinstance(block, Note)):
                    box = Box(self)
                    rows.addWidget(box)
                box.rows.addWidget(widgets_of(block, tour.go_and_ask, tour.ask, box))
            else:
                box = None
                rows.addWidget(widgets_of(block, tour.go_and_ask, tour.ask, self))
            kind = type(block)
