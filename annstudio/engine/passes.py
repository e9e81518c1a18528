"""Rewrites that make the fast reading of a Program fast; each keeps what the program computes.

Passes know steps and slots, not layers: what may be done with an op is declared by the op itself. `fuse` comes before
the chain rule is written out, `quicken` after it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import replace

from annstudio.engine.margins import demanded_margins
from annstudio.engine.op import Buffer, Op, signature
from annstudio.engine.program import AnyStep, Program, Role, Slot, Step
from annstudio.engine.slopes import together
from annstudio.engine.twins import better, fast


def fuse(program: Program, carried: Set[int] = frozenset()) -> Program:
    """Ops that follow each other become better ones where they declare it (`twins.following`, `Op.by_products`).

    `carried` are slots that are handed to the next batch.
    """
    return _with_by_products(_with_successors(program, carried), carried)


def quicken(program: Program) -> Program:
    """The program after all passes. Programs for looking (`plain`) are left as they are."""
    if program.plain:
        return program
    for rewrite in (_fast_ops, _without_dead_steps, _relayed, _gradients_kept, _in_place, _with_true_outputs, together):
        program = rewrite(program)
    return program


# Before the chain rule -------------------------------------------------------------------------------------------


def _with_successors(program: Program, carried: Set[int]) -> Program:
    slots = list(program.slots)
    known = {program.loss, *program.losses.values(), *(judged.output for judged in program.judged), *carried}
    readers = Counter(slot for step in program.steps if isinstance(step, Step) for slot in step.inputs)
    # One walk: what a rule gives is looked at again, what lies behind has been looked at for good.
    done: list[AnyStep | None] = []
    made_by: dict[int, int] = {}
    ahead = list(reversed(program.steps))
    seen: set[int] = set()
    while ahead:
        step = ahead.pop()
        if isinstance(step, Step):
            at = made_by.get(step.inputs[0]) if step.inputs else None
            before = None if at is None else done[at]
            free = isinstance(before, Step) and readers[before.output] == 1 and before.output not in known
            # What it keeps for others must not come later than they do.
            if isinstance(before, Step) and free and seen.isdisjoint(before.buffers.values()):
                ops = better(step.op, before.op)
                if ops is not None:
                    done[made_by.pop(before.output)] = None
                    ahead += reversed(_chained(ops, before, step, slots))
                    continue
            made_by[step.output] = len(done)
            seen.update(step.inputs)
        done.append(step)
    steps = [step for step in done if step is not None]
    outputs = _still_there(program.outputs, steps, program)
    return replace(program, slots=tuple(slots), steps=tuple(steps), outputs=outputs)


def _chained(ops: tuple[Op, ...], before: Step, step: Step, slots: list[Slot]) -> list[AnyStep]:
    """The steps of `ops`, from the inputs of both to the result of `step`; new slots are added. What `before` keeps
    and others may look at, such as the mean of a batch, stays where it is."""
    chain: list[AnyStep] = []
    inputs = (*before.inputs, *step.inputs[1:])
    for op in ops:
        shapes = [slots[i].shape for i in inputs]
        there = {} if chain else {n: before.buffers[n] for n in before.op.looked_at}
        buffers = {
            name: there[name] if name in there else _add_buffer(slots, step.node, name, b)
            for name, b in op.buffers(*shapes).items()
        }
        output = step.output
        if op is not ops[-1]:
            batched = op.batched(*(slots[i].batched for i in inputs))
            output = len(slots)
            slots.append(Slot(output, Role.VALUE, op.shape(*shapes), step.node, type(op).__name__.lower(), batched))
        chain.append(replace(step, op=op, inputs=inputs, output=output, buffers=buffers))
        inputs = (output,)
    return chain


def _with_by_products(program: Program, carried: Set[int]) -> Program:
    """What a later step works out on the way is not worked out twice, if nothing but eyes wait for it."""
    steps = [step for step in program.steps if isinstance(step, Step)]
    read = {slot for step in steps for slot in step.inputs} | carried
    unread: dict[tuple[int, ...], list[Step]] = defaultdict(list)
    for step in steps:
        if step.output not in read:
            unread[step.inputs].append(step)
    instead: dict[int, int] = {}
    for giver in steps:
        for buffer, op in giver.op.by_products.items():
            instead |= {step.output: giver.buffers[buffer] for step in unread[giver.inputs[:1]] if step.op == op}
    return replace(
        program,
        steps=tuple(step for step in program.steps if not isinstance(step, Step) or step.output not in instead),
        outputs={node: instead.get(slot, slot) for node, slot in program.outputs.items()},
        judged=tuple(replace(judged, output=instead.get(judged.output, judged.output)) for judged in program.judged),
    )


# After it ----------------------------------------------------------------------------------------------------------


def _fast_ops(program: Program) -> Program:
    """Every op becomes its quick twin, with slots for what the twin keeps beside."""
    slots = list(program.slots)
    buffers: dict[int, dict[str, int]] = {}
    steps: list[AnyStep] = []
    for step in program.steps:
        if isinstance(step, Step):
            op = fast(step.op)
            if not step.backward:
                wanted = op.buffers(*(slots[i].shape for i in step.inputs))
                buffers[step.output] = {
                    name: step.buffers[name] if name in step.buffers else _add_buffer(slots, step.node, name, b)
                    for name, b in wanted.items()
                }
            step = replace(step, op=op, buffers=buffers[step.output])
        steps.append(step)
    return replace(program, slots=tuple(slots), steps=tuple(steps))


def _add_buffer(slots: list[Slot], node: str, name: str, b: Buffer) -> int:
    slots.append(Slot(len(slots), Role.BUFFER, b.shape, node, name, b.batched, b.dtype, b.fill, b.shown))
    return len(slots) - 1


def _without_dead_steps(program: Program) -> Program:
    """Only steps that lead to the loss, to what is judged by eye, to an update or to a carried state."""
    needed = {program.loss, *program.losses.values(), *(judged.output for judged in program.judged)}
    needed |= {judged.lengths for judged in program.judged}
    if program.loss is None:
        needed |= set(program.outputs.values())
    # A state that is carried on, and weights that are kept within a limit.
    needed |= {slot.index for slot in program.slots if slot.role in (Role.STATE, Role.PARAMETER)}
    needed |= {program.gradients.get(parameter.slot) for parameter in program.parameters}
    kept: list[AnyStep] = []
    for step in reversed(program.steps):
        if not isinstance(step, Step) or needed.intersection(step.writes):
            kept.append(step)
            needed |= set(step.reads) if isinstance(step, Step) else set()
    steps = kept[::-1]
    return replace(program, steps=tuple(steps), outputs=_still_there(program.outputs, steps, program))


def _relayed(program: Program) -> Program:
    """What merely lays an array out in another shape needs no step: both are one memory."""
    margins = demanded_margins(program)
    shares = dict(program.shares)
    steps: list[AnyStep] = []
    for step in program.steps:
        if not isinstance(step, Step) or not step.op.relays:
            steps.append(step)
            continue
        x, y = (step.gradients[0], step.output_gradient) if step.backward else (step.inputs[0], step.output)
        assert x is not None
        assert y is not None
        free = program.slots[x].role in (Role.VALUE, Role.FEED, Role.GRADIENT) and x not in shares
        if free and x not in margins and (y not in margins or margins[y].only_below):
            shares[x] = y
        else:
            steps.append(step)
    return replace(program, steps=tuple(steps), shares=shares)


def _gradients_kept(program: Program) -> Program:
    """The gradient of the loss towards its input, where the loss kept it: no second array."""
    shares = dict(program.shares)
    for step in program.steps:
        if isinstance(step, Step) and step.backward and program.slots[step.output_gradient or 0].role is Role.CONSTANT:
            names = dict(zip(input_names(step), step.gradients, strict=True))
            for name, buffer in step.op.keeps_gradient.items():
                gradient = names[name]
                if gradient is not None and gradient not in shares:
                    shares[gradient] = step.buffers[buffer]
    return replace(program, shares=shares)


def _in_place(program: Program) -> Program:
    """Results take the place of inputs that nobody looks at again."""
    margins = demanded_margins(program)
    last = _last_readers(program)
    memory = _Memory(program, last)
    kept = {*(judged.output for judged in program.judged), *program.losses.values()}
    for i, step in enumerate(program.steps):
        if not isinstance(step, Step) or not step.op.in_place:
            continue
        if step.backward:
            new, old = step.gradients[0], step.output_gradient
            if new is None or old is None or not memory.is_alone(new) or program.slots[old].role is Role.CONSTANT:
                continue
            if memory.last_read(old) <= i:
                memory.share(new, old)
            continue
        x, y = step.inputs[0], step.output
        # A sum that meets its first input again further on would find itself there.
        once = step.inputs.count(x) == 1
        lone = once and memory.is_alone(x) and x not in margins and x not in kept
        fits = program.slots[x].role is Role.VALUE and (y not in margins or margins[y].only_below)
        if lone and fits and last.get(x, -1) <= i:
            memory.share(x, y)
    return replace(program, shares=memory.shares)


class _Memory:
    """Which slots lie in one memory while that grows, and which step is the last to read any of them."""

    def __init__(self, program: Program, last: Mapping[int, int]) -> None:
        self.shares = dict(program.shares)
        self._shared = set(self.shares.values())
        self._root = {slot: program.root(slot) for slot in self.shares}
        self._last = dict(last)
        for slot, root in self._root.items():
            self._last[root] = max(self.last_read(root), last.get(slot, -1))

    def is_alone(self, slot: int) -> bool:
        return slot not in self.shares and slot not in self._shared

    def last_read(self, slot: int) -> int:
        """The position of the last step that reads the memory a slot lies in; -1 where none does."""
        return self._last.get(self._root.get(slot, slot), -1)

    def share(self, slot: int, other: int) -> None:
        """From now on `slot`, which was alone, lies where `other` does."""
        root = self._root.get(other, other)
        self.shares[slot] = other
        self._shared.add(other)
        self._root[slot] = root
        self._last[root] = max(self.last_read(root), self._last.get(slot, -1))


def _with_true_outputs(program: Program) -> Program:
    """Outputs that something was written over are no outputs any more."""
    overwritten = {s.inputs[0] for s in program.steps if isinstance(s, Step) and not s.backward and s.op.in_place}
    gone = {slot for slot in overwritten if slot in program.shares}
    return replace(program, outputs={node: slot for node, slot in program.outputs.items() if slot not in gone})


def input_names(step: Step) -> tuple[str, ...]:
    """What the op of a step calls its inputs."""
    return signature(step.op).input_names(len(step.inputs), step.buffers)


def _last_readers(program: Program) -> dict[int, int]:
    """The position of the last step that reads a slot."""
    return {slot: i for i, step in enumerate(program.steps) if isinstance(step, Step) for slot in step.reads}


def _still_there(outputs: Mapping[str, int], steps: list[AnyStep], program: Program) -> dict[str, int]:
    """The outputs that are still worked out by a step or come from outside."""
    there = {slot.index for slot in program.slots if slot.role not in (Role.VALUE, Role.BUFFER)}
    there.update(slot for step in steps if isinstance(step, Step) for slot in step.writes)
    return {node: slot for node, slot in outputs.items() if slot in there}
