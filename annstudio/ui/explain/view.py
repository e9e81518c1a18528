"""The Explain view: the network opened up, the moment at hand on it, and the timeline below.

The window gives it the middle while the session explains; toolbar and menus call its methods.
"""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from annstudio.engine.program import Phase, Program
from annstudio.errors import StudioError
from annstudio.explain.derivation import Quantity
from annstudio.explain.walk import Grain
from annstudio.layers.ends import Input
from annstudio.session import Session
from annstudio.ui import theme as themes
from annstudio.ui.explain.layer_view import LayerView, PageSwitch
from annstudio.ui.explain.neuron_plan import can_be_neurons, suits_neurons
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
        self._program: Program | None = None
        self.setAccessibleName("Explain")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.scene = NeuronScene(self.tour, self)
        self.stage = Stage(self.scene, self.scene.content, self)
        self.layers = LayerView(self.tour, self)
        self.timeline = Timeline(self.tour, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.stage)
        self.pages.addWidget(self.layers)
        self.switch = PageSwitch(self)
        self._keys = self._make_keys()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.pages, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(4 * GRID, GRID, 4 * GRID, 4 * GRID)
        foot.addWidget(self.timeline)
        layout.addLayout(foot)
        self.scene.asked.connect(self.tour.ask)
        self.scene.replanned.connect(self.stage.fit)
        self.layers.asked.connect(self.tour.ask)
        self.switch.chosen.connect(self.show_neurons)
        self.tour.begun.connect(self._begun)
        self.tour.moved.connect(self._moved)
        self.tour.asked.connect(self._asked)
        self.tour.digits_changed.connect(self._refresh)
        self.tour.refused.connect(partial(session.told.emit, "error"))
        follow(self, session.activity_changed, self._activity)
        follow(self, themes.changed, self._redress)
        self._redress()
        self._activity(session.activity)

    # Commands --------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One step on, by the grain that was chosen."""
        self.tour.step()

    def step_back(self) -> None:
        self.tour.back()

    def next_layer(self) -> None:
        self.tour.next_layer()

    def previous_layer(self) -> None:
        self.tour.previous_layer()

    def to_start(self) -> None:
        self.tour.to(0)

    def to_loss(self) -> None:
        """On, or back, to where the error is known."""
        self.tour.to_phase_end(Phase.LOSS)

    def to_gradients(self) -> None:
        """To the end of the way back: every gradient is known."""
        self.tour.to_phase_end(Phase.BACKWARD)

    def to_update(self) -> None:
        """To the end: every weight has its new value."""
        self.tour.to_phase_end(Phase.UPDATE)

    def to_end(self) -> None:
        if self.tour.walk is not None:
            self.tour.to(len(self.tour.walk))

    def leave(self) -> None:
        """Give the middle back to the drawing."""
        self.session.leave_explain()

    def set_sample(self, sample: int) -> None:
        """Explain another example of the data, at the same moment."""
        self.session.explain(sample)

    def set_whole_batch(self, wanted: bool) -> None:
        """Explain the batch that training would do next, or one example."""
        self.session.explain(whole_batch=wanted)

    def next_batch(self) -> None:
        self.tour.next_batch()

    def previous_batch(self) -> None:
        self.tour.previous_batch()

    def set_digits(self, digits: int) -> None:
        self.tour.set_digits(digits)

    def set_grain(self, grain: Grain) -> None:
        self.tour.set_grain(grain)

    def ask(self, quantity: Quantity | None) -> None:
        self.tour.ask(quantity)

    def fit(self) -> None:
        """Show the whole drawing."""
        (self.stage if self.shows_neurons else self.layers.stage).fit()

    # Keys ------------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.take_key(event):
            super().keyPressEvent(event)

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key is for; False where it is for nothing here."""
        key, control = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        others = event.modifiers() & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier)
        if others and key == Qt.Key.Key_Left:
            self.tour.ask_back()
            return True
        command = None if others else self._keys.get((Qt.Key(key), control))
        if command is None or self.tour.walk is None:
            return False
        command()
        return True

    def _make_keys(self) -> dict[tuple[Qt.Key, bool], Callable[[], None]]:
        key = Qt.Key
        return {
            (key.Key_Right, False): self.step, (key.Key_Left, False): self.step_back,
            (key.Key_Right, True): self.next_layer, (key.Key_Left, True): self.previous_layer,
            (key.Key_PageDown, False): self.next_batch, (key.Key_PageUp, False): self.previous_batch,
            (key.Key_B, False): self._other_kind,
            (key.Key_Home, False): self.to_start, (key.Key_End, False): self.to_end,
            (key.Key_L, False): self.to_loss, (key.Key_U, False): self.to_update, (key.Key_G, False): self.to_gradients,
            (key.Key_F, False): self.fit, (key.Key_Escape, False): self._let_go,
            (key.Key_Down, False): lambda: self._ask_neighbour(1), (key.Key_Up, False): lambda: self._ask_neighbour(-1),
        }  # fmt: skip

    def _other_kind(self) -> None:
        """From one example to the whole batch, or back."""
        try:
            self.set_whole_batch(not self.session.whole_batch)
        except StudioError as error:
            self.session.told.emit("error", str(error))

    def _let_go(self) -> None:
        """Leave the question, and the layer that is held."""
        self.layers.let_go()
        self.ask(None)

    def _ask_neighbour(self, way: int) -> None:
        """Ask about the next or the previous thing on the drawing, for those who have no mouse."""
        asked = self.scene.quantities() if self.shows_neurons else []
        if not asked:
            return
        item = None if self.tour.question is None else self.scene.item_of(self.tour.question)
        at = asked.index(item.quantity) if item is not None and item.quantity in asked else -1 if way > 0 else 0
        self.tour.ask(asked[(at + way) % len(asked)])

    # Following -------------------------------------------------------------------------------------------------------

    def _activity(self, activity: str) -> None:
        if activity == "explain" and self.session.stepper is not None:
            if self.tour.walk is None or self.session.stepper is not self.tour.stepper:
                self.tour.begin(self.session.stepper, self.session.journey)
        elif self.tour.walk is not None:
            self.tour.end()

    def _begun(self) -> None:
        program = self.tour.program if self.tour.walk is not None else None
        if program is not None and program is not self._program:
            possible = can_be_neurons(program)
            self.switch.setVisible(possible)
            for stage in (self.stage, self.layers.stage):
                stage.keep_free_above(4 * GRID + self.switch.sizeHint().height() if possible else 0)
            self.show_neurons(suits_neurons(program))
        self._program = program
        self.layers.forget_pictures()
        self._show_page()
        self.moved.emit()

    def show_neurons(self, wanted: bool) -> None:
        """Draw neurons, or layers as cards with their arrays."""
        self.switch.show_choice(wanted)
        self.pages.setCurrentWidget(self.stage if wanted else self.layers)
        self._show_page()

    @property
    def shows_neurons(self) -> bool:
        return self.pages.currentWidget() is self.stage

    def _show_page(self) -> None:
        if self.shows_neurons:
            self.scene.show_program(self._titles())
        else:
            self.layers.show_graph(self.session.project.graph)

    def _refresh(self, *_: object) -> None:
        if self.shows_neurons:
            self.scene.refresh()
        else:
            self.layers.refresh()

    def _moved(self) -> None:
        self._refresh()
        self.moved.emit()
        if QAccessible.isActive():
            # The drawing is invisible to screen readers: they are told where we are.
            words = f"{self.timeline.number.text()}: {self.timeline.caption.text()}"
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def _asked(self, quantity: Quantity | None) -> None:
        self._refresh()
        if quantity is not None:
            self.asked.emit(quantity)

    def _titles(self) -> dict[str, str]:
        nodes = self.session.project.graph.nodes
        return {id: id if isinstance(n.layer, Input) else f"{id} · {n.layer.summary}" for id, n in nodes.items()}

    def _redress(self, *_: object) -> None:
        palette = self.palette()
        palette.setColor(palette.ColorRole.Window, theme().canvas)
        self.setPalette(palette)
        self.scene.redress()
        self.stage.viewport().update()
        self.layers.redress()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.switch.move(4 * GRID, 3 * GRID)
        self.switch.raise_()
