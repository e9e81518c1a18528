"""What the moment at hand is about in a neuron drawing: which units and wires take part, and where gradients flow."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QLineF, QPointF, QRectF

from annstudio.engine.program import Phase, Program, Role, Step, Update
from annstudio.explain.told import Quantity
from annstudio.ui.explain.neuron_plan import BESIDE, RADIUS, Column, Plan, Wire, unit_rects
from annstudio.ui.explain.tour import Tour
from annstudio.ui.explain.wire_items import Flow

_BESIDE = 23.0
"""How far beside a wire its gradient runs."""
_ERROR = 176.0
"""How far at the right of an output its error is written."""
_MOST_TEXTS = 4
_TEXT_WIDTH = 140.0
_SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78, 0.45, 0.55, 0.35, 0.65, 0.26, 0.74)
"""Where along its line a text may stand, the best place first."""


@dataclass
class Focus:
    """Units by node and number, wires by their place in the plan, nodes by the colour that marks them."""

    units: set[tuple[str, int]] = field(default_factory=set)
    wires: set[int] = field(default_factory=set)
    ahead: set[int] = field(default_factory=set)
    """Those of the wires along which values run forward."""
    flows: list[Flow] = field(default_factory=list)
    errors: set[int] = field(default_factory=set)
    """Outputs whose share of the error is lit, by number."""
    layers: dict[str, str] = field(default_factory=dict)
    meetings: list[tuple[QPointF, int]] = field(default_factory=list)
    """Where how many gradients are added."""


def focus_of(tour: Tour, plan: Plan) -> Focus:
    """The focus of the moment at hand."""
    return _Finder(tour, plan).find()


def places_of(focus: Focus, plan: Plan) -> list[QRectF]:
    """Where on a drawing a focus is, what matters most first: units and errors, then what the lit wires join."""
    lit = [plan.wires[i] for i in sorted(focus.wires)]
    ends = [wire.target for wire in lit] + [wire.source for wire in lit if wire.source is not None]
    places = [_around(plan, *key) for key in sorted(focus.units)]
    for judged in plan.judged:
        places += [_around(plan, judged.column.node, unit, _ERROR) for unit in sorted(focus.errors)]
    places += [_around(plan, *key) for key in dict.fromkeys(ends)]
    places += [QRectF(wire.start, wire.start).adjusted(-RADIUS, -RADIUS, RADIUS, RADIUS) for wire in lit]
    return [place for place in places if not place.isEmpty()]


def _around(plan: Plan, node: str, unit: int, beside: float = 0.0) -> QRectF:
    """A unit with its numbers and so much at its right; empty where it is folded away."""
    column = plan.columns[node]
    at = column.at(unit)
    if at is None:
        return QRectF()
    circle, above, below = unit_rects(at.x(), at.y())
    return circle.united(above).united(below).adjusted(0, 0, beside, 0)


class _Finder:
    def __init__(self, tour: Tour, plan: Plan) -> None:
        assert tour.walk is not None
        self.tour, self.plan, self.walk = tour, plan, tour.walk
        self.program: Program = tour.program
        self.focus = Focus()

    def find(self) -> Focus:
        for place in self.walk.span:
            step = self.program.steps[place]
            colour = {Phase.FORWARD: "forward", Phase.BACKWARD: "gradient", Phase.UPDATE: "ok"}.get(step.phase)
            if colour is not None:
                self.focus.layers[step.node] = colour
            if isinstance(step, Update):
                self._update()
            elif not step.backward and step.phase is not Phase.BACKWARD:
                self._forward(step)
            else:
                self._backward(step)
        self._thin_out()
        return self.focus

    # Forward ---------------------------------------------------------------------------------------------------------

    def _forward(self, step: Step) -> None:
        column = self._column(step.node)
        if step.phase is Phase.LOSS:
            for judged in self.plan.judged:
                if step.output == judged.loss:
                    fresh = range(judged.column.size) if self._whole else [self._term]
                    self.focus.errors |= {unit for unit in fresh if unit is not None}
            return
        if column is None:
            return
        for unit in self._fresh_units(step.output):
            self.focus.units.add((column.node, unit))
            self.focus.ahead |= {i for i, wire in self._wires_into(column.node, unit) if self._carries(wire, step)}
        self.focus.wires |= self.focus.ahead

    def _carries(self, wire: Wire, step: Step) -> bool:
        """Whether a wire's value enters this very step."""
        if wire.weight is not None:
            return wire.weight.slot in step.inputs
        return wire.source is not None and self.plan.columns[wire.source[0]].slot in step.inputs

    # Backward --------------------------------------------------------------------------------------------------------

    def _backward(self, step: Step) -> None:
        pairs = zip(step.inputs, step.gradients, strict=False)
        for of, gradient in pairs if step.backward else [(self._gradient_of(step.output), step.output)]:
            if gradient is None or of is None:
                continue
            if self.program.slots[of].role is Role.PARAMETER:
                self._weight_gradients(of, gradient)
            else:
                self._unit_gradients(step, of, gradient)

    def _gradient_of(self, gradient: int) -> int | None:
        return next((slot for slot, g in self.program.gradients.items() if g == gradient), None)

    def _weight_gradients(self, parameter: int, gradient: int) -> None:
        for i, wire in enumerate(self.plan.wires):
            weight = wire.weight
            if weight is not None and weight.slot == parameter and self.walk.fresh(gradient, weight.index):
                self.focus.wires.add(i)
                if not self._whole:
                    self.focus.units |= {wire.target} | ({wire.source} if wire.source else set())
                if wire.source is not None:
                    self._flow(wire)

    def _unit_gradients(self, step: Step, of: int, gradient: int) -> None:
        owner = next((c for c in self.plan.columns.values() if of in (c.slot, c.net)), None)
        if owner is None:
            return
        for unit in self._fresh_units(gradient):
            self.focus.units.add((owner.node, unit))
            if step.node in self.program.losses:
                self._flow_from_error(owner, unit)
            elif step.node != owner.node:
                whole = Quantity(gradient, (unit,))
                shares = {} if self._whole else self._shares(whole)
                for i, wire in enumerate(self.plan.wires):
                    if wire.source == (owner.node, unit) and wire.node == step.node:
                        self.focus.wires.add(i)
                        share = shares.get(wire.target[1], "")
                        self._flow(wire, share, whole if share else None)
                self._meet(owner, unit, len(shares))

    def _shares(self, gradient: Quantity) -> dict[int, str]:
        """What each unit further on adds to a unit's gradient, in words."""
        found = {}
        for row in self.tour.explainer.derive(gradient).rows:
            came = None if row.through is None else row.parts[row.through].quantity
            if came is not None and came.index:
                found[came.index[0]] = f"w·δ = {self.tour.text(row.value)}"
        return found

    def _meet(self, column: Column, unit: int, shares: int) -> None:
        at = column.at(unit)
        if at is not None and shares > 1:
            self.focus.meetings.append((at + QPointF(RADIUS + 4, -0.75 * RADIUS), shares))

    def _flow(self, wire: Wire, share: str = "", total: Quantity | None = None) -> None:
        """An arrow beside a wire, against its direction, with the δ that it carries or what comes of it: a share of a
        sum, `total`."""
        column = self.plan.columns[wire.target[0]]
        slot = column.slot if column.net is None else column.net
        delta = self.program.gradients.get(slot)
        name = "δ" if column.net is not None else "∂E/∂out"
        carried = None if delta is None else Quantity(delta, (wire.target[1],))
        text = "" if carried is None else f"{name} = {self.tour.text(self.tour.number(carried.slot, carried.index))}"
        line = QLineF(wire.end, wire.start)
        way = (line.p2() - line.p1()) / max(line.length(), 1.0)
        beside = QPointF(-way.y(), way.x()) * (_BESIDE if way.x() <= 0 else -_BESIDE)
        # Above the wire: towards smaller y.
        beside = beside if beside.y() <= 0 else -beside
        self.focus.flows.append(Flow(line.translated(beside), share or text, asks=total or carried))

    def _flow_from_error(self, column: Column, unit: int) -> None:
        at = column.at(unit)
        if at is not None:
            start, end = at + QPointF(RADIUS + BESIDE - 10, -10), at + QPointF(RADIUS + 4, -10)
            self.focus.flows.append(Flow(QLineF(start, end)))

    # Update ----------------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        for i, wire in enumerate(self.plan.wires):
            if wire.weight is not None and self.walk.fresh_update(wire.weight.slot, wire.weight.index):
                self.focus.wires.add(i)

    # Private ---------------------------------------------------------------------------------------------------------

    @property
    def _whole(self) -> bool:
        """Whether the moment is of a whole operation rather than of one number."""
        return self.walk.now is None or self.walk.now.quantity is None

    @property
    def _term(self) -> int | None:
        """Which output's share of the error the moment is about."""
        quantity = self.walk.now.quantity if self.walk.now else None
        if quantity is None or quantity.term is None:
            return None
        row = self.tour.explainer.derive(quantity).rows[0]
        return next((p.quantity.index[0] for p in row.parts if p.quantity is not None and p.quantity.index), None)

    def _column(self, node: str) -> Column | None:
        return self.plan.columns.get(node)

    def _fresh_units(self, slot: int) -> list[int]:
        shape = self.program.slots[slot].shape
        return [unit for unit in range(shape[0]) if self.walk.fresh(slot, (unit,))] if shape else []

    def _wires_into(self, node: str, unit: int) -> Iterator[tuple[int, Wire]]:
        return ((i, wire) for i, wire in enumerate(self.plan.wires) if wire.target == (node, unit))

    def _thin_out(self) -> None:
        """Where many gradients flow at once each δ is written once, or not at all."""
        seen: set[str] = set()
        flows: list[Flow] = []
        texts = {flow.text for flow in self.focus.flows}
        lines: set[tuple[float, float, float, float]] = set()
        taken = self._taken()
        for flow in sorted(self.focus.flows, key=lambda flow: abs(flow.line.dy())):
            key = (flow.line.x1(), flow.line.y1(), flow.line.x2(), flow.line.y2())
            if key in lines:
                continue
            lines.add(key)
            told = flow.text if flow.text not in seen and len(texts) <= _MOST_TEXTS else ""
            seen.add(flow.text)
            share = _clear_share(flow.line, taken) if told else 0.5
            if told:
                taken.append(_text_room(flow.line, share))
            flows.append(replace(flow, text=told, share=share))
        self.focus.flows = flows

    def _taken(self) -> list[QRectF]:
        """Where labels of weights and the numbers of units are."""
        pills = [QRectF(w.pill.x() - 56, w.pill.y() - 20, 112, 40) for w in self.plan.wires if w.pill is not None]
        return [*pills, *(rect for c in self.plan.columns.values() for y in c.ys for rect in unit_rects(c.x, y))]


def _text_room(line: QLineF, share: float) -> QRectF:
    """The room of a text beside a line."""
    at = line.pointAt(share)
    return QRectF(at.x() - _TEXT_WIDTH / 2, at.y() - 25, _TEXT_WIDTH, 18)


def _clear_share(line: QLineF, taken: list[QRectF]) -> float:
    """Where along a line its text lies on nothing else that is written."""

    def hidden(share: float) -> float:
        text = _text_room(line, share)
        return sum(cut.width() * cut.height() for other in taken if (cut := text.intersected(other)).isValid())

    return min(_SHARES, key=hidden)


def quantity_of_unit(column: Column, unit: int) -> Quantity:
    """What a click on a unit asks about: its result."""
    return Quantity(column.slot, (unit,))
