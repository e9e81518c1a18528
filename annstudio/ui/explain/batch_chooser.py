"""Which batch is stepped through: one example or a whole mini-batch, which example of it is looked at, which number.

It also says in words where one is, and what will be kept of the batches that lie behind.
"""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from annstudio.errors import StudioError
from annstudio.ordinals import index_of, nth, ordinal
from annstudio.session import Session
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.numbers import count_text
from annstudio.ui.theme import GRID

FURTHEST = 9_999
"""So many batches further on can be gone to in one go."""
_BUTTONS = 44
"""What a number's field needs beside its text."""


class NarrowSpin(QSpinBox):
    """A number with a word before it, no wider than its longest text needs; where room is short without the word.
    `entered`: a number was typed, and Enter pressed."""

    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word = ""
        self.setKeyboardTracking(False)

    def show_number(self, value: int, limits: tuple[int, int], suffix: str = "") -> None:
        """A number and its limits, without a sound."""
        before = self.blockSignals(True)
        self.setRange(*limits)
        self.setSuffix(suffix)
        self.setValue(value)
        self.blockSignals(before)
        self.updateGeometry()

    def show_word(self, shown: bool) -> None:
        self.setPrefix(self.word if shown else "")
        self.updateGeometry()

    def width_with(self, word: str) -> int:
        """How wide it is with these words before the number."""
        longest = self.fontMetrics().horizontalAdvance(f"{word}{self.maximum()}{self.suffix()}")
        return longest + _BUTTONS

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()

    def sizeHint(self) -> QSize:
        return QSize(self.width_with(self.prefix()), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class BatchChooser(QWidget):
    """Follows the view's tour; what is chosen here is done by the view."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.kind = QComboBox(self)
        self.kind.addItems(["Example", "Mini-batch"])
        self.kind.setAccessibleName("What a batch is")
        self.kind.setToolTip(
            "Step through one example at a time, or through the batches that training would do:\n"
            "the same examples in the same order, the same noise, the same learning rate (B)"
        )
        # The keys go on stepping after a choice by mouse.
        self.kind.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.sample = NarrowSpin(self)
        self.sample.setWrapping(True)
        self.number = NarrowSpin(self)
        self.number.word = "Batch "
        self.number.setAccessibleName("Batch")
        self._worded = True
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID + 2)
        for widget in (self.kind, self.sample, self.number):
            row.addWidget(widget)
        for spin in (self.sample, self.number):
            spin.entered.connect(view.setFocus)
        self.kind.activated.connect(self._choose_kind)
        self.sample.valueChanged.connect(self._choose_sample)
        self.number.valueChanged.connect(self._choose_batch)
        view.tour.begun.connect(self.refresh)
        self.refresh()

    # Room ------------------------------------------------------------------------------------------------------------

    def show_words(self, shown: bool) -> None:
        """With the words before the numbers, or without where room is short."""
        self._worded = shown
        for spin in (self.sample, self.number):
            spin.show_word(shown)

    def width_change(self, *, words: bool) -> int:
        """How much wider than now it is with or without the words."""
        spins = (self.sample, self.number)
        return sum(spin.width_with(spin.word if words else "") - spin.width_with(spin.prefix()) for spin in spins)

    # Showing ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Say where we are, without a sound."""
        tour, session = self.view.tour, self.view.session
        self.setEnabled(tour.walk is not None)
        if tour.walk is None or tour.journey is None:
            return
        whole = session.several
        self.kind.setCurrentIndex(int(whole))
        n = tour.stepper.n if whole else len(session.dataset) if session.dataset is not None else 1
        self.sample.word = "Example " if whole else "Sample "
        self.sample.setAccessibleName("Example of the batch" if whole else "Sample")
        tip = "Which example of the batch is looked at" if whole else "Which example of the data is explained"
        self.sample.setToolTip(tip)
        self.sample.show_number(ordinal(tour.example if whole else session.sample % n), (1, n), f" of {count_text(n)}")
        self.sample.setEnabled(n > 1)
        at, behind = ordinal(tour.stepper.batch_number), tour.journey.number
        self.number.show_number(at, (at - behind, at + FURTHEST))
        self.show_words(self._worded)
        self.number.setToolTip(
            "Which batch is stepped through (Page Down: the next, Page Up: the one before)\n"
            f"{kept_text(session) or 'Nothing is kept yet: going on to the next batch is learning.'}"
        )

    # Choosing --------------------------------------------------------------------------------------------------------

    def _choose_kind(self, kind: int) -> None:
        self._try(lambda: self.view.set_whole_batch(bool(kind)))

    def _choose_sample(self, number: int) -> None:
        if self.view.session.several:
            self.view.tour.choose_example(index_of(number))
        else:
            self._try(lambda: self.view.set_sample(index_of(number)))

    def _choose_batch(self, number: int) -> None:
        tour = self.view.tour
        if tour.journey is not None:
            tour.to_batch(tour.journey.number + index_of(number) - tour.stepper.batch_number)

    def _try(self, choose: Callable[[], None]) -> None:
        try:
            choose()
        except StudioError as error:
            self.view.session.told.emit("error", str(error))
            self.refresh()


def kept_text(session: Session) -> str:
    """What will be kept when Explain is left; empty where nothing will."""
    n = session.to_keep
    return f"{count_text(n)} batch{'es' if n > 1 else ''} will be kept as one step of undo" if n else ""


def where_text(session: Session, tour: Tour) -> str:
    """Which batch is stepped through, which of its examples is shown, and what will be kept."""
    if tour.walk is None or tour.journey is None:
        return ""
    n, examples = tour.stepper.n, session.examples
    of_data = f"number {count_text(ordinal(examples[tour.example]))} of the data"
    shown = f"{nth('example', tour.example)} of {n} ({of_data})" if session.several else f"one example, {of_data}"
    batch, place = f"Batch {count_text(ordinal(tour.stepper.batch_number))}", tour.journey.place
    said = [f"{batch} of epoch {ordinal(place.progress.epoch)}" if session.whole_batch else batch, shown]
    if n > 1:
        said.append("gradients of weights are the mean over all")
    if place.went_back:
        said.append("early stopping has gone back to the best weights")
    return " · ".join([*said, *filter(None, [kept_text(session)])])
