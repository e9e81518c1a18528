"""A network of any kind drawn as cards: every layer with its values and, on the way back, its gradients as pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QGraphicsPathItem, QGraphicsScene, QGraphicsSceneMouseEvent

from annstudio.engine.op import shape_text
from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.explain.report import net_slot
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.names import is_of, node_of
from annstudio.ui.canvas.thumbnail import Picture
from annstudio.ui.explain.layer_plan import LayerPlan, layer_plan
from annstudio.ui.explain.lights import Lights
from annstudio.ui.explain.meetings import CHIP, Meeting, PlusItem, ShareItem, meeting_at_hand
from annstudio.ui.explain.pictures import Drawn, Text, marked, picture
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.unit_items import DONE, NOW, TO_COME
from annstudio.ui.theme import CARD_RADIUS, STRIPE, TEXT, TITLE, mono_font, theme, ui_font

_VALUES = QRectF(12, 54, 100, 72)
_GRADIENTS = QRectF(120, 54, 100, 72)
PRINT = TEXT + 1
"""The cards are usually seen a little smaller than they are."""
ARROW = 11.0
_COLOURS = {Phase.FORWARD: "forward", Phase.LOSS: "forward", Phase.BACKWARD: "gradient", Phase.UPDATE: "ok"}


@dataclass(frozen=True)
class CardState:
    """All that a card shows. The pictures are equal only to themselves: another moment's may be others."""

    status: str = TO_COME
    colour: str = ""
    selected: bool = False
    values: Picture | None = None
    gradients: Picture | None = None
    doing: str = ""
    """At which time step the moment is, and what of it the pictures show then."""
    updated: bool = False


class CardItem(QGraphicsItem):
    """A layer, `path` by its whole name. `state` is a CardState."""

    def __init__(self, path: str, node: Node, rect: QRectF, shape: str) -> None:
        super().__init__()
        self.path, self.node, self.shape_text = path, node, shape
        self.setPos(rect.topLeft())
        self._size = QRectF(0, 0, rect.width(), rect.height())
        self.state = CardState()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAcceptHoverEvents(True)

    def boundingRect(self) -> QRectF:
        return self._size.adjusted(-6, -6, 6, 6)

    @property
    def place_of_mark(self) -> QPointF:
        """Where in the scene the mark of a breakpoint stands: in the upper right corner."""
        return self.mapToScene(self._size.topRight() + QPointF(-17, 17))

    def show_state(self, state: CardState) -> None:
        if state != self.state:
            self.state = state
            told = [f"{self.path} · {state.status}"]
            told += [f"values: {state.values.told}"] if state.values is not None else []
            told += [f"gradients: {state.gradients.told}"] if state.gradients is not None else []
            self.setToolTip("\n".join([*told, "Click to list its operations"]))
            self.update()

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        scene = self.scene()
        if event.button() == Qt.MouseButton.LeftButton and isinstance(scene, LayerScene):
            scene.select(self.path)
        else:
            event.ignore()

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t, state = theme(), self.state
        if state.status == NOW or state.selected:
            halo = QColor(t.halo if state.selected else t.now)
            halo.setAlpha(110 if state.selected else 60)
            painter.setPen(QPen(halo, 8))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._size, CARD_RADIUS, CARD_RADIUS)
        border = {
            NOW: QPen(getattr(t, state.colour) if state.colour else t.now, 2.5),
            DONE: QPen(t.card_border, 1.2),
            TO_COME: QPen(t.wire, 1.4, Qt.PenStyle.DotLine),
        }[state.status]
        painter.setPen(border)
        painter.setBrush(t.card)
        painter.drawRoundedRect(self._size, CARD_RADIUS, CARD_RADIUS)
        self._texts(painter)
        self._pictures(painter)

    def _texts(self, painter: QPainter) -> None:
        t, state, wide = theme(), self.state, self._size.width() - 24
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.families[self.node.layer.family])
        painter.drawRoundedRect(QRectF(12, 7, 28, STRIPE), 2, 2)
        painter.setFont(ui_font(TITLE + 1, bold=True))
        painter.setPen(t.text)
        painter.drawText(QRectF(12, 12, wide, 21), Qt.AlignmentFlag.AlignVCenter, self.node.id)
        painter.setFont(ui_font(PRINT))
        painter.setPen(t.dim)
        painter.drawText(QRectF(12, 32, wide, 18), Qt.AlignmentFlag.AlignVCenter, self.node.layer.summary)
        painter.setFont(mono_font(PRINT))
        foot = QRectF(12, self._size.height() - 26, wide, 20)
        painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter, self.shape_text)
        word = "updated" if state.updated else state.doing or state.status
        painter.setPen(t.text if state.status == NOW else t.dim)
        painter.setFont(ui_font(PRINT, bold=state.status == NOW))
        painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, word)

    def _pictures(self, painter: QPainter) -> None:
        t = theme()
        whole = _VALUES.united(_GRADIENTS)
        areas = [(_VALUES, self.state.values, ""), (_GRADIENTS, self.state.gradients, "gradient")]
        if not self.node.layer.gives:
            # A loss is one number; what goes out of a block is drawn as large as elsewhere.
            small = self.state.values is not None and not isinstance(self.state.values, Text)
            areas = [(_VALUES if small else whole, self.state.values, "")]
        for area, shown, word in areas:
            painter.save()
            if shown is not None:
                painter.setFont(mono_font(TITLE))
                painter.setClipRect(area)
                shown.paint(painter, area)
            else:
                painter.setPen(QPen(t.faint, 1, Qt.PenStyle.DotLine))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(area, 4, 4)
                painter.setPen(t.dim)
                painter.setFont(ui_font(PRINT))
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, word)
            painter.restore()


class WirePath(QGraphicsPathItem):
    """A wire between cards: `state` is empty, or the colour in which values or gradients run along it now."""

    def __init__(self, path: QPainterPath) -> None:
        super().__init__(path)
        self.state = ""
        self.setZValue(-1)

    def boundingRect(self) -> QRectF:
        return super().boundingRect().adjusted(-ARROW, -ARROW, ARROW, ARROW)

    def show_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.update()

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        t = theme()
        pen = QPen(getattr(t, self.state) if self.state else t.wire, 3.0 if self.state else 1.6)
        if self.state == "gradient":
            pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.drawPath(self.path())
        if self.state:
            way = 1 if self.state == "forward" else -1
            tip = self.path().pointAtPercent(1.0 if way > 0 else 0.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(getattr(t, self.state))
            back = tip - QPointF(way * ARROW, 0)
            painter.drawPolygon(QPolygonF([tip, back + QPointF(0, 0.6 * ARROW), back - QPointF(0, 0.6 * ARROW)]))


class LayerScene(QGraphicsScene):
    """Follows a Tour. `selected(node)`: a card was clicked ("" for none). `replanned`: the drawing is another.

    What is drawn may be the inside of a block: `path`. Cards are known by their whole names.
    """

    selected = Signal(str)
    replanned = Signal()

    def __init__(self, tour: Tour, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.path = ""
        self.chosen = ""
        self.plan: LayerPlan | None = None
        self.cards: dict[str, CardItem] = {}
        self.wires: dict[Link, WirePath] = {}
        self._shown: tuple[Program, Graph, str] | None = None
        self._ratio = 2.4
        self._pictures: dict[tuple[int, bool], Drawn | None] = {}
        self._nets: dict[str, int | None] = {}
        self.meeting: list[QGraphicsItem] = []
        self.lights = Lights()
        """What is lit at this moment; whoever moves the scene on says so."""

    def content(self) -> QRectF:
        return self.plan.bounds if self.plan is not None else QRectF()

    def show_graph(self, graph: Graph, ratio: float, path: str = "") -> None:
        """Draw a network, or what the block at a path holds, for a room of this shape; anew where that is another."""
        program = self.tour.program if self.tour.walk is not None else None
        coarse = round(ratio, 1)
        if self._shown is not None and self._shown == (program, graph, path) and coarse == self._ratio:
            self.refresh()
            return
        self.clear()
        self.cards, self.wires, self._pictures, self.meeting, self._nets = {}, {}, {}, [], {}
        self._shown = (program, graph, path) if program is not None else None
        self.path = path
        self._ratio = coarse
        self.plan = layer_plan(graph, ratio) if program is not None else None
        if self.plan is not None and program is not None:
            self._add(self.plan, graph, program)
            self.refresh()
        self.replanned.emit()

    def _add(self, plan: LayerPlan, graph: Graph, program: Program) -> None:
        for link, path in plan.wires.items():
            named = replace(link, source=self._named(link.source), target=self._named(link.target))
            self.wires[named] = WirePath(path)
            self.addItem(self.wires[named])
        for id, rect in plan.cards.items():
            node = self._named(id)
            slot = program.outputs.get(node)
            shape = shape_text(program.slots[slot].shape) if slot is not None and node not in program.losses else ""
            self.cards[node] = CardItem(node, graph.nodes[id], rect, shape)
            self.addItem(self.cards[node])
        self.chosen = self.chosen if self.chosen in self.cards else ""

    def _named(self, id: str) -> str:
        """The whole name of a node of the drawing."""
        return f"{self.path}/{id}" if self.path else id

    def _card_name(self, node: str) -> str:
        """Which card a step's node belongs to; empty where it is not on the drawing."""
        if not self.path:
            return node_of(node)
        return self._named(node_of(node[len(self.path) + 1 :])) if node.startswith(f"{self.path}/") else ""

    def select(self, node: str) -> None:
        """Choose a layer; the same again lets go."""
        self.chosen = "" if node == self.chosen else node
        self.refresh()
        self.selected.emit(self.chosen)

    def node_at(self, at: QPointF) -> str:
        """The layer whose card is at a place; empty where there is none."""
        return next((node for node, card in self.cards.items() if card.sceneBoundingRect().contains(at)), "")

    def forget_pictures(self) -> None:
        """Another batch: every picture is another."""
        self._pictures = {}

    def redress(self) -> None:
        self._pictures = {}
        for card in self.cards.values():
            card.state = CardState()
        self.refresh()
        self.update()

    # Following -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the moment at hand."""
        walk = self.tour.walk
        if walk is None or self._shown is None:
            return
        now = {self._card_name(walk.program.steps[i].node): walk.program.steps[i].phase for i in walk.span}
        for node, card in self.cards.items():
            card.show_state(self._card_state(node, now))
        meeting = self._meet()
        for link, wire in self.wires.items():
            added = meeting is not None and link in meeting.shares
            # What is being added has not gone on yet.
            waits = meeting is not None and link.target == meeting.node and len(walk.span) == 1
            wire.show_state("gradient" if added else "" if waits else self._wire_state(link, now))

    def _meet(self) -> Meeting | None:
        """Show what is added where paths meet, where the moment at hand does that."""
        for item in self.meeting:
            self.removeItem(item)
        self.meeting = []
        slots = {node: self.tour.program.outputs[node] for node in self.cards if node in self.tour.program.outputs}
        gradients = {node: g for node, slot in slots.items() if (g := self._gradient(node, slot)) is not None}
        found = meeting_at_hand(self.tour, self.wires, gradients, self._card_name)
        if found is not None:
            rect = self.cards[found.node].sceneBoundingRect().adjusted(6, 6, -6, -6)
            self.meeting = [PlusItem(QPointF(rect.right(), rect.center().y()), len(found.shares))]
            for link, slot in found.shares.items():
                shown = self._drawn(slot, CHIP.adjusted(4, 4, -4, -4), signed=True)
                largest = f"±{float(abs(self.tour.array(slot)).max(initial=0)):.2g}"
                self.meeting += [ShareItem(self.wires[link].path(), shown, largest)] if shown is not None else []
            for item in self.meeting:
                self.addItem(item)
        return found

    def card_of_now(self) -> CardItem | None:
        """The card of the layer at hand."""
        walk = self.tour.walk
        step = walk.current if walk is not None and walk.place else None
        return self.cards.get(self._card_name(step.node)) if step is not None else None

    def _card_state(self, node: str, now: Mapping[str, Phase]) -> CardState:
        tour, walk = self.tour, self.tour.walk
        assert walk is not None
        program, slots = tour.program, tour.program.slots
        slot = program.losses.get(node, program.outputs.get(node))
        if slot is None:
            return CardState(selected=node == self.chosen)
        known = walk.known(slot, (0,) * len(program.slots[slot].shape))
        gradient = self._gradient(node, slot)
        back = gradient is not None and walk.known(gradient, (0,) * len(program.slots[gradient].shape))
        parameters = [i for i, p in enumerate(program.parameters) if is_of(p.node, node)]
        values = self._picture(slot, signed=False) if known else None
        slopes = self._picture(gradient, signed=True) if back and gradient is not None else None
        doing, step = "", walk.current
        inside = isinstance(step, Step) and (step.scope or step.node != node) and self._card_name(step.node) == node
        if node in now and inside and isinstance(step, Step):
            doing, values, slopes = self._within(step, values, slopes)
        elif values is None and node in now and isinstance(step, Step) and slots[step.output].role is Role.VALUE:
            # The layer is at work: what it has by now.
            of = step.output
            doing, drawn = slots[of].name, self._drawn(of, _VALUES, signed=True)
            values = marked(drawn, self.lights.on(of, slots[of].shape, of), values=False)
        return CardState(
            NOW if node in now else DONE if known else TO_COME,
            _COLOURS[now[node]] if node in now else "",
            node == self.chosen,
            values,
            slopes,
            doing,
            any(tour.stepper.updated(i) for i in parameters),
        )

    def _within(
        self, step: Step, values: Picture | None, slopes: Picture | None
    ) -> tuple[str, Picture | None, Picture | None]:
        """What a layer of many time steps, or a box, shows of its inside: the gate, the state, the layer at hand."""
        slots, where = self.tour.program.slots, step.scope or step.node.rpartition("/")[2]
        written = slots[step.output]
        if not step.backward and written.role is Role.VALUE:
            return f"{where} · {written.name}", self._drawn(step.output, _VALUES, signed=False), slopes
        moved = [slot for slot in step.writes if slots[slot].role is Role.GRADIENT and slots[slot].batched]
        if not moved:
            return where, values, slopes
        of = slots[self.tour.names.gradient_of.get(moved[0], moved[0])]
        return f"{where} · ∂E/∂{of.name}", values, self._drawn(moved[0], _GRADIENTS, signed=True)

    def _gradient(self, node: str, slot: int) -> int | None:
        """The gradient of a layer's result; where the loss works from the scores before it, of those."""
        program = self.tour.program
        if node in program.losses:
            return None
        own = program.gradients.get(slot)
        if own is not None:
            return own
        if node not in self._nets:
            self._nets[node] = net_slot(program, node)
        net = self._nets[node]
        return None if net is None else program.gradients.get(net)

    def _picture(self, slot: int, *, signed: bool) -> Picture | None:
        """The picture of a slot, made once (what a batch computed stays what it is), with what is marked on it now."""
        key = (slot, signed)
        if key not in self._pictures:
            self._pictures[key] = self._drawn(slot, _GRADIENTS if signed else _VALUES, signed=signed)
        of = self.tour.names.gradient_of.get(slot, slot)
        marks = self.lights.on(of, self.tour.program.slots[of].shape, slot)
        return marked(self._pictures[key], marks, values=not signed)

    def _drawn(self, slot: int, area: QRectF, *, signed: bool) -> Drawn | None:
        array = self.tour.array(slot)
        array = array[..., 0] if self.tour.program.slots[slot].batched else array
        text = self.tour.text(float(array.ravel()[0])) if array.size else ""
        return picture(array, area, text, signed=signed)

    def _wire_state(self, link: Link, now: Mapping[str, Phase]) -> str:
        phase = now.get(link.target)
        if phase in (Phase.FORWARD, Phase.LOSS):
            return "forward"
        return "gradient" if phase is Phase.BACKWARD else ""
