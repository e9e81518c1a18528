"""Slips that can be made anywhere: without the mean or a ½, with another target, rounded on the way."""

from collections.abc import Iterator

import numpy as np

from annstudio.engine.program import Phase
from annstudio.explain.case import Case, Slip
from annstudio.explain.rework import Mistake, put, rounded, scaled

MOST_SHIFTS = 3
"""Targets are taken from so many places further on at most."""
ROUNDED = (2, 3, 4, 5, 6)
"""To so many digits people round too early."""
HALF = r"\tfrac{1}{2}"


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
