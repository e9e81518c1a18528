"""The moments of a batch at a chosen grain: layer by layer, operation by operation, or number by number.

Operations are done whole; walking number by number shows what an operation wrote one number after the other.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from annstudio.engine.op import Index
from annstudio.engine.program import AnyStep, Phase, Program, Role, Step, Update
from annstudio.explain.derivation import Explainer, Quantity
from annstudio.explain.names import plain
from annstudio.explain.stepper import Stepper

MOST_NUMBERS = 600
"""Batches that write more numbers than this are not walked number by number."""


class Grain(StrEnum):
    """How far one step goes."""

    NUMBER = "number"
    OP = "op"
    LAYER = "layer"


@dataclass(frozen=True)
class Moment:
    """How many steps are done by then, and, number by number, which number has just come into being."""

    position: int
    quantity: Quantity | None = None


class Walk:
    """Goes through the moments of one Stepper. `place` of them have passed; the last is `now`."""

    def __init__(self, explainer: Explainer, grain: Grain = Grain.OP) -> None:
        self.explainer = explainer
        self.stepper = explainer.stepper
        self.program = explainer.program
        self.grain = grain if grain is not Grain.NUMBER or self.has_numbers(self.stepper) else Grain.OP
        self.moments = self._numbers() if self.grain is Grain.NUMBER else _moments(self.program, self.grain)
        self.place = self._reached(self.stepper.position)

    @staticmethod
    def has_numbers(stepper: Stepper) -> bool:
        """Whether the batch is small enough to be walked number by number."""
        slots = [slot for slot in stepper.program.slots if slot.role in (Role.VALUE, Role.GRADIENT)]
        return sum(math.prod(slot.shape) for slot in slots) <= MOST_NUMBERS

    def __len__(self) -> int:
        return len(self.moments)

    @property
    def now(self) -> Moment | None:
        return self.moments[self.place - 1] if self.place else None

    @property
    def current(self) -> AnyStep | None:
        """The step that was done last."""
        return self.stepper.current

    @property
    def span(self) -> range:
        """The steps, by position in the program, that the moment at hand did."""
        if self.now is None:
            return range(0)
        before = self.moments[self.place - 2].position if self.place > 1 else 0
        # Number by number several moments share one step.
        return range(min(before, self.now.position - 1), self.now.position)

    # Going -----------------------------------------------------------------------------------------------------------

    def to(self, place: int) -> None:
        """To the moment when `place` moments have passed."""
        self.place = max(0, min(place, len(self.moments)))
        self.stepper.to(self.moments[self.place - 1].position if self.place else 0)

    def step(self) -> None:
        self.to(self.place + 1)

    def back(self) -> None:
        self.to(self.place - 1)

    def next_layer(self) -> None:
        """On to the end of the layer at hand, or of the next where it has ended."""
        if self.place < len(self.moments) and self._inside_step:
            self.stepper.to(self.stepper.position - 1)
        self.stepper.next_layer()
        self.place = self._reached(self.stepper.position)

    def previous_layer(self) -> None:
        """Back to before the layer at hand."""
        self.stepper.previous_layer()
        self.place = self._reached(self.stepper.position)

    def to_phase_end(self, phase: Phase) -> None:
        self.stepper.to_phase_end(phase)
        self.place = self._reached(self.stepper.position)

    def to_position(self, position: int) -> None:
        """To the first moment when `position` steps are wholly done."""
        self.place = self._reached(position)
        self.stepper.to(self.moments[self.place - 1].position if self.place else 0)

    def to_quantity(self, quantity: Quantity) -> None:
        """To the moment when a number came into being; nowhere for one that was given."""
        at = self.stepper.written_by.get(quantity.slot)
        if at is None:
            return
        exact = [i for i, moment in enumerate(self.moments) if moment.quantity == quantity]
        if exact:
            self.to(exact[0] + 1)
        else:
            self.to_position(at + 1)

    # Knowing ---------------------------------------------------------------------------------------------------------

    def known(self, slot: int, index: Index = (), term: int | None = None) -> bool:
        """Whether a number has come into being by now."""
        at = self.stepper.written_by.get(slot)
        if at is None or at < self.stepper.position - 1:
            return True
        if at >= self.stepper.position:
            return False
        order = self._order.get(Quantity(slot, index, term=term))
        return order is None or order < self.place

    def fresh(self, slot: int, index: Index = (), term: int | None = None) -> bool:
        """Whether a number is what the moment at hand brought."""
        if self.now is None:
            return False
        if self.now.quantity is not None:
            return self.now.quantity == Quantity(slot, index, term=term) and not isinstance(self.current, Update)
        return self.stepper.written_by.get(slot, -1) in self.span

    def updated(self, slot: int, index: Index) -> bool:
        """Whether a stored number of a parameter has its new value by now."""
        which = self._parameter_at(slot)
        if which is None or not self.stepper.updated(which):
            return False
        step = self.current
        if not isinstance(step, Update) or which not in step.parameters:
            return True
        order = self._update_order.get((slot, index))
        return order is None or order < self.place

    def fresh_update(self, slot: int, index: Index) -> bool:
        """Whether the moment at hand gave a stored number its new value."""
        which = self._parameter_at(slot)
        steps = [self.program.steps[i] for i in self.span]
        done = any(isinstance(step, Update) and which in step.parameters for step in steps)
        return done and self.now is not None and self.now.quantity in (None, Quantity(slot, index))

    # Telling ---------------------------------------------------------------------------------------------------------

    def caption(self, place: int | None = None) -> str:
        """The moment in words: Backward · output · ∂E/∂w₅."""
        place = self.place if place is None else place
        if place <= 0:
            return "Start · the data and the weights are there"
        moment = self.moments[place - 1]
        step = self.program.steps[moment.position - 1]
        parts = [step.phase.value.capitalize(), step.node, step.scope]
        if moment.quantity is not None:
            parts.append(self.text(moment.quantity))
        elif self.grain is not Grain.LAYER:
            parts.append(written_text(self.program, step))
        return " · ".join(part for part in parts if part)

    def text(self, quantity: Quantity) -> str:
        """A number's symbol as plain text; of an output's share of the loss E with the output's name."""
        return self._share_texts.get(quantity) or self.explainer.names.text(quantity.slot, quantity.index)

    # Private ---------------------------------------------------------------------------------------------------------

    def _numbers(self) -> tuple[Moment, ...]:
        """A moment for every number; a loss is told output by output before it is told as a whole."""
        moments = []
        for i, step in enumerate(self.program.steps):
            shares = [q for q in self._share_texts if isinstance(step, Step) and q.slot == step.output]
            told = [*(shares if not getattr(step, "backward", False) else ()), *self._written(step)]
            moments += [Moment(i + 1, quantity) for quantity in told]
        return tuple(moments)

    def _written(self, step: AnyStep) -> list[Quantity]:
        """The numbers that a step writes, in the order in which they are told: weights' gradients before units'."""
        if isinstance(step, Update):
            return [quantity for which in step.parameters for quantity in self._learning(which)]
        if not step.backward:
            return [Quantity(step.output, index) for index in np.ndindex(self.program.slots[step.output].shape)]
        pairs = [(of, to) for of, to in zip(step.inputs, step.gradients, strict=True) if to is not None]
        pairs.sort(key=lambda pair: self.program.slots[pair[0]].role is not Role.PARAMETER)
        return [Quantity(to, index) for _, to in pairs for index in np.ndindex(self.program.slots[to].shape)]

    def _learning(self, which: int) -> list[Quantity]:
        """The numbers of a parameter that the update moves."""
        parameter = self.program.parameters[which]
        free = np.argwhere(~self.stepper.arena.still(parameter))
        return [Quantity(parameter.slot, tuple(int(i) for i in index)) for index in free]

    @cached_property
    def _share_texts(self) -> dict[Quantity, str]:
        """The outputs' shares of the losses, and what they are called. How many there are depends on the targets."""
        targets = {judged.target for judged in self.program.judged}
        slots = [
            step.output
            for step in self.program.steps
            if isinstance(step, Step) and not step.backward and targets & set(step.inputs)
        ]
        with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
            shares = [share for slot in slots for share in self.explainer.shares(slot)]
            return {share: plain(self.explainer.derive(share).symbol) for share in shares}

    @property
    def _inside_step(self) -> bool:
        """Whether the step that was done last has numbers that are not shown yet."""
        return 0 < self.place < len(self.moments) and self.moments[self.place].position == self.stepper.position

    def _reached(self, position: int) -> int:
        """The place of the last moment of the first stretch that ends at `position` or behind it."""
        if position <= 0:
            return 0
        end = next((m.position for m in self.moments if m.position >= position), 0)
        return max((i + 1 for i, m in enumerate(self.moments) if m.position == end), default=len(self.moments))

    @cached_property
    def _order(self) -> dict[Quantity, int]:
        return {
            m.quantity: i
            for i, m in enumerate(self.moments)
            if m.quantity is not None and not isinstance(self.program.steps[m.position - 1], Update)
        }

    @cached_property
    def _update_order(self) -> dict[tuple[int, Index], int]:
        return {
            (m.quantity.slot, m.quantity.index): i
            for i, m in enumerate(self.moments)
            if m.quantity is not None and isinstance(self.program.steps[m.position - 1], Update)
        }

    def _parameter_at(self, slot: int) -> int | None:
        return next((i for i, p in enumerate(self.program.parameters) if p.slot == slot), None)


def written_text(program: Program, step: AnyStep) -> str:
    """What a step writes, in short: net, ∂E/∂W and ∂E/∂out of hidden. Its own place (t = 3) is left out."""
    if isinstance(step, Update):
        views = [view.name for i in step.parameters for view in program.parameters[i].views
                 if program.parameters[i].learns(view)]  # fmt: skip
        return ", ".join(views)
    if not step.backward:
        slot = program.slots[step.output]
        if slot.role is Role.GRADIENT:
            of = next(i for i, gradient in program.gradients.items() if gradient == step.output)
            return f"∂E/∂{_word(program, of, step)}, paths added"
        return _word(program, step.output, step)
    pairs = [(of, to) for of, to in zip(step.inputs, step.gradients, strict=True) if to is not None]
    pairs.sort(key=lambda pair: program.slots[pair[0]].role is not Role.PARAMETER)
    words = [word for of, _ in pairs for word in _word(program, of, step).split(", ")]
    return ", ".join(f"∂E/∂{word}" for word in words)


def slot_word(program: Program, slot: int) -> str:
    """What the numbers of a slot are called in short: net, out (what a layer gives), W, mask; inside a composite with
    their place."""
    described = program.slots[slot]
    if described.scope:
        return f"{described.name} at {described.scope}"
    gives = described.role is Role.VALUE and described.shape and described.name not in ("net", "s")
    return "out" if gives and program.outputs.get(described.node) == slot else described.name


def _word(program: Program, slot: int, step: Step) -> str:
    described = program.slots[slot]
    if described.role is Role.FEED:
        return described.node
    word = described.name if described.scope == step.scope and described.scope else slot_word(program, slot)
    return word if described.node == step.node or not described.shape else f"{word} of {described.node}"


def _moments(program: Program, grain: Grain) -> tuple[Moment, ...]:
    steps = program.steps
    if grain is Grain.OP:
        return tuple(Moment(i + 1) for i in range(len(steps)))
    keys = [(step.node, step.phase) for step in steps]
    return tuple(Moment(i + 1) for i in range(len(steps)) if i + 1 == len(steps) or keys[i] != keys[i + 1])
