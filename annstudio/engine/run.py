"""One batch on its way through a Program: an array for every slot, bound calls for every step, and a cursor.

`step()` does the next step and tells which it was; `finish()` does the rest. Training calls `finish`, explaining calls
`step`: both run the same list.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.gemm import Call, Product
from annstudio.engine.margins import demanded_margins
from annstudio.engine.memory import full
from annstudio.engine.noise import generator
from annstudio.engine.op import Array, Limit, Margin, signature
from annstudio.engine.plan import PLAIN_PLAN, Plan
from annstudio.engine.program import AnyStep, Phase, Program, Role, Slot, Step, Update

DTYPES = {"int": np.dtype(np.intp), "bool": np.dtype(bool)}


class Run:
    """Buffers for batches of exactly `n` examples, bound to the arena's parameters.

    A Run may do a `share` of a larger batch: its gradients, put into `gradients`, are that share of the whole ones.
    One `beside` another works with that one's arrays, whose slots its program begins with, and has the rest for itself.
    """

    def __init__(
        self, program: Program, arena: Arena, n: int, plan: Plan = PLAIN_PLAN, *, share: float = 1.0,
        gradients: Array | None = None, beside: "Run | None" = None,
    ) -> None:  # fmt: skip
        self.program = program
        self.arena = arena
        self.n = n
        self.plan = plan
        self.share = share
        self.cursor = 0
        self._gradients = arena.gradients if gradients is None else gradients
        self._margins: dict[int, Margin] = demanded_margins(program) if beside is None else beside._margins
        self._framed: dict[int, Array] = {} if beside is None else beside._framed
        self._framed_copies: dict[tuple[int, Margin], Array] = {}
        self.arrays: list[Array] = self._all_arrays([] if beside is None else beside.arrays)
        # Feeds come examples first: the same arrays, seen that way.
        self._rows = {feed.slot: np.moveaxis(self.arrays[feed.slot], -1, 0) for feed in program.feeds}
        self._calls: list[list[Call]] = [self._bind(step) for step in program.steps]
        ahead = [i for i, step in enumerate(program.steps) if step.phase in (Phase.FORWARD, Phase.LOSS)]
        self._after_loss = ahead[-1] + 1 if ahead else 0
        updates = (i for i, step in enumerate(program.steps) if step.phase is Phase.UPDATE)
        self._before_update = next(updates, len(program.steps))
        self.ahead = self._flat(0, self._after_loss)
        """All calls up to and with the loss."""
        self._back = self._flat(self._after_loss, self._before_update)
        self._rest: list[Call] = []
        self._version = -1
        self._trains = program.training
        if program.loss is not None:
            self.loss_of = self.arrays[program.loss].item
            """Gives the loss of this batch."""

    # Going -----------------------------------------------------------------------------------------------------------

    def load(self, rows: Mapping[int, Array], seed: int = 0, step: int = 0) -> None:
        """Start a new batch: `rows` are the feeds by slot, examples first; noise is drawn for (seed, step, node)."""
        for feed in self.program.feeds:
            self._rows[feed.slot][...] = rows[feed.slot]
        self.begin(seed, step)

    def begin(self, seed: int = 0, step: int = 0) -> None:
        """Start a new batch with the feeds as they are."""
        for noise in self.program.noises:
            noise.draw.fill(generator(seed, step, noise.key), self.arrays[noise.slot])
        self.cursor = 0

    def rows(self, slot: int) -> Array:
        """The array of a feed, examples first: what is written there is loaded."""
        return self._rows[slot]

    def framed_rows(self, slot: int) -> tuple[Array, Margin] | None:
        """The array of a feed with its frame, where rows of data that are framed alike can be copied in one go."""
        root = self.program.root(slot)
        margin = self._margins.get(root)
        if margin is None or self.program.slots[root].shape != self.program.slots[slot].shape:
            return None
        rows = np.moveaxis(self._framed[root], -1, 0)
        return (rows, margin) if rows.flags.c_contiguous else None

    def step(self) -> AnyStep:
        """Do the next step."""
        for call in self._calls[self.cursor]:
            call()
        self.cursor += 1
        if self.cursor == len(self._calls):
            self._end()
        return self.program.steps[self.cursor - 1]

    def finish(self) -> None:
        """Do every step that is left."""
        if self.cursor == 0:
            self.to_loss()
        if self.cursor == self._after_loss != len(self._calls):
            for call in self.after_loss:
                call()
            self._end()
        while self.cursor < len(self._calls):
            self.step()

    def to_loss(self) -> None:
        """Do the steps up to and with the loss, from the start."""
        for call in self.ahead:
            call()
        self.cursor = self._after_loss

    def to_update(self) -> None:
        """Do the steps from the loss to just before the update: the gradients are there then."""
        for call in self._back:
            call()
        self.cursor = self._before_update

    def update(self, *, states: bool = True) -> None:
        """Do the update, and hand on what the next batch begins with (unless `states` is False)."""
        for i in range(self._before_update, len(self._calls)):
            if states or not self._is_hand_over(i):
                for call in self._calls[i]:
                    call()
        self._end()

    def hand_on(self) -> None:
        """Hand on what the next batch begins with, without an update."""
        for i in range(self._before_update, len(self._calls)):
            if self._is_hand_over(i):
                for call in self._calls[i]:
                    call()

    def _is_hand_over(self, i: int) -> bool:
        step = self.program.steps[i]
        return isinstance(step, Step) and self.program.slots[step.output].role is Role.STATE

    @property
    def after_loss(self) -> list[Call]:
        """All calls after the loss, the update among them, for whoever runs batch after batch: `arena.t` counts one
        more after them. Ask again when `arena.version` is another."""
        if self._version != self.arena.version:
            updates: list[Call] = []
            for step, calls in zip(self.program.steps, self._calls, strict=True):
                if step.phase is Phase.UPDATE:
                    updates += self.arena.calls(step) if isinstance(step, Update) else calls
            self._rest, self._version = [*self._back, *updates], self.arena.version
        return self._rest

    def _turn(self, step: Update) -> None:
        for call in self.arena.calls(step):
            call()

    def _end(self) -> None:
        self.cursor = len(self._calls)
        if self._trains:
            self.arena.t += 1

    @property
    def nbytes(self) -> int:
        """How much memory its own arrays take."""
        program = self.program
        own = [s for s in program.slots if s.batched and s.index in program.used and s.index not in program.shares]
        return sum(self.arrays[slot.index].nbytes for slot in own)

    @property
    def n_calls(self) -> int:
        """How many calls a whole step is, the update counted as one."""
        return sum(map(len, self._calls))

    @property
    def done(self) -> bool:
        return self.cursor == len(self._calls)

    # Looking ---------------------------------------------------------------------------------------------------------

    @property
    def loss(self) -> float:
        """The loss of this batch: the mean over its examples."""
        return float(self.loss_of())

    def output(self, node: str) -> Array:
        """What a node gave, the examples last."""
        return self.arrays[self.program.outputs[node]]

    def named(self, step: Step) -> dict[str, Array]:
        """The arrays of a step by the names its op knows them by; inputs as the op sees them, with their margins."""
        known = self._known(step)[1]
        return {name: array for name, array in known.items() if isinstance(array, np.ndarray)}

    # Binding ---------------------------------------------------------------------------------------------------------

    def _all_arrays(self, given: list[Array]) -> list[Array]:
        program = self.program
        used = program.used
        rows_first = self._rows_first()
        arrays = list(given)
        for slot in program.slots[len(given) :]:
            if slot.index in program.shares or slot.index in program.within:
                arrays.append(np.empty(0))  # taken from another one below
            elif slot.index not in used:
                # The fast reading has dropped what would have filled it.
                arrays.append(np.broadcast_to(np.zeros((), self.arena.dtype), slot.shape + (self.n,) * slot.batched))
            else:
                arrays.append(self._allocate(slot, rows_first=slot.index in rows_first))
        for parameter in program.parameters:
            arrays[parameter.slot] = self.arena.stored(parameter)
            gradient = program.gradients.get(parameter.slot)
            if gradient is not None:
                arrays[gradient] = self.arena.part(self._gradients, parameter)
        self._in_blocks(arrays)
        for slot in program.slots:
            if slot.index in program.shares:
                shared = arrays[program.root(slot.index)]
                shape = slot.shape + (self.n,) * slot.batched
                # The very same object, where it can be: NumPy need not look whether the two overlap.
                arrays[slot.index] = shared if shared.shape == shape else shared.reshape(shape)
                assert np.shares_memory(arrays[slot.index], shared) or not shared.size
        return arrays

    def _in_blocks(self, arrays: list[Array]) -> None:
        """Give those their places that lie side by side."""
        for index, place in self.program.within.items():
            shape, margin = self.program.slots[index].shape, place.margin
            framed = shape if margin is None else margin.around(shape)
            part = arrays[place.block][place.start : place.start + math.prod(framed)].reshape(*framed, self.n)
            arrays[index] = part
            if margin is not None:
                part.fill(margin.fill)
                self._framed[index], arrays[index] = part, part[margin.inside(shape)]

    def _allocate(self, slot: Slot, *, rows_first: bool) -> Array:
        dtype = DTYPES.get(slot.dtype, self.arena.dtype)
        if slot.role is Role.STATE and not slot.batched:
            return self.arena.state(slot)
        if slot.role is Role.CONSTANT:
            number = self.program.constants[slot.index]
            return full(slot.shape, number * self.share if self._is_seed(slot.index) else number, dtype)
        margin = self._margins.get(slot.index)
        shape = slot.shape if margin is None else margin.around(slot.shape)
        if not slot.batched:
            whole = full(shape, slot.fill, dtype)
        elif rows_first:
            whole = np.moveaxis(full((self.n, *shape), slot.fill if margin is None else margin.fill, dtype), 0, -1)
        else:
            whole = full((*shape, self.n), slot.fill if margin is None else margin.fill, dtype)
        if margin is None:
            return whole
        self._framed[slot.index] = whole
        return whole[margin.inside(slot.shape)]

    def _rows_first(self) -> set[int]:
        """Feeds that lie in memory as they are loaded, row by row: all who read them take them in any order."""
        program = self.program
        readers: dict[int, bool] = {}
        for step in program.steps:
            if isinstance(step, Step):
                names = signature(step.op).input_names(len(step.inputs), step.buffers)
                for name, slot in zip(names, step.inputs, strict=True):
                    root = program.root(slot)
                    readers[root] = readers.get(root, True) and name in step.op.any_order
        fed = {program.root(feed.slot) for feed in program.feeds}
        return {slot for slot in fed if readers.get(slot, False)}

    def _is_seed(self, slot: int) -> bool:
        """Whether this is the gradient of the loss towards itself, where the way back begins."""
        return self.program.loss is not None and slot == self.program.gradients.get(self.program.loss)

    def _is_there_already(self, step: Step) -> bool:
        """Whether a step would multiply by one what the loss worked out on the way forward."""
        if not step.backward or not self._is_seed(step.output_gradient or 0) or self.share != 1:
            return False
        kept = [step.buffers[name] for name in step.op.keeps_gradient.values()]
        wanted = [slot for slot in step.gradients if slot is not None]
        return bool(kept) and [self.program.shares.get(slot) for slot in wanted] == kept

    def _flat(self, start: int, stop: int) -> list[Call]:
        return [call for calls in self._calls[start:stop] for call in calls]

    def _bind(self, step: AnyStep) -> list[Call]:
        if isinstance(step, Update):
            return [partial(self._turn, step)]
        if isinstance(step.op, Limit):
            parameter = next(p for p in self.program.parameters if p.slot == step.output)
            return [partial(step.op.bound, self.arena.stored(parameter), self.arena.still(parameter))]
        before, known = self._known(step)
        names = signature(step.op)
        if self._is_there_already(step):
            return []
        if step.backward:
            calls = step.op.backward_calls(*(known[name] for name in names.backward))
            before = []
        else:
            inputs = names.input_names(len(step.inputs), step.buffers)
            rest = [known[name] for name in inputs] if names.variadic else []
            calls = step.op.forward_calls(*(known[name] for name in names.forward), *rest)
        for call in calls:
            before += self.plan.bind(call) if isinstance(call, Product) else [call]
        return before

    def _known(self, step: Step) -> tuple[list[Call], dict[str, Any]]:
        """The arrays of a step by the names that its op knows, and the copies that must be made before it."""
        names = signature(step.op)
        inputs = names.input_names(len(step.inputs), step.buffers)
        known: dict[str, Any] = {"y": self.arrays[step.output]}
        known |= {name: self.arrays[slot] for name, slot in step.buffers.items()}
        before: list[Call] = []
        for name, slot in zip(inputs, step.inputs, strict=True):
            known[name] = self._framed_input(step, name, slot, before)
        if step.backward:
            assert step.output_gradient is not None
            known["dy"] = self.arrays[step.output_gradient]
            gradients = [None if slot is None else self.arrays[slot] for slot in step.gradients]
            known |= {f"d{name}": gradient for name, gradient in zip(inputs, gradients, strict=True)}
            if names.variadic:
                known |= {f"d{names.variadic}": tuple(gradients), names.variadic: tuple(known[n] for n in inputs)}
        return before, known

    def _framed_input(self, step: Step, name: str, slot: int, before: list[Call]) -> Array:
        """An input with the margin its op wants: the slot's own frame, or a framed copy made before the step."""
        shape = self.program.slots[slot].shape
        margin = step.op.margin(name, shape)
        if margin is None:
            return self.arrays[slot]
        if self._margins.get(slot) == margin:
            return self._framed[slot]
        framed = self._framed_copies.get((slot, margin))
        if framed is None:
            tail = self.arrays[slot].shape[len(shape) :]
            framed = full(margin.around(shape) + tail, margin.fill, self.arrays[slot].dtype)
            self._framed_copies[slot, margin] = framed
        before.append(partial(np.copyto, framed[margin.inside(shape)], self.arrays[slot]))
        return framed
