"""Records what layers mean, op by op: the one place where steps and slots come into being.

A layer's `lower` is given a Builder and the values at its inputs. Applying an op asks the op for its shape, so that
checking a drawing and compiling it are the same walk.
"""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from annstudio.engine.differentiate import differentiate
from annstudio.engine.lengths import Shortest
from annstudio.engine.op import Limit, Op, Shape, shape_text, values_text
from annstudio.engine.passes import fuse
from annstudio.engine.program import Draw, Feed, Judged, Noise, Parameter, Phase, Program, Role, Slot, Step, View
from annstudio.errors import Remedy, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Value:
    """The result of a step, or anything else with a slot, while a program is being written down."""

    slot: int
    shape: Shape
    batched: bool = True


@dataclass(frozen=True)
class Spec:
    """What is known of a column of the data: one example's shape, and the number of classes if it names them."""

    shape: Shape
    n_classes: int = 0
    stray: Callable[[int], float | None] = field(default=lambda end: None, compare=False)
    """Given an end, a number of the column that is none of 0, 1, …, end − 1; None where all are."""


Expand = Callable[..., Value]


@dataclass(frozen=True)
class Room:
    """The box that is being written down: what names of nodes and of the owners of weights begin with inside it."""

    path: str = ""
    owner: str = ""
    suffix: str = ""
    """What names of the owners of weights end with, such as `[3]` for the weights of one time step."""
    trainable: bool = True


class Builder:
    """Writes a Program down. `training` is settled here, ops never ask; `plain` chooses the reading of composites."""

    def __init__(self, columns: dict[str, Spec] | None = None, *, training: bool = True, plain: bool = True) -> None:
        self.columns = columns or {}
        self.training = training
        self.plain = plain
        self.slots: list[Slot] = []
        self.steps: list[Step] = []
        self.parameters: list[Parameter] = []
        self.feeds: list[Feed] = []
        self.noises: list[Noise] = []
        self.constants: dict[int, float] = {}
        self.outputs: dict[str, int] = {}
        self.results: dict[str, tuple[Value, ...]] = {}
        self.losses: dict[str, int] = {}
        self.penalties: dict[str, list[int]] = {}
        self.judged: list[Judged] = []
        self._carries: list[Step] = []
        self._loss_terms: list[Value] = []
        self._made_by: dict[int, Step] = {}
        self._lengths: dict[int, Value] = {}
        self._known: dict[tuple[str, ...], int] = {}
        self._states: dict[tuple[str, str], Value] = {}
        self._kept_within: set[tuple[int, Op]] = set()
        self.room = Room()
        self._node = ""
        self._owner = ""
        self._scope = ""
        self._phase = Phase.FORWARD
        self.sources: dict[int, str] = {}

    # What layers call -----------------------------------------------------------------------------------------------

    def feed(self, column: str, shape: Shape, encoding: str = "values", dtype: str = "float") -> Value:
        """Values that come from the data at every batch."""
        value = self._slot(Role.FEED, shape, column, dtype=dtype)
        self.feeds.append(Feed(value.slot, self._node, column, encoding))
        return value

    def count(self, value: Value, end: int) -> tuple[str, float | None]:
        """Say that numbers of the data, perhaps laid out anew, are ids or lengths: 0, 1, …, end − 1.

        The column's name, and a number of the data that is none of them; "" for numbers that a layer computed.
        """
        slot = value.slot
        while slot in self._made_by and self._made_by[slot].op.relays:
            slot = self._made_by[slot].inputs[0]
        for i, feed in enumerate(self.feeds):
            if feed.slot == slot:
                self.feeds[i] = replace(feed, end=min(end, feed.end or end))
                spec = self.columns.get(feed.column)
                return feed.column, None if spec is None else spec.stray(end)
        return "", None

    def parameter(
        self, shape: Shape, views: Sequence[View], *, trainable: bool = True, frozen: frozenset[str] = frozenset()
    ) -> Value:
        """An array to be learned, stored in one piece and known by its views.

        Asked for again under the same names it is the same array: so weights are shared. Frozen for one is frozen for
        all. Raises ShapeError where the one that is there has another shape.
        """
        identity = (self._owner, *(view.name for view in views))
        trainable = trainable and self.room.trainable
        if identity in self._known:
            return self._shared(self._known[identity], shape, trainable=trainable, frozen=frozen)
        value = self._slot(Role.PARAMETER, shape, ", ".join(view.name for view in views), batched=False, owned=True)
        self._known[identity] = len(self.parameters)
        self.parameters.append(Parameter(value.slot, self._owner, shape, tuple(views), trainable, frozen))
        return value

    def _shared(self, known: int, shape: Shape, *, trainable: bool, frozen: frozenset[str]) -> Value:
        there = self.parameters[known]
        if there.shape != shape:
            raise ShapeError(
                f"{self._node} shares the weights of {there.node}, which are {shape_text(there.shape)} numbers; "
                f"here they would be {shape_text(shape)}.",
                "Give both inputs of one shape, or weights of their own.",
            )
        both = replace(there, trainable=there.trainable and trainable, frozen=there.frozen | frozen)
        self.parameters[known] = both
        return self.value_of(there.slot)

    def noise(self, draw: Draw, shape: Shape, name: str = "noise") -> Value:
        """Random numbers, drawn anew for every batch."""
        value = self._slot(Role.NOISE, shape, name)
        self.noises.append(Noise(value.slot, self._node, draw, self._scope))
        return value

    def constant(self, number: float, shape: Shape = ()) -> Value:
        value = self._slot(Role.CONSTANT, shape, f"{number:g}", batched=False)
        self.constants[value.slot] = number
        return value

    def state(self, shape: Shape, name: str, *, batched: bool = False, start: float = 0.0) -> Value:
        """An array that lives from batch to batch; `carry` says what it becomes. Asked for again it is what it became
        until there, so that a layer at every time step hands its state on from step to step."""
        identity = (self._owner, name)
        if identity not in self._states:
            self._states[identity] = self._slot(Role.STATE, shape, name, batched=batched, fill=start, owned=True)
        return self._states[identity]

    def carry(self, state: Value, new: Value, copy: Op) -> None:
        """After the update, `state` becomes `new` (`copy` is an op that passes its input on unchanged)."""
        identity = next(key for key, now in self._states.items() if now.slot == state.slot)
        first = next((step.output for step in self._carries if step.inputs == (state.slot,)), state.slot)
        self._carries = [step for step in self._carries if step.inputs != (state.slot,)]
        self._carries.append(Step(Phase.UPDATE, copy, self._node, (new.slot,), first, scope=self._scope))
        self._states[identity] = new

    def apply(self, op: Op, *inputs: Value, name: str = "") -> Value:
        """Do `op`; the result's shape is the op's own word. Raises ShapeError in the node's and its sources' names."""
        shapes = [value.shape for value in inputs]
        try:
            shape = op.shape(*shapes)
        except ShapeError as error:
            raise ShapeError(f"{self._node} {error.message}", error.hint, error.remedies) from None
        batched = op.batched(*(value.batched for value in inputs))
        value = self._slot(Role.VALUE, shape, name or type(op).__name__.lower(), batched=batched, dtype=op.result)
        buffers = {
            key: self._slot(
                Role.BUFFER, b.shape, key, batched=b.batched, dtype=b.dtype, fill=b.fill, shown=b.shown
            ).slot
            for key, b in op.buffers(*shapes).items()
        }
        slots = tuple(v.slot for v in inputs)
        step = Step(self._phase, op, self._node, slots, value.slot, buffers, scope=self._scope)
        self.steps.append(step)
        self._made_by[value.slot] = step
        self._pass_lengths_on(value, inputs)
        return value

    def measure(self, sequence: Value, lengths: Value | None) -> None:
        """Say how many steps of every example's sequence count, an array (N,); None: all do.

        What an op makes of a sequence step by step passes it on by itself. A layer that makes other steps of them says
        so here, and sees to it that those which do not count have no part in its result.
        """
        if lengths is None:
            self._lengths.pop(sequence.slot, None)
        else:
            self._lengths[sequence.slot] = lengths

    def lengths(self, sequence: Value) -> Value | None:
        """How many steps of every example count, an array (N,); None where all do."""
        return self._lengths.get(sequence.slot)

    def _pass_lengths_on(self, value: Value, inputs: Sequence[Value]) -> None:
        steps = [x for x in inputs if len(x.shape) == len(value.shape) == 2 and x.shape[0] == value.shape[0]]
        shortest = self.shortest(*map(self.lengths, steps))
        if shortest is not None:
            self._lengths[value.slot] = shortest

    def shortest(self, *lengths: Value | None) -> Value | None:
        """Where sequences meet, only steps that count in all of them do; None: of those all steps count."""
        known = list(dict.fromkeys(each for each in lengths if each is not None))
        return self.apply(Shortest(), *known, name="length") if len(known) > 1 else next(iter(known), None)

    def composite(self, fused: Op, expand: Expand, *inputs: Value) -> Value:
        """Many small steps that the fast reading takes in one: `expand(self, *inputs)` writes the small ones."""
        return expand(self, *inputs) if self.plain else self.apply(fused, *inputs)

    def kept(self, value: Value, name: str) -> Value:
        """What the op that made `value` keeps under this name: a fused op's second result, such as a batch's mean."""
        slot = self._made_by[value.slot].buffers[name]
        return self.value_of(slot)

    def loss(self, per_example: Value, mean: Op, output: Value, target: Value, threshold: float = 0.5) -> Value:
        """Declare the node's loss: its mean over the examples counts towards the network's.

        `output` and `target` are what users compare by eye, and what accuracy is worked out from: a single output
        says yes above `threshold`.
        """
        value = self.apply(mean, per_example, name="E")
        feed = next(feed for feed in self.feeds if feed.slot == target.slot)
        lengths = self._lengths.get(output.slot)
        self.judged.append(
            Judged(
                self._node, output.slot, target.slot, feed.column, feed.encoding, threshold,
                None if lengths is None else lengths.slot,
            )
        )  # fmt: skip
        self.losses[self._node] = value.slot
        self._loss_terms.append(value)
        return value

    def penalty(self, op: Op, w: Value) -> None:
        """A part of the loss that depends on weights alone; it counts where there is a loss of the outputs, too.

        Weights that are used in several places are asked for it once."""
        if not self._first_time(op, w):
            return
        with self.node(self._node, Phase.LOSS, self._owner):
            value = self.apply(op, w, name="penalty")
        self.penalties.setdefault(self._node, []).append(value.slot)

    def constrain(self, op: Limit, w: Value) -> None:
        """After every update, `w` becomes what `op` makes of it."""
        if not self._first_time(op, w):
            return
        self._carries.append(Step(Phase.UPDATE, op, self._node, (w.slot,), w.slot, scope=self._scope))

    def _first_time(self, op: Op, w: Value) -> bool:
        first = (w.slot, op) not in self._kept_within
        self._kept_within.add((w.slot, op))
        return first

    @property
    def current(self) -> str:
        """The name of the node that is being written down."""
        return self._node

    @property
    def owner(self) -> str:
        """The name under which the weights of the node at hand are known; in a block another than its own."""
        return self._owner

    def producer(self, value: Value) -> Step | None:
        """The step that made a value, None for what comes from outside."""
        return self._made_by.get(value.slot)

    def value_of(self, slot: int) -> Value:
        return Value(slot, self.slots[slot].shape, self.slots[slot].batched)

    def source(self, value: Value) -> str:
        """The name of the node that a value comes from."""
        return self.sources.get(value.slot, self.slots[value.slot].node)

    def need(self, fits: bool, value: Value, needs: str, hint: str = "", remedies: Sequence[Remedy] = ()) -> None:
        """Raise ShapeError unless `fits`: "conv_2 needs height × width × channels; lstm_1 gives 64 values"."""
        if not fits:
            message = f"{self._node} needs {needs}; {self.source(value)} gives {values_text(value.shape)}."
            raise ShapeError(message, hint, tuple(remedies))

    # What the compiler calls ----------------------------------------------------------------------------------------

    @contextmanager
    def node(self, name: str, phase: Phase = Phase.FORWARD, owner: str = "") -> "Iterator[None]":
        """Everything applied inside belongs to this node; weights and states are `owner`'s, else its own."""
        before = self._node, self._phase, self._owner
        self._node, self._phase, self._owner = name, phase, owner or name
        try:
            yield
        finally:
            self._node, self._phase, self._owner = before

    @contextmanager
    def inside(self, weights_of: str = "", suffix: str = "", *, trainable: bool = True) -> "Iterator[None]":
        """Nodes written inside stand in the box that the current node is; their weights are those of the node
        `weights_of` beside it, else its own."""
        before = self.room
        own = self._node.rpartition("/")[2]
        self.room = Room(
            f"{self._node}/",
            f"{before.owner}{weights_of or own}/",
            before.suffix + suffix,
            before.trainable and trainable,
        )
        try:
            yield
        finally:
            self.room = before

    @contextmanager
    def scope(self, name: str) -> "Iterator[None]":
        """Everything applied inside stands at this place of a composite (`t = 3`)."""
        before, self._scope = self._scope, f"{self._scope}, {name}" if self._scope else name
        try:
            yield
        finally:
            self._scope = before

    def output(self, node: str, *values: Value) -> None:
        """Say what a node's results are; the first one is what is looked at."""
        self.outputs[node] = values[0].slot
        self.results[node] = values
        self.sources.update({value.slot: node for value in values})

    def finish(self, total: Callable[["Builder", list[Value]], Value]) -> Program:
        """The program. `total` adds several losses; with a loss and in training the way back and update are written."""
        loss: Value | None = None
        if self._loss_terms:
            penalties = [self.value_of(slot) for slots in self.penalties.values() for slot in slots]
            terms = [*self._loss_terms, *penalties]
            with self.node("loss", Phase.LOSS):
                loss = terms[0] if len(terms) == 1 else total(self, terms)
        program = Program(
            tuple(self.slots), tuple(self.steps), tuple(self.parameters), tuple(self.feeds), tuple(self.noises),
            self.constants, self.outputs, loss.slot if loss else None, self.losses, tuple(self.judged), {},
            self.training, self.plain, penalties={node: tuple(slots) for node, slots in self.penalties.items()},
        )  # fmt: skip
        if not self.plain:
            program = fuse(program, {step.inputs[0] for step in self._carries})
        return differentiate(program, self._carries) if loss and self.training else program

    def _slot(
        self, role: Role, shape: Shape, name: str, *, batched: bool = True, dtype: str = "float", fill: float = 0.0,
        shown: bool = True, owned: bool = False,
    ) -> Value:  # fmt: skip
        node, scope = (self._owner, "") if owned else (self._node, self._scope)
        slot = Slot(len(self.slots), role, shape, node, name, batched, dtype, fill, shown, scope)
        self.slots.append(slot)
        return Value(len(self.slots) - 1, shape, batched)
