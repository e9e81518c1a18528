"""One batch on its way through a Program: an array for every slot, a bound call for every step, and a cursor.

`step()` does the next step and tells which it was; `finish()` does the rest. Training calls `finish`, explaining calls
`step`: both run the same list.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.noise import generator
from annstudio.engine.op import Array, Margin, signature
from annstudio.engine.program import AnyStep, Phase, Program, Role, Slot, Step, Update

Call = Callable[[], Any]
DTYPES = {"int": np.dtype(np.intp), "bool": np.dtype(bool)}


class Run:
    """Buffers for batches of exactly `n` examples, bound to the arena's parameters."""

    def __init__(self, program: Program, arena: Arena, n: int) -> None:
        self.program = program
        self.arena = arena
        self.n = n
        self.cursor = 0
        self._margins = _demanded_margins(program)
        self._framed: dict[int, Array] = {}
        self._framed_copies: dict[tuple[int, Margin], Array] = {}
        self.arrays = [self._allocate(slot) for slot in program.slots]
        self._share_with_arena()
        # Feeds come examples first: the same arrays, seen that way.
        self._rows = {feed.slot: np.moveaxis(self.arrays[feed.slot], -1, 0) for feed in program.feeds}
        self._calls: list[Call] = [self._bind(step) for step in program.steps]
        ahead = [i for i, step in enumerate(program.steps) if step.phase in (Phase.FORWARD, Phase.LOSS)]
        self._after_loss = ahead[-1] + 1 if ahead else 0

    # Going -----------------------------------------------------------------------------------------------------------

    def load(self, rows: Mapping[int, Array], seed: int = 0, step: int = 0) -> None:
        """Start a new batch: `rows` are the feeds by slot, examples first; noise is drawn for (seed, step, node)."""
        for feed in self.program.feeds:
            self._rows[feed.slot][...] = rows[feed.slot]
        for noise in self.program.noises:
            noise.draw.fill(generator(seed, step, noise.node), self.arrays[noise.slot])
        self.cursor = 0

    def step(self) -> AnyStep:
        """Do the next step."""
        self._calls[self.cursor]()
        self.cursor += 1
        if self.cursor == len(self._calls) and self.program.training:
            self.arena.t += 1
        return self.program.steps[self.cursor - 1]

    def finish(self) -> None:
        """Do every step that is left."""
        if self.cursor == len(self._calls):
            return
        for call in self._calls[self.cursor :] if self.cursor else self._calls:
            call()
        self.cursor = len(self._calls)
        if self.program.training:
            self.arena.t += 1

    def to_loss(self) -> None:
        """Do the steps up to and with the loss, from the start."""
        for call in self._calls[: self._after_loss]:
            call()
        self.cursor = self._after_loss

    @property
    def done(self) -> bool:
        return self.cursor == len(self._calls)

    # Looking ---------------------------------------------------------------------------------------------------------

    @property
    def loss(self) -> float:
        """The loss of this batch: the mean over its examples."""
        assert self.program.loss is not None
        return float(self.arrays[self.program.loss])

    def output(self, node: str) -> Array:
        """What a node gave, the examples last."""
        return self.arrays[self.program.outputs[node]]

    def named(self, step: Step) -> dict[str, Array]:
        """The arrays of a step by the names its op knows them by; inputs as the op sees them, with their margins."""
        known = self._known(step)[1]
        return {name: array for name, array in known.items() if isinstance(array, np.ndarray)}

    # Binding ---------------------------------------------------------------------------------------------------------

    def _allocate(self, slot: Slot) -> Array:
        dtype = DTYPES.get(slot.dtype, self.arena.dtype)
        if slot.role is Role.STATE and not slot.batched:
            return self.arena.state(slot)
        tail = (self.n,) if slot.batched else ()
        margin = self._margins.get(slot.index)
        if margin is not None:
            self._framed[slot.index] = np.full(margin.around(slot.shape) + tail, margin.fill, dtype)
            return self._framed[slot.index][margin.inside(slot.shape)]
        return np.full(slot.shape + tail, self.program.constants.get(slot.index, slot.fill), dtype)

    def _share_with_arena(self) -> None:
        for parameter in self.program.parameters:
            self.arrays[parameter.slot] = self.arena.stored(parameter)
            gradient = self.program.gradients.get(parameter.slot)
            if gradient is not None:
                self.arrays[gradient] = self.arena.gradient(parameter)

    def _bind(self, step: AnyStep) -> Call:
        if isinstance(step, Update):
            return partial(self.arena.update, step)
        before, known = self._known(step)
        names = signature(step.op)
        if step.backward:
            call: Call = partial(step.op.backward, *(known[name] for name in names.backward))
        else:
            rest = [known[f"{names.variadic}[{i}]"] for i in range(len(step.inputs))] if names.variadic else []
            call = partial(step.op.forward, *(known[name] for name in names.forward), *rest)
        return partial(_in_turn, before, call) if before and not step.backward else call

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
            framed = np.full(margin.around(shape) + tail, margin.fill, self.arrays[slot].dtype)
            self._framed_copies[slot, margin] = framed
        before.append(partial(np.copyto, framed[margin.inside(shape)], self.arrays[slot]))
        return framed


def _in_turn(before: list[Call], call: Call) -> None:
    for preparation in before:
        preparation()
    call()


def _demanded_margins(program: Program) -> dict[int, Margin]:
    """The frame that each slot is allocated with: the first that an op asks for."""
    margins: dict[int, Margin] = {}
    for step in program.steps:
        if isinstance(step, Step) and not step.backward:
            names = signature(step.op).input_names(len(step.inputs), step.buffers)
            for name, slot in zip(names, step.inputs, strict=True):
                margin = step.op.margin(name, program.slots[slot].shape)
                if margin is not None and program.slots[slot].batched:
                    margins.setdefault(slot, margin)
    return margins
