"""Schedules against PyTorch's, at whole epochs, where both go by epochs."""

import numpy as np
import pytest

from annstudio.engine.schedules import SCHEDULES, Constant, Cosine, Exponential, Moment, OneCycle, Plateau, Steps

pytestmark = pytest.mark.oracle
EPOCHS = 24
LOSSES = np.round(1 / (1 + 0.3 * np.random.default_rng(2).uniform(0, 4, EPOCHS).cumsum()) + 0.02, 2).tolist()
"""They fall, and sometimes stay where they are."""
COMPARED = [
    (Constant(), "ConstantLR", {"factor": 1.0}),
    (Steps(every=5, gamma=0.3), "StepLR", {"step_size": 5, "gamma": 0.3}),
    (Exponential(gamma=0.9), "ExponentialLR", {"gamma": 0.9}),
    (Cosine(floor=0.1), "CosineAnnealingLR", {"T_max": EPOCHS, "eta_min": 0.1}),
    (Constant(warm_up=6), "LinearLR", {"start_factor": 1e-15, "total_iters": 6}),
]


def test_every_schedule_is_compared():
    elsewhere = {OneCycle, Plateau}
    assert {type(schedule) for schedule, _, _ in COMPARED} | elsewhere == {*SCHEDULES}


@pytest.mark.parametrize(("schedule", "name", "settings"), COMPARED, ids=lambda case: getattr(case, "title", ""))
def test_the_factor_of_every_epoch(torch, schedule, name, settings):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = getattr(torch.optim.lr_scheduler, name)(optimizer, **settings)
    for epoch in range(EPOCHS):
        assert schedule.factor(Moment(epoch, EPOCHS)) == pytest.approx(theirs.get_last_lr()[0], rel=1e-10, abs=1e-12)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(("rising", "start", "end"), [(0.3, 25.0, 1e4), (0.5, 2.0, 10.0)])
def test_one_cycle(torch, rising, start, end):
    """PyTorch's rise ends one step early, since it counts steps from 0: compared at equal shares of rise and fall."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=EPOCHS, pct_start=rising, div_factor=start, final_div_factor=end
    )
    ours, top = OneCycle(rising=rising, start=start, end=end), rising * EPOCHS - 1
    for step in range(EPOCHS):
        share = rising * step / top if step < top else rising + (1 - rising) * (step - top) / (EPOCHS - 1 - top)
        assert ours.factor(Moment(share, 1)) == pytest.approx(theirs.get_last_lr()[0], rel=1e-10)
        optimizer.step()
        if step < EPOCHS - 1:
            theirs.step()


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_plateaus(torch, patience, margin):
    """Falls after `patience` epochs without a better loss; PyTorch's falls after one more than it is told."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience - 1, threshold=margin, threshold_mode="rel", min_lr=0.01
    )
    ours, falls = Plateau(patience=patience, gamma=0.5, least=0.01, margin=margin), 0
    losses = [*LOSSES, *LOSSES[-1:] * 8]
    for n in range(len(losses)):
        theirs.step(losses[n])
        factor = optimizer.param_groups[0]["lr"]
        falls += factor < 1
        assert ours.factor(Moment(n + 1, 40, losses[: n + 1])) == pytest.approx(factor, rel=1e-12)
    assert falls
