"""The mistakes that are made again and again in working out a network by hand, each recomputed.

A slip says which numbers come out where it is made: the batch is done again with it (`explain/rework.py`), or it is
made with the right numbers alone, as with a wrong sign. Whoever gave such a number is told what may have happened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import Phase, Role, Step
from annstudio.explain.asked import Asked, Kind
from annstudio.explain.case import Case, Slip
from annstudio.explain.derivation import Quantity
from annstudio.explain.names import plain
from annstudio.explain.rework import Meddle, Mistake, copied, during, put, rounded, scaled, together
from annstudio.explain.stepper import Stepper

MOST_ALONE = 6
"""Where more layers could have been forgotten, only all of them together are tried, and the one at hand."""
MOST_SHIFTS = 3
"""Targets are taken from so many places further on at most."""
ROUNDED = (2, 3, 4, 5, 6)
"""To so many digits people round too early."""

MOST_NAMED, MOST_STEPS = 3, 4
"""So many weights are named; so many steps on the way back are looked through for them."""
HALF = r"\tfrac{1}{2}"
A_FACTOR_MORE = "The chain rule has a factor more there: ∂out/∂net."
BACKWARD = frozenset({Kind.DELTA, Kind.GRADIENT, Kind.NEW})


def slips(case: Case) -> Iterator[Slip]:
    """Every slip that can be made in a batch, those that are told first at the front."""
    for make in _ALL:
        yield from make(case)


# With the right numbers alone -----------------------------------------------------------------------------------------


def wrong_sign(case: Case) -> Iterator[Slip]:
    """Minus for plus; the sign of every gradient turns round where target and output are exchanged."""

    def sentence(asked: Asked) -> str:
        if asked.kind in (Kind.DELTA, Kind.GRADIENT):
            return "The sign is wrong. The error's slope is −(target − out): whoever takes target − out turns it round."
        return "The sign is wrong."

    yield Slip("wrong sign", {a.name: -case.right[a.name] for a in case.asked if not a.new}, sentence)


def added_the_step(case: Case) -> Iterator[Slip]:
    """Up the slope instead of down."""
    numbers = {
        a.name: 2 * float(case.stored(a.quantity.slot)[a.quantity.index]) - case.right[a.name]
        for a in case.asked
        if a.new
    }
    yield Slip(
        "added the step", numbers,
        lambda a: "The step was added. The error falls against its slope, so the step is subtracted: w − η · ∂E/∂w.",
    )  # fmt: skip


def step_alone(case: Case) -> Iterator[Slip]:
    """The change of a weight for the weight."""
    steps = {
        a.name: float(case.stored(a.quantity.slot)[a.quantity.index]) - case.right[a.name] for a in case.asked if a.new
    }
    for sign in (1, -1):
        yield Slip(
            "the step alone", {name: sign * step for name, step in steps.items()},
            lambda a: "This is the step alone. The new weight is the old one less the step.",
        )  # fmt: skip


def gradient_or_step(case: Case) -> Iterator[Slip]:
    """The gradient for the new weight, and the step for the gradient."""
    rate = case.stepper.rate
    gradients = {
        a.name: case.catalogue.program.gradients[a.quantity.slot] if a.new else a.quantity.slot
        for a in case.asked
        if a.kind in (Kind.GRADIENT, Kind.NEW)
    }
    with case.at_the_end():
        numbers = {
            a.name: float(case.stepper.array(gradients[a.name])[a.quantity.index])
            for a in case.asked
            if a.name in gradients
        }
    new = {a.name for a in case.asked if a.new}
    yield Slip(
        "the gradient alone", {name: number for name, number in numbers.items() if name in new},
        lambda a: "This is the gradient. The new weight is w − η · ∂E/∂w.",
    )  # fmt: skip
    yield Slip(
        "the step for the gradient", {name: rate * number for name, number in numbers.items() if name not in new},
        lambda a: f"This is the step, η times the gradient. Asked is the gradient itself, without η = {rate:g}.",
    )  # fmt: skip


def rows_for_columns(case: Case) -> Iterator[Slip]:
    """The number that belongs at the mirrored place of the same matrix."""
    mirrored: dict[str, tuple[float, str]] = {}
    with case.at_the_end():
        for asked in case.asked:
            other = case.catalogue.mirrored(asked)
            if other is not None:
                mirrored[asked.name] = (case.number(other), case.symbol(other))

    def sentence(asked: Asked) -> str:
        return (
            f"This is {mirrored[asked.name][1]}: rows and columns are mixed up. W[i, j] leads into unit i from unit j."
        )

    yield Slip("rows for columns", {name: number for name, (number, _) in mirrored.items()}, sentence)


# On the way forward ---------------------------------------------------------------------------------------------------


def forgot_bias(case: Case) -> Iterator[Slip]:
    """A sum without the unit that is always on."""
    for node, steps in case.by_node(case.forward()).items():
        without = together(
            during(i, slot, zero, right) for i, s in steps.items() for slot, zero, right in _biases(case, s)
        )
        if without.before:
            yield case.slip(
                "forgot the bias", without,
                f"This is what comes out without the bias of {node}. Its unit is always on: add b.",
            )  # fmt: skip


def forgot_activation(case: Case) -> Iterator[Slip]:
    """The sum goes on in place of out, from there on."""
    for node, steps in case.by_node(case.activations(case.forward())).items():
        yield case.slip(
            "took net for out", Mistake(after={i: copied(s.inputs[0], s.output) for i, s in steps.items()}),
            f"This is what comes out with net of {node} in place of out: the activation was forgotten.",
        )  # fmt: skip


def transposed_forward(case: Case) -> Iterator[Slip]:
    """The matrix read column by column in a sum."""
    yield from _transposed(
        case, case.forward(),
        "This is what comes out with rows and columns of W of {} mixed up. net of unit j is the sum over i of "
        "w from i to j: one row of W.",
    )  # fmt: skip


# On the way back ------------------------------------------------------------------------------------------------------


def forgot_mean(case: Case) -> Iterator[Slip]:
    """A sum over the examples where their mean is meant."""
    n = case.stepper.n
    if n == 1:
        return
    losses = set(case.catalogue.program.losses.values())
    means = {
        i: s for i, s in case.steps.items() if s.output in losses and case.catalogue.program.slots[s.inputs[0]].batched
    }
    after = {i: scaled(s.output, n) for i, s in means.items() if not s.backward}
    after |= {i: scaled(g, n) for i, s in means.items() if s.backward for g in s.gradients[:1] if g is not None}
    yield case.slip(
        "forgot ÷n", Mistake(after=after),
        f"This is what comes out without dividing by n = {n}. The error is the mean over the examples of the batch.",
    )  # fmt: skip


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
    yield from _transposed(
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


# At the update --------------------------------------------------------------------------------------------------------


def forgot_rate(case: Case) -> Iterator[Slip]:
    """The whole gradient as the step."""
    updates = case.catalogue.program.in_phase(Phase.UPDATE)
    if updates and case.stepper.rate != 1:
        yield case.slip(
            "forgot the learning rate", Mistake({updates[0]: _rate_of_one}),
            f"This is what comes out without the learning rate. The step is η = {case.stepper.rate:g} times the "
            "gradient.", frozenset({Kind.NEW}),
        )  # fmt: skip


def not_updated(case: Case) -> Iterator[Slip]:
    """The weight as it was."""
    numbers = {a.name: float(case.stored(a.quantity.slot)[a.quantity.index]) for a in case.asked if a.new}
    yield Slip("not updated", numbers, lambda a: "This is the weight from before the update.")


# Anywhere -------------------------------------------------------------------------------------------------------------


def forgot_half(case: Case) -> Iterator[Slip]:
    """The ½ of the lecture's squared error."""
    halves = {i: s for i, s in case.steps.items() if s.phase in (Phase.LOSS, Phase.BACKWARD) and HALF in s.op.formula}
    ahead = {i: scaled(s.output, 2) for i, s in halves.items() if not s.backward}
    back = {i: scaled(g, 2) for i, s in halves.items() if s.backward for g in s.gradients if g is not None}
    if ahead:
        yield case.slip(
            "forgot ½", Mistake(after={**ahead, **back}),
            "This is twice as much as it should be: the error has a factor ½, and its slope is −(target − out).",
        )  # fmt: skip


def wrong_target(case: Case) -> Iterator[Slip]:
    """The target of another output, or of another example."""
    program, last = case.catalogue.program, len(case.stepper) - 1
    for slot in dict.fromkeys(judged.target for judged in program.judged):
        right = np.array(case.stepper.array(slot))
        for axis, what in ((0, "output"), (right.ndim - 1, "example")):
            if right.ndim != 2:
                continue
            for shift in range(1, min(right.shape[axis], MOST_SHIFTS + 1)):
                others = np.roll(right, shift, axis)
                if (others != right).any():
                    yield case.slip(
                        "took another target", Mistake({0: put(slot, others)}, {last: put(slot, right)}),
                        f"This is what comes out with the target of another {what}.",
                    )  # fmt: skip


def rounded_early(case: Case) -> Iterator[Slip]:
    """Few digits carried from number to number."""
    for digits in ROUNDED:
        yield case.slip(
            "rounded too early", rounded(case.catalogue.program, digits),
            f"This is what comes out when every number on the way is rounded to {digits} digits. Carry more digits and "
            "round at the end.",
        )  # fmt: skip


_ALL = (
    wrong_sign, added_the_step, rows_for_columns, used_updated_weights, forgot_slope, forgot_mean, forgot_rate,
    forgot_bias, forgot_activation, net_for_out, transposed_forward, transposed_backward, forgot_half, step_alone,
    gradient_or_step,
    wrong_target,
    not_updated, rounded_early,
)  # fmt: skip


# Helpers --------------------------------------------------------------------------------------------------------------


def put_all(arrays: Mapping[int, Array]) -> Meddle:
    """Write other numbers into several slots."""

    def meddle(stepper: Stepper) -> None:
        for slot, array in arrays.items():
            put(slot, array)(stepper)

    return meddle


def _rate_of_one(stepper: Stepper) -> None:
    stepper.arena.rate[()] = 1.0


def _biases(case: Case, step: Step) -> Iterator[tuple[int, Array, Array]]:
    """Of every bias in a step's sum its slot, the numbers stored there with 0 for it, and as they are."""
    for parameter in case.catalogue.program.parameters:
        view = next((v for v in parameter.views if v.name == "b"), None)
        if parameter.slot in step.inputs and view is not None:
            right = case.stored(parameter.slot)
            without = right.copy()
            view.of(without)[...] = 0
            if (without != right).any():
                yield parameter.slot, without, right


def _transposed(case: Case, steps: Mapping[int, Step], sentence: str) -> Iterator[Slip]:
    """Slips in which a layer's sums read their matrix of weights along the other axis."""
    for node, own in case.by_node(steps).items():
        mistakes = []
        for i, step in own.items():
            parameter = case.weights(step)
            if parameter is None or not step.op.weighted_sum or len(parameter.views[0].axis_names) != 2:
                continue
            right = case.stored(parameter.slot)
            mixed = right.copy()
            seen = parameter.views[0].of(mixed)
            seen[...] = seen.T.copy().reshape(seen.shape)
            if (mixed != right).any():
                mistakes.append(during(i, parameter.slot, mixed, right))
        if mistakes:
            yield case.slip("rows for columns", together(mistakes), sentence.format(node))


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
