"""Every layer of the catalogue: its gradients agree with the loss run again, and its weights' accounts come out."""

import math
from zlib import crc32

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.optimizers import Adam
from annstudio.engine.program import Step
from annstudio.explain.check import check, nudge
from annstudio.explain.derivation import Explainer
from annstudio.explain.ledger import gradient_shares, ledger
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.weight import ask
from tests.builders import random_feeds, random_weights
from tests.layers.cases import Case, cases, written

N = 3


def one_of_each() -> list[Case]:
    """The first case of every layer for every number of axes, of equal and of different length."""
    return list({(type(c.layer), str(c.shapes), c.cut): c for c in reversed(cases())}.values())


def gone_through(case: Case) -> tuple[Stepper, np.random.Generator]:
    program, rng = written(case), np.random.default_rng(crc32(str(case).encode()))
    arena = Arena(program, "float64")
    arena.load(random_weights(program, rng))
    arena.use(Adam())
    stepper = Stepper(program, arena, random_feeds(program, N, rng), seed=3, batch_number=5)
    stepper.to(len(stepper))
    return stepper, rng


@pytest.mark.parametrize("case", one_of_each(), ids=str)
def test_gradients_agree_with_the_loss_run_again(case):
    stepper, rng = gone_through(case)
    program, trial = stepper.program, stepper.trial()
    slots = {g for s in program.steps if isinstance(s, Step) for g in s.gradients if g is not None}
    for slot in rng.permutation(sorted(slots | set(program.gradients.values())))[:12]:
        array = stepper.array(int(slot))
        if not array.size:
            continue
        place = tuple(int(i) for i in np.unravel_index(rng.integers(array.size), array.shape))
        batched = program.slots[slot].batched
        asked = nudge(program, Quantity(int(slot), place[:-1] if batched else place, place[-1] if batched else None))
        if asked is not None:
            found = check(trial, asked, float(array[place]))
            assert found.agrees, (program.slots[asked.of.slot], asked, float(array[place]), found)


@pytest.mark.parametrize("case", [c for c in one_of_each() if written(c).parameters], ids=str)
def test_the_account_of_a_weight_comes_out(case):
    stepper, rng = gone_through(case)
    program, explainer = stepper.program, Explainer(stepper)
    for parameter in program.parameters:
        for view in parameter.views:
            shape = view.of(np.empty(parameter.shape)).shape
            index = tuple(int(rng.integers(size)) for size in shape)
            question = ask(program, parameter.key(view), index)
            account = ledger(explainer, question, 15)
            if not account.entries:
                assert account.update.reason
                continue
            # Adam makes much of gradients that are nothing but rounding, as those of a bias before a norm.
            real = [entry.amount for entry in account.entries if entry.what != "rounding"]
            assert math.fsum(real) == pytest.approx(account.change, rel=1e-9, abs=1e-11)
            gradient = Quantity(program.gradients[parameter.slot], question.stored)
            shares = gradient_shares(explainer, gradient)
            assert math.fsum(share.value for share in shares) == pytest.approx(account.gradient, rel=1e-9, abs=1e-13)
            assert {share.what for share in shares} <= {f"example {i + 1}" for i in range(N)} | {
                "L1 penalty",
                "L2 penalty",
            }
