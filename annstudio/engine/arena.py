"""Where learned numbers live during a run: parameters, their gradients and the optimiser's memory as flat vectors.

Every parameter is a view into one vector, so that an optimiser is a handful of operations on whole vectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from annstudio.engine.gemm import Call
from annstudio.engine.initializers import initialise
from annstudio.engine.memory import full, like
from annstudio.engine.op import Array
from annstudio.engine.optimizers import Optimizer
from annstudio.engine.program import Parameter, Program, Role, Slot, Update

NEXT_TO_NOTHING = 1e-30

Weights = Mapping[str, Array]
"""Arrays by name (`hidden/W`), laid out as users see them."""


@dataclass(frozen=True, eq=False)
class Memory:
    """What must be kept to go on exactly where a run stopped: the optimiser's vectors by name, and its step count."""

    t: int
    vectors: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What an arena held at one moment."""

    t: int
    values: Array
    vectors: Mapping[str, Array]
    states: Mapping[tuple[str, str], Array]


@dataclass(frozen=True)
class Clipping:
    """How gradients are kept small: each cut off at `value`, all together shortened to `norm`; 0 means not at all."""

    value: float = 0.0
    norm: float = 0.0

    def __bool__(self) -> bool:
        return self.value > 0 or self.norm > 0

    def cut(self, gradients: Array) -> Array:
        return np.clip(gradients, -self.value, self.value) if self.value else gradients

    def scale(self, gradients: Array) -> float:
        """What all gradients are multiplied by, given all of them together."""
        length = float(np.sqrt(np.dot(gradients, gradients)))
        return self.norm / length if self.norm and length > self.norm else 1.0


class Arena:
    """The stored arrays of a program's parameters and states, shared by every Run of that network."""

    def __init__(self, program: Program, dtype: str = "float32") -> None:
        self.dtype = np.dtype(dtype)
        self.t = 0
        self._parameters = program.parameters
        order = _update_order(program)
        self._spans: dict[int, slice] = {}
        start = 0
        for i in order:
            self._spans[i] = slice(start, start + program.parameters[i].size)
            start += program.parameters[i].size
        self.values = full(start, 0, self.dtype)
        self.gradients = full(start, 0, self.dtype)
        self._where = {_identity(p): i for i, p in enumerate(program.parameters)}
        self._named = {
            parameter.key(view): (parameter, view) for parameter in program.parameters for view in parameter.views
        }
        self.states = {
            (slot.node, slot.name): np.full(slot.shape, slot.fill, self.dtype)
            for slot in program.slots
            if slot.role is Role.STATE and not slot.batched
        }
        self._vectors: dict[str, Array] = {}
        self._bound: dict[tuple[int, ...], list[Call]] = {}
        self._still = np.ones(start, bool)
        self.version = 0
        """Another number after everything that changes what an update does."""
        self.lock({})
        self.optimizer: Optimizer | None = None
        self.clipping = Clipping()
        self.rate = np.zeros((), self.dtype)
        """The learning rate of the step at hand, which a schedule may change from step to step."""

    def stored(self, parameter: Parameter) -> Array:
        """The array of a parameter, looked up by its node and views: programs of one network share it."""
        i = self._where[_identity(parameter)]
        return self.values[self._spans[i]].reshape(parameter.shape)

    def gradient(self, parameter: Parameter) -> Array:
        return self.part(self.gradients, parameter)

    def part(self, vector: Array, parameter: Parameter) -> Array:
        """The place of a parameter in a vector that is laid out as `values` are."""
        return vector[self._spans[self._where[_identity(parameter)]]].reshape(parameter.shape)

    def state(self, slot: Slot) -> Array:
        return self.states[slot.node, slot.name]

    def view(self, key: str) -> Array:
        """The live array called `key`. Raises KeyError."""
        if key in self._named:
            parameter, view = self._named[key]
            return view.of(self.stored(parameter))
        node, _, name = key.rpartition("/")
        return self.states[node, name]

    def keys(self) -> list[str]:
        return [*self._named, *(f"{node}/{name}" for node, name in self.states)]

    def load(self, weights: Weights) -> None:
        """Take over every array whose name is known here; shapes must agree (ValueError)."""
        for key in self.keys():
            if key in weights:
                target = self.view(key)
                if target.shape != weights[key].shape:
                    raise ValueError(f"{key} has shape {target.shape}, got {weights[key].shape}")
                with np.errstate(over="ignore"):
                    # Too large for this number format is infinite: training says so.
                    target[...] = weights[key]

    def weights(self) -> dict[str, Array]:
        """Copies of all arrays by name."""
        return {key: frozen(self.view(key)) for key in self.keys()}

    def lock(self, locked: Weights) -> None:
        """Let nothing but a hand move the numbers that are True in `locked` (arrays of bool by name, in users' layout);
        what was locked before is free again. Arrays of another shape say nothing about the weights here."""
        for parameter in self._parameters:
            still = self.still(parameter)
            for view in parameter.views:
                part, mask = view.of(still), locked.get(parameter.key(view))
                part[...] = not parameter.learns(view)
                if mask is not None and mask.shape == part.shape:
                    part |= mask
        self._unbind()

    def still(self, parameter: Parameter) -> Array:
        """Which numbers of a parameter's stored array no update moves: those of frozen views, and locked ones."""
        return self.part(self._still, parameter)

    def go_back(self, weights: Weights) -> None:
        """Take over weights of earlier, but for the numbers that nothing moves."""
        held = self.values[self._still]
        self.load(weights)
        self.values[self._still] = held

    def use(self, optimizer: Optimizer, clipping: Clipping | None = None) -> None:
        """Let `optimizer` do the updates from now on; its memory is kept where the kind stays the same."""
        self.clipping = clipping or Clipping()
        same = type(self.optimizer) is type(optimizer)
        before = {name: self._unit(name) for name in self._vectors}
        kept, self.t = (self._vectors, self.t) if same else ({}, 0)
        self.optimizer = optimizer
        for name, vector in kept.items():
            if before[name] != self._unit(name):
                vector *= before[name] / self._unit(name)
        self.rate[()] = optimizer.learning_rate
        self._vectors = {name: kept.get(name, like(self.values, 0)) for name in optimizer.vectors}
        self._unbind()

    def memory(self) -> Memory:
        """A copy of the optimiser's memory, cut up by parameter so that it survives a change of the drawing."""
        kind = type(self.optimizer).__name__
        cut = {
            f"{kind}.{vector}:{parameter.key(view)}": frozen(view.of(array[self._spans[i]].reshape(parameter.shape)))
            for vector, array in self._textbook().items()
            for i, parameter in enumerate(self._parameters)
            for view in parameter.views
        }
        return Memory(self.t, cut)

    def remember(self, memory: Memory) -> None:
        """Take up the memory of an optimiser of this kind again, where names and shapes still agree."""
        kind = type(self.optimizer).__name__
        if self._vectors and not any(name.startswith(f"{kind}.") for name in memory.vectors):
            return
        self.t = memory.t
        for vector, array in self._vectors.items():
            for i, parameter in enumerate(self._parameters):
                for view in parameter.views:
                    kept = memory.vectors.get(f"{kind}.{vector}:{parameter.key(view)}")
                    target = view.of(array[self._spans[i]].reshape(parameter.shape))
                    if kept is not None and kept.shape == target.shape:
                        target[...] = kept / self._unit(vector)

    def checkpoint(self) -> "Checkpoint":
        """A copy of everything here that a batch changes."""
        vectors = {name: array.copy() for name, array in self._vectors.items()}
        return Checkpoint(
            self.t, self.values.copy(), vectors, {key: array.copy() for key, array in self.states.items()}
        )

    def restore(self, checkpoint: "Checkpoint") -> None:
        """Go back to a checkpoint, in place."""
        self.t = checkpoint.t
        self.restore_values(checkpoint)
        for name, array in self._vectors.items():
            np.copyto(array, checkpoint.vectors[name])

    def restore_values(self, checkpoint: "Checkpoint") -> None:
        """Take parameters and states from a checkpoint of an arena of the same program."""
        np.copyto(self.values, checkpoint.values)
        for key, state in self.states.items():
            np.copyto(state, checkpoint.states[key])

    def at_checkpoint(self, checkpoint: "Checkpoint", parameter: Parameter) -> Array:
        """A parameter's stored array as it was at a checkpoint."""
        span = self._spans[self._where[_identity(parameter)]]
        return checkpoint.values[span].reshape(parameter.shape)

    def vector(self, name: str, parameter: Parameter) -> Array:
        """The optimiser's vector `name` (such as Adam's m) for one parameter, in its stored shape: the textbook's."""
        own, unit = self.part(self._vectors[name], parameter), self._unit(name)
        return own if unit == 1 else own * unit

    def _textbook(self) -> dict[str, Array]:
        """The vectors as the textbook has them; in float64 where they are kept in other units, so that they can come
        back as the very same bits."""
        units = {name: self._unit(name) for name in self._vectors}
        return {n: v if units[n] == 1 else np.asarray(v, np.float64) * units[n] for n, v in self._vectors.items()}

    def _unit(self, vector: str) -> float:
        return 1.0 if self.optimizer is None else self.optimizer.unit(vector, self.dtype)

    def flush(self) -> None:
        """Set what is next to nothing in the optimiser's memory to nothing: such numbers are slow to reckon with."""
        for vector in self._vectors.values():
            vector[np.abs(vector) < NEXT_TO_NOTHING] = 0

    def calls(self, step: Update) -> list[Call]:
        """What updates the parameters of a step, as things are at this `version`; the gradients must be there."""
        if step.parameters not in self._bound:
            self._bound[step.parameters] = self._bind(step.parameters)
        return self._bound[step.parameters]

    def _unbind(self) -> None:
        self._bound.clear()
        self.version += 1

    def _bind(self, parameters: tuple[int, ...]) -> list[Call]:
        assert self.optimizer is not None, "no optimiser was chosen"
        span = slice(self._spans[parameters[0]].start, self._spans[parameters[-1]].stop)
        still = self._still[span]
        masked = bool(still.any())
        gradient = self.gradients[span]
        applied = like(gradient, 0) if masked or self.clipping else gradient
        vectors = {name: array[span] for name, array in self._vectors.items()}
        values = self.values[span]
        calls = self.optimizer.bind(values, applied, vectors, self, self.rate)
        if not masked and not self.clipping:
            return calls
        held = values.copy()

        def before() -> None:
            # The gradient of what stays still is on show; the optimiser is given zero in its place.
            np.copyto(applied, self.clipped()[span] if self.clipping else gradient)
            np.copyto(applied, 0, where=still)
            np.copyto(held, values)

        # Decay and what an optimiser still remembers move weights without a gradient, too.
        return [before, *calls, partial(np.copyto, values, held, where=still)]

    def clipped(self) -> Array:
        """All gradients as the optimiser is given them; what does not learn has no part in their length."""
        cut = self.clipping.cut(np.where(self._still, 0, self.gradients))
        shortened: Array = cut * self.clipping.scale(cut)
        return shortened


def _identity(parameter: Parameter) -> tuple[str, ...]:
    return (parameter.node, *(view.name for view in parameter.views))


def _update_order(program: Program) -> list[int]:
    """Parameters that are updated first, so that one update can take them as one stretch."""
    updated = {i for step in program.steps if isinstance(step, Update) for i in step.parameters}
    return sorted(range(len(program.parameters)), key=lambda i: (i not in updated, i))


def frozen(array: Array) -> Array:
    """A contiguous read-only copy."""
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy


def initial_weights(program: Program, seed: int) -> dict[str, Array]:
    """Start values of every view and state, in float64: a pure function of the program and the seed."""
    weights: dict[str, Array] = {}
    for parameter in program.parameters:
        stored = np.zeros(parameter.shape)
        for view in parameter.views:
            key = parameter.key(view)
            weights[key] = frozen(initialise(view.initial, view.of(stored).shape, seed, key))
    for slot in program.slots:
        if slot.role is Role.STATE and not slot.batched:
            weights[f"{slot.node}/{slot.name}"] = frozen(np.full(slot.shape, slot.fill))
    return weights
