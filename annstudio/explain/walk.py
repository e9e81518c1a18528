"""A way through the moments of a batch at a chosen grain: on and back, over boxes and into them, to where one wants.

Operations are done whole; walking number by number shows what an operation wrote one number after the other.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath

from annstudio.engine.op import Array, Index
from annstudio.engine.program import AnyStep, Phase, Step, Update
from annstudio.engine.sight import Bools
from annstudio.explain.derivation import Explainer
from annstudio.explain.moments import (
    Grain,
    Moment,
    Moments,
    Telling,
    step_moments,
    stretch_moments,
)
from annstudio.explain.names import plain
from annstudio.explain.stretches import Box, Boxes, Stretch
from annstudio.explain.told import Quantity
from annstudio.explain.words import written_text

_AT = re.compile(r" \(([^()]* = [^()]*)\)")
"""A place inside a composite, behind a name."""


class Walk:
    """Goes through the moments of one Stepper. `place` of them have passed; the last is `now`. `opened` are the boxes
    that are gone into; all others are one stretch of steps each."""

    def __init__(self, explainer: Explainer, grain: Grain = Grain.OP, opened: Collection[Box] = ()) -> None:
        self.explainer = explainer
        self.stepper = explainer.stepper
        self.program = explainer.program
        self.grain = grain
        self.boxes = Boxes(self.program)
        self._share_texts: dict[Quantity, str] = {}
        self._stops: dict[frozenset[str], list[int]] = {}
        self._arrange(opened)

    def _arrange(self, opened: Collection[Box]) -> None:
        """Into moments, with these boxes opened."""
        self.opened = frozenset(opened)
        self.stretches = self.boxes.stretches(self.opened)
        self.moments = self._moments
        self._stops.clear()
        self._stand(self.moments.reached(self.stepper.position))
        self._speak()

    def _stand(self, place: int) -> None:
        """Remember where we are, what that moment is, and the steps, by position in the program, that it did."""
        self.place = place
        self.now: Moment | None = self.moments[place - 1] if place else None
        self.span = range(0)
        if self.now is not None:
            before = self.moments.position(place - 2) if place > 1 else 0
            # Number by number several moments share one step.
            self.span = range(min(before, self.now.position - 1), self.now.position)

    def _speak(self) -> None:
        """Inside a block numbers are called as they are called in there."""
        blocks = [box.node for box in self.opened_around if box.node in self._blocks]
        before = self.explainer.names
        self.explainer.speak_inside(blocks[-1] if blocks else "")
        if self.explainer.names is not before:
            self._share_texts.clear()

    @property
    def _moments(self) -> Moments:
        match self.grain:
            case Grain.LAYER:
                return stretch_moments(self.program.steps, [stretch.end for stretch in self.stretches])
            case Grain.OP:
                return step_moments(self.program.steps)
            case Grain.NUMBER:
                return Telling(self.program, self._shares, self._free).moments

    def __len__(self) -> int:
        return len(self.moments)

    @cached_property
    def _blocks(self) -> frozenset[str]:
        """The nodes that hold others."""
        return frozenset(str(path) for step in self.program.steps for path in PurePosixPath(step.node).parents)

    @property
    def current(self) -> AnyStep | None:
        """The step that was done last."""
        return self.stepper.current

    @property
    def node(self) -> str:
        """The node that the moment at hand is about, at the start the first one's; layer by layer a closed block."""
        if not self.program.steps:
            return ""
        at = max(self.stepper.position - 1, 0)
        return self.stretch_of(at).box.node if self.grain is Grain.LAYER else self.boxes.path(at)[-1].node

    @property
    def opened_around(self) -> list[Box]:
        """The opened boxes that we are in, the outermost first."""
        return [box for box in self.boxes.path(self.stepper.position - 1) if box in self.opened] if self.place else []

    def stretch_of(self, step: int) -> Stretch:
        """The stretch that a step belongs to."""
        return self.stretches[bisect_right(self.stretches, step, key=lambda stretch: stretch.start) - 1]

    # Going -----------------------------------------------------------------------------------------------------------

    def to(self, place: int) -> None:
        """To the moment when `place` moments have passed."""
        self._stand(max(0, min(place, len(self.moments))))
        self.stepper.to(0 if self.now is None else self.now.position)
        self._speak()

    def step(self) -> None:
        self.to(self.place + 1)

    def back(self) -> None:
        self.to(self.place - 1)

    def next_operation(self) -> None:
        """On to the end of the operation at hand, or of the next where it has ended."""
        self.to_position(self._next + 1)

    def previous_operation(self) -> None:
        """Back to before the operation at hand."""
        self.to(min(self.place - 1, self.moments.reached(self.stepper.position - 1)))

    def next_layer(self) -> None:
        """On to the end of the layer at hand, or of the next where it has ended; a closed box is as one layer."""
        if self._next < len(self.program.steps):
            self.to_position(self.stretch_of(self._next).end)

    def previous_layer(self) -> None:
        """Back to before the layer at hand."""
        if self.place:
            self.to_position(self.stretch_of(self.stepper.position - 1).start)

    def to_phase_end(self, phase: Phase) -> None:
        """To the end of the loss, of the way back, or of the update, where there is one."""
        if self.program.in_phase(phase):
            self.to_position(self.stepper.end_of(phase))

    def to_position(self, position: int) -> None:
        """To the first moment when `position` steps are wholly done."""
        self.to(self.moments.reached(position))

    def to_quantity(self, quantity: Quantity) -> None:
        """To the moment when a number came into being; nowhere for one that was given."""
        place = self.place_of(quantity)
        if place is not None:
            self.to(place)

    def place_of(self, quantity: Quantity) -> int | None:
        """Which of the steps, as they are counted here, brings a number into being; None for one that was given."""
        at = self.stepper.written_by.get(quantity.slot)
        if at is None:
            return None
        exact = self.moments.rank(at, quantity.slot, quantity.index, quantity.term)
        return self.moments.reached(at + 1) if exact is None else exact + 1

    # Over, into and out of boxes -------------------------------------------------------------------------------------

    def over(self) -> None:
        """On over what comes next on this level, whatever it holds: a block, a layer, a time step."""
        if self._next < len(self.program.steps):
            self.to_position(self.boxes.around(self._next, self._next_box).end)

    def into(self) -> None:
        """Open the box at hand, or the one that comes next, and go to the first thing in it."""
        stretch = self.enterable
        if stretch is None:
            return
        outside = self.stepper.position not in range(stretch.start + 1, stretch.end + 1)
        self._arrange(self.opened | {stretch.box})
        if outside or self.grain is Grain.LAYER:
            self.to(self.moments.passed(stretch.start) + 1)

    def out(self) -> None:
        """On to the end of the box that we are in, and close it."""
        box = self.inside
        if box is None:
            return
        end = self.boxes.around(self.stepper.position - 1, box).end
        self._arrange([one for one in self.opened if not box.contains(one)])
        self.to_position(end)

    @property
    def enterable(self) -> Stretch | None:
        """The closed box that can be gone into: the one at hand, else the one that comes next."""
        near = ([self.stepper.position - 1] if self.place else []) + [self._next]
        stretches = [self.stretch_of(at) for at in near if at < len(self.program.steps)]
        return next((one for one in stretches if one.box not in self.opened and self.boxes.holds(one.box)), None)

    @property
    def inside(self) -> Box | None:
        """The innermost box that we are in; layer by layer only such as are opened."""
        around = self.boxes.path(self.stepper.position - 1) if self.place else ()
        holders = [box for box in around if self.boxes.holds(box)]
        return next((box for box in reversed(holders) if self.grain is not Grain.LAYER or box in self.opened), None)

    @property
    def _next(self) -> int:
        """The step that is shown next, or the one that is not shown wholly."""
        return self.stepper.position - int(self._inside_step)

    @property
    def _next_box(self) -> Box:
        """The outermost box that the next step is in and the one at hand is not."""
        steps, path = self.program.steps, self.boxes.path(self._next)
        here = self.stepper.position - 1
        before = self.boxes.path(here) if self.place and steps[here].phase is steps[self._next].phase else ()
        return next((box for box in path if box not in before), path[-1])

    @property
    def _inside_step(self) -> bool:
        """Whether the step that was done last has numbers that are not shown yet."""
        return 0 < self.place < self.moments.passed(self.stepper.position)

    # Breakpoints -----------------------------------------------------------------------------------------------------

    def stops(self, nodes: frozenset[str]) -> list[int]:
        """The places at which the turn of one of these nodes has begun."""
        if nodes not in self._stops:
            places = (self.moments.passed(step) + 1 for step in self.boxes.turns_of(nodes))
            self._stops = {nodes: sorted({place for place in places if place <= len(self)})}
        return self._stops[nodes]

    def next_stop(self, nodes: frozenset[str]) -> int | None:
        """The next place where one of these nodes has its turn."""
        stops = self.stops(nodes)
        at = bisect_right(stops, self.place)
        return stops[at] if at < len(stops) else None

    def previous_stop(self, nodes: frozenset[str]) -> int | None:
        """The place before."""
        stops = self.stops(nodes)
        at = bisect_left(stops, self.place)
        return stops[at - 1] if at else None

    # Knowing ---------------------------------------------------------------------------------------------------------

    def known(self, slot: int, index: Index = (), term: int | None = None) -> bool:
        """Whether a number has come into being by now."""
        at = self.stepper.written_by.get(slot)
        if at is None or at < self.stepper.position - 1:
            return True
        if at >= self.stepper.position:
            return False
        rank = self.moments.rank(at, slot, index, term)
        return rank is None or rank < self.place

    def fresh(self, slot: int, index: Index = (), term: int | None = None) -> bool:
        """Whether a number is what the moment at hand brought."""
        now = self.now
        if now is None:
            return False
        if now.quantity is not None:
            return now.quantity == Quantity(slot, index, term=term) and not isinstance(self.current, Update)
        return self.stepper.written_by.get(slot, -1) in self.span

    @property
    def coming(self) -> dict[int, Bools]:
        """By slot, which numbers of what the operation at hand writes have not come into being yet, element by element;
        of weights which are not updated yet."""
        at = self.stepper.position - 1
        step = self.current
        slots: list[int] = []
        if isinstance(step, Update):
            slots = [self.program.parameters[which].slot for which in step.parameters]
        elif step is not None:
            slots = list(step.writes)
        found = {slot: self.moments.left(at, slot, self.place) for slot in slots}
        return {slot: left for slot, left in found.items() if left is not None}

    def updated(self, slot: int, index: Index) -> bool:
        """Whether a stored number of a parameter has its new value by now."""
        which = self._parameter_at.get(slot)
        if which is None or not self.stepper.updated(which):
            return False
        step = self.current
        if not isinstance(step, Update) or which not in step.parameters:
            return True
        rank = self.moments.rank(self.stepper.position - 1, slot, index)
        return rank is None or rank < self.place

    def fresh_update(self, slot: int, index: Index) -> bool:
        """Whether the moment at hand gave a stored number its new value."""
        which, now = self._parameter_at.get(slot), self.now
        steps = [self.program.steps[i] for i in self.span]
        done = any(isinstance(step, Update) and which in step.parameters for step in steps)
        return done and now is not None and now.quantity in (None, Quantity(slot, index))

    # Telling ---------------------------------------------------------------------------------------------------------

    def caption(self, place: int | None = None) -> str:
        """The moment in words: Backward · output · ∂E/∂w₅."""
        place = self.place if place is None else place
        if place <= 0:
            return "Start · the data and the weights are there"
        moment = self.moments[place - 1]
        step = self.program.steps[moment.position - 1]
        if self.grain is Grain.LAYER:
            box = self.stretch_of(moment.position - 1).box
            return f"{step.phase.value.capitalize()} · {replace(box, node=self.explainer.names.seen(box.node)).words}"
        node = self.explainer.names.seen(step.node)
        what = (
            written_text(self.program, step, self.explainer.names.seen)
            if moment.quantity is None
            else self._short(step, moment.quantity)
        )
        return " · ".join(part for part in (step.phase.value.capitalize(), node, step.scope, what) if part)

    def text(self, quantity: Quantity) -> str:
        """A number's symbol as plain text; of an output's share of the loss E with the output's name."""
        if quantity.term is None:
            return self.explainer.names.text(quantity.slot, quantity.index)
        if quantity not in self._share_texts:
            with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
                self._share_texts[quantity] = plain(self.explainer.derive(quantity).symbol)
        return self._share_texts[quantity]

    # Private ---------------------------------------------------------------------------------------------------------

    def _short(self, step: AnyStep, quantity: Quantity) -> str:
        """A number's symbol without the time step, and the layer of a path, that have been said already."""
        text = self.text(quantity)
        way = re.escape(f"via {self.explainer.names.seen(step.node)} {step.scope}".rstrip())
        whole = re.sub(rf" \({way}(?: \(\d+\))?\)", "", text)
        bare = whole.replace(f" ({step.scope})", "") if step.scope else whole
        bare = _AT.sub(r" at \1", bare)
        return bare if whole == text else f"share of {bare}"

    def _free(self, which: int) -> Array:
        """Which numbers of a parameter the update moves."""
        return ~self.stepper.arena.still(self.program.parameters[which])

    def _shares(self) -> dict[int, int]:
        """Into how many outputs' shares the losses fall. It depends on the targets, so the loss must be there."""
        targets = {judged.target for judged in self.program.judged}
        slots = [
            step.output
            for step in self.program.steps
            if isinstance(step, Step) and not step.backward and targets & set(step.inputs)
        ]
        with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
            return {slot: len(self.explainer.shares(slot)) for slot in slots}

    @cached_property
    def _parameter_at(self) -> dict[int, int]:
        return {parameter.slot: i for i, parameter in enumerate(self.program.parameters)}
