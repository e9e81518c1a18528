"""A graph's meaning: one flat list of steps (forward, loss, backward, update), and a slot for every array.

A Program is a value. It says nothing about the batch size, the number format or the machine: a Run brings those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Index, Margin, Op, Shape, signature


class Phase(StrEnum):
    """Where in a training step we are."""

    FORWARD = "forward"
    LOSS = "loss"
    BACKWARD = "backward"
    UPDATE = "update"


class Role(StrEnum):
    """What a slot's array is, and who fills it."""

    FEED = "feed"  # the data, before the first step
    NOISE = "noise"  # random numbers, drawn anew for every batch
    CONSTANT = "constant"
    PARAMETER = "parameter"
    STATE = "state"  # carried from batch to batch, not learned by gradient
    VALUE = "value"
    BUFFER = "buffer"  # kept by an op for the way back
    GRADIENT = "gradient"


@dataclass(frozen=True)
class Slot:
    """One array of a program. `shape` is that of one example; `batched` ones have the examples as a last axis more."""

    index: int
    role: Role
    shape: Shape
    node: str
    name: str
    batched: bool = True
    dtype: str = "float"
    fill: float = 0.0
    shown: bool = True
    scope: str = ""
    """Where inside a composite the array stands, such as a time step."""


@dataclass(frozen=True)
class View:
    """A named part of a parameter's stored array, laid out as users and files know it (W, b, …).

    The part is `stored[where]`, reshaped to `folded` (if given) and transposed by `axes` (if given): always a view.
    """

    name: str
    where: tuple[slice | int, ...]
    initial: Initial
    folded: Shape | None = None
    axes: tuple[int, ...] | None = None
    axis_names: tuple[str, ...] = ()
    gates: str = ""
    """A letter for each gate where the units of its first axis are told gate by gate."""

    def of(self, stored: Array) -> Array:
        part = stored[self.where]
        if self.folded is not None:
            shape = part.shape
            part = part.reshape(self.folded)
            assert np.shares_memory(part, stored), f"{self.name}: {shape} cannot be seen as {self.folded}"
        return part if self.axes is None else part.transpose(self.axes)

    def seen_at(self, stored: Index, shape: Shape) -> Index | None:
        """Where users see element `stored` of an array of this shape; None where it is no part of this view."""
        part: list[int] = []
        sizes: list[int] = []
        for i, size, where in zip(stored, shape, self._everywhere(shape), strict=True):
            places = range(*where.indices(size)) if isinstance(where, slice) else range(where, where + 1)
            if i not in places:
                return None
            if isinstance(where, slice):
                part.append(places.index(i))
                sizes.append(len(places))
        if self.folded is not None:
            part = _unravelled(_ravelled(part, sizes), self.folded)
        return tuple(part) if self.axes is None else tuple(part[axis] for axis in self.axes)

    def stored_at(self, seen: Index, shape: Shape) -> Index | None:
        """Which element of an array of this shape users see at `seen`; None where there is none."""
        everywhere = self._everywhere(shape)
        ranges = [range(*w.indices(n)) for n, w in zip(shape, everywhere, strict=True) if isinstance(w, slice)]
        sizes = [len(places) for places in ranges]
        folded = list(sizes if self.folded is None else self.folded)
        axes = self.axes if self.axes is not None else tuple(range(len(folded)))
        if len(seen) != len(axes) or any(not 0 <= i < folded[a] for i, a in zip(seen, axes, strict=True)):
            return None
        part = [seen[axes.index(axis)] for axis in range(len(axes))]
        if self.folded is not None:
            part = _unravelled(_ravelled(part, folded), sizes)
        ahead = iter(places[i] for i, places in zip(part, ranges, strict=True))
        return tuple(next(ahead) if isinstance(where, slice) else where for where in everywhere)

    def shape_of(self, shape: Shape) -> Shape:
        """The shape that users see, of an array stored in this shape."""
        everywhere = zip(shape, self._everywhere(shape), strict=True)
        parts = [len(range(*where.indices(size))) for size, where in everywhere if isinstance(where, slice)]
        folded = tuple(parts) if self.folded is None else self.folded
        return folded if self.axes is None else tuple(folded[axis] for axis in self.axes)

    def _everywhere(self, shape: Shape) -> tuple[slice | int, ...]:
        """What is taken of every axis, those among them of which all is."""
        return (*self.where, *(slice(None),) * (len(shape) - len(self.where)))


def _ravelled(place: Sequence[int], shape: Sequence[int]) -> int:
    at = 0
    for i, size in zip(place, shape, strict=True):
        at = at * size + i
    return at


def _unravelled(at: int, shape: Sequence[int]) -> list[int]:
    place = []
    for size in reversed(shape):
        at, i = divmod(at, size)
        place.append(i)
    return place[::-1]


@dataclass(frozen=True)
class Parameter:
    """One stored array of a node and the named views of it. Only views are shown, edited, frozen and exported."""

    slot: int
    node: str
    shape: Shape
    views: tuple[View, ...]
    trainable: bool = True
    frozen: frozenset[str] = frozenset()
    """Views that training leaves alone although the parameter is trainable."""

    def key(self, view: View) -> str:
        """The name of a view in files and tables: `hidden/W`."""
        return f"{self.node}/{view.name}"

    def learns(self, view: View) -> bool:
        return self.trainable and view.name not in self.frozen

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True)
class Feed:
    """A slot that is filled from a column of the data. `encoding` is `values`, `onehot` (class numbers as unit
    vectors), `binary` (class number 0 or 1 as one value) `lengths` (one whole number) or `number` (one number)."""

    slot: int
    node: str
    column: str
    encoding: str = "values"
    end: int = 0
    """Where the numbers are ids or lengths they are 0, 1, …, end − 1; else 0."""


class Draw(Protocol):
    """A way of filling an array with random numbers."""

    @property
    def told(self) -> str:
        """In words, what is drawn."""
        ...

    def fill(self, rng: np.random.Generator, out: Array) -> None: ...


@dataclass(frozen=True)
class Noise:
    """A slot filled by `draw` before each batch, keyed by (seed, step, node and place in it)."""

    slot: int
    node: str
    draw: Draw
    scope: str = ""

    @property
    def key(self) -> str:
        """What its random numbers are drawn for: every time step has its own."""
        return f"{self.node} {self.scope}".strip()


@dataclass(frozen=True)
class Judged:
    """What a loss compares: the slot of the output that users see (after the activation) and of the target."""

    node: str
    output: int
    target: int
    column: str
    encoding: str
    threshold: float = 0.5
    """Above it a single output means yes."""
    lengths: int | None = None
    """The slot that says how many steps of every sequence count; None where all do."""


@dataclass(frozen=True)
class Step:
    """One op at work, forward or backward. Slots in the order of the op's inputs; `gradients` may hold None."""

    phase: Phase
    op: Op
    node: str
    inputs: tuple[int, ...]
    output: int
    buffers: Mapping[str, int] = field(default_factory=dict)
    backward: bool = False
    gradients: tuple[int | None, ...] = ()
    output_gradient: int | None = None
    scope: str = ""
    """Where inside a composite this step stands, such as a time step."""

    @property
    def writes(self) -> tuple[int, ...]:
        if self.backward:
            return tuple(slot for slot in self.gradients if slot is not None)
        return (self.output, *self.buffers.values())

    @property
    def reads(self) -> tuple[int, ...]:
        """The slots that the op looks at: on the way back only those that its `backward` names."""
        if not self.backward:
            return self.inputs
        names = signature(self.op)
        inputs = zip(names.input_names(len(self.inputs), self.buffers), self.inputs, strict=True)
        known = {**self.buffers, "y": self.output, **dict(inputs)}
        seen = [
            slot for name, slot in known.items() if name in names.backward or name.partition("[")[0] in names.backward
        ]
        assert self.output_gradient is not None
        return (self.output_gradient, *seen)

    @property
    def touches(self) -> tuple[int, ...]:
        """Every slot whose array the op is given."""
        return (*self.reads, *self.writes)


@dataclass(frozen=True)
class Update:
    """The optimiser's turn: new values for these parameters (by position in `Program.parameters`)."""

    parameters: tuple[int, ...]
    node: str
    phase: Phase = Phase.UPDATE
    scope: str = ""


AnyStep = Step | Update


@dataclass(frozen=True)
class Within:
    """A place in a block: from row `start` of the array of another slot on, with this frame around it."""

    block: int
    start: int
    margin: Margin | None


@dataclass(frozen=True)
class Program:
    """Everything a Run needs to know, and everything an explanation can point at."""

    slots: tuple[Slot, ...]
    steps: tuple[AnyStep, ...]
    parameters: tuple[Parameter, ...]
    feeds: tuple[Feed, ...]
    noises: tuple[Noise, ...]
    constants: Mapping[int, float]
    outputs: Mapping[str, int]
    """The slot of every node's result."""
    loss: int | None
    losses: Mapping[str, int]
    """The slot of every loss node's mean over the examples."""
    judged: tuple[Judged, ...]
    gradients: Mapping[int, int]
    """The slot of ∂E/∂(slot), for every slot that has one."""
    training: bool
    plain: bool
    penalties: Mapping[str, tuple[int, ...]] = field(default_factory=dict, kw_only=True)
    """The slots of what every node's weights add to the loss."""
    shares: Mapping[int, int] = field(default_factory=dict)
    """Slots that lie in the memory of another one, perhaps in another shape (fast reading only)."""
    within: Mapping[int, Within] = field(default_factory=dict)
    """Slots that lie side by side in a block (fast reading only)."""

    def in_phase(self, phase: Phase) -> list[int]:
        """The positions of the steps of one phase."""
        return [i for i, step in enumerate(self.steps) if step.phase == phase]

    @property
    def used(self) -> frozenset[int]:
        """The slots that mean something: all but those whose steps the fast reading has dropped."""
        slots = {slot for step in self.steps if isinstance(step, Step) for slot in step.touches}
        slots |= {feed.slot for feed in self.feeds} | {noise.slot for noise in self.noises} | set(self.constants)
        slots |= {parameter.slot for parameter in self.parameters} | {
            self.gradients.get(p.slot, -1) for p in self.parameters
        }
        slots |= set(self.outputs.values()) | set(self.losses.values()) | {judged.output for judged in self.judged}
        return frozenset(slots | {self.root(slot) for slot in slots})

    def root(self, slot: int) -> int:
        """The slot whose memory it lies in."""
        while slot in self.shares:
            slot = self.shares[slot]
        return slot

    def memory(self, slot: int) -> int:
        """The slot that changes when this one does: its root, or the block in which that lies."""
        root = self.root(slot)
        return self.within[root].block if root in self.within else root

    @property
    def couples_examples(self) -> bool:
        return any(isinstance(step, Step) and step.op.couples_examples for step in self.steps)

    def parameter_of(self, key: str) -> tuple[Parameter, View]:
        """The parameter and view of a name such as `hidden/W`. Raises KeyError."""
        for parameter in self.parameters:
            for view in parameter.views:
                if parameter.key(view) == key:
                    return parameter, view
        raise KeyError(key)

    @property
    def n_parameters(self) -> int:
        return sum(parameter.size for parameter in self.parameters)
