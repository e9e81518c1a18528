"""What the steps of a batch read and wrote: their arrays as the ops know them, and which number of the run is which."""

import inspect
import textwrap
from collections.abc import Callable, Sequence
from functools import cache, cached_property

from annstudio.engine.account import Factor, Remark, See, Term
from annstudio.engine.op import Array, Margin, Op, signature
from annstudio.engine.optimizers import Optimizer
from annstudio.engine.program import Phase, Role, Step
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity


class Reading:
    """The numbers of one stepper's batch, and the accounts that the ops give of them."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.program = stepper.program

    def see(self, step: Step, example: int, *, every: bool = False) -> See:
        """A step's arrays by the names that its op knows them by, for one example."""
        arrays = self.stepper.run.named(step)
        slots = slots_by_name(step)
        for name, slot in slots.items():
            if name in arrays and self.program.slots[slot].role in (Role.PARAMETER, Role.STATE):
                # After the update the run's array holds the new numbers; what was computed came from the old ones.
                arrays[name] = _with_inside(arrays[name], step, name, self.stepper.before_update(slot))
        batched = frozenset(name for name in arrays if name in slots and self.program.slots[slots[name]].batched)
        return See(arrays, batched, example, self.stepper.n, every)

    def account(self, step: Step, see: See, quantity: Quantity) -> tuple[Sequence[Term], list[Remark]]:
        """The terms of a number that the step wrote, and what else there is to say."""
        op, index = step.op, quantity.index
        kept = next((name for name, slot in step.buffers.items() if slot == quantity.slot), "")
        if kept:
            return op.kept_account(kept, see, index), []
        if step.backward:
            return op.gradient_account(_input_names(step)[step.gradients.index(quantity.slot)], see, index), []
        return op.account(see, index), op.remarks(see, index)

    def place(self, step: Step, factor: Factor) -> Quantity | None:
        """Which number of the run a factor is; None for the margin of a frame (a bias's 1, a padding's 0), and for what
        is worked out on the spot."""
        slot = slots_by_name(step).get(factor.array)
        if slot is None:
            return None
        shape = self.program.slots[slot].shape
        margin: Margin | None = None
        if factor.array in _input_names(step):
            margin = step.op.margin(factor.array, shape)
        index = factor.index
        if margin is not None:
            index = tuple(i - before for i, before in zip(index, margin.before, strict=True))
        if any(not 0 <= i < size for i, size in zip(index, shape, strict=True)):
            return None
        return self._brought(Quantity(self._outputs_again.get(slot, slot), index, factor.example))

    def is_weight(self, slot: int) -> bool:
        """Whether a slot holds weights, or some rows of them."""
        at = self._bringing.get(slot)
        return self.program.slots[slot].role is Role.PARAMETER or (at is not None and at.op.only_parts)

    # Private ---------------------------------------------------------------------------------------------------------

    def _brought(self, quantity: Quantity) -> Quantity:
        """A number that was only brought beside others, as what it was before."""
        at = self._bringing.get(quantity.slot)
        if at is None:
            return quantity
        (term,) = at.op.account(self.see(at, quantity.example or 0), quantity.index)
        return self.place(at, term.factors[0]) or quantity

    @cached_property
    def _bringing(self) -> dict[int, Step]:
        """The steps inside of composites that only bring numbers together, by what they write."""
        steps = [step for step in self.program.steps if isinstance(step, Step) and not step.backward]
        found = [step for step in steps if step.op.only_brings and step.scope]
        slots = self.program.slots
        found += [s for s in steps if s.op.only_parts and slots[s.inputs[0]].role is Role.PARAMETER]
        return {step.output: step for step in found}

    @cached_property
    def _outputs_again(self) -> dict[int, int]:
        """Buffers of losses that hold the output that they judge, by slot, and the slot of that output."""
        outputs = {judged.node: judged.output for judged in self.program.judged}
        steps = [step for step in self.program.steps if isinstance(step, Step) and not step.backward]
        return {
            step.buffers[step.op.repeats_output]: outputs[step.node]
            for step in steps
            if step.op.repeats_output and step.node in outputs
        }


# Of one step ---------------------------------------------------------------------------------------------------------


def slots_by_name(step: Step) -> dict[str, int]:
    """The slots of a step by the names its op knows them by."""
    names = _input_names(step)
    found = {"y": step.output, **dict(zip(names, step.inputs, strict=True)), **step.buffers}
    if step.output_gradient is not None:
        found["dy"] = step.output_gradient
    found |= {f"d{n}": slot for n, slot in zip(names, step.gradients, strict=False) if slot is not None}
    return found


def is_gradient(step: Step, factor: Factor) -> bool:
    """Whether a factor is a gradient that is handed on (in a step that adds gradients every input is one)."""
    return factor.array == "dy" if step.backward else step.phase is Phase.BACKWARD


def only_hands_on(step: Step) -> bool:
    """Whether a step of a composite only puts numbers elsewhere; what it brings together is told as that forwards."""
    return step.op.only_parts or (step.op.only_brings and bool(step.scope) and step.backward)


def source_of(owner: Op | Optimizer, method: str) -> str:
    """The source text of an op's or an optimiser's method, as it ran."""
    return _source(getattr(type(owner), method))


@cache
def _source(function: Callable[..., None]) -> str:
    return textwrap.dedent(inspect.getsource(function))


def _with_inside(array: Array, step: Step, name: str, inside: Array) -> Array:
    """An array as an op sees it, with other numbers inside its margin."""
    if array.shape == inside.shape:
        return inside
    shape = inside.shape[:-1]
    margin = step.op.margin(name, shape)
    assert margin is not None
    framed = array.copy()
    framed[margin.inside(shape)] = inside
    return framed


def _input_names(step: Step) -> tuple[str, ...]:
    return signature(step.op).input_names(len(step.inputs), step.buffers)
