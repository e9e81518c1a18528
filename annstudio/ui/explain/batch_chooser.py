"""Which batch is stepped through: one example or a whole mini-batch, which example of it is looked at, which number.

It also says in words where one is, and what will be kept of the batches that lie behind.
"""

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from annstudio.errors import StudioError
from annstudio.session import Session
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.view import ExplainView
from annstudio.ui.numbers import count_text
from annstudio.ui.theme import GRID

FURTHEST = 9_999
"""So many batches further on can be gone to in one go."""


class BatchChooser(QWidget):
    """Follows the view's tour; what is chosen here is done by the view."""

    def __init__(self, view: ExplainView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.kind = QComboBox(self)
        self.kind.addItems(["One example", "Mini-batch"])
        self.kind.setAccessibleName("What a batch is")
        self.kind.setToolTip(
            "Step through one example at a time, or through the batches that training would do:\n"
            "the same examples in the same order, the same noise, the same learning rate (B)"
        )
        self.sample = self._spin()
        self.sample.setWrapping(True)
        self.number = self._spin()
        self.number.setPrefix("Batch ")
        self.number.setAccessibleName("Batch")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID + 2)
        for widget in (self.kind, self.sample, self.number):
            row.addWidget(widget)
        self.kind.activated.connect(self._choose_kind)
        self.sample.valueChanged.connect(self._choose_sample)
        self.number.valueChanged.connect(self._choose_batch)
        view.tour.begun.connect(self.refresh)
        self.refresh()

    def _spin(self) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setKeyboardTracking(False)
        return spin

    # Showing ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Say where we are, without a sound."""
        tour, session = self.view.tour, self.view.session
        self.setEnabled(tour.walk is not None)
        if tour.walk is None or tour.journey is None:
            return
        whole = session.whole_batch
        self.kind.setCurrentIndex(int(whole))
        n = tour.stepper.n if whole else len(session.dataset) if session.dataset is not None else 1
        self.sample.setPrefix("Example " if whole else "Sample ")
        self.sample.setAccessibleName("Example of the batch" if whole else "Sample")
        tip = "Which example of the batch is looked at" if whole else "Which example of the data is explained"
        self.sample.setToolTip(tip)
        _show(self.sample, (tour.example if whole else session.sample % n) + 1, (1, n), f" of {count_text(n)}")
        self.sample.setEnabled(n > 1)
        at, behind = tour.stepper.batch_number + 1, tour.journey.number
        _show(self.number, at, (at - behind, at - behind + FURTHEST), "")
        self.number.setToolTip(
            "Which batch is stepped through (Page Down: the next, Page Up: the one before)\n"
            f"{kept_text(session) or 'Nothing is kept yet: going on to the next batch is learning.'}"
        )

    # Choosing --------------------------------------------------------------------------------------------------------

    def _choose_kind(self, kind: int) -> None:
        self._try(lambda: self.view.set_whole_batch(bool(kind)))

    def _choose_sample(self, number: int) -> None:
        if self.view.session.whole_batch:
            self.view.tour.choose_example(number - 1)
        else:
            self._try(lambda: self.view.set_sample(number - 1))

    def _choose_batch(self, number: int) -> None:
        tour = self.view.tour
        if tour.journey is not None:
            tour.to_batch(tour.journey.number + number - tour.stepper.batch_number - 1)

    def _try(self, choose: Callable[[], None]) -> None:
        try:
            choose()
        except StudioError as error:
            self.view.session.told.emit("error", str(error))
            self.refresh()


def _show(spin: QSpinBox, value: int, limits: tuple[int, int], suffix: str) -> None:
    before = spin.blockSignals(True)
    spin.setRange(*limits)
    spin.setSuffix(suffix)
    spin.setValue(value)
    spin.blockSignals(before)


def kept_text(session: Session) -> str:
    """What will be kept when Explain is left; empty where nothing will."""
    n = session.to_keep
    return f"{count_text(n)} batch{'es' if n > 1 else ''} will be kept as one step of undo" if n else ""


def where_text(session: Session, tour: Tour) -> str:
    """Which batch is stepped through, which of its examples is shown, and what will be kept."""
    if tour.walk is None or tour.journey is None:
        return ""
    n, examples = tour.stepper.n, session.examples
    of_data = f"number {count_text(int(examples[tour.example]) + 1)} of the data"
    shown = f"example {tour.example + 1} of {n} ({of_data})" if session.whole_batch else f"one example, {of_data}"
    said = [f"Batch {count_text(tour.stepper.batch_number + 1)}", shown]
    if n > 1:
        said.append("gradients of weights are the mean over all")
    return " · ".join([*said, *filter(None, [kept_text(session)])])
