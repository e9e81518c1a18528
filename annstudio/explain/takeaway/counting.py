"""How many numbers a paper tells, before it is written; and how much of a network fits into so many."""

from annstudio.engine.program import Parameter, Phase, Program, Role, Step, Update
from annstudio.explain.stepper import Stepper
from annstudio.explain.takeaway.extent import Extent


def shown(program: Program, step: Step) -> tuple[int, ...]:
    """What a step writes and a reader may ask for."""
    slots = (program.slots[slot] for slot in step.writes)
    return tuple(slot.index for slot in slots if slot.shown and slot.role is not Role.STATE)


def needed(program: Program) -> set[int]:
    """The gradients that lead to those of the weights; where there are no weights, all."""
    weights = {gradient for p in program.parameters if (gradient := program.gradients.get(p.slot)) is not None}
    if not weights:
        return set(program.gradients.values())
    found = set(weights)
    for step in reversed(program.steps):
        if isinstance(step, Step) and step.phase is Phase.BACKWARD and found.intersection(step.writes):
            found.update(slot for slot in step.reads if program.slots[slot].role is Role.GRADIENT)
    return found


def updated(program: Program) -> list[Parameter]:
    """The parameters that a batch updates."""
    which = {i for step in program.steps if isinstance(step, Update) for i in step.parameters}
    return [p for i, p in enumerate(program.parameters) if i in which and p.slot in program.gradients]


def n_numbers(stepper: Stepper, extent: Extent) -> int:
    """About how many numbers a paper of this extent tells."""
    program, optimizer = stepper.program, stepper.arena.optimizer
    weights = {p.slot: extent.n_stored(p) for p in program.parameters}
    told = {slot.index for slot in program.slots if slot.role in (Role.FEED, Role.NOISE, Role.CONSTANT, Role.STATE)}
    back = needed(program)
    for step in program.steps:
        if isinstance(step, Step) and step.phase is not Phase.UPDATE:
            slots = shown(program, step)
            told.update(slot for slot in slots if not step.backward or slot in back)
    gradients = {gradient: weights[slot] for slot, gradient in program.gradients.items() if slot in weights}
    total = sum(weights.values())
    for slot in map(program.slots.__getitem__, told):
        examples = stepper.n if slot.batched else 1
        total += gradients.get(slot.index, extent.count(slot.shape) * examples)
    if optimizer is not None:
        memory = dict.fromkeys(optimizer.vectors, 0.0)
        lines = len(optimizer.account(0.0, 0.0, memory, 1)) + len(memory)
        total += lines * sum(weights[p.slot] for p in updated(program))
    return total


def fitting(stepper: Stepper, most: int) -> Extent:
    """The largest extent whose paper tells at most so many numbers; at the least one unit of every layer."""
    if n_numbers(stepper, Extent()) <= most:
        return Extent()
    low, high = 1, max((size for slot in stepper.program.slots for size in slot.shape), default=1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if n_numbers(stepper, Extent(middle)) <= most else (low, middle - 1)
    return Extent(low)
