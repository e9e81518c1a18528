"""The Explain view: the network opened up, the moment at hand on it, and the timeline below.

The window gives it the middle while the session explains; toolbar and menus call its methods.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from annstudio.explain.derivation import Quantity
from annstudio.layers.ends import Input
from annstudio.session import Session
from annstudio.ui import theme as themes
from annstudio.ui.explain.neurons import NeuronScene
from annstudio.ui.explain.stage import Stage
from annstudio.ui.explain.timeline import Timeline
from annstudio.ui.explain.tour import Tour
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import GRID, theme


class ExplainView(QWidget):
    """Follows the session: whenever it explains, its stepper is walked through here.

    `asked(Quantity)`: a number on the drawing was clicked. `moved`: another moment is shown.
    """

    asked = Signal(object)
    moved = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.tour = Tour(self)
        self.setAccessibleName("Explain")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.scene = NeuronScene(self.tour, self)
        self.stage = Stage(self.scene, self.scene.content, self)
        self.timeline = Timeline(self.tour, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.stage, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(4 * GRID, 0, 4 * GRID, 4 * GRID)
        foot.addWidget(self.timeline)
        layout.addLayout(foot)
        self.scene.asked.connect(self.tour.ask)
        self.scene.replanned.connect(self.stage.fit)
        self.tour.begun.connect(self._begun)
        self.tour.moved.connect(self._moved)
        self.tour.asked.connect(self._asked)
        self.tour.digits_changed.connect(self.scene.refresh)
        follow(self, session.activity_changed, self._activity)
        follow(self, themes.changed, self._redress)
        self._redress()
        self._activity(session.activity)

    def _activity(self, activity: str) -> None:
        if activity == "explain" and self.session.stepper is not None:
            if self.tour.walk is None or self.session.stepper is not self.tour.stepper:
                self.tour.begin(self.session.stepper)
        elif self.tour.walk is not None:
            self.tour.end()

    def _begun(self) -> None:
        self.scene.show_program(self._titles())
        self.moved.emit()

    def _moved(self) -> None:
        self.scene.refresh()
        self.moved.emit()

    def _asked(self, quantity: Quantity | None) -> None:
        self.scene.refresh()
        if quantity is not None:
            self.asked.emit(quantity)

    def _titles(self) -> dict[str, str]:
        nodes = self.session.graph.nodes
        return {id: id if isinstance(n.layer, Input) else f"{id} · {n.layer.summary}" for id, n in nodes.items()}

    def _redress(self, *_: object) -> None:
        palette = self.palette()
        palette.setColor(palette.ColorRole.Window, theme().canvas)
        self.setPalette(palette)
        self.scene.redress()
        self.stage.viewport().update()
