"""Which arrays of a program have a frame around them: the border of an image, the row of ones that carries a bias."""

from annstudio.engine.op import Margin, signature
from annstudio.engine.program import Program, Step


def demanded_margins(program: Program) -> dict[int, Margin]:
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
