"""Where the neurons of a small network stand: columns of units, the wires between them, bias units and labels.

A plan is worked out from the program alone. No painting, no items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF

from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.explain.told import Quantity
from annstudio.layers.activation import Softmax
from annstudio.layers.dense import SharedBias, WeightedSum
from annstudio.layers.merge import Join, Sum
from annstudio.layers.shaping import Lay
from annstudio.layers.steady import Masked
from annstudio.ui.explain.pills import place_pills

RADIUS = 46.0
BIAS_RADIUS = 22.0
UNFOLDED = 12
"""Columns of more units than this are folded in the middle."""
FOLDED_ENDS = (6, 5)
NEURONS = 12
"""Networks whose dense layers have at most so many units are drawn as neurons unless the user wants otherwise."""
COMPACT = 6
"""Columns of more units than this stand closer, with fewer numbers beside them."""
_ABOVE, _BELOW = 42.0, 24.0
"""Room for the numbers above and below a unit."""
_BETWEEN = 190.0
"""The distance between two columns that stand one below the other: a bias unit has its place there."""
_FRAME = 26.0
_TITLE = 10.0
"""Room at the sides of a frame."""
BESIDE = 62.0
"""From an output's circle to its target and error, and so much room is kept for these."""
_ERRORS = 176.0
SPREADS = (1.0, 0.86, 0.78)
"""Where there is less room columns stand closer together, down to where labels of weights still have a place."""


@dataclass(frozen=True)
class Column:
    """The units of one node. `places` are those that are drawn, from top to bottom; None is the fold."""

    node: str
    title: str
    slot: int
    net: int | None
    mask: int | None
    size: int
    x: float
    ys: tuple[float, ...]
    places: tuple[int | None, ...]
    computes: bool

    @property
    def compact(self) -> bool:
        return len(self.places) > COMPACT

    @property
    def frame(self) -> QRectF:
        half = RADIUS + _FRAME
        top, bottom = self.ys[0] - RADIUS - _ABOVE - 6, self.ys[-1] + RADIUS + _BELOW + 6
        return QRectF(self.x - half, top, 2 * half, bottom - top)

    def at(self, unit: int) -> QPointF | None:
        """The middle of a unit; None for one that is folded away."""
        for place, y in zip(self.places, self.ys, strict=True):
            if place == unit:
                return QPointF(self.x, y)
        return None


@dataclass(frozen=True)
class Bias:
    """The unit that is always on, of one layer."""

    node: str
    at: QPointF


@dataclass(frozen=True)
class Wire:
    """A line from a unit (or the bias unit, `source` None) to a unit; without a weight values pass unchanged."""

    node: str
    source: tuple[str, int] | None
    target: tuple[str, int]
    start: QPointF
    end: QPointF
    weight: Quantity | None
    pill: QPointF | None = None


@dataclass(frozen=True)
class Judged:
    """What stands right of the outputs: the targets, and each output's share of the loss in slot `loss`."""

    node: str
    column: Column
    target: int
    loss: int


@dataclass(frozen=True)
class Plan:
    """The whole drawing."""

    columns: Mapping[str, Column]
    biases: tuple[Bias, ...]
    wires: tuple[Wire, ...]
    judged: tuple[Judged, ...]
    bounds: QRectF = field(default_factory=QRectF)


def suits_neurons(program: Program) -> bool:
    """Whether drawing it as neurons is what one would expect: small dense layers and nothing else."""
    columns = _columns_of(program)
    return columns is not None and all(size <= NEURONS for size in _dense_sizes(program))


def can_be_neurons(program: Program) -> bool:
    """Whether it can be drawn as neurons at all: every layer gives a list of values."""
    return _columns_of(program) is not None and max(_dense_sizes(program), default=0) <= 512


def spread_for(program: Program, unfolded: frozenset[str], errors: float, width: float) -> float:
    """The widest spread of columns with which a drawing is no wider than `width`, where its errors need so much room;
    1 where there is none: of a drawing that is shown in part anyway the part may as well be roomy."""
    found = _columns_of(program)
    if found is None:
        return 1.0
    owner = {column.slot: column.node for column in found.values()}
    links = _links(program, owner, found)
    beside = max(_FRAME + _TITLE + _ERRORS, BESIDE + errors) if program.judged else _FRAME + _TITLE
    ends = 2 * RADIUS + _FRAME + _TITLE + beside
    needed = {spread: max(_across(found, links, unfolded, spread).values()) + ends for spread in SPREADS}
    return next((spread for spread in SPREADS if needed[spread] <= width), 1.0)


def neuron_plan(
    program: Program, titles: Mapping[str, str], unfolded: frozenset[str] = frozenset(), spread: float = 1.0
) -> Plan | None:
    """The drawing of a program; `titles` are the columns' captions, `unfolded` the nodes shown whole; `spread` says how
    far apart columns stand."""
    found = _columns_of(program)
    if found is None:
        return None
    owner = {column.slot: column.node for column in found.values()}
    links = _links(program, owner, found)
    columns = _placed(found, links, titles, unfolded, spread)
    biases = _biases(columns, links)
    taken = [rect for column in columns.values() for y in column.ys for rect in unit_rects(column.x, y)]
    taken += [QRectF(bias.at.x() - 48, bias.at.y() - BIAS_RADIUS, 96, 2 * BIAS_RADIUS + 22) for bias in biases]
    wires = place_pills(_wires(program, columns, biases, links), taken)
    judged = tuple(
        Judged(j.node, columns[owner[j.output]], j.target, _loss_slot(program, j.target))
        for j in program.judged
        if j.output in owner
    )
    return Plan(columns, biases, wires, judged, _bounds(columns, biases, judged))


def unit_rects(x: float, y: float) -> tuple[QRectF, QRectF, QRectF]:
    """Circle, gradients above it and weighted sum below it, of a unit at a place."""
    return (
        QRectF(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS),
        QRectF(x - 68, y - RADIUS - 37, 136, 32),
        QRectF(x - 56, y + RADIUS + 4, 112, 16),
    )


# Reading the program -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    node: str
    slot: int
    net: int | None
    mask: int | None
    size: int
    computes: bool


@dataclass(frozen=True)
class _Link:
    """One step between columns: from `source` to `target`, with which op, and from which unit on (joined inputs)."""

    source: str
    target: str
    step: Step
    offset: int = 0


def _forward(program: Program) -> list[Step]:
    return [s for s in program.steps if isinstance(s, Step) and s.phase is Phase.FORWARD]


def _dense_sizes(program: Program) -> list[int]:
    return [program.slots[s.output].shape[0] for s in _forward(program) if isinstance(s.op, WeightedSum)]


def _columns_of(program: Program) -> dict[str, _Found] | None:
    """Every node that brings values of its own; None where one is no list of values or an op cannot be drawn."""
    found: dict[str, _Found] = {}
    taken: set[int] = set()
    for node, slot in program.outputs.items():
        if node in program.losses or slot in taken:
            continue
        taken.add(slot)
        own = [step for step in _forward(program) if step.node == node]
        drawn = all(step.op.elementwise or isinstance(step.op, _DRAWN) for step in own)
        if len(program.slots[slot].shape) != 1 or not drawn:
            return None
        sums = [step.output for step in own if step.op.weighted_sum]
        masks = [i for step in own if isinstance(step.op, Masked) for i in step.inputs
                 if program.slots[i].role is Role.NOISE]  # fmt: skip
        size = program.slots[slot].shape[0]
        found[node] = _Found(node, slot, sums[-1] if sums else None, masks[0] if masks else None, size, bool(own))
    return found


_DRAWN = (WeightedSum, SharedBias, Softmax, Sum, Join, Lay, Masked)


def _links(program: Program, owner: Mapping[int, str], found: Mapping[str, _Found]) -> list[_Link]:
    links = []
    for step in _forward(program):
        offset = 0
        for slot in step.inputs:
            source = owner.get(slot)
            if source is not None and source != step.node:
                links.append(_Link(source, step.node, step, offset))
                offset += found[source].size if isinstance(step.op, Join) else 0
    return links


def _loss_slot(program: Program, target: int) -> int:
    return next(s.output for s in program.steps if isinstance(s, Step) and not s.backward and target in s.inputs)


# Placing -------------------------------------------------------------------------------------------------------------


def _across(
    found: Mapping[str, _Found], links: list[_Link], unfolded: frozenset[str], spread: float
) -> dict[str, float]:
    """How far to the right each node's column stands."""
    depth: dict[str, int] = {}
    for node in found:
        depth[node] = max((depth[link.source] + 1 for link in links if link.target == node), default=0)
    x, xs = 0.0, {}
    counts = [len(_places(one.size, one.node in unfolded)) for one in found.values()]
    tallest = max(n * _pitch(n) for n in counts)
    for level in range(max(depth.values(), default=0) + 1):
        inside = [found[link.source].size * found[link.target].size for link in links if depth[link.target] == level]
        # Tall drawings have room to the sides.
        least = 560.0 if len(inside) > 1 else 330.0 if sum(inside) <= 6 else 420.0 if sum(inside) <= 10 else 500.0
        x += spread * min(max(least, tallest / len(found)), 700.0) if level else 0.0
        xs[level] = x
    return {node: xs[depth[node]] for node in found}


def _placed(
    found: Mapping[str, _Found], links: list[_Link], titles: Mapping[str, str], unfolded: frozenset[str], spread: float
) -> dict[str, Column]:
    xs = _across(found, links, unfolded, spread)
    columns: dict[str, Column] = {}
    for x in sorted(set(xs.values())):
        nodes = [node for node in found if xs[node] == x]
        places = {node: _places(found[node].size, node in unfolded) for node in nodes}
        heights = [_pitch(len(places[node])) * (len(places[node]) - 1) + 2 * RADIUS + _ABOVE + _BELOW for node in nodes]
        top = -(sum(heights) + _BETWEEN * (len(nodes) - 1)) / 2
        for node, height in zip(nodes, heights, strict=True):
            first = top + _ABOVE + RADIUS
            ys = tuple(first + i * _pitch(len(places[node])) for i in range(len(places[node])))
            one = found[node]
            columns[node] = Column(
                node, titles.get(node, node), one.slot, one.net, one.mask, one.size, x, ys, places[node],
                one.computes,
            )  # fmt: skip
            top += height + _BETWEEN
    return {node: columns[node] for node in found}


def _places(size: int, unfolded: bool) -> tuple[int | None, ...]:
    if size <= UNFOLDED or unfolded:
        return tuple(range(size))
    first, last = FOLDED_ENDS
    return (*range(first), None, *range(size - last, size))


def _pitch(n: int) -> float:
    """The distance between two units of a column."""
    return {1: 0.0, 2: 236.0, 3: 190.0}.get(n, 160.0 if n <= COMPACT else 118.0)


def _biases(columns: Mapping[str, Column], links: list[_Link]) -> tuple[Bias, ...]:
    found = []
    for node, column in columns.items():
        own = [link for link in links if link.target == node]
        if not any(_has_bias(link.step) for link in own) and not _shares_bias(own, columns):
            continue
        before = [columns[link.source] for link in own]
        left = max(c.x for c in before)
        under = [c for c in columns.values() if c.x == column.x and c.ys[0] > column.ys[-1]]
        bottom = column.ys[-1] if under else max(c.ys[-1] for c in (*before, column))
        found.append(Bias(node, QPointF(left + 0.48 * (column.x - left), bottom + RADIUS + (84.0 if under else 105.0))))
    return tuple(found)


def _has_bias(step: Step) -> bool:
    return isinstance(step.op, WeightedSum) and step.op.bias


def _shares_bias(links: list[_Link], columns: Mapping[str, Column]) -> bool:
    """Whether a layer's one bias is added in a step of its own."""
    return any(isinstance(k.step.op, WeightedSum) and columns[k.target].net != k.step.output for k in links)


def _wires(program: Program, columns: Mapping[str, Column], biases: tuple[Bias, ...], links: list[_Link]) -> list[Wire]:
    wires: list[Wire] = []
    bias_at = {bias.node: bias.at for bias in biases}
    for link in links:
        source, target, step = columns[link.source], columns[link.target], link.step
        for j in (place for place in target.places if place is not None):
            end = target.at(j)
            assert end is not None
            weighted = isinstance(step.op, WeightedSum)
            inputs = range(source.size) if weighted else [j - link.offset]
            for i in inputs:
                start = source.at(i) if 0 <= i < source.size else None
                if start is not None:
                    weight = Quantity(step.inputs[1], (j, i)) if weighted else None
                    wires.append(_wire(link.target, (link.source, i), (link.target, j), start, end, weight))
            if weighted and link.target in bias_at:
                weight = _bias_weight(program, step, j, source.size)
                wires.append(_wire(link.target, None, (link.target, j), bias_at[link.target], end, weight))
    return wires


def _bias_weight(program: Program, step: Step, unit: int, n_inputs: int) -> Quantity:
    if _has_bias(step):
        return Quantity(step.inputs[1], (unit, n_inputs))
    shared = next(s for s in _forward(program) if s.node == step.node and isinstance(s.op, SharedBias))
    return Quantity(shared.inputs[1], (0,))


def _wire(
    node: str, source: tuple[str, int] | None, target: tuple[str, int], start: QPointF, end: QPointF,
    weight: Quantity | None,
) -> Wire:  # fmt: skip
    """A wire that begins and ends at the circles' edges."""
    way = end - start
    length = max((way.x() ** 2 + way.y() ** 2) ** 0.5, 1.0)
    unit = way / length
    return Wire(node, source, target, start + unit * (BIAS_RADIUS if source is None else RADIUS),
                end - unit * RADIUS, weight)  # fmt: skip


def _bounds(columns: Mapping[str, Column], biases: tuple[Bias, ...], judged: tuple[Judged, ...]) -> QRectF:
    whole = QRectF()
    for column in columns.values():
        whole = whole.united(column.frame.adjusted(-_TITLE, -40, _TITLE, 0))
    for bias in biases:
        whole = whole.united(QRectF(bias.at.x() - 60, bias.at.y() - BIAS_RADIUS, 120, 2 * BIAS_RADIUS + 28))
    if judged:
        whole = whole.adjusted(0, 0, _ERRORS, 0)
    return whole
