"""Slips on the way back: without a factor of the chain rule, with other weights, with other numbers in it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from annstudio.engine.program import Phase, Role
from annstudio.explain.case import BACKWARD, Case, Slip
from annstudio.explain.catalogue import Asked, Kind
from annstudio.explain.names import plain
from annstudio.explain.rework import Mistake, copied, during, put_all, together
from annstudio.explain.slips.forward import transposed
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity

MOST_ALONE = 6
"""Where f′ could have been forgotten in more layers, only all of them together are tried."""
MOST_NAMED, MOST_STEPS = 3, 4
"""So many weights are named; so many steps on the way back are looked through for them."""
A_FACTOR_MORE = "The chain rule has a factor more there: ∂out/∂net."


def forgot_slope(case: Case) -> Iterator[Slip]:
    """The chain rule without ∂out/∂net, in one layer or in all."""
    found = {
        node: {
            i: copied(s.output_gradient, s.gradients[0])
            for i, s in steps.items()
            if s.output_gradient is not None and s.gradients[0] is not None
        }
        for node, steps in case.by_node(case.activations(case.backward())).items()
    }
    alone = []
    for node, after in found.items() if len(found) <= MOST_ALONE else ():
        sentence = f"This is what comes out without f′ of {node}. {A_FACTOR_MORE}"
        alone.append(case.slip("forgot f′", Mistake(after=after), sentence, BACKWARD))
    yield from alone
    if len(found) > 1:
        everywhere = {i: meddle for after in found.values() for i, meddle in after.items()}
        sentence = f"This is what comes out without any f′. {A_FACTOR_MORE}"
        both = case.slip("forgot f′", Mistake(after=everywhere), sentence, BACKWARD)
        # Where one layer alone makes the same difference, that one is meant.
        told = {(name, number) for slip in alone for name, number in slip.numbers.items()}
        yield replace(both, numbers=dict(both.numbers.items() - told))


def used_updated_weights(case: Case) -> Iterator[Slip]:
    """The way back with weights that have been updated already."""
    way_back = sorted(case.backward())
    updates = case.catalogue.program.in_phase(Phase.UPDATE)
    if not way_back or not updates:
        return
    slots = [p.slot for p in case.catalogue.program.parameters if p.trainable]
    with case.at_the_end():
        new = {slot: np.array(case.stepper.array(slot)) for slot in slots}
    old = {slot: case.stored(slot) for slot in slots}
    numbers = case.reworked(Mistake({way_back[0]: put_all(new), updates[0]: put_all(old)}))

    def sentence(asked: Asked) -> str:
        which = _weights_behind(case, asked)
        several = len(which) != 1
        told = " and ".join(which) if 0 < len(which) <= MOST_NAMED else "weights"
        return (
            f"This is what comes out with the new {told}. Backpropagation uses the "
            f"weight{'s' * several} from before the update."
        )

    yield Slip("used the updated weight", numbers, sentence)


def transposed_backward(case: Case) -> Iterator[Slip]:
    """The matrix read row by row on the way back."""
    yield from transposed(
        case, case.backward(),
        "This is what comes out with rows and columns of W of {} mixed up on the way back. There the sum goes over "
        "the units that a value went to: one column of W.",
    )  # fmt: skip


def net_for_out(case: Case) -> Iterator[Slip]:
    """The sum in place of out, in the factors of the chain rule alone."""
    for node, steps in case.by_node(case.activations(case.forward())).items():
        outputs = {step.output: step.inputs[0] for step in steps.values()}
        with case.at_the_end():
            arrays = {slot: np.array(case.stepper.array(slot)) for pair in outputs.items() for slot in pair}
        uses: dict[str, list[Mistake]] = {}
        for i, back in case.backward().items():
            for output in outputs.keys() & {back.output, *back.inputs}:
                where = "f′" if back.output == output else f"the factor that goes into {back.node}"
                uses.setdefault(where, []).append(during(i, output, arrays[outputs[output]], arrays[output]))
        for where, mistakes in uses.items():
            sentence = f"This is what comes out with net of {node} in place of out, in {where}."
            yield case.slip("took net for out", together(mistakes), sentence, BACKWARD)


def forgot_rate(case: Case) -> Iterator[Slip]:
    """The whole gradient as the step."""
    updates = case.catalogue.program.in_phase(Phase.UPDATE)
    if updates and case.stepper.rate != 1:
        yield case.slip(
            "forgot the learning rate", Mistake({updates[0]: _rate_of_one}),
            f"This is what comes out without the learning rate. The step is η = {case.stepper.rate:g} times the "
            "gradient.", frozenset({Kind.NEW}),
        )  # fmt: skip


def _weights_behind(case: Case, asked: Asked) -> list[str]:
    """The symbols of the weights that a gradient came back through last; none where they are many or there are none."""
    explainer = case.catalogue.explainer
    slot = case.catalogue.program.gradients.get(asked.quantity.slot) if asked.new else asked.quantity.slot
    with case.at_the_end():
        at = [] if slot is None else [replace(asked.quantity, slot=slot)]
        for _ in range(MOST_STEPS):
            parts = [part for quantity in at for row in explainer.derive(quantity).rows for part in row.parts]
            known = [part for part in parts if part.quantity is not None]
            weights = [p for p in known if _role(case, p.quantity) is Role.PARAMETER]
            if weights or not known:
                return list(dict.fromkeys(plain(part.symbol) for part in weights))
            at = [p.quantity for p in known if p.quantity and _role(case, p.quantity) is Role.GRADIENT]
    return []


def _role(case: Case, quantity: Quantity | None) -> Role | None:
    return None if quantity is None else case.catalogue.program.slots[quantity.slot].role


def _rate_of_one(stepper: Stepper) -> None:
    stepper.arena.rate[()] = 1.0
