"""Reverse questions: what did the input contribute to a number, and to which outputs does a number contribute?

A contribution is gradient × value (Simonyan et al., 2013; Shrikumar et al., 2016). The way back is run from that one
number instead of from the loss, on the arrays of the run that is on screen. Where everything between is straight (sums
with weights, ReLU, the largest of several) the contributions and those of the biases add up to the number; where
activations bend they do not, and the rest is told.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annstudio.engine.differentiate import asking
from annstudio.engine.op import Array
from annstudio.engine.program import Feed, Phase, Program, Step, View
from annstudio.engine.run import Run
from annstudio.explain.report import net_slot
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.trial import GivenUp

MOST_OUTPUTS = 32
"""Networks with more outputs are asked about those with the largest numbers."""
_BIASES = frozenset({"b", "c", "beta"})


@dataclass(frozen=True)
class FromInput(Quantity):
    """The question what the input contributed to a number."""


@dataclass(frozen=True)
class ToOutputs(Quantity):
    """The question to which outputs a number contributes."""


Reverse = FromInput | ToOutputs


@dataclass(frozen=True)
class Source:
    """What one input contributed: its values, how much each changes the number, and the products of both."""

    slot: int
    values: Array
    slopes: Array
    products: Array


@dataclass(frozen=True)
class Contributions:
    """What a number is made of: `value` = the sources' sum + `biases` + `rest`."""

    target: Quantity
    value: float
    sources: tuple[Source, ...]
    biases: float

    @property
    def inputs(self) -> float:
        return float(sum(source.products.sum() for source in self.sources))

    @property
    def rest(self) -> float:
        """What the slopes at this place do not tell: 0 where everything between is straight."""
        return self.value - self.inputs - self.biases

    @property
    def adds_up(self) -> bool:
        size = abs(self.value) + sum(float(np.abs(source.products).sum()) for source in self.sources) + abs(self.biases)
        return abs(self.rest) <= 1e-9 * size


@dataclass(frozen=True)
class Reached:
    """What a number contributes to one output: the output's own number, the slope, and slope × `number`."""

    output: Quantity
    value: float
    slope: float
    number: float

    @property
    def product(self) -> float:
        return self.slope * self.number


class Attribution:
    """Answers reverse questions about the numbers of one Stepper, which is left where it was.

    They are about the example that is looked at, unless a quantity names another.
    """

    def __init__(self, stepper: Stepper, example: int = 0) -> None:
        self.stepper = stepper
        self.example = example
        self.program = stepper.program
        self.given_up = False
        """Set from another thread: the next way back raises GivenUp."""
        self._last: tuple[int, frozenset[int], Run, Run] | None = None
        """The slot that was asked about last, where to, the run it is in, and the way back from it."""

    def answer(self, question: "Reverse") -> "Contributions | tuple[Reached, ...]":
        """The answer to a question the other way round."""
        return self.contributions(question) if isinstance(question, FromInput) else self.reached(question)

    def contributions(self, target: Quantity) -> Contributions:
        """What the inputs contributed to a number, which is computed ahead where it is still to come."""
        with self._at(target):
            run = self._back(target, self._given)
            sources = tuple(self._source(run, slot, target) for slot in self._sources(run))
            value = self._number(target)
            return Contributions(target, value, sources, self._biases(run))

    def reached(self, of: Quantity, most: int = MOST_OUTPUTS) -> tuple[Reached, ...]:
        """What a number contributes to the outputs, largest first. Empty where it reaches none."""
        found = []
        toward = frozenset({of.slot})
        for output in self.outputs(most):
            with self._at(output):
                run = self._back(output, toward)
                gradient = run.program.gradients.get(of.slot)
                if gradient is None:
                    continue
                slope = float(self._of(run.arrays[gradient], of)[of.index])
                number = float(self._of(self.stepper.before_update(of.slot), of)[of.index])
                value = self._number(output)
                found.append(Reached(output, value, slope, number))
        return tuple(sorted(found, key=lambda each: -abs(each.product)))

    def outputs(self, most: int = MOST_OUTPUTS) -> list[Quantity]:
        """The network's outputs, number by number: scores before a softmax where the loss is worked out from those."""
        slots = output_slots(self.program)
        places = [(slot, index) for slot in slots for index in np.ndindex(self.program.slots[slot].shape)]
        if len(places) > most:
            with self._at(*(Quantity(slot, ()) for slot in slots)):
                arrays = {slot: self._of(self.stepper.array(slot)) for slot in slots}
                places.sort(key=lambda place: -abs(float(arrays[place[0]][place[1]])))
        return [Quantity(slot, index) for slot, index in places[:most]]

    @property
    def n_outputs(self) -> int:
        return sum(math.prod(self.program.slots[slot].shape) for slot in output_slots(self.program))

    # Private ---------------------------------------------------------------------------------------------------------

    def _of(self, array: Array, quantity: Quantity | None = None) -> Array:
        """The example of a slot's array that a quantity is about."""
        named = None if quantity is None else quantity.example
        view: Array = array[..., self.example if named is None else named]
        return view

    def _number(self, quantity: Quantity) -> float:
        return float(self._of(self.stepper.array(quantity.slot), quantity)[quantity.index])

    @contextmanager
    def _at(self, *quantities: Quantity) -> Iterator[None]:
        """Where these numbers are known and no weight has its new value yet."""
        stepper = self.stepper
        needed = max(stepper.written_by.get(quantity.slot, -1) + 1 for quantity in quantities)
        with stepper.visit(max(needed, min(stepper.position, stepper.end_of(Phase.BACKWARD)))):
            yield

    @cached_property
    def _given(self) -> frozenset[int]:
        """All that a number is made of: the slots in which data come in, and weights with biases among them."""
        feeds = [feed for feed in self.program.feeds if self.program.slots[feed.slot].dtype == "float"]
        data = {slot for feed in feeds for slot in (feed.slot, *self._entrances(feed))}
        return frozenset(data | {p.slot for p in self.program.parameters if any(map(_is_bias, p.views))})

    def _back(self, target: Quantity, toward: frozenset[int]) -> Run:
        """The way back from a number to some slots, done."""
        if self.given_up:
            raise GivenUp
        stepper, last = self.stepper, self._last
        if last is None or last[:3] != (target.slot, toward, stepper.run):
            program, own = asking(self.program, target.slot, toward), np.zeros_like(stepper.arena.gradients)
            run = Run(program, stepper.arena, stepper.n, gradients=own, beside=stepper.run)
            self._last = last = (target.slot, toward, stepper.run, run)
        run = last[3]
        start = run.arrays[len(self.program.slots)]
        start.fill(0)
        self._of(start, target)[target.index] = 1
        run.cursor = 0
        with np.errstate(all="ignore"):
            run.finish()
        return run

    def _sources(self, run: Run) -> list[int]:
        """The slots in which the data come in: feeds, or what numbers of words were looked up as."""
        reached = run.program.gradients
        return [
            slot for feed in self.program.feeds if feed.slot in reached
            for slot in self._entrances(feed) if slot in reached
        ]  # fmt: skip

    def _entrances(self, feed: Feed) -> list[int]:
        """Where the numbers of a feed can be multiplied with a slope: that of a word cannot, what it is looked up as
        can."""
        return list(self._looked_up(feed.slot)) if feed.end else [feed.slot]

    def _looked_up(self, slot: int) -> Iterator[int]:
        for step in self.program.steps:
            if isinstance(step, Step) and step.phase is Phase.FORWARD and slot in step.inputs:
                yield from self._looked_up(step.output) if step.op.relays else [step.output]

    def _source(self, run: Run, slot: int, target: Quantity) -> Source:
        values = self._of(self.stepper.array(slot), target)
        slopes = self._of(run.arrays[run.program.gradients[slot]], target).copy()
        return Source(slot, values.copy(), slopes, values * slopes)

    def _biases(self, run: Run) -> float:
        total = 0.0
        for parameter in self.program.parameters:
            gradient = run.program.gradients.get(parameter.slot)
            if gradient is not None:
                numbers, slopes = self.stepper.before_update(parameter.slot), run.arrays[gradient]
                total += sum(float((v.of(numbers) * v.of(slopes)).sum()) for v in parameter.views if _is_bias(v))
        return total


def output_slots(program: Program) -> list[int]:
    """The slots of what the network gives: what losses judge, or without a loss what nothing reads any more."""
    if program.judged:
        return [_scores(program, judged.output) for judged in program.judged]
    read = {slot for step in program.steps if isinstance(step, Step) for slot in step.inputs}
    return [slot for slot in dict.fromkeys(program.outputs.values()) if slot not in read]


def _scores(program: Program, output: int) -> int:
    """The output itself; where the loss works from the scores before it, those."""
    net = net_slot(program, program.slots[output].node)
    return output if net is None or output in program.gradients else net


def _is_bias(view: View) -> bool:
    return view.name.partition("_")[0] in _BIASES
