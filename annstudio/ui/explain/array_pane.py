"""The operations of a layer and the arrays they read and wrote: two in full view, side by side."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from annstudio.engine.program import AnyStep
from annstudio.explain.attribution import FromInput
from annstudio.ui.choices import ElidedBox
from annstudio.ui.explain.array_frame import ArrayFrame
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.exhibits import Exhibit, Exhibition, Pair
from annstudio.ui.explain.lights import Lights
from annstudio.ui.explain.operations import OperationList, places_of
from annstudio.ui.explain.tips import tip
from annstudio.ui.explain.tour import Tour
from annstudio.ui.theme import GRID, TEXT, ui_font


class ArrayPane(QWidget):
    """Follows the tour; a chosen layer is held until it is let go. `asked(Quantity)`: a cell was clicked."""

    asked = Signal(object)

    def __init__(self, tour: Tour, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.lights = Lights()
        """What is lit at this moment; whoever moves the pane on says so."""
        self.pairs: list[Pair] = []
        self._node = ""
        self._step: int | None = None
        self._offered: object = None
        self._shown: tuple[Exhibit, ...] = ()
        self.title = ElidedLabel(self)
        self.title.setFont(ui_font(TEXT, bold=True))
        self.steps = OperationList(self)
        self.which = ElidedBox(self)
        self.which.setAccessibleName("Which array")
        self.left, self.right = ArrayFrame(self), ArrayFrame(self)
        self._build()
        self.steps.chosen.connect(self._look_at)
        self.steps.wanted.connect(self._go)
        self.which.currentIndexChanged.connect(self._show_pair)
        for frame, side in ((self.left, 0), (self.right, 1)):
            frame.picked.connect(lambda *place, s=side: self._pick(s, place))
            frame.tell_by(partial(self._tip, side))

    def _build(self) -> None:
        aside = QVBoxLayout()
        aside.setSpacing(GRID)
        aside.addWidget(self.title)
        aside.addWidget(self.steps, 1)
        row = QHBoxLayout()
        word = QLabel("Array", self)
        word.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        row.addWidget(word)
        row.addWidget(self.which, 1)
        aside.addLayout(row)
        holder = QWidget(self)
        holder.setLayout(aside)
        aside.setContentsMargins(0, 0, 0, 0)
        holder.setFixedWidth(54 * GRID)
        across = QHBoxLayout(self)
        across.setContentsMargins(4 * GRID, 2 * GRID, 4 * GRID, 2 * GRID)
        across.setSpacing(4 * GRID)
        across.addWidget(holder)
        across.addWidget(self.left, 1)
        across.addWidget(self.right, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    # Choosing --------------------------------------------------------------------------------------------------------

    def show_layer(self, node: str) -> None:
        """Hold a layer; with an empty name follow the steps again."""
        self._node, self._step = node, None
        self.refresh()

    def refresh(self) -> None:
        """Show the moment at hand, or the layer that is held."""
        walk = self.tour.walk
        self.setEnabled(walk is not None)
        if walk is None:
            return
        current = max(walk.place and walk.stepper.position - 1, 0)
        node = self._node or walk.node
        places = places_of(walk, node)
        self.title.setText(f"Operations of {self.tour.names.seen(node)}")
        if self._step not in places:
            self._step = None
        chosen = (
            self._step if self._step is not None else current if current in places else places[0] if places else None
        )
        self.steps.show_layer(walk, node, places, chosen)
        self._offer(None if chosen is None else walk.program.steps[chosen])

    def _look_at(self, place: int) -> None:
        self._step = place
        self.refresh()

    def _go(self, place: int) -> None:
        self._step = None
        self.tour.to_position(place + 1)

    def _offer(self, step: AnyStep | None) -> None:
        """The arrays of an operation, or those of a question; the one that was looked at stays where it can."""
        exhibition, question, title = Exhibition(self.tour, self.lights), self.tour.question, self.which.currentText()
        offered: object = step
        self.pairs = exhibition.of_step(step) if step is not None else []
        if isinstance(question, FromInput):
            answers = exhibition.of_question(question)
            # An answer that comes in later is looked at as one that was there at once.
            offered, self.pairs = (question, bool(answers)), [*answers, *self.pairs]
        before = self.which.blockSignals(True)
        self.which.clear()
        titles = [pair.title for pair in self.pairs]
        self.which.addItems(titles)
        same = offered is self._offered or offered == self._offered
        self.which.setCurrentIndex(titles.index(title) if title in titles and same else 0)
        self.which.blockSignals(before)
        self._offered = offered
        self._show_pair()

    # Showing ---------------------------------------------------------------------------------------------------------

    def _show_pair(self, *_: object) -> None:
        at = self.which.currentIndex()
        pair = self.pairs[at] if 0 <= at < len(self.pairs) else None
        self._shown = (Exhibit(""), Exhibit("")) if pair is None else (pair.left(), pair.right())
        for frame, exhibit in zip((self.left, self.right), self._shown, strict=True):
            if exhibit.maps is None:
                frame.say(exhibit.title, exhibit.words)
            else:
                frame.show_maps(
                    exhibit.title, exhibit.maps, self.tour.digits, signed=exhibit.signed, marks=exhibit.marks
                )

    def redress(self) -> None:
        for frame in (self.left, self.right):
            frame.redress()

    def _tip(self, side: int, place: tuple[int, int, int]) -> str:
        asks = self._shown[side].asks
        return "" if asks is None else tip(self.tour, asks(place))

    def _pick(self, side: int, place: tuple[int, int, int]) -> None:
        asks = self._shown[side].asks
        if asks is not None:
            frame = (self.left, self.right)[side]
            self.asked.emit(asks(place if frame.toggle.isChecked() else frame.place_of_picture(place)))
