"""Writes the paper: goes once through a batch and notes of every number how it came about."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from annstudio.engine.op import Index
from annstudio.engine.program import Phase, Role, Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.numbers import number_latex
from annstudio.explain.stepper import Stepper
from annstudio.explain.takeaway.counting import needed, shown
from annstudio.explain.takeaway.extent import Extent
from annstudio.explain.takeaway.keys import key_of
from annstudio.explain.takeaway.paper import About, Chapter, ChapterName, Entry, Number, Paper, Section, Worth
from annstudio.explain.takeaway.updating import Updates
from annstudio.explain.told import Part, Quantity, Row

Told = Callable[[int], None]
"""Is told now and then how many numbers are written; may raise to give up."""

LONG_SUM = 3
"""Sums of more terms inside a formula are called Σ and told beside it."""
_GIVEN = (
    (Role.FEED, "From the data"), (Role.NOISE, "Drawn at random for this batch"), (Role.CONSTANT, "Constants"),
    (Role.STATE, "Carried from batch to batch"),
)  # fmt: skip


def write(
    stepper: Stepper, about: About, extent: Extent | None = None, digits: int = 9, told: Told = lambda n: None
) -> Paper:
    """The whole paper on the stepper's batch; the stepper is left where it was."""
    with stepper.visit(len(stepper)):
        return _Writer(stepper, extent or Extent(), digits, told).paper(about)


class _Writer:
    def __init__(self, stepper: Stepper, extent: Extent, digits: int, told: Told) -> None:
        self.stepper = stepper
        self.program = stepper.program
        self.explainer = Explainer(stepper)
        self.extent = extent
        self.digits = digits
        self.told = told
        self.written: set[str] = set()
        self.wanted: dict[str, Quantity] = {}
        """Every number that a formula has used."""
        self.sums: dict[str, str] = {}
        """Long sums inside the formula at hand, and what they are called there."""

    def paper(self, about: About) -> Paper:
        updates = Updates(self.explainer, self.extent, self._parameter_places)
        forward, loss, backward = (self._steps(phase) for phase in (Phase.FORWARD, Phase.LOSS, Phase.BACKWARD))
        chapters = [
            Chapter(ChapterName.DATA, tuple([*self._given(), *updates.settings()])),
            Chapter(ChapterName.WEIGHTS, tuple([*self._weights(), *updates.memory()])),
            Chapter(ChapterName.FORWARD, tuple(self._merged(forward))),
            Chapter(ChapterName.LOSS, tuple(self._merged(loss))),
            Chapter(ChapterName.BACKWARD, tuple(self._merged(backward))),
            Chapter(ChapterName.UPDATE, tuple(self._noted(updates.sections()))),
        ]
        kept = tuple(chapter for chapter in chapters if chapter.sections)
        paper = Paper(about, kept, (), self.digits, self.extent, updates.rule)
        return replace(paper, left_out=self._left_out(paper, updates))

    # Given -----------------------------------------------------------------------------------------------------------

    def _given(self) -> Iterator[Section]:
        start = set(self.program.gradients.values())  # ∂E/∂E = 1 is told where it is used
        for role, title in _GIVEN:
            slots = [slot.index for slot in self.program.slots if slot.role is role and slot.index not in start]
            entries = [entry for slot in slots for entry in self._plain(slot)]
            if entries:
                yield Section(title, (), tuple(entries))

    def _weights(self) -> Iterator[Section]:
        for parameter in self.program.parameters:
            places = self._parameter_places(parameter.slot)
            entries = [self._weight(parameter.slot, index) for index in places]
            yield Section(parameter.node, (), tuple(self._count(entries)))

    def _weight(self, slot: int, index: Index) -> Entry:
        gradient = self.program.gradients.get(slot)
        entry = self._entry(Quantity(slot, index))
        moved = key_of(slot, index, update=True)
        return replace(entry, gradient="" if gradient is None else key_of(gradient, index), after=moved)

    def _plain(self, slot: int) -> Iterable[Entry]:
        return self._count(self._entry(quantity) for quantity in self._quantities(slot))

    # Computed --------------------------------------------------------------------------------------------------------

    def _steps(self, phase: Phase) -> Iterator[tuple[tuple[str, str], str, list[Entry]]]:
        """Of every step of a phase where it stands, its formula, and its numbers."""
        back = needed(self.program)
        start = phase is Phase.BACKWARD
        for i in self.program.in_phase(phase):
            step = self.program.steps[i]
            assert isinstance(step, Step)
            slots = [slot for slot in shown(self.program, step) if phase is not Phase.BACKWARD or slot in back]
            if start and step.output_gradient is not None:
                slots, start = [step.output_gradient, *slots], False
            entries = [entry for slot in slots for entry in self._computed(step, slot)]
            if entries:
                yield (step.node, step.scope), step.op.formula, entries

    def _computed(self, step: Step, slot: int) -> Iterator[Entry]:
        """The numbers of one array; what an op merely keeps is told where there is an account of it."""
        entries = map(self._entry, self._quantities(slot))
        kept = slot in step.buffers.values()
        return self._count(entry for entry in entries if entry.worths or not kept)

    def _merged(self, steps: Iterable[tuple[tuple[str, str], str, list[Entry]]]) -> Iterator[Section]:
        """One section for the steps of one layer (at one time step) in a row."""
        at: tuple[str, str] | None = None
        formulas: dict[str, None] = {}
        entries: list[Entry] = []
        for place, formula, found in steps:
            if at is not None and place != at:
                yield _section(at, formulas, entries)
                formulas, entries = {}, []
            at = place
            formulas.setdefault(formula)
            entries += found
        if at is not None:
            yield _section(at, formulas, entries)

    def _quantities(self, slot: int) -> Iterator[Quantity]:
        described = self.program.slots[slot]
        of = self.explainer.names.gradient_of.get(slot, slot)
        if self.program.slots[of].role is Role.PARAMETER:
            places: Iterable[Index] = self._parameter_places(of)
        else:
            places = self.extent.places(described.shape)
        n = self.stepper.n if described.batched else 1
        return (Quantity(slot, index, example) for index in places for example in range(n))

    def _parameter_places(self, slot: int) -> list[Index]:
        return self._places[slot]

    @cached_property
    def _places(self) -> dict[int, list[Index]]:
        """The weights that are told of every parameter's slot."""
        return {p.slot: self.extent.stored(p) for p in self.program.parameters}

    def _entry(self, quantity: Quantity) -> Entry:
        self.sums = {}
        explainer, whole = self.explainer, self.program.slots[quantity.slot].dtype == "int"
        gradient = self.program.gradients.get(quantity.slot)
        return Entry(
            self._key(quantity), explainer.symbol(quantity), explainer.value(quantity), self._worths(quantity), whole,
            "" if gradient is None else key_of(gradient, quantity.index, quantity.example),
        )  # fmt: skip

    def _worths(self, quantity: Quantity) -> tuple[Worth, ...]:
        """The terms of a number; those that a reader is not told of are marked."""
        rows = self.explainer.own_rows(quantity, self.digits)
        worths = tuple(map(self._worth, rows))
        if not rows or self.program.steps[self.stepper.written_by[quantity.slot]].phase is not Phase.LOSS:
            return worths
        read = {row.symbols for row in self.explainer.derive(quantity, self.digits).rows}
        return tuple(
            replace(worth, idle=not worth.value and row.symbols not in read)
            for worth, row in zip(worths, rows, strict=True)
        )

    def _worth(self, row: Row) -> Worth:
        return Worth(row.template, tuple(map(self._number, row.parts)), row.value)

    def _number(self, part: Part) -> Number:
        if part.quantity is None:
            # What lies in a margin is called by its own number: 0, 1.
            bare = part.value.is_integer() and part.symbol == number_latex(part.value, self.digits)
            symbol = f"{part.value:.0f}" if bare else part.symbol
            if len(part.rows) > LONG_SUM and part.symbol == part.rule:
                found = len(self.sums) + 1
                symbol = self.sums.setdefault(part.rule, r"\Sigma" if found == 1 else rf"\Sigma_{{{found}}}")
            return Number(symbol, part.value, within=tuple(map(self._worth, part.rows)), whole=bare)
        whole = self.program.slots[part.quantity.slot].dtype == "int"
        key = self._key(part.quantity)
        self.wanted.setdefault(key, part.quantity)
        return Number(part.symbol, part.value, key, whole=whole)

    # Names -----------------------------------------------------------------------------------------------------------

    def _key(self, quantity: Quantity) -> str:
        return key_of(quantity.slot, quantity.index, quantity.example)

    # Counting --------------------------------------------------------------------------------------------------------

    def _count(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self.written.add(entry.key)
            if len(self.written) % 50 == 0:
                self.told(len(self.written))
            yield entry

    def _noted(self, sections: Iterable[Section]) -> Iterator[Section]:
        for section in sections:
            yield replace(section, entries=tuple(self._count(section.entries)))

    def _left_out(self, paper: Paper, updates: Updates) -> tuple[Entry, ...]:
        """What formulas have used and what has no entry."""
        left = {key: self._bare(quantity) for key, quantity in self.wanted.items() if key not in paper.listed}
        left |= {key: entry for key, entry in updates.wanted.items() if key not in paper.listed}
        return tuple(left.values())

    def _bare(self, quantity: Quantity) -> Entry:
        """A number without its reason."""
        return Entry(self._key(quantity), self.explainer.symbol(quantity), self.explainer.value(quantity))


def _section(at: tuple[str, str], formulas: Iterable[str], entries: list[Entry]) -> Section:
    return Section(" · ".join(filter(None, at)) or "Sum", tuple(filter(None, formulas)), tuple(entries))
