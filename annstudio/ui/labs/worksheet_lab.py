"""The worksheet's laboratory: hide numbers of the network, work them out by hand, and see what went wrong."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from annstudio.document.project import Project
from annstudio.errors import StudioError
from annstudio.explain.catalogue import Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.marking import Judgement, Marker
from annstudio.explain.names import plain
from annstudio.explain.sheet import Sheet, digits_given, formula_hint, given_text, laid_out, numbers_hint
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.worksheet import Help, Worksheet
from annstudio.session import Session
from annstudio.ui.actions import by_id
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.fields import TextField
from annstudio.ui.labs.worksheet_files import SaveMenu
from annstudio.ui.labs.worksheet_maker import MakerPage
from annstudio.ui.labs.worksheet_page import SheetPage, set_formulas
from annstudio.ui.numbers import localised
from annstudio.ui.panels.base import Panel, quiet_label
from annstudio.ui.patience import GivenUp, patiently
from annstudio.ui.theme import GRID, TITLE, ui_font

Result = TypeVar("Result")
SHOWN = 3
"""With so many hints a number has been shown."""


class WorksheetLab(Panel):
    """Hide numbers of your network and work them out yourself: every answer is judged, and typical slips are named."""

    title = by_id("worksheet").text
    pace = 0.5
    waits = True
    led = Signal(object, object)
    """Somebody wants to see a number in Explain: the examples of the batch, and the number."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.marker: Marker | None = None
        self._made_for: tuple[object, ...] = ()
        self._shown: tuple[object, ...] = ()
        self._state: tuple[object, ...] = ()
        """What is shown of the answers: a training that runs meanwhile changes none of it."""
        self._making = False
        self._waiting = False
        """Whether a thread is at work on the sheet: nothing else may ask its marker meanwhile."""
        self._again = False
        """Whether something was to be shown meanwhile."""
        self._checked: dict[str, str] = {}
        """Answers by name that have been judged before the user's eyes."""
        self._judged: dict[tuple[object, ...], Judgement] = {}
        self.name = ElidedLabel("", self.body)
        self.name.setFont(ui_font(TITLE, bold=True))
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.student = TextField(self.body)
        self.student.setAccessibleName("Your name")
        self.student.setToolTip("It stands in the report; you may leave it empty")
        self.student.setMaxLength(200)
        self.student.setMinimumWidth(18 * GRID)
        self.student.setMaximumWidth(34 * GRID)
        self.score = QLabel(self.body)
        self.check = self._button("Check all", "Judge every answer")
        self.check.setProperty("primary", True)
        self.again = self._button("Begin again", "Empty every field; undo brings the answers back")
        self.change = self._button("Change…", "Hide other numbers, of other examples, or judge otherwise")
        self.save = SaveMenu(session, self._current, self.body)
        self.missing = quiet_label("", self.body)
        self.missing.setTextFormat(Qt.TextFormat.PlainText)
        self.page = SheetPage(self.body)
        self.maker = MakerPage(self._catalogue, self.body)
        self.pages = QStackedWidget(self.body)
        self.head = QWidget(self.body)
        self._lay_out()
        self._connect()

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words, self.body)
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout(self.head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self.name, 1)
        for part in (self.score, self.student, self.check, self.again, self.save, self.change):
            row.addWidget(part)
        self.pages.addWidget(self.page)
        self.pages.addWidget(self.maker)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addWidget(self.head)
        column.addWidget(self.missing)
        column.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.student.edited.connect(self._named)
        self.check.clicked.connect(self.check_all)
        self.again.clicked.connect(self._begin_again)
        self.change.clicked.connect(self._change)
        # What is typed may rebuild the sheet: never while the field that told it is still at it.
        self.page.given.connect(self._answered, Qt.ConnectionType.QueuedConnection)
        self.page.came.connect(self._came)
        self.page.hinted.connect(self._hinted)
        self.page.led.connect(self._led)
        self.maker.made.connect(self._made)
        self.maker.left.connect(self._left)
        self.maker.removed.connect(self._removed)

    # Showing ---------------------------------------------------------------------------------------------------------

    @property
    def sheet(self) -> Worksheet | None:
        return self.session.project.worksheet

    def refresh(self) -> None:
        if self._waiting:
            self._again = True
            return
        sheet = self.sheet
        if not self.session.project.graph.nodes:
            self.say("Draw a network and choose data: here you hide numbers of it and work them out yourself.")
            return
        making = sheet is None or self._making
        try:
            marker = self._marker(sheet or Worksheet(examples=(self.session.sample,)))
        except StudioError as error:
            self.say(f"A worksheet needs a network with its data. {error}")
            return
        except GivenUp:
            return
        self.say("")
        self.head.setVisible(not making)
        self.missing.setVisible(not making and bool(marker.missing))
        self.pages.setCurrentWidget(self.maker if making else self.page)
        if making:
            self._show_maker(sheet, marker)
        elif sheet is not None:
            self._show_sheet(sheet, marker)

    def redress(self) -> None:
        self._shown = ()
        self.page.forget()

    def _show_maker(self, sheet: Worksheet | None, marker: Marker) -> None:
        key = ("maker", marker, sheet)
        if key != self._shown:
            self._shown = key
            dataset = self.session.dataset
            n = len(dataset) if dataset is not None else 1
            begun = sheet or Worksheet(examples=(self.session.sample % n,))
            self.maker.begin(begun, marker.catalogue, n, there=sheet is not None)

    def _show_sheet(self, sheet: Worksheet, marker: Marker) -> None:
        key = ("sheet", marker, sheet.rest, sheet.help, sheet.tolerance)
        if key != self._shown:
            try:
                page = self._patiently("Laying out the sheet", lambda: _laid_out(marker, sheet))
            except GivenUp:
                return
            self._shown, self._judged, self._state = key, {}, ()
            self.page.show_sheet(page, sheet)
            if not self._judge(sheet, [*self._checked]):
                self._checked = {}
        state = (key, sheet, dict(self._checked))
        if state == self._state:
            return
        self._state = state
        self.name.setText(sheet.title or "Fill in the blanks")
        self.student.set_value(sheet.student)
        self.student.setPlaceholderText("Your name")
        n = len(marker.missing)
        self.missing.setText(
            f"{n} number{'s' * (n != 1)} of this sheet {'are' if n != 1 else 'is'} not in the network any more: "
            f"{', '.join(name[:60] for name in marker.missing[:4])}{' …' * (n > 4)}. "
            "Change the sheet to ask for others."
        )
        self.check.setVisible(sheet.help.allows(Help.JUDGED))
        for name in self.page.blanks:
            self._show_blank(sheet, marker, name)
        self._show_score(sheet, marker)

    def _came(self, names: list[str]) -> None:
        """More of the sheet's rows are there. The first of them are shown with all else."""
        sheet, marker = self.sheet, self.marker
        if sheet is not None and marker is not None and self._state:
            for name in names:
                self._show_blank(sheet, marker, name)

    def _show_blank(self, sheet: Worksheet, marker: Marker, name: str) -> None:
        blank, answer = self.page.blanks[name], sheet.answer(name)
        judgement, quiet = None, ""
        if not sheet.help.allows(Help.JUDGED):
            quiet = "Noted." if answer.text else ""
        elif answer.text and self._checked.get(name) == answer.text:
            judgement = self._judgement(sheet, marker, name)
        elif answer.text:
            quiet = "Not checked yet."
        blank.show_answer(answer.text, judgement, quiet)
        digits = digits_given(sheet.tolerance)
        given = answer.hints if sheet.help.allows(Help.HINTS) else 0
        hints = [formula_hint(marker, name)] if given > 0 else []
        hints += [numbers_hint(marker, sheet, name, digits)] if given > 1 else []
        solution = f"= {localised(given_text(marker.solution(name), digits))}" if given >= SHOWN else ""
        blank.show_hints(hints, solution, given, solutions=sheet.help.allows(Help.SOLUTIONS))

    def _show_score(self, sheet: Worksheet, marker: Marker) -> None:
        if not sheet.help.allows(Help.JUDGED):
            self.score.setText(f"{sum(bool(a.text) for a in sheet.answers)} of {len(marker.asked)} answered")
            return
        checked = {answer.name for answer in sheet.answers if self._checked.get(answer.name) == answer.text}
        seen = sheet.changed(answers=tuple(answer for answer in sheet.answers if answer.name in checked))
        self.score.setText(marker.score(seen).words)

    # Judging ---------------------------------------------------------------------------------------------------------

    def _marker(self, sheet: Worksheet) -> Marker:
        """The marker for the network as it is now. Raises StudioError where there is nothing to work out."""
        project = self.session.project
        wanted = (
            sheet.asked, sheet.examples, project.graph, project.weights, project.locked, project.data,
            project.settings, project.progress,
        )  # fmt: skip
        if self.marker is None or len(wanted) != len(self._made_for) or not all(map(_same, wanted, self._made_for)):
            network = self.session.network
            self.marker = self._patiently(
                "Working it out", lambda: _worked_out(network.stepper(*sheet.examples), sheet)
            )
            self._made_for = wanted
        return self.marker

    def _judgement(self, sheet: Worksheet, marker: Marker, name: str) -> Judgement:
        key = (name, sheet.answer(name).text, tuple(marker.wrong_before(sheet, marker.asked[name]).items()))
        if key not in self._judged:
            self._judged[key] = marker.judge(sheet, name)
        return self._judged[key]

    def _patiently(self, words: str, work: Callable[[], Result]) -> Result:
        self._waiting = True
        try:
            return patiently(self.window(), words, work)
        except GivenUp:
            # The marker may still be at work: it is nobody's any more.
            self.marker = None
            raise
        finally:
            again, self._waiting, self._again = self._again, False, False
            if again:
                QTimer.singleShot(0, self, lambda: self.touch(0))

    def _judge(self, sheet: Worksheet, names: Iterable[str]) -> bool:
        """Judge answers off the window's thread, as slips are worked out anew; False where the user gave up waiting."""
        marker = self.marker
        if marker is None:
            return False
        known = [name for name in names if name in marker.asked and sheet.answer(name).text]
        try:
            self._patiently("Looking for slips", lambda: [self._judgement(sheet, marker, name) for name in known])
        except GivenUp:
            return False
        self._checked |= {name: sheet.answer(name).text for name in known}
        return True

    def check_all(self) -> None:
        """Judge every answer."""
        if self.sheet is not None and self._judge(self.sheet, self.sheet.asked):
            self.touch(0)

    # The user's doings -----------------------------------------------------------------------------------------------

    def _answered(self, name: str, text: str, judged: bool) -> None:
        sheet, marker = self.sheet, self.marker
        if sheet is None or marker is None or name not in marker.asked:
            return
        after = sheet.answered(name, text)
        if judged and sheet.help.allows(Help.JUDGED):
            # What others said about a wrong number before them is judged anew with it.
            judged = self._judge(after, [name, *self._checked])
        self._apply(after, f"Answer {plain(marker.symbol(name))}")
        self.touch(0)
        if judged:
            self._go_on(name)

    def _go_on(self, name: str) -> None:
        """After a right answer, or one that is only noted, go to the next blank that is not right yet."""
        sheet, marker = self.sheet, self.marker
        if sheet is None or marker is None:
            return
        if sheet.help.allows(Help.JUDGED) and not marker.is_right(sheet, name):
            self.page.blanks[name].field.selectAll()
            return
        if sheet.help.allows(Help.JUDGED):
            self.page.focus_next(name, lambda other: self._checked.get(other) != sheet.answer(other).text or not (
                marker.is_right(sheet, other)))  # fmt: skip
        else:
            self.page.focus_next(name, lambda other: not sheet.answer(other).text)

    def _hinted(self, name: str) -> None:
        if self.sheet is not None:
            self._apply(self.sheet.hinted(name, min(self.sheet.answer(name).hints + 1, SHOWN)), "Take a hint")

    def _led(self, name: str) -> None:
        sheet, marker = self.sheet, self.marker
        if sheet is None or marker is None:
            return
        self._apply(sheet.hinted(name, SHOWN), "Take a hint")
        asked = marker.asked[name]
        self.led.emit(sheet.examples, Quantity(asked.quantity.slot, asked.quantity.index, asked.quantity.example))

    def _named(self, name: str) -> None:
        if self.sheet is not None:
            self._apply(self.sheet.changed(student=name[:200]), "Set name")

    def _begin_again(self) -> None:
        if self.sheet is not None:
            self._apply(self.sheet.begun_again(), "Begin worksheet again")

    def _change(self) -> None:
        self._making = True
        self.touch(0)

    def _made(self, sheet: Worksheet) -> None:
        self._making = False
        self._apply(sheet, "Make worksheet" if self.sheet is None else "Change worksheet")
        self.touch(0)
        QTimer.singleShot(0, self, self._focus_first)

    def _focus_first(self) -> None:
        first = next(iter(self.page.blanks.values()), None)
        if first is not None and self.pages.currentWidget() is self.page:
            first.field.setFocus(Qt.FocusReason.TabFocusReason)

    def _left(self) -> None:
        self._making = False
        self.touch(0)

    def _removed(self) -> None:
        self._making = False
        self._apply(None, "Remove worksheet")
        self.touch(0)

    def _apply(self, sheet: Worksheet | None, label: str) -> None:
        self.session.edit(replace(self.session.project, worksheet=sheet), label)

    def _current(self) -> tuple[Marker, Worksheet]:
        sheet = self.sheet
        assert sheet is not None, "only a sheet that is shown can be saved"
        return self._marker(sheet), sheet

    def _catalogue(self, examples: tuple[int, ...]) -> Catalogue:
        return Catalogue(Explainer(self.session.network.stepper(*examples)))

    # Following -------------------------------------------------------------------------------------------------------

    def _changed(self, before: Project, after: Project) -> None:
        if before.worksheet is not after.worksheet:
            self.touch(0)
        else:
            super()._changed(before, after)


def _worked_out(stepper: Stepper, sheet: Worksheet) -> Marker:
    """A marker that has the right numbers already."""
    marker = Marker(stepper, sheet)
    assert marker.case.right is not None
    return marker


def _laid_out(marker: Marker, sheet: Worksheet) -> Sheet:
    """The sheet, and its formulas set."""
    page = laid_out(marker, sheet)
    set_formulas(page)
    return page


def _same(mine: object, theirs: object) -> bool:
    return mine is theirs or (isinstance(mine, tuple) and mine == theirs)
