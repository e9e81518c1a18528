"""Slips that are made with the right numbers: a wrong sign, the step for the weight, the wrong place."""

from collections.abc import Iterator

from annstudio.explain.case import Case, Slip
from annstudio.explain.catalogue import Asked, Kind


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


def not_updated(case: Case) -> Iterator[Slip]:
    """The weight as it was."""
    numbers = {a.name: float(case.stored(a.quantity.slot)[a.quantity.index]) for a in case.asked if a.new}
    yield Slip("not updated", numbers, lambda a: "This is the weight from before the update.")
