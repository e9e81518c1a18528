"""Which elements won where an op chooses: the largest of a pooling window, or of several branches."""

from typing import Any

import numpy as np

from annstudio.engine.op import signature
from annstudio.engine.program import Step
from annstudio.engine.run import Run
from annstudio.engine.sight import Bools
from annstudio.explain.told import Quantity


def winners(run: Run, step: Step, of: Quantity | None = None, example: int = 0) -> dict[int, Bools]:
    """By slot the inputs' elements that won, for all results or for one: those to which the op's own way back leads.

    The step, whose op must be one that `chooses`, has to be done.
    """
    assert step.op.chooses
    slots, names = run.program.slots, signature(step.op)
    inputs = names.input_names(len(step.inputs), step.buffers)
    known: dict[str, Any] = dict(run.named(step))
    dy = known["dy"] = np.zeros(known["y"].shape)
    dy[... if of is None else (*of.index, example)] = 1
    gradients = {name: np.zeros((*slots[slot].shape, run.n)) for name, slot in zip(inputs, step.inputs, strict=True)}
    known |= {f"d{name}": gradient for name, gradient in gradients.items()}
    if names.variadic:
        known |= {names.variadic: tuple(known[name] for name in inputs), f"d{names.variadic}": (*gradients.values(),)}
    step.op.backward(*(known[name] for name in names.backward))
    found: dict[int, Bools] = {}
    for name, slot in zip(inputs, step.inputs, strict=True):
        won = gradients[name][..., example] != 0
        if won.any():
            found[slot] = found[slot] | won if slot in found else won
    return found
