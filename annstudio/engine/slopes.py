"""The slopes of several activations at once: for tiny networks the number of calls is what takes the time.

Results of one kind of activation are laid side by side in one block of memory, and so are their slopes; one pass over
the block then serves all of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol, runtime_checkable

import numpy as np

from annstudio.engine.calls import bound, do
from annstudio.engine.margins import demanded_margins
from annstudio.engine.op import Array, Calls, Margin, Op, Shape
from annstudio.engine.program import AnyStep, Phase, Program, Role, Slot, Step, Within

SMALL = 256
"""Results of more numbers than this gain nothing."""


@runtime_checkable
class Steep(Protocol):
    """An activation whose slope is a function of its result."""

    def slope_calls(self, slope: Array, y: Array) -> Calls:
        """Write the slope at every place."""


class Slopes(Op):
    """The slopes of a block of results."""

    def __init__(self, of: Steep) -> None:
        self.of = of

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array) -> None:
        do(self.forward_calls(y, x))

    def forward_calls(self, y: Array, x: Array) -> Calls:
        return self.of.slope_calls(y, x)


class WithSlope(Op):
    """The way back through an activation whose slope is there already."""

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, slope: Array) -> None:
        raise AssertionError("the way forward is the activation's own")

    def backward(self, dx: Array, dy: Array, slope: Array) -> None:
        np.multiply(slope, dy, dx)

    def backward_calls(self, dx: Array, dy: Array, slope: Array) -> Calls:
        return [bound(np.multiply, slope, dy, dx)]


@dataclass(frozen=True)
class _Group:
    """The backward steps of one kind of activation, by position, with their results and those results' margins."""

    op: Steep
    steps: tuple[int, ...]
    results: tuple[int, ...]
    margins: tuple[Margin | None, ...]


def together(program: Program) -> Program:
    """The program with the slopes of small activations of one kind worked out in one go."""
    slots, steps, within = list(program.slots), list(program.steps), dict(program.within)
    before: dict[int, Step] = {}
    for group in _groups(program):
        sizes = [prod(_framed(slots[y].shape, m)) for y, m in zip(group.results, group.margins, strict=True)]
        block, slopes = (_add(slots, (sum(sizes),), name) for name in ("results", "slopes"))
        start = 0
        for i, y, margin, size in zip(group.steps, group.results, group.margins, sizes, strict=True):
            slope = _add(slots, slots[y].shape, "slope")
            within[y], within[slope] = Within(block, start, margin), Within(slopes, start, margin)
            start += size
            step = steps[i]
            assert isinstance(step, Step)
            steps[i] = replace(step, op=WithSlope(), buffers={"slope": slope})
        first = steps[min(group.steps)]
        before[min(group.steps)] = Step(Phase.BACKWARD, Slopes(group.op), first.node, (block,), slopes)
    placed: list[AnyStep] = []
    for i, step in enumerate(steps):
        placed += [before[i], step] if i in before else [step]
    return replace(program, slots=tuple(slots), steps=tuple(placed), within=within)


def _groups(program: Program) -> Iterator[_Group]:
    margins = demanded_margins(program)
    found: dict[Op, list[tuple[int, int]]] = defaultdict(list)
    shared = set(program.shares.values())
    for i, step in enumerate(program.steps):
        if not isinstance(step, Step) or not step.backward or not isinstance(step.op, Steep):
            continue
        y, margin = step.output, margins.get(step.output)
        slot = program.slots[y]
        lone = y not in program.shares and slot.role is Role.VALUE and slot.batched and len(slot.shape) == 1
        inside = all(program.shares.get(x) == y for x in step.inputs) or y not in shared
        if lone and inside and prod(slot.shape) <= SMALL and (margin is None or margin.only_below):
            found[step.op].append((i, y))
    for op, members in found.items():
        if len(members) > 1:
            assert isinstance(op, Steep)
            positions, results = zip(*members, strict=True)
            yield _Group(op, positions, results, tuple(margins.get(y) for y in results))


def _framed(shape: Shape, margin: Margin | None) -> Shape:
    return shape if margin is None else margin.around(shape)


def _add(slots: list[Slot], shape: Shape, name: str) -> int:
    slots.append(Slot(len(slots), Role.BUFFER, shape, "", name, shown=False))
    return len(slots) - 1
