"""Which steps of a program belong together: a layer's on its way forward, back, or in its update, and boxes of them.

A box is whatever holds others: a block its layers, a recurrent layer or a block at every step its time steps. Closed it
is one stretch of steps; opened it is one for each that it holds.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from annstudio.engine.program import AnyStep, Phase, Program, Step

_WEIGHTS_OF = re.compile(r"(\[\d+\])+$")
"""How names of nodes end whose weights are for one time step."""


@dataclass(frozen=True)
class Box:
    """A layer, a block, or one time step of either: a node and where in time."""

    node: str
    scope: str = ""

    @property
    def words(self) -> str:
        """What it is called: memory · t = 3."""
        return " · ".join(part for part in (self.node, self.scope) if part)

    def contains(self, other: "Box") -> bool:
        """Whether another box is this one, or inside it."""
        inside = other.node == self.node or other.node.startswith(f"{self.node}/")
        return inside and (other.scope == self.scope or not self.scope or other.scope.startswith(f"{self.scope}, "))


@dataclass(frozen=True)
class Stretch:
    """The steps from `start` up to `end` (left out): a box in one phase."""

    phase: Phase
    box: Box
    start: int
    end: int

    def __contains__(self, step: int) -> bool:
        return self.start <= step < self.end


class Boxes:
    """The boxes of one program."""

    def __init__(self, program: Program) -> None:
        self._steps = program.steps

    def path(self, at: int) -> tuple[Box, ...]:
        """The boxes that a step stands in, from the outermost to the layer, or to its time step."""
        return self._paths[at]

    def holds(self, box: Box) -> bool:
        """Whether there is anything in a box that could be gone into."""
        return box in self._holders

    @property
    def any(self) -> bool:
        """Whether there is any box that could be gone into."""
        return bool(self._holders)

    def stretches(self, opened: Collection[Box]) -> tuple[Stretch, ...]:
        """All steps in stretches, the boxes in `opened` gone into."""
        return self._cut(lambda at: next((box for box in self._paths[at] if box not in opened), self._paths[at][-1]))

    def around(self, at: int, box: Box) -> Stretch:
        """The stretch of a box, everything in it included, in which a step lies."""
        steps = self._steps

        def inside(i: int) -> bool:
            return 0 <= i < len(steps) and steps[i].phase is steps[at].phase and box in self._paths[i]

        start, end = at, at + 1
        while inside(start - 1):
            start -= 1
        while inside(end):
            end += 1
        return Stretch(steps[at].phase, box, start, end)

    def turns_of(self, nodes: Collection[str]) -> list[int]:
        """The steps with which the turn of one of these nodes begins: forward, back, and in the update."""
        found = []
        for node in nodes:
            inside = [self._is_of(step, node) for step in self._steps]
            found += [
                i for i, step in enumerate(self._steps)
                if inside[i] and (i == 0 or not inside[i - 1] or self._steps[i - 1].phase is not step.phase)
            ]  # fmt: skip
        return sorted(set(found))

    # Private ---------------------------------------------------------------------------------------------------------

    def _is_of(self, step: AnyStep, node: str) -> bool:
        own = _WEIGHTS_OF.sub("", step.node)
        return own == node or own.startswith(f"{node}/")

    def _cut(self, box_of: Callable[[int], Box]) -> tuple[Stretch, ...]:
        found: list[Stretch] = []
        for i, step in enumerate(self._steps):
            box = box_of(i)
            last = found[-1] if found else None
            if last is not None and (last.phase, last.box) == (step.phase, box):
                found[-1] = Stretch(step.phase, box, last.start, i + 1)
            else:
                found.append(Stretch(step.phase, box, i, i + 1))
        return tuple(found)

    @cached_property
    def _paths(self) -> list[tuple[Box, ...]]:
        made: dict[tuple[str, str], tuple[Box, ...]] = {}
        for step in self._steps:
            if (step.node, step.scope) not in made:
                made[step.node, step.scope] = tuple(self._path(step))
        return [made[step.node, step.scope] for step in self._steps]

    def _path(self, step: AnyStep) -> Iterator[Box]:
        """A step's boxes. Which of its time steps are a block's and which the layer's own is told by how many the
        block's own steps have."""
        parts = _WEIGHTS_OF.sub("", step.node).split("/")
        scopes = step.scope.split(", ") if step.scope else []
        before = 0
        for i in range(len(parts)):
            node, inmost = "/".join(parts[: i + 1]), i == len(parts) - 1
            own = len(scopes) if inmost else min(max(self._depths.get(node, 0), before), len(scopes))
            yield from (Box(node, ", ".join(scopes[:depth])) for depth in range(before, own + 1))
            before = own

    @cached_property
    def _depths(self) -> dict[str, int]:
        """How many time steps, one in the other, a node's own steps stand in."""
        found: dict[str, int] = {}
        for step in self._steps:
            if isinstance(step, Step):
                depth = len(step.scope.split(", ")) if step.scope else 0
                found[step.node] = max(found.get(step.node, 0), depth)
        return found

    @cached_property
    def _holders(self) -> frozenset[Box]:
        return frozenset(box for path in self._paths for box in path[:-1])
