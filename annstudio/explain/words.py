"""What steps and their arrays are called in a few words: net, out, ∂E/∂W, paths added."""

from collections.abc import Callable

from annstudio.engine.program import AnyStep, Program, Role, Step, Update
from annstudio.explain.moments import gradient_pairs


def written_text(program: Program, step: AnyStep, called: Callable[[str], str] = str) -> str:
    """What a step writes, in short: net, ∂E/∂W and ∂E/∂out of hidden. Its own place (t = 3) is left out; `called` says
    what a node is called."""
    if isinstance(step, Update):
        views = [view.name for i in step.parameters for view in program.parameters[i].views
                 if program.parameters[i].learns(view)]  # fmt: skip
        return ", ".join(views)
    if not step.backward:
        slot = program.slots[step.output]
        if slot.role is Role.GRADIENT:
            of = next(i for i, gradient in program.gradients.items() if gradient == step.output)
            return f"∂E/∂{_word(program, of, step, called)}, paths added"
        return _word(program, step.output, step, called)
    words = [word for of, _ in gradient_pairs(program, step) for word in _word(program, of, step, called).split(", ")]
    return ", ".join(f"∂E/∂{word}" for word in words)


def slot_word(program: Program, slot: int) -> str:
    """What the numbers of a slot are called in short: net, out (what a layer gives), W, mask; inside a composite with
    their place."""
    described = program.slots[slot]
    if described.scope:
        return f"{described.name} at {described.scope}"
    gives = described.role is Role.VALUE and described.shape and described.name not in ("net", "s")
    return "out" if gives and program.outputs.get(described.node) == slot else described.name


def _word(program: Program, slot: int, step: Step, called: Callable[[str], str]) -> str:
    described = program.slots[slot]
    if described.role is Role.FEED:
        return called(described.node)
    word = described.name if described.scope == step.scope and described.scope else slot_word(program, slot)
    return word if described.node == step.node or not described.shape else f"{word} of {called(described.node)}"
