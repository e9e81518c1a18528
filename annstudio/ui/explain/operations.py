"""The operations of a layer as a list: done, now and to come by signs; those of a time step folded into one line."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from annstudio.engine.program import AnyStep, Step
from annstudio.explain.walk import Walk
from annstudio.explain.words import written_text
from annstudio.layers.names import is_of
from annstudio.ui.explain.typing_keys import is_typed

_MARKS = {"done": "✓", "now": "▶", "to come": "·"}
UNFOLDED = 80
"""Layers of more operations are folded, time step by time step and way by way."""


@dataclass(frozen=True)
class Line:
    """A line of the list: an operation, or those from `first` to `last` folded into one."""

    first: int
    last: int
    text: str
    tip: str

    @property
    def folded(self) -> bool:
        return self.last > self.first


class OperationList(QListWidget):
    """`chosen(place)`: an operation is looked at, by its position in the program; `wanted(place)`: go there."""

    chosen = Signal(int)
    wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[Line] = []
        self._open: tuple[int, int] | None = None
        self._shown: tuple[Walk, str] | None = None
        self.setAccessibleName("Operations of this layer")
        self.setToolTip("Click to see what it wrote, double-click or Enter to go there")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setUniformItemSizes(True)
        self.currentRowChanged.connect(self._choose)
        self.itemActivated.connect(self._want)

    def show_layer(self, walk: Walk, node: str, places: list[int], chosen: int | None) -> None:
        """The operations of a node, with the chosen one current; lines that say the same stay as they are."""
        if self._shown != (walk, node):
            self._shown, self._open = (walk, node), None
        lines = self._lines(walk, node, places, chosen)
        before = self.blockSignals(True)
        if len(lines) != len(self.lines):
            self.clear()
            self.addItems([line.text for line in lines])
            self.lines = []
        for row, line in enumerate(lines):
            if row >= len(self.lines) or line != self.lines[row]:
                item = self.item(row)
                item.setText(line.text)
                item.setToolTip(line.tip)
        self.lines = lines
        at = next((i for i, line in enumerate(lines) if chosen is not None and line.first <= chosen <= line.last), -1)
        self.setCurrentRow(at)
        self.blockSignals(before)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_typed(event):
            event.ignore()
        else:
            super().keyPressEvent(event)

    # Private ---------------------------------------------------------------------------------------------------------

    def _lines(self, walk: Walk, node: str, places: list[int], chosen: int | None) -> list[Line]:
        if len(places) <= UNFOLDED:
            return [_line(walk, node, i) for i in places]
        lines: list[Line] = []
        for group in _groups(walk, places):
            ends = (group[0], group[-1])
            opened = len(group) < 2 or self._open == ends or (chosen is not None and ends[0] <= chosen <= ends[1])
            lines += [_line(walk, node, i) for i in group] if opened else [_folded(walk, group)]
        return lines

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self.lines):
            line = self.lines[row]
            if line.folded:
                self._open = (line.first, line.last)
            self.chosen.emit(line.first)

    def _want(self, item: QListWidgetItem) -> None:
        row = self.row(item)
        if 0 <= row < len(self.lines):
            self.wanted.emit(self.lines[row].last)


def places_of(walk: Walk, node: str) -> list[int]:
    """Where in the program the operations of a node are."""
    return [i for i, step in enumerate(walk.program.steps) if is_of(step.node, node)]


def op_name(step: AnyStep) -> str:
    """The operation's class and method."""
    if isinstance(step, Step):
        return f"{type(step.op).__name__}.{'backward' if step.backward else 'forward'}"
    return "the optimiser"


def _groups(walk: Walk, places: list[int]) -> list[list[int]]:
    """Operations in a row of one phase and one time step."""
    steps = walk.program.steps
    groups: list[list[int]] = []
    for i in places:
        before = steps[groups[-1][-1]] if groups else None
        if before is not None and (before.phase, before.scope) == (steps[i].phase, steps[i].scope):
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _status(walk: Walk, first: int, last: int) -> str:
    span = walk.span
    if walk.place and span.start <= last and first < span.stop:
        return "now"
    return "done" if last < walk.stepper.position else "to come"


def _line(walk: Walk, node: str, place: int) -> Line:
    step, status = walk.program.steps[place], _status(walk, place, place)
    within = step.node.removeprefix(node).lstrip("/")
    words = [
        step.phase.value.capitalize(),
        within,
        step.scope,
        written_text(walk.program, step, walk.explainer.names.seen),
    ]
    told = " · ".join(word for word in words if word)
    return Line(place, place, f"{_MARKS[status]}  {told}", f"{told}\n{op_name(step)} · {status}")


def _folded(walk: Walk, group: list[int]) -> Line:
    first, status = walk.program.steps[group[0]], _status(walk, group[0], group[-1])
    words = [first.phase.value.capitalize(), first.scope]
    told = " · ".join(word for word in words if word)
    tip = f"{told} · {len(group)} operations · {status}\nClick to unfold"
    return Line(group[0], group[-1], f"{_MARKS[status]}  {told} · {len(group)} …", tip)
