"""Every optimiser against PyTorch's, over twenty steps with gradients of changing size."""

import numpy as np
import pytest

from annstudio.engine.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from tests.builders import updating

pytestmark = pytest.mark.oracle
CLOSENESS = {"float64": 1e-10, "float32": 1e-5}
CASES = [
    (SGD(learning_rate=0.1), "SGD", {"lr": 0.1}),
    (Momentum(learning_rate=0.1, momentum=0.8), "SGD", {"lr": 0.1, "momentum": 0.8}),
    (Nesterov(learning_rate=0.1, momentum=0.8), "SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    (Adagrad(learning_rate=0.1), "Adagrad", {"lr": 0.1}),
    (RMSProp(learning_rate=0.1, rho=0.95), "RMSprop", {"lr": 0.1, "alpha": 0.95}),
    (Adam(learning_rate=0.1, beta_1=0.8), "Adam", {"lr": 0.1, "betas": (0.8, 0.999)}),
    (AdamW(learning_rate=0.1, weight_decay=0.2), "AdamW", {"lr": 0.1, "weight_decay": 0.2}),
]


def test_every_optimiser_is_compared():
    assert {type(ours) for ours, _, _ in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize("dtype", CLOSENESS)
@pytest.mark.parametrize(("ours", "name", "settings"), CASES, ids=lambda case: getattr(case, "title", ""))
def test_twenty_steps(torch, ours, name, settings, dtype):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=50), rng.normal(size=(20, 50)) * np.geomspace(1e-3, 10, 20)[:, None]
    w = start.astype(dtype)
    g = np.empty_like(w)
    update = updating(ours, w, g, {vector: np.zeros_like(w) for vector in ours.vectors})
    theirs = torch.tensor(start, dtype=getattr(torch, dtype), requires_grad=True)
    optimizer = getattr(torch.optim, name)([theirs], **settings)
    for t in range(20):
        g[...] = gradients[t]
        update(t + 1)
        theirs.grad = torch.tensor(gradients[t], dtype=theirs.dtype)
        optimizer.step()
        wanted = theirs.detach().numpy()
        np.testing.assert_allclose(
            w, wanted, rtol=0, atol=CLOSENESS[dtype] * np.abs(wanted).max(), err_msg=f"step {t + 1}"
        )
