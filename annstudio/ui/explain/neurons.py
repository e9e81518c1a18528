"""A small network drawn as neurons: circles with their numbers, weights as lines, the error at the right."""

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtWidgets import QGraphicsScene

from annstudio.engine.op import Array
from annstudio.engine.program import Program, Role
from annstudio.explain.names import lowered
from annstudio.explain.told import Quantity
from annstudio.ordinals import ordinal
from annstudio.ui.explain.focus import Focus, focus_of, quantity_of_unit
from annstudio.ui.explain.items import Item
from annstudio.ui.explain.meetings import PlusItem
from annstudio.ui.explain.neuron_plan import RADIUS, Column, Plan, neuron_plan
from annstudio.ui.explain.tips import tip
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.unit_items import (
    DONE,
    NOW,
    TO_COME,
    BiasItem,
    ErrorItem,
    FoldItem,
    FrameItem,
    UnitItem,
    UnitState,
    error_width,
)
from annstudio.ui.explain.weight_table import locked_numbers
from annstudio.ui.explain.wire_items import FlowItem, PillItem, WireItem, WireState

WIDEST = 4.5
"""The width of the largest weight's line."""


class NeuronScene(QGraphicsScene):
    """Follows a Tour. `asked(Quantity)`: a unit, weight, bias or error was clicked. `replanned`: the drawing's size is
    another.
    """

    asked = Signal(object)
    replanned = Signal()

    def __init__(self, tour: Tour, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tour = tour
        self.plan: Plan | None = None
        self._program: Program | None = None
        self._titles: dict[str, str] = {}
        self._unfolded: frozenset[str] = frozenset()
        self._locked: dict[int, Array] = {}
        self._forget()

    def _forget(self) -> None:
        self.units: list[UnitItem] = []
        self.wires: list[WireItem] = []
        self.pills: dict[int, PillItem] = {}
        self.frames: dict[str, FrameItem] = {}
        self.errors: list[tuple[int, int, ErrorItem]] = []
        self.total: ErrorItem | None = None
        self.flow: FlowItem | None = None
        self.meetings: list[PlusItem] = []
        self._hovered: WireItem | None = None

    def content(self) -> QRectF:
        """The drawing with room for the errors at its right, however many digits they have."""
        if self.plan is None:
            return QRectF()
        ends = [item.pos().x() + error_width(self.tour.digits) for _, _, item in self.errors]
        right = max([self.plan.bounds.right(), *ends])
        return QRectF(self.plan.bounds.topLeft(), QPointF(right, self.plan.bounds.bottom()))

    # Making ----------------------------------------------------------------------------------------------------------

    def show_program(self, titles: dict[str, str]) -> None:
        """Draw the tour's network, anew where it is another."""
        program = self.tour.program if self.tour.walk is not None else None
        if program is self._program and titles == self._titles:
            if program is not None:
                self.refresh()
            return
        if program is not self._program:
            self._unfolded = frozenset()
        self._program, self._titles = program, titles
        self._build()

    def unfold(self, node: str) -> None:
        """Show all units of a node."""
        self._unfolded = self._unfolded | {node}
        self._build()

    def _build(self) -> None:
        self.clear()
        self._forget()
        self.plan = None if self._program is None else neuron_plan(self._program, self._titles, self._unfolded)
        if self.plan is not None:
            self._add_columns(self.plan)
            self._add_wires(self.plan)
            self._add_ends(self.plan)
            self.refresh()
        self.replanned.emit()

    def _add_columns(self, plan: Plan) -> None:
        for column in plan.columns.values():
            frame = FrameItem(column.frame, column.title, framed=column.computes)
            self.addItem(frame)
            self.frames[column.node] = frame
            for place, y in zip(column.places, column.ys, strict=True):
                at = QPointF(column.x, y)
                if place is None:
                    self.addItem(FoldItem(at, column.node, column.size - len(column.places) + 1))
                    continue
                name = unit_name(self.tour, column, place)
                item = UnitItem(at, name, quantity_of_unit(column, place), (column.node, place))
                self.addItem(item)
                self.units.append(item)
        for bias in plan.biases:
            self.addItem(BiasItem(bias.at))

    def _add_wires(self, plan: Plan) -> None:
        for i, wire in enumerate(plan.wires):
            item = WireItem(wire)
            self.addItem(item)
            self.wires.append(item)
            if wire.weight is not None:
                pill = PillItem(wire, wire.pill or wire.start + (wire.end - wire.start) * 0.5)
                pill.setVisible(wire.pill is not None)
                self.addItem(pill)
                self.pills[i] = pill
        self.flow = FlowItem()
        self.addItem(self.flow)

    def _add_ends(self, plan: Plan) -> None:
        for judged in plan.judged:
            for place in (p for p in judged.column.places if p is not None):
                at = judged.column.at(place)
                assert at is not None
                item = ErrorItem(at + QPointF(RADIUS + 76, 0))
                item.quantity = Quantity(judged.loss, ())
                self.addItem(item)
                self.errors.append((judged.loss, place, item))
        if plan.judged and self._program is not None and self._program.loss is not None:
            last = plan.judged[-1].column
            self.total = ErrorItem(QPointF(last.x + RADIUS + 76, last.frame.bottom() + 24))
            self.total.quantity = Quantity(self._program.loss, ())
            self.addItem(self.total)

    # Following -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the moment at hand; items whose state is the same are left alone."""
        if self.plan is None or self.tour.walk is None:
            return
        focus = focus_of(self.tour, self.plan)
        for unit in self.units:
            unit.show_state(self._unit_state(unit, focus))
        largest = self._largest_weight()
        self._locked = {p.slot: locked_numbers(self.tour, p) for p in self.tour.program.parameters}
        for i, wire in enumerate(self.wires):
            state = self._wire_state(i, wire, focus, largest)
            wire.show_state(state)
            pill = self.pills.get(i)
            if pill is not None:
                shown = wire.wire.pill is not None or state.asked or wire is self._hovered
                pill.setVisible(shown or (state.lit and len(focus.wires) == 1))
                pill.show_state(state)
        for node, frame in self.frames.items():
            frame.show_state(focus.layers.get(node, ""))
        assert self.flow is not None
        self.flow.show_state(tuple(focus.flows))
        self._show_meetings(focus)
        self._refresh_errors(focus)

    def _show_meetings(self, focus: Focus) -> None:
        for item in self.meetings:
            self.removeItem(item)
        self.meetings = [PlusItem(at, shares) for at, shares in focus.meetings]
        for item in self.meetings:
            self.addItem(item)

    def redress(self) -> None:
        """The theme is another."""
        for item in self.items():
            item.update()

    def hover(self, wire: WireItem | None) -> None:
        """Show the label of the wire under the pointer."""
        self._hovered = wire
        self.refresh()

    def node_at(self, at: QPointF) -> str:
        """The layer whose frame is at a place; empty where there is none."""
        columns = self.plan.columns if self.plan is not None else {}
        return next((node for node, column in columns.items() if column.frame.contains(at)), "")

    def item_of(self, quantity: Quantity) -> Item | None:
        """The item that stands for a number: a weight's, or a unit's with whatever of it is asked."""
        gradients = {g: slot for slot, g in self.tour.program.gradients.items()}
        slot = gradients.get(quantity.slot, quantity.slot)
        for wire in self.wires:
            if wire.quantity is not None and (wire.quantity.slot, wire.quantity.index) == (slot, quantity.index):
                return wire
        for unit in self.units:
            column = self._column_of(unit)
            if slot in (column.slot, column.net) and quantity.index == (unit.key[1],):
                return unit
        return None

    @property
    def node_asked(self) -> str:
        """The layer whose unit or weight is asked about; empty where none is."""
        item = None if self.tour.question is None else self.item_of(self.tour.question)
        return item.key[0] if isinstance(item, UnitItem) else item.wire.node if isinstance(item, WireItem) else ""

    def quantities(self) -> list[Quantity]:
        """All that can be asked here, in reading order."""
        asked = [q for item in (*self.units, *self.wires) if (q := item.quantity) is not None]
        ends = [item.quantity for _, _, item in self.errors[:1] if item.quantity is not None]
        return [*asked, *ends]

    def tip(self, quantity: Quantity | None) -> str:
        """What is said about a number under the pointer."""
        return tip(self.tour, quantity)

    # States ----------------------------------------------------------------------------------------------------------

    def _column_of(self, unit: UnitItem) -> Column:
        assert self.plan is not None
        return self.plan.columns[unit.key[0]]

    def _asked(self, *slots: int | None, index: tuple[int, ...]) -> bool:
        question = self.tour.question
        return question is not None and question.index == index and question.slot in slots

    def _unit_state(self, item: UnitItem, focus: Focus) -> UnitState:
        tour, walk, column = self.tour, self.tour.walk, self._column_of(item)
        assert walk is not None
        index = (item.key[1],)
        gradients = tour.program.gradients
        out_known = walk.known(column.slot, index)
        net = column.net if column.net != column.slot else None
        net_known = net is not None and walk.known(net, index)
        value = column.slot if out_known else net if net_known else None
        number = 0.0 if value is None else tour.number(value, index)
        given = tour.program.slots[column.slot].role is Role.FEED
        above: list[str] = []
        above_asks: list[Quantity] = []
        for slot, word in ((column.slot, "δ" if column.net == column.slot else "∂E/∂out"), (net, "δ")):
            gradient = None if slot is None else gradients.get(slot)
            if gradient is not None and walk.known(gradient, index):
                word = f"∂E/∂{item.name}" if given else word
                above.append(f"{word} {tour.text(tour.number(gradient, index))}")
                above_asks.append(Quantity(gradient, index))
        asked = self._asked(column.slot, net, gradients.get(column.slot), gradients.get(net or -1), index=index)
        off = column.mask is not None and out_known and tour.number(column.mask, index) == 0
        written = tour.short(number) if given else tour.text(number)
        return UnitState(
            NOW if item.key in focus.units else DONE if out_known else TO_COME,
            "" if value is None else written,
            number,
            "net" if value is not None and value == net else "",
            tuple(above[-1:] if column.compact else above),
            ""
            if column.compact
            else f"net {tour.text(tour.number(net, index))}"
            if net is not None and net_known and out_known
            else "",
            asked,
            off,
            tuple(above_asks[-1:] if column.compact else above_asks),
            None if net is None else Quantity(net, index),
        )

    def _largest_weight(self) -> float:
        weights = [w for p in self.tour.program.parameters for w in [self.tour.stepper.before_update(p.slot)] if w.size]
        return max((float(abs(w).max()) for w in weights), default=1.0) or 1.0

    def _wire_state(self, i: int, item: WireItem, focus: Focus, largest: float) -> WireState:
        weight, tour, walk = item.wire.weight, self.tour, self.tour.walk
        assert walk is not None
        if weight is None:
            return WireState(width=1.5, lit=i in focus.wires, ahead=i in focus.ahead)
        value = tour.number(weight.slot, weight.index)
        gradient = tour.program.gradients.get(weight.slot)
        second, violet = "", False
        if walk.updated(weight.slot, weight.index):
            after = float(tour.stepper.array(weight.slot)[weight.index])
            second = f"→ {tour.text(after)}" if after != value else ""
        elif gradient is not None and walk.known(gradient, weight.index):
            slope = float(tour.stepper.array(gradient)[weight.index])
            second, violet = f"∂ {'+' if slope > 0 else ''}{tour.text(slope)}", True
        return WireState(
            value,
            1.0 + (WIDEST - 1.0) * abs(value) / largest,
            i in focus.wires,
            self._asked(weight.slot, gradient, index=weight.index),
            _pill_name(tour, weight),
            tour.short(value),
            second,
            violet,
            item.wire.pill is not None,
            bool(self._locked[weight.slot][weight.index]),
            i in focus.ahead,
        )

    def _refresh_errors(self, focus: Focus) -> None:
        tour, walk = self.tour, self.tour.walk
        assert walk is not None
        assert self.plan is not None
        for loss, place, item in self.errors:
            judged = next(j for j in self.plan.judged if j.loss == loss)
            target = f"target {tour.short(tour.number(judged.target, (place,)))}"
            share = self._share(loss, judged.target, place)
            item.quantity = share or Quantity(loss, ())
            if share is None or not walk.known(loss, (), share.term):
                item.show_state((target, "", "", False))
                continue
            name = walk.text(share)
            item.show_state((target, name, tour.text(tour.explainer.value(share)), place in focus.errors))
        if self.total is not None and self.total.quantity is not None:
            slot = self.total.quantity.slot
            known = walk.known(slot)
            told = ("total error", "E", tour.text(tour.number(slot)), walk.fresh(slot))
            self.total.show_state(told if known else ("", "", "", False))

    def _share(self, loss: int, target: int, place: int) -> Quantity | None:
        """An output's share of the loss; None where it has none or its step was not done yet."""
        walk = self.tour.walk
        if walk is None or walk.stepper.written_by[loss] >= walk.stepper.position:
            return None
        shares = self.tour.explainer.shares(loss) or (Quantity(loss, ()),)
        for share in shares:
            row = self.tour.explainer.derive(share).rows
            if row and row[0].place_in(target) == (place,):
                return share
        return None


def unit_name(tour: Tour, column: Column, unit: int) -> str:
    """A unit's name where it is short, else its number: the caption above says the rest."""
    name = tour.names.text(column.slot, (unit,))
    short = name.partition("_")[2] if "_" in name else name
    return lowered(short) if len(short) <= 4 else str(ordinal(unit))


def _pill_name(tour: Tour, weight: Quantity) -> str:
    name = tour.names.text(weight.slot, weight.index)
    return "b" if name.startswith("b_") else name if len(name) <= 4 else ""
