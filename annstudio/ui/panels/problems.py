"""Everything that does not fit yet, each with its mend; a double-click leads to the layer."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from annstudio.errors import Remedy, StudioError
from annstudio.layers.lowering import Problem
from annstudio.session import Session
from annstudio.ui.panels.base import Panel
from annstudio.ui.panels.sections import ProblemBox
from annstudio.ui.theme import GRID


class ProblemsPanel(Panel):
    """A list of problems. `node_chosen(node)` asks the window to show the node."""

    title = "Problems"
    live = False
    node_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.boxes: list[ProblemRow] = []
        self._shown: tuple[Problem, ...] = ()
        outer = QVBoxLayout(self.body)
        outer.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea(self.body)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        page = QWidget(scroll)
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        self.column.setSpacing(GRID)
        self.column.addStretch(1)
        scroll.setWidget(page)
        outer.addWidget(scroll)

    @property
    def count(self) -> int:
        """How many there are, for the badge on the tab."""
        return len(self.session.checked.problems)

    def refresh(self) -> None:
        problems = self.session.checked.problems
        if problems != self._shown:
            self._shown = problems
            for box in self.boxes:
                self.column.removeWidget(box)
                box.hide()
                box.deleteLater()
            self.boxes = [ProblemRow(problem) for problem in problems]
            for i, box in enumerate(self.boxes):
                box.mended.connect(self._mend)
                box.opened.connect(self.node_chosen)
                self.column.insertWidget(i, box)
        empty = "The canvas is empty. Add an Input layer to begin."
        fine = "Everything fits." if self.session.graph.nodes else empty
        self.say("" if problems else fine)

    def redress(self) -> None:
        for box in self.boxes:
            box.redress()

    def _mend(self, remedy: Remedy) -> None:
        try:
            self.session.mend(remedy)
        except StudioError as error:
            self.session.told.emit("error", str(error))


class ProblemRow(ProblemBox):
    """One problem of the list; reached with Tab, opened with a double-click or Enter."""

    opened = Signal(str)

    def __init__(self, problem: Problem, parent: QWidget | None = None) -> None:
        super().__init__(problem, parent, with_node=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Problem of {problem.node}: {problem.message}")
        self.setToolTip(f"Double-click or Enter shows {problem.node}")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.opened.emit(self.problem.node)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self.problem.node)
        else:
            super().keyPressEvent(event)
