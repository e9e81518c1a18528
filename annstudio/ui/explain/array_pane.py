"""The operations of a layer and the arrays they read and wrote: the value in full, its gradient beside it."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.program import AnyStep, Role, Step, Update
from annstudio.explain.derivation import Quantity
from annstudio.explain.walk import slot_word, written_text
from annstudio.layers.names import is_of
from annstudio.ui.explain.array_frame import ArrayFrame
from annstudio.ui.explain.array_maps import Subject, layout, quantity_at, subjects_of
from annstudio.ui.explain.elided import ElidedLabel
from annstudio.ui.explain.tour import Tour
from annstudio.ui.theme import GRID, TEXT, ui_font

_MARKS = {"done": "✓", "now": "▶", "to come": "·"}


@dataclass(frozen=True)
class Side:
    """What one of the two frames shows: a title, the slot whose numbers they are, and of when."""

    title: str
    slot: int | None
    when: str = "now"


class ArrayPane(QWidget):
    """Follows the tour; a chosen layer is held until it is let go. `asked(Quantity)`: a cell was clicked."""

    asked = Signal(object)

    def __init__(self, tour: Tour, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self._node = ""
        self._step: int | None = None
        self._offered: AnyStep | None = None
        self._subjects: list[Subject] = []
        self._sides: tuple[Side, Side] | None = None
        self.title = ElidedLabel(self)
        self.title.setFont(ui_font(TEXT, bold=True))
        self.steps = QListWidget(self)
        self.steps.setAccessibleName("Operations of this layer")
        self.steps.setToolTip("Click to see what it wrote, double-click or Enter to go there")
        self.steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.steps.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.which = QComboBox(self)
        self.which.setAccessibleName("Which array")
        self.left, self.right = ArrayFrame(self), ArrayFrame(self)
        self._build()
        self.steps.currentRowChanged.connect(self._choose_step)
        self.steps.itemActivated.connect(self._go)
        self.which.currentIndexChanged.connect(self._show_subject)
        for frame, side in ((self.left, 0), (self.right, 1)):
            frame.picked.connect(lambda *place, s=side: self._pick(s, place))

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
        places = [i for i, step in enumerate(walk.program.steps) if is_of(step.node, node)]
        self.title.setText(f"Operations of {node}")
        if self._step not in places:
            self._step = None
        chosen = (
            self._step if self._step is not None else current if current in places else places[0] if places else None
        )
        self._list(node, places, chosen)
        self._offer(chosen)

    def _list(self, node: str, places: list[int], chosen: int | None) -> None:
        walk = self.tour.walk
        assert walk is not None
        before = self.steps.blockSignals(True)
        self.steps.clear()
        for i in places:
            status = "now" if i in walk.span and walk.place else "done" if i < walk.stepper.position else "to come"
            step = walk.program.steps[i]
            within = step.node.removeprefix(node).lstrip("/")
            words = [step.phase.value.capitalize(), within, step.scope, written_text(walk.program, step)]
            item = QListWidgetItem(f"{_MARKS[status]}  {' · '.join(word for word in words if word)}")
            item.setData(Qt.ItemDataRole.UserRole, i)
            item.setToolTip(f"{item.text()[1:].strip()}\n{_op_name(step)} · {status}")
            self.steps.addItem(item)
            if i == chosen:
                self.steps.setCurrentItem(item)
        self.steps.blockSignals(before)

    def _choose_step(self, row: int) -> None:
        item = self.steps.item(row)
        if item is not None:
            self._step = int(item.data(Qt.ItemDataRole.UserRole))
            self._offer(self._step)

    def _go(self, item: QListWidgetItem) -> None:
        self._step = None
        self.tour.to_position(int(item.data(Qt.ItemDataRole.UserRole)) + 1)

    def _offer(self, place: int | None) -> None:
        """The arrays of an operation, what it wrote first; the one that was looked at stays where it can."""
        walk = self.tour.walk
        assert walk is not None
        title = self.which.currentText()
        step = walk.program.steps[place] if place is not None else None
        self._subjects = self._subjects_of(step) if step is not None else []
        before = self.which.blockSignals(True)
        self.which.clear()
        self.which.addItems([subject.title for subject in self._subjects])
        titles = [subject.title for subject in self._subjects]
        self.which.setCurrentIndex(titles.index(title) if title in titles and step is self._offered else 0)
        self.which.blockSignals(before)
        self._offered = step
        self._show_subject()

    def _subjects_of(self, step: AnyStep) -> list[Subject]:
        program = self.tour.program
        if isinstance(step, Update):
            return [s for i in step.parameters for s in subjects_of(program, program.parameters[i].slot, "")]
        slots = [of for of, to in zip(step.inputs, step.gradients, strict=False) if to is not None]
        if not step.backward:
            added = next((of for of, gradient in program.gradients.items() if gradient == step.output), None)
            slots = [step.output, *step.inputs, *step.buffers.values()] if added is None else [added]
        else:
            slots.sort(key=lambda slot: program.slots[slot].role is not Role.PARAMETER)
        shown = [slot for slot in slots if program.slots[slot].shown]
        return [subject for slot in dict.fromkeys(shown) for subject in subjects_of(program, slot, self._title(slot))]

    def _title(self, slot: int) -> str:
        return f"{slot_word(self.tour.program, slot)} of {self.tour.program.slots[slot].node}"

    # Showing ---------------------------------------------------------------------------------------------------------

    def _show_subject(self, *_: object) -> None:
        at = self.which.currentIndex()
        step = self._offered
        if not 0 <= at < len(self._subjects):
            for frame in (self.left, self.right):
                frame.say("", "")
            return
        subject = self._subjects[at]
        gradient = self.tour.program.gradients.get(subject.slot)
        if isinstance(step, Step) and step.backward and subject.slot in step.inputs:
            # Where paths meet, this operation wrote only its own share.
            gradient = step.gradients[step.inputs.index(subject.slot)]
        if isinstance(step, Update):
            self._sides = (Side(f"{subject.title} before", subject.slot, "before"),
                           Side(f"{subject.title} after", subject.slot, "after"))  # fmt: skip
        else:
            self._sides = (Side(subject.title, subject.slot, "before"), Side(_gradient_title(subject.title), gradient))
        for frame, side in zip((self.left, self.right), self._sides, strict=True):
            self._fill(frame, side, subject)

    def _fill(self, frame: ArrayFrame, side: Side, subject: Subject) -> None:
        tour, walk = self.tour, self.tour.walk
        assert walk is not None
        if side.slot is None:
            frame.say(side.title, "The error does not flow back to it.")
            return
        program = tour.program
        role = program.slots[side.slot].role
        parameter = program.parameters.index(subject.parameter) if subject.parameter is not None else None
        at = walk.stepper.written_by.get(side.slot)
        if not walk.known(side.slot, (0,) * len(program.slots[side.slot].shape)):
            frame.say(
                side.title, f"Not computed yet: step {(at or 0) + 1} of {len(tour.stepper)} operations does that."
            )
            return
        if side.when == "after" and parameter is not None and not tour.stepper.updated(parameter):
            frame.say(side.title, "Not updated yet.")
            return
        old = role is Role.PARAMETER and side.when != "after"
        array = tour.stepper.before_update(side.slot) if old else tour.array(side.slot)
        maps = layout(program, subject, array)
        grey = role not in (Role.GRADIENT, Role.PARAMETER) and bool(maps.values.size) and float(maps.values.min()) >= 0
        frame.show_maps(side.title, maps, tour.digits, signed=not grey)

    def redress(self) -> None:
        for frame in (self.left, self.right):
            frame.redress()

    def _pick(self, side: int, place: tuple[int, int, int]) -> None:
        at = self.which.currentIndex()
        if self._sides is None or not 0 <= at < len(self._subjects):
            return
        frame = (self.left, self.right)[side]
        slot = self._sides[side].slot
        if slot is not None:
            if not frame.toggle.isChecked():
                place = frame.place_of_picture(place)
            quantity: Quantity = quantity_at(self.tour.program, self._subjects[at], slot, place)
            self.asked.emit(quantity)


def _op_name(step: AnyStep) -> str:
    if isinstance(step, Step):
        return f"{type(step.op).__name__}.{'backward' if step.backward else 'forward'}"
    return "the optimiser"


def _gradient_title(title: str) -> str:
    return f"Gradient of {title}" if " " in title else f"∂E/∂{title}"
