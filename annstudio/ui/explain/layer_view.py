"""The page of layers: cards above, the operations and arrays of the layer at hand below."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from annstudio.layers.block.boxing import inside
from annstudio.layers.graph import Graph
from annstudio.ui.actions import by_id
from annstudio.ui.canvas.overlays import Plate
from annstudio.ui.explain.array_pane import ArrayPane
from annstudio.ui.explain.layers import PRINT, LayerScene
from annstudio.ui.explain.lights import lights_of
from annstudio.ui.explain.stage import LEAST_READ, Stage
from annstudio.ui.explain.tour import Tour
from annstudio.ui.theme import GRID

_CARDS, _ARRAYS = 560, 400
"""How the height is shared at first."""
LEAST_CARDS, LEAST_ARRAYS = 25 * GRID, 33 * GRID
"""Both have a place on a screen of 800 by 500, too."""
READABLE = LEAST_READ / PRINT
"""Cards are not shown smaller of their own accord: a long network is shown in part, with the layer at hand."""


class LayerView(QWidget):
    """Follows a tour. `asked(Quantity)`: a cell of an array was clicked."""

    asked = Signal(object)

    def __init__(self, tour: Tour, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self._graph: Graph | None = None
        self.scene = LayerScene(tour, self)
        self.stage = Stage(self.scene, self.scene.content, self, readable=READABLE)
        self.pane = ArrayPane(tour, self)
        self.pane.setAutoFillBackground(True)
        self.where = QLabel(self.stage)
        self.where.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.where.hide()
        self.split = QSplitter(Qt.Orientation.Vertical, self)
        self.split.addWidget(self.stage)
        self.split.addWidget(self.pane)
        self.split.setChildrenCollapsible(False)
        self.stage.setMinimumHeight(LEAST_CARDS)
        self.pane.setMinimumHeight(LEAST_ARRAYS)
        self.split.setSizes([_CARDS, _ARRAYS])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.split)
        # The rows are planned anew once a resize has come to rest.
        self._replan = QTimer(self)
        self._replan.setSingleShot(True)
        self._replan.setInterval(60)
        self._replan.timeout.connect(self._plan)
        self.scene.replanned.connect(self.stage.settle)
        self.scene.selected.connect(self.pane.show_layer)
        self.pane.asked.connect(self.asked)

    def show_graph(self, graph: Graph) -> None:
        """Draw a network, or nothing new where it is the same."""
        self._graph = graph
        self._light()
        self._plan()
        self.pane.refresh()

    def _plan(self) -> None:
        if self._graph is not None:
            size = self.stage.viewport().size()
            path, graph = self._place(self._graph)
            self.scene.show_graph(graph, size.width() / max(size.height(), 1), path)
            self.where.setText(f"Inside {path.replace('/', ' › ')} · {by_id('step_out').keys} leaves it")
            self.where.adjustSize()
            self.where.move(self.stage.beside_bar(self.where.height()))
            self.where.setVisible(bool(path))

    def _place(self, whole: Graph) -> tuple[str, Graph]:
        """What is to be drawn: the inside of the innermost block that was gone into, else the whole."""
        walk = self.tour.walk
        for box in reversed(walk.opened_around if walk is not None else ()):
            drawing = inside(whole, box.node)
            if drawing is not None:
                return box.node, drawing
        return "", whole

    def refresh(self) -> None:
        """Another moment, or another question."""
        self._light()
        self._plan()
        self.pane.refresh()

    def follow(self) -> None:
        """Keep the layer at hand, and those beside it, in sight."""
        card = self.scene.card_of_now()
        if card is not None:
            self.stage.show_places(card.sceneBoundingRect())

    def _light(self) -> None:
        if self.tour.walk is not None:
            self.scene.lights = self.pane.lights = lights_of(self.tour)

    def let_go(self) -> None:
        """Follow the steps again."""
        if self.scene.chosen:
            self.scene.select(self.scene.chosen)

    def forget_pictures(self) -> None:
        self.scene.forget_pictures()

    def redress(self) -> None:
        """The theme is another."""
        self.scene.redress()
        self.pane.redress()
        self.stage.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            self._replan.start()


class PageSwitch(Plate):
    """Neurons or layers, where a network can be drawn as both. `chosen(neurons)`."""

    chosen = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(0)
        self.buttons = QButtonGroup(self)
        for which, (text, tip) in enumerate((
            ("Layers", "Every layer as a card, with the arrays of its operations"),
            ("Neurons", "Every unit and every weight"),
        )):  # fmt: skip
            button = QToolButton(self)
            button.setText(text)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.buttons.addButton(button, which)
            row.insertWidget(0, button)
        self.buttons.idClicked.connect(lambda which: self.chosen.emit(bool(which)))

    def show_choice(self, neurons: bool) -> None:
        self.buttons.button(int(neurons)).setChecked(True)
        self.adjustSize()
