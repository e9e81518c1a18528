"""The Explain view: the network opened up, the moment at hand on it, and the timeline below.

The window gives it the middle while the session explains; toolbar and menus call its methods.
"""

from functools import partial

from PySide6.QtCore import QKeyCombination, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QContextMenuEvent,
    QHideEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from annstudio.engine.program import Phase, Program
from annstudio.errors import StudioError
from annstudio.explain.moments import Grain
from annstudio.explain.told import Quantity
from annstudio.layers.ends import Input
from annstudio.session import Session
from annstudio.ui import theme as themes
from annstudio.ui.actions import Command, explain_keys
from annstudio.ui.explain.going import explain
from annstudio.ui.explain.layer_view import LayerView, PageSwitch
from annstudio.ui.explain.neuron_plan import can_be_neurons, suits_neurons
from annstudio.ui.explain.neurons import READABLE, NeuronScene
from annstudio.ui.explain.node_menu import node_menu
from annstudio.ui.explain.player import Player
from annstudio.ui.explain.stage import MARGIN, Stage
from annstudio.ui.explain.stop_marks import StopMarks
from annstudio.ui.explain.timeline import Timeline
from annstudio.ui.explain.tour import Tour
from annstudio.ui.panels.base import follow
from annstudio.ui.theme import GRID, theme

_TOLD_SPEED = 1
"""While playing faster than this not every step can be read out."""


class ExplainView(QWidget):
    """Follows the session: whenever it explains, its stepper is walked through here.

    `asked(Quantity)`: a number on the drawing was clicked. `moved`: another moment is shown. `commands_changed`: others
    can be used.
    """

    asked = Signal(object)
    moved = Signal()
    commands_changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session: Session = session
        self.tour: Tour = Tour(self)
        self.player: Player = Player(self.tour, self)
        self._program: Program | None = None
        self.setAccessibleName("Explain")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.scene = NeuronScene(self.tour, self)
        self.stage = Stage(self.scene, self.scene.content, self, readable=READABLE)
        self.layers = LayerView(self.tour, self)
        self.timeline = Timeline(self.tour, self.player, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.stage)
        self.pages.addWidget(self.layers)
        self.switch = PageSwitch(self)
        self._keys = explain_keys()
        self._marks = [StopMarks(self.scene), StopMarks(self.layers.scene)]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.pages, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(4 * GRID, GRID, 4 * GRID, 4 * GRID)
        foot.addWidget(self.timeline)
        layout.addLayout(foot)
        self.scene.asked.connect(self.tour.ask)
        self.scene.replanned.connect(self._replanned)
        for scene, stage in ((self.scene, self.stage), (self.layers.scene, self.layers.stage)):
            scene.replanned.connect(self._show_marks)
            stage.menu_wanted.connect(self._menu)
        self.layers.asked.connect(self.tour.ask)
        self.switch.chosen.connect(self.show_neurons)
        self.tour.begun.connect(self._begun)
        self.tour.moved.connect(self._moved)
        self.tour.asked.connect(self._asked)
        self.tour.digits_changed.connect(self._refresh)
        self.tour.turner.found.connect(self._refresh)
        self.tour.digits_changed.connect(self._give_room)
        self.tour.marked.connect(self._show_marks)
        self.player.changed.connect(self._read_out)
        for signal in (self.tour.begun, self.tour.moved, self.tour.marked, self.tour.asked, self.player.changed,
                       self.layers.scene.selected):  # fmt: skip
            signal.connect(self._commands_changed)
        self.tour.refused.connect(partial(session.told.emit, "error"))
        follow(self, session.breakpoints.changed, self._breakpoints_changed)
        follow(self, session.activity_changed, self._activity)
        follow(self, themes.changed, self._redress)
        self._redress()
        self._activity(session.activity)

    # Commands --------------------------------------------------------------------------------------------------------

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
        explain(self, self.session, sample, tour=self.tour)

    def set_whole_batch(self, wanted: bool) -> None:
        """Explain the batch that training would do next, or one example."""
        explain(self, self.session, whole_batch=wanted, tour=self.tour)

    def set_digits(self, digits: int) -> None:
        self.tour.set_digits(digits)

    def set_grain(self, grain: Grain) -> None:
        self.tour.set_grain(grain)

    def ask(self, quantity: Quantity | None) -> None:
        self.tour.ask(quantity)

    def fit(self) -> None:
        """Show the whole drawing."""
        (self.stage if self.shows_neurons else self.layers.stage).fit()

    @property
    def holds_something(self) -> bool:
        """Whether there is anything to let go of."""
        return self.player.playing or self.tour.question is not None or bool(self.layers.scene.chosen)

    def other_kind(self) -> None:
        """From one example to the whole batch, or back."""
        try:
            self.set_whole_batch(not self.session.whole_batch)
        except StudioError as error:
            self.session.told.emit("error", str(error))

    def let_go(self) -> None:
        """Stop playing; leave the question, and the layer that is held."""
        self.player.stop()
        self.layers.let_go()
        self.ask(None)

    def ask_neighbour(self, way: int) -> None:
        """Ask about the next or the previous thing on the drawing, for those who have no mouse."""
        asked = self.scene.quantities() if self.shows_neurons else []
        if not asked:
            return
        item = None if self.tour.question is None else self.scene.item_of(self.tour.question)
        at = asked.index(item.quantity) if item is not None and item.quantity in asked else -1 if way > 0 else 0
        self.tour.ask(asked[(at + way) % len(asked)])

    # Breakpoints -----------------------------------------------------------------------------------------------------

    @property
    def node_at_hand(self) -> str:
        """The node that a command means: the one that is held or asked about, else the one whose turn it is."""
        walk = self.tour.walk
        held = self.scene.node_asked if self.shows_neurons else self.layers.scene.chosen
        return "" if walk is None else held or walk.node

    def toggle_breakpoint(self) -> None:
        """Stop at the node at hand, or no longer."""
        if self.node_at_hand:
            self.session.breakpoints.toggle(self.node_at_hand)

    def _breakpoints_changed(self) -> None:
        self.tour.set_breakpoints(self.session.breakpoints.nodes)

    def _show_marks(self) -> None:
        plan = self.scene.plan
        frames = {node: column.frame.topRight() for node, column in plan.columns.items()} if plan is not None else {}
        cards = {node: card.place_of_mark for node, card in self.layers.scene.cards.items()}
        for marks, places in zip(self._marks, (frames, cards), strict=True):
            marks.show(places, self.session.breakpoints.nodes)

    def _menu(self, at: QPointF, on_screen: QPoint) -> None:
        """What can be done with the layer at a place of the drawing."""
        node = (self.scene if self.shows_neurons else self.layers.scene).node_at(at)
        if node:
            node_menu(self, node).popup(on_screen)

    # Keys ------------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.take_key(event):
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.node_at_hand:
            node_menu(self, self.node_at_hand).popup(self.mapToGlobal(self.rect().center()))
        else:
            super().contextMenuEvent(event)

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key is for; False where it is for nothing here."""
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        command = self._keys.get(QKeyCombination(modifiers, Qt.Key(event.key())))
        if command is None and event.text() and event.text().isprintable():
            # On some keyboards a digit or a sign needs Shift.
            command = self._keys.get(QKeyCombination(Qt.Key(event.key())))
        return command is not None and self.do(command)

    def do(self, command: Command) -> bool:
        """Do a command; False where it cannot be done now."""
        if command.go is None or command.can_go is None or not command.can_go(self):
            return False
        command.go(self)
        return True

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
                stage.keep_corner_free(self._corner if possible else QSize())
            self.show_neurons(suits_neurons(program))
        self._program = program
        self.layers.forget_pictures()
        self._show_page()
        self.moved.emit()
        self._read_out()

    @property
    def _corner(self) -> QSize:
        """What the switch covers of the drawing."""
        return self.switch.sizeHint() + QSize(5 * GRID, 4 * GRID)

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
        self._follow()

    def _replanned(self, other: bool) -> None:
        """The neurons are drawn anew: another network is seen from its beginning."""
        if other:
            self.stage.settle()
        else:
            self.stage.refit()

    def _give_room(self, *_: object) -> None:
        """The drawing of neurons has other numbers to show, or another width to show them in."""
        self.scene.give_room((self.width() - 2 * MARGIN) / READABLE)
        self.stage.refit()

    def _follow(self) -> None:
        """Keep in sight what the moment at hand is about."""
        if self.shows_neurons:
            self.stage.show_places(*self.scene.places_of_now())
        else:
            self.layers.follow()

    def _refresh(self, *_: object) -> None:
        if self.shows_neurons:
            self.scene.refresh()
        else:
            self.layers.refresh()

    def _commands_changed(self, *_: object) -> None:
        self.commands_changed.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        self.player.stop()
        super().hideEvent(event)

    def _moved(self) -> None:
        self._refresh()
        self._follow()
        self.moved.emit()
        self._read_out()

    def _read_out(self) -> None:
        """The drawing is invisible to screen readers: they are told where we are."""
        rushing = self.player.playing and self.player.speed > _TOLD_SPEED
        if QAccessible.isActive() and self.tour.walk is not None and not rushing:
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
        self._give_room()
        self.switch.move(4 * GRID, 3 * GRID)
        self.switch.raise_()
