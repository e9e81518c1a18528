"""The chain rule written out as steps.

Walking the forward steps backwards, each op turns the gradient of its result into those of its inputs. Where a value
was used in several places its gradients are added in a step of their own, so that the meeting of paths can be seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from annstudio.engine.account import See, Term
from annstudio.engine.op import Array, Index, Op, Shape, same_shape, signature
from annstudio.engine.program import AnyStep, Parameter, Phase, Program, Role, Slot, Step, Update

DIFFERENTIABLE = (Role.PARAMETER, Role.FEED, Role.VALUE, Role.STATE)


class AddGradients(Op):
    """Where paths meet, their gradients add."""

    formula = r"\partial E / \partial x = \sum_{\text{paths}} \partial E / \partial x_{\text{path}}"

    def shape(self, *inputs: Shape) -> Shape:
        return same_shape(*inputs)

    def forward(self, y: Array, *xs: Array) -> None:
        np.add(xs[0], xs[1], y)
        for x in xs[2:]:
            np.add(y, x, y)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see(name, *index),)) for name in see.branches]


class _Walk:
    """The state of one walk back: gradients met so far, and the steps written."""

    def __init__(self, program: Program, wanted: set[int]) -> None:
        self.slots = list(program.slots)
        self.met: dict[int, list[int]] = defaultdict(list)
        self.total: dict[int, int] = {}
        self.steps: list[AnyStep] = []
        self.wanted = wanted

    def slot(self, of: int, name: str) -> int:
        like = self.slots[of]
        index = len(self.slots)
        self.slots.append(Slot(index, Role.GRADIENT, like.shape, like.node, name, like.batched))
        return index

    def gather(self, of: int, node: str, scope: str = "") -> int | None:
        """The whole gradient of a slot: the one that was met, or a step that adds them."""
        if of in self.total:
            return self.total[of]
        parts = self.met.get(of)
        if not parts:
            return None
        if len(parts) > 1:
            whole = self.slot(of, f"d{self.slots[of].name}")
            self.steps.append(Step(Phase.BACKWARD, AddGradients(), node, tuple(parts), whole, scope=scope))
            parts = [whole]
        self.total[of] = parts[0]
        return parts[0]

    def back(self, step: Step) -> None:
        dy = self.gather(step.output, step.node, step.scope)
        if dy is None:
            return
        names = signature(step.op).input_names(len(step.inputs), step.buffers)
        gradients: list[int | None] = []
        for name, slot in zip(names, step.inputs, strict=True):
            if name in step.op.without_gradient or slot not in self.wanted:
                gradients.append(None)
                continue
            gradient = self.slot(slot, f"d{self.slots[slot].name}")
            self.met[slot].append(gradient)
            gradients.append(gradient)
        if any(gradient is not None for gradient in gradients):
            self.steps.append(
                replace(step, phase=Phase.BACKWARD, backward=True, gradients=tuple(gradients), output_gradient=dy)
            )


def _wanted(program: Program) -> set[int]:
    """Slots whose gradient is worth having: in the plain reading all, in the fast one those that lead to learning."""
    if program.plain:
        return {slot.index for slot in program.slots if slot.role in DIFFERENTIABLE and slot.dtype == "float"}
    wanted = {p.slot for p in program.parameters if any(p.learns(view) for view in p.views)}
    for step in program.steps:
        if isinstance(step, Step) and any(slot in wanted for slot in step.inputs):
            wanted.add(step.output)
    return wanted


def differentiate(program: Program, carries: Sequence[Step] = ()) -> Program:
    """The program with its way back and its update. `carries` are the steps that hand state to the next batch."""
    assert program.loss is not None, "a program without a loss has no way back"
    walk = _Walk(program, _wanted(program))
    seed = walk.slot(program.loss, "dE")
    walk.slots[seed] = replace(walk.slots[seed], role=Role.CONSTANT)
    walk.met[program.loss].append(seed)
    for step in reversed(program.steps):
        assert isinstance(step, Step)
        walk.back(step)
    for parameter in program.parameters:
        walk.gather(parameter.slot, parameter.node)
    if program.plain:
        for given in program.slots:
            if given.role in (Role.FEED, Role.STATE):
                walk.gather(given.index, given.node)
    steps = (*program.steps, *walk.steps, *_updates(program, walk.total), *carries)
    return replace(
        program,
        slots=tuple(walk.slots),
        steps=steps,
        constants={**program.constants, seed: 1.0},
        gradients=walk.total,
    )


def asking(program: Program, of: int, toward: Iterable[int]) -> Program:
    """The way back from any value instead of the loss: slots and steps of a program that asks what changes `of`.

    Its slots are those of `program`, whose values it reads, and gradients of its own; where it begins, the gradient of
    `of` towards itself, is for whoever asks to fill. Its steps are the way back alone, and of that only what leads to
    the slots in `toward`.
    """
    ahead = [step for step in program.steps if isinstance(step, Step) and step.phase in (Phase.FORWARD, Phase.LOSS)]
    walk = _Walk(program, _wanted(program) & _reached(ahead, toward))
    start = walk.slot(of, f"d{program.slots[of].name}")
    walk.met[of].append(start)
    for step in reversed(ahead):
        walk.back(step)
    for slot in program.slots:
        if slot.role in DIFFERENTIABLE and slot.index in walk.met:
            walk.gather(slot.index, slot.node)
    slots, steps = tuple(walk.slots), tuple(walk.steps)
    # Whoever asks fills the start, even where no step leads on from it.
    constants = {**program.constants, start: 0.0}
    return replace(
        program, slots=slots, steps=steps, constants=constants, gradients=walk.total, loss=None, training=False
    )


def _reached(ahead: Iterable[Step], from_: Iterable[int]) -> set[int]:
    """Some slots, and all that are worked out from them."""
    found = set(from_)
    for step in ahead:
        if not found.isdisjoint(step.inputs):
            found.add(step.output)
    return found


def _updates(program: Program, gradients: dict[int, int]) -> Iterable[Update]:
    """One update for each parameter, last layer first, or in the fast reading one for all."""
    learning = [i for i, p in enumerate(program.parameters) if _learns(p) and p.slot in gradients]
    if program.plain:
        return [Update((i,), program.parameters[i].node) for i in reversed(learning)]
    return [Update(tuple(learning), "")] if learning else []


def _learns(parameter: Parameter) -> bool:
    return any(parameter.learns(view) for view in parameter.views)
