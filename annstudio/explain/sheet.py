"""What stands on a worksheet: what is given, the numbers on the way, and the blanks to be filled in."""

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from annstudio.engine.account import Factor
from annstudio.engine.op import Index
from annstudio.engine.program import Phase, Role, Step
from annstudio.explain.catalogue import Asked, Catalogue, Group, Kind, symbol_text
from annstudio.explain.derivation import Explainer, Telling
from annstudio.explain.marking import Marker
from annstudio.explain.numbers import number_latex
from annstudio.explain.templates import SHOWN_TERMS, bracketed
from annstudio.explain.told import Part, Quantity
from annstudio.explain.update import UpdateLine, explain_update
from annstudio.explain.weight import question_of
from annstudio.explain.worksheet import Measure, Tolerance, Worksheet
from annstudio.ordinals import nth

MOST_GIVEN = 24
"""Of longer lists only those numbers are written down that an asked one is made of."""

Place = tuple[Kind, str]
"""What a section is about: a kind of numbers, and a layer."""

MOST_REST = 300
"""Where all short lists together are longer, the numbers on the way are left out but for those."""

TITLES = {
    Kind.FORWARD: "Forward", Kind.LOSS: "Loss", Kind.DELTA: "Backward", Kind.GRADIENT: "Gradients",
    Kind.NEW: "New weights",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One number on the sheet: a blank where it is asked, else given with its value."""

    symbol: str
    value: float
    name: str = ""
    """Its lasting name, of a blank."""
    example: int | None = None
    """Which example of the batch it belongs to, from 0, where there are several."""
    quantity: Quantity | None = None
    """Where it is found in the run, but for a new weight."""

    @property
    def text(self) -> str:
        """The symbol as plain text, with its example."""
        return symbol_text(self.symbol) + ("" if self.example is None else f", {nth('example', self.example)}")


@dataclass(frozen=True)
class Section:
    """A part of the calculation. `left_out` numbers are too many to be written down."""

    title: str
    lines: tuple[Line, ...]
    left_out: int = 0
    formulas: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """How layers work in general: the names of layers that work alike, and their formulas."""

    @property
    def blanks(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.name)

    @property
    def given(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if not line.name)


@dataclass(frozen=True)
class Sheet:
    """All that stands on a worksheet."""

    given: Section
    sections: tuple[Section, ...]
    rule: str
    """How weights are updated: SGD, η = 0.5."""

    @property
    def blanks(self) -> tuple[Line, ...]:
        return tuple(line for section in self.sections for line in section.blanks)


def laid_out(marker: Marker, sheet: Worksheet) -> Sheet:
    """The sheet as it is to be filled in, in the order of the calculation."""
    catalogue = marker.catalogue
    optimizer = marker.stepper.arena.optimizer
    rule = "" if optimizer is None else f"{optimizer.title}, η = {marker.stepper.rate:g}"
    blanks: dict[str, list[Asked]] = {}
    for asked in marker.asked.values():
        blanks.setdefault(catalogue.group_of(asked).name, []).append(asked)
    places = [i for i, group in enumerate(catalogue.groups) if group.name in blanks]
    shown = catalogue.groups[: places[-1] + 1] if places else ()
    few = sum(size for group in shown if (size := catalogue.size(group)) <= MOST_GIVEN) <= MOST_REST
    found: dict[Place, Section] = {}
    with marker.case.at_the_end():
        given = _given(marker)
        for group in shown:
            section = found.get((group.kind, group.node), Section(_title(catalogue, group), ()))
            lines, left_out = _lines(marker, group, blanks.get(group.name, []), rest=sheet.rest and few)
            found[group.kind, group.node] = replace(
                section, lines=(*section.lines, *lines), left_out=section.left_out + left_out
            )
        given, found = _with_needed(marker, given, found)
    kinds = list(Kind)
    ordered = sorted(found.items(), key=lambda one: kinds.index(one[0][0]))
    sections = (replace(s, lines=tuple(sorted(s.lines, key=_by_example))) for _, s in ordered if s.lines)
    return Sheet(given, tuple(sections), rule)


def _by_example(line: Line) -> float:
    """One example after the other, then what belongs to the batch as a whole."""
    return math.inf if line.example is None else line.example


def _title(catalogue: Catalogue, group: Group) -> str:
    alone = group.kind is Kind.LOSS and len(catalogue.program.losses) == 1
    return TITLES[group.kind] if alone else f"{TITLES[group.kind]} · {group.node}"


def _lines(marker: Marker, group: Group, asked: list[Asked], *, rest: bool) -> tuple[list[Line], int]:
    """The numbers of one array: blanks, and where they are few the others with their values.

    New weights that are not asked are never told: nothing is made of them, and they tell the gradients.
    """
    blanks, size = {one.quantity: one for one in asked}, marker.catalogue.size(group)
    others = size - len(asked) if rest and group.kind is not Kind.NEW else 0
    few = size <= MOST_GIVEN
    members = marker.catalogue.members(group) if few and others else tuple(asked)
    told = [_line(marker, blanks.get(one.quantity, one), blank=one.quantity in blanks) for one in members]
    return told, 0 if few else others


def _line(marker: Marker, asked: Asked, *, blank: bool) -> Line:
    name = asked.name if blank else ""
    quantity = None if asked.new else asked.quantity
    return Line(
        marker.catalogue.symbol(asked), marker.case.number(asked), name, _example(marker, asked.quantity), quantity
    )


def _example(marker: Marker, quantity: Quantity) -> int | None:
    batched = marker.catalogue.program.slots[quantity.slot].batched
    return quantity.example if batched and marker.stepper.n > 1 else None


def _with_needed(marker: Marker, given: Section, found: dict[Place, Section]) -> tuple[Section, dict[Place, Section]]:
    """With the numbers that blanks are made of, as far as they stood nowhere yet, each where it belongs."""
    told = {line.quantity for section in (given, *found.values()) for line in section.lines}
    hidden = {asked.quantity for asked in marker.asked.values() if not asked.new}
    wanted = (quantity for asked in marker.asked.values() for quantity in _made_of(marker, asked))
    for quantity in dict.fromkeys(wanted):
        if quantity in told or quantity in hidden:
            continue
        symbol, value = marker.catalogue.names.of(quantity.slot, quantity.index), marker.explainer.value(quantity)
        line = Line(symbol, value, "", _example(marker, quantity), quantity)
        place = _place(marker, quantity)
        if place in found:
            found = {**found, place: replace(found[place], lines=(line, *found[place].lines))}
        else:
            given = replace(given, lines=(*given.lines, line))
    return given, found


def _place(marker: Marker, quantity: Quantity) -> Place | None:
    """The section in which a number stands."""
    group = next((g for g in marker.catalogue.groups if g.slot == quantity.slot and g.kind is not Kind.NEW), None)
    return None if group is None else (group.kind, group.node)


def _made_of(marker: Marker, asked: Asked) -> list[Quantity]:
    """The numbers in the account of another one, where it is short."""
    if asked.new:
        gradient = marker.catalogue.program.gradients[asked.quantity.slot]
        return [asked.quantity, Quantity(gradient, asked.quantity.index)]
    rows = marker.explainer.derive(_origin(marker, asked)).rows
    parts = [part for row in rows for part in row.parts] if len(rows) <= SHOWN_TERMS else []
    found = [marker.catalogue.located(part.quantity) for part in parts if part.quantity is not None]
    return [quantity for quantity in found if _tells(marker, quantity)]


def _tells(marker: Marker, quantity: Quantity) -> bool:
    """Whether a number is one of the calculation, and not the 1 that the way back begins with."""
    slot = marker.catalogue.program.slots[quantity.slot]
    if slot.role is Role.GRADIENT:
        return bool(slot.shape)
    return slot.role in (Role.FEED, Role.PARAMETER, Role.VALUE, Role.NOISE)


def digits_given(tolerance: Tolerance) -> int:
    """How many significant digits given numbers are written with, so that the asked ones can be met."""
    wanted = {Measure.DIGITS: tolerance.digits, Measure.ABSOLUTE: 6}.get(tolerance.measure)
    if wanted is None:
        wanted = math.ceil(-math.log10(tolerance.amount))
    return max(4, min(wanted + 3, 17))


def given_text(value: float, digits: int) -> str:
    """A given number with so many significant digits, without zeros that say nothing, as it can be typed again."""
    text = f"{value if value else 0.0:.{digits}g}".replace("-", "−", 1) if value < 0 else f"{abs(value):.{digits}g}"
    mantissa, power, exponent = text.partition("e")
    return f"{mantissa}·10^{int(exponent.replace('−', '-'))}" if power else mantissa


# What is given --------------------------------------------------------------------------------------------------------


def _given(marker: Marker) -> Section:
    """Inputs, targets and weights, where they are few enough to be written down."""
    catalogue, program = marker.catalogue, marker.catalogue.program
    slots = [slot for slot in program.slots if slot.role in (Role.FEED, Role.PARAMETER)]
    lines: list[Line] = []
    left_out = 0
    for slot in slots:
        n = math.prod(slot.shape) * (marker.stepper.n if slot.batched else 1)
        if n > MOST_GIVEN:
            left_out += n
            continue
        for example in range(marker.stepper.n if slot.batched else 1):
            for index in np.ndindex(slot.shape):
                value = catalogue.explainer.value(Quantity(slot.index, index, example))
                place = example if slot.batched and marker.stepper.n > 1 else None
                quantity = catalogue.located(Quantity(slot.index, index, example))
                lines.append(Line(catalogue.names.of(slot.index, index), value, "", place, quantity))
    lines.sort(key=lambda line: -1 if line.example is None else line.example)
    return Section("Given", tuple(lines), left_out, _formulas(catalogue))


def _formulas(catalogue: Catalogue) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """How layers and losses work, those that work alike together."""
    of_node: dict[str, list[str]] = {}
    for step in catalogue.program.steps:
        if isinstance(step, Step) and step.phase in (Phase.FORWARD, Phase.LOSS) and not step.op.relays:
            formulas = of_node.setdefault(step.node, [])
            if step.op.formula and step.op.formula not in formulas:
                formulas.append(step.op.formula)
    alike: dict[tuple[str, ...], list[str]] = {}
    for node, formulas in of_node.items():
        if formulas:
            alike.setdefault(tuple(formulas), []).append(node)
    return tuple((", ".join(nodes), formulas) for formulas, nodes in alike.items())


# Hints ----------------------------------------------------------------------------------------------------------------


class _Hinting(Explainer):
    """An explainer that writes out local derivatives, and symbols in the place of numbers that are to be found."""

    def __init__(self, marker: Marker, hidden: frozenset[Quantity] = frozenset()) -> None:
        super().__init__(marker.stepper)
        self.catalogue, self.hidden = marker.catalogue, hidden

    def _part(self, telling: Telling, factor: Factor, above: Index | None = None) -> Part:
        part = super()._part(telling, factor, above)
        return replace(part, symbol=_grouped(part.rule)) if part.rule else part

    def _number(self, part: Part, digits: int) -> str:
        if part.quantity is not None and self.catalogue.located(part.quantity) in self.hidden:
            return part.symbol
        return _grouped(part.meaning) if part.meaning else bracketed(_shortest(part.value, digits))


def _shortest(value: float, digits: int) -> str:
    """A number with so many significant digits at most, for a formula."""
    mantissa, power, exponent = given_text(value, digits).replace("−", "-").partition("·10^")
    return rf"{mantissa} \cdot 10^{{{exponent}}}" if power else mantissa


def _grouped(latex: str) -> str:
    """In brackets where it is a sum or begins with a minus: it is a factor of a product."""
    bare = re.sub(r"\([^()]*\)|\{[^{}]*\}", "", latex)
    return rf"\left({latex}\right)" if latex.startswith("-") or re.search(r"\S [+-] ", bare) else latex


def formula_hint(marker: Marker, name: str) -> tuple[str, ...]:
    """The first hint: how the number is made, in symbols, line by line as LaTeX."""
    asked = marker.asked[name]
    if asked.new:
        return tuple(f"{line.symbol} = {line.symbols}" for line in _update_lines(marker, asked, 4))
    with marker.case.at_the_end():
        derived = _Hinting(marker).derive(_origin(marker, asked))
    return (derived.symbols_line.replace(derived.symbol, marker.symbol(name), 1),)


def numbers_hint(marker: Marker, sheet: Worksheet, name: str, digits: int) -> tuple[str, ...]:
    """The second hint: the same with numbers; numbers that are asked and not found yet stay symbols."""
    asked = marker.asked[name]
    others = [other for other in marker.asked.values() if not other.new]
    hidden = frozenset(other.quantity for other in others if not marker.is_right(sheet, other.name))
    if not asked.new:
        with marker.case.at_the_end():
            derived = _Hinting(marker, hidden).derive(_origin(marker, asked), digits)
        return (f"{marker.symbol(name)} {derived.numbers_line}",)
    lines = _update_lines(marker, asked, digits)
    gradient = Quantity(marker.catalogue.program.gradients[asked.quantity.slot], asked.quantity.index)
    if gradient not in hidden:
        return tuple(f"{line.symbol} = {line.numbers}" for line in lines)
    if len(lines) > 1:
        # Averages of gradients tell the gradient too.
        return tuple(f"{line.symbol} = {line.symbols}" for line in lines)
    with marker.case.at_the_end():
        number = number_latex(marker.explainer.value(gradient), digits)
    told = lines[0].numbers.replace(f"({number})", number).replace(number, marker.explainer.symbol(gradient))
    return (f"{lines[0].symbol} = {told}",)


def _origin(marker: Marker, asked: Asked) -> Quantity:
    """The number whose account is told: of a mean over one example that example's, which is the same number."""
    quantity = asked.quantity
    step = marker.catalogue.program.steps[marker.stepper.written_by[quantity.slot]]
    if isinstance(step, Step) and quantity.term is None and marker.catalogue.is_mean_of_one(step):
        return Quantity(step.inputs[0], (), 0)
    return quantity


def _update_lines(marker: Marker, asked: Asked, digits: int) -> tuple[UpdateLine, ...]:
    """The optimiser's rule line by line, for a weight."""
    weight = question_of(marker.catalogue.program, asked.quantity)
    assert weight is not None
    symbol = marker.catalogue.names.of(asked.quantity.slot, asked.quantity.index)
    lines = explain_update(marker.stepper, weight, symbol, digits).lines
    gradient = Quantity(marker.catalogue.program.gradients[asked.quantity.slot], asked.quantity.index)
    told = marker.explainer.symbol(gradient)
    if len(lines) > 1:
        with marker.case.at_the_end():
            value = marker.explainer.value(gradient)
        return (UpdateLine("g", told, number_latex(value, digits), value), *lines)
    return tuple(replace(line, symbols=re.sub(r"\bg\b", lambda _: told, line.symbols)) for line in lines)
