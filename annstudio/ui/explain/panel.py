"""The panel beside the Explain view: the question that was asked and its whole answer, or the step at hand.

A page is made piece by piece, so that the window is never held for long; what was shown before stands until it is done.
"""

from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from annstudio.explain.told import Quantity
from annstudio.ui import theme as themes
from annstudio.ui.explain.batch_chooser import where_text
from annstudio.ui.explain.blocks import Box, plain_text, title_label, widgets_of
from annstudio.ui.explain.formula import set_ahead
from annstudio.ui.explain.page import Formula, Lines, Note, Page, Section
from annstudio.ui.explain.step_page import page_of
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import GRID, SMALL, TITLE, ui_font, wear

TAB = Qt.FocusPolicy.TabFocus
TURN_SECONDS = 0.01


class ExplainPanel(QWidget):
    """Follows the view's tour. Links go to where a number was computed; Back returns to the question before."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.tour = view.tour
        self.page: Page | None = None
        self._parts: list[SectionView] = []
        self._making: Iterator[None] = iter(())
        """What is left to be done for the page that is wanted."""
        self.turn_seconds = TURN_SECONDS
        """After so long of making a page, whatever else waits for the window has its turn."""
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
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._go_on)
        tour = self.tour
        for signal in (tour.begun, tour.moved, tour.asked, tour.digits_changed, tour.checker.found, tour.turner.found):
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
        """Begin to make the page that is wanted now. Keys that are held down come faster than pages are made: the last
        moment of a rush is enough."""
        self._making = self._made()
        self._soon.start()

    @property
    def done(self) -> bool:
        """Whether the page that is wanted is shown."""
        return not self._soon.isActive()

    def finish(self) -> None:
        """Make what is left of the page at once."""
        self._soon.stop()
        for _ in self._making:
            pass

    def _go_on(self) -> None:
        end = perf_counter() + self.turn_seconds
        for _ in self._making:
            if perf_counter() > end:
                self._soon.start()
                return

    def _made(self) -> Iterator[None]:
        """Show the answer, or the step; what is the same already is left alone."""
        if self.tour.going:
            return
        self.where.setText(where_text(self.view.session, self.tour))
        self.back.setVisible(self.tour.walk is not None and self.tour.can_go_back)
        self.release.setVisible(self.tour.question is not None)
        self.tour.checker.leave()
        self.tour.turner.leave()
        page = page_of(self.tour)
        yield
        if page == self.page:
            return
        # Of the same question what is said already stays, as when a check comes in later.
        stays = self.page is not None and self.page.title == page.title and bool(self._parts)
        body = (self.area.widget() if stays else None) or QWidget(self.area)
        kept = self._parts if stays else []
        parts: list[SectionView] = []
        try:
            for i, section in enumerate(page.sections):
                if i < len(kept) and kept[i].section == section:
                    parts.append(kept[i])
                else:
                    yield from _set_ahead(section)
                    parts.append(SectionView(section, self.tour, body))
                    yield
        except BaseException:
            # As a rule because another page is wanted by now.
            for unwanted in [part for part in parts if part not in kept] if stays else [body]:
                unwanted.deleteLater()
            raise
        self.title.setText(page.title)
        if stays:
            self._change(parts)
        else:
            self._begin(body, parts)
        self.page, self._parts = page, parts

    def _change(self, parts: list["SectionView"]) -> None:
        """Other sections of the page that is shown; those that stay are left alone."""
        for i, part in enumerate(parts):
            if part not in self._parts:
                self._rows.insertWidget(i, part)
                part.show()
        for part in self._parts:
            if part not in parts:
                self._rows.removeWidget(part)
                part.hide()
                part.setParent(None)
                part.deleteLater()
        reached = [w for part in parts for w in part.findChildren(QWidget) if w.focusPolicy() & TAB]
        for one, other in pairwise(reached):
            # By Tab one comes through a page from its top to its end, whichever part came in last.
            QWidget.setTabOrder(one, other)

    def _begin(self, body: QWidget, parts: list["SectionView"]) -> None:
        """A page from its top."""
        self._rows = QVBoxLayout(body)
        self._rows.setContentsMargins(4 * GRID, GRID, 4 * GRID, 4 * GRID)
        self._rows.setSpacing(2 * GRID)
        for part in parts:
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
        self.page = None
        self.refresh()

    def ask(self, quantity: Quantity) -> None:
        """Ask about a number."""
        self.tour.ask(quantity)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The same keys step whether the drawing or the panel is in use.
        if not self.view.take_key(event):
            super().keyPressEvent(event)


def _set_ahead(section: Section) -> Iterator[None]:
    """Set a section's formulas, one after the other."""
    for block in section.blocks:
        if isinstance(block, Formula):
            yield from set_ahead(block.pieces)


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
