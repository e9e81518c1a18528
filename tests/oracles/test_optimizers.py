"""Every optimiser against PyTorch's over twenty steps: gradients of changing size, a changing rate, with clipping."""

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena, Clipping
from annstudio.engine.builder import Spec
from annstudio.engine.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from annstudio.engine.passes import quicken
from annstudio.engine.program import Update
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain

pytestmark = pytest.mark.oracle
CLOSENESS = {"float64": 1e-10, "float32": 1e-5}
CASES = [
    (SGD(learning_rate=0.1), "SGD", {"lr": 0.1}),
    (Momentum(learning_rate=0.1, momentum=0.8), "SGD", {"lr": 0.1, "momentum": 0.8}),
    (Nesterov(learning_rate=0.1, momentum=0.8), "SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    (Adagrad(learning_rate=0.1, epsilon=1e-3), "Adagrad", {"lr": 0.1, "eps": 1e-3}),
    (RMSProp(learning_rate=0.1, rho=0.95, epsilon=1e-3), "RMSprop", {"lr": 0.1, "alpha": 0.95, "eps": 1e-3}),
    (Adam(learning_rate=0.1, beta_1=0.8, beta_2=0.99), "Adam", {"lr": 0.1, "betas": (0.8, 0.99)}),
    (AdamW(learning_rate=0.1, epsilon=1e-4, weight_decay=0.2), "AdamW", {"lr": 0.1, "eps": 1e-4, "weight_decay": 0.2}),
]
CLIPPINGS = [Clipping(), Clipping(value=0.5), Clipping(norm=0.7), Clipping(value=0.5, norm=0.7)]
STEPS = 20


def test_every_optimiser_is_compared():
    assert {type(ours) for ours, _, _ in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize("dtype", CLOSENESS)
@pytest.mark.parametrize("clipping", CLIPPINGS, ids=str)
@pytest.mark.parametrize(("ours", "name", "settings"), CASES, ids=lambda case: getattr(case, "title", ""))
def test_twenty_steps(torch, ours, name, settings, clipping, dtype):
    graph = chain(Input(shape=(3,)), Dense(units=6), Dense(units=2), Loss())
    program = quicken(compile_graph(graph, {"x": Spec((3,)), "y": Spec((2,))}, training=True, plain=False))
    arena, rng = Arena(program, dtype), np.random.default_rng(0)
    arena.load({key: rng.normal(size=arena.view(key).shape) for key in arena.keys()})
    arena.use(ours, clipping)
    calls = [call for step in program.steps if isinstance(step, Update) for call in arena.calls(step)]
    views = [(p, view) for p in program.parameters for view in p.views]
    theirs = [torch.tensor(np.array(arena.view(p.key(view))), requires_grad=True) for p, view in views]
    optimizer = getattr(torch.optim, name)(theirs, **settings)
    for t, size in enumerate(np.geomspace(1e-3, 10, STEPS)):
        arena.gradients[...] = size * rng.normal(size=arena.gradients.shape)
        rate = settings["lr"] * (1 - 0.03 * t)
        arena.rate[()] = optimizer.param_groups[0]["lr"] = rate
        for w, (p, view) in zip(theirs, views, strict=True):
            w.grad = torch.tensor(np.array(view.of(arena.gradient(p))))
        clipped(torch, theirs, clipping)
        optimizer.step()
        for call in calls:
            call()
        arena.t += 1
        for w, (p, view) in zip(theirs, views, strict=True):
            wanted = w.detach().numpy()
            np.testing.assert_allclose(
                arena.view(p.key(view)), wanted, rtol=0, atol=CLOSENESS[dtype] * np.abs(wanted).max(),
                err_msg=f"{p.key(view)} after step {t + 1}",
            )  # fmt: skip


def clipped(torch, weights, clipping):
    """Values first, then the length of all together; PyTorch's own adds 1e-6 to the length."""
    if clipping.value:
        torch.nn.utils.clip_grad_value_(weights, clipping.value)
    if clipping.norm:
        length = torch.linalg.vector_norm(torch.cat([w.grad.flatten() for w in weights]))
        for w in weights:
            w.grad *= (clipping.norm / length).clamp(max=1)
