"""Runs one layer here and its twin elsewhere on the same numbers: values and all gradients, in users' layout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.builder import Builder, Value
from annstudio.engine.layout import engine_shape, to_engine, to_user
from annstudio.engine.op import Array, Shape
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Phase, Program
from annstudio.engine.run import Run
from annstudio.layers.base import Layer
from annstudio.layers.losses import MeanOverExamples, total_loss
from tests.layers.cases import Along

N = 3
CLOSENESS = {"float64": 1e-10, "float32": 1e-5}


@dataclass(frozen=True)
class Outcome:
    """What a layer gave for all examples, and the gradients of Σ r·y: of its inputs and of its weights by name."""

    y: Array
    dxs: tuple[Array, ...]
    dweights: Mapping[str, Array]


def program_of(layer: Layer, shapes: tuple[Shape, ...], *, lengths: bool = False, plain: bool = True) -> Program:
    net = Builder(plain=plain)
    xs: list[Value] = []
    for i, shape in enumerate(shapes):
        with net.node(f"x{i}"):
            x = net.feed(f"x{i}", engine_shape(shape))
            if lengths:
                net.measure(x, net.feed("lengths", (), "lengths", "int"))
            xs.append(x)
    with net.node("layer"):
        y = layer.lower(net, *xs)
        net.output("layer", y)
    with net.node("along", Phase.LOSS):
        r = net.feed("r", y.shape)
        net.loss(net.apply(Along(), y, r, name="e"), MeanOverExamples(), y, r)
    return quicken(net.finish(total_loss))


def weights_of(program: Program, seed: int = 0) -> dict[str, Array]:
    """Random numbers for every view, by the name that the layer gives it."""
    rng = np.random.default_rng(seed)
    return {
        view.name: rng.normal(0, 0.7, view.of(np.zeros(parameter.shape)).shape)
        for parameter in program.parameters
        for view in parameter.views
    }


def ours(
    layer: Layer, xs: list[Array], weights: Mapping[str, Array], r: Array | None, dtype: str, *,
    lengths: Array | None = None, plain: bool = True,
) -> tuple[Outcome, Array]:  # fmt: skip
    """What the engine makes of it, and the r that was used (drawn where none is given)."""
    program = program_of(layer, tuple(x.shape[1:] for x in xs), lengths=lengths is not None, plain=plain)
    arena = Arena(program, dtype)
    arena.load({f"layer/{name}": array for name, array in weights.items()})
    arena.use(SGD())
    run = Run(program, arena, len(xs[0]))
    slots = {feed.column: feed.slot for feed in program.feeds}
    shape = program.slots[slots["r"]].shape
    if r is None:
        r = to_user(np.random.default_rng(9).normal(size=(*shape, len(xs[0]))))
    feeds = {slots[f"x{i}"]: to_engine(x) for i, x in enumerate(xs)} | {slots["r"]: to_engine(r)}
    if lengths is not None:
        feeds[slots["lengths"]] = lengths
    run.load(feeds)
    while program.steps[run.cursor].phase is not Phase.UPDATE if run.cursor < len(program.steps) else False:
        run.step()
    n = len(xs[0])
    gradients = [program.gradients.get(slots[f"x{i}"]) for i in range(len(xs))]
    dxs = tuple(to_user(run.arrays[g]) * n for g in gradients if g is not None)
    dweights = {
        view.name: view.of(arena.gradient(parameter)) * n
        for parameter in program.parameters
        for view in parameter.views
    }
    return Outcome(to_user(run.output("layer")).copy(), dxs, dweights), r


Twin = Callable[..., Any]
"""Given torch tensors: the inputs in users' layout and the weights by name; gives the result in users' layout."""


def theirs(torch: Any, twin: Twin, xs: list[Array], weights: Mapping[str, Array], r: Array, dtype: str) -> Outcome:
    """The same with torch tensors and autograd."""
    kind = getattr(torch, dtype)
    tensors = [torch.tensor(np.ascontiguousarray(x), dtype=kind, requires_grad=True) for x in xs]
    named = {key: torch.tensor(np.ascontiguousarray(w), dtype=kind, requires_grad=True) for key, w in weights.items()}
    y = twin(*tensors, **named)
    (y * torch.tensor(np.ascontiguousarray(r), dtype=kind)).sum().backward()
    zero = np.zeros_like
    dxs = tuple(zero(x) if t.grad is None else t.grad.numpy() for t, x in zip(tensors, xs, strict=True))
    dweights = {key: zero(weights[key]) if t.grad is None else t.grad.numpy() for key, t in named.items()}
    return Outcome(y.detach().numpy(), dxs, dweights)


def compare(
    torch: Any, layer: Layer, shapes: tuple[Shape, ...], twin: Twin, dtype: str, *, lengths: Array | None = None
) -> None:
    """Assert that both agree: 1e-10 of the largest value in float64, 1e-5 in float32."""
    rng = np.random.default_rng(1)
    xs = [rng.normal(size=(N, *shape)) for shape in shapes]
    weights = weights_of(program_of(layer, shapes, lengths=lengths is not None))
    found, r = ours(layer, xs, weights, None, dtype, lengths=lengths)
    quick, _ = ours(layer, xs, weights, r, dtype, lengths=lengths, plain=False)
    wanted = theirs(torch, twin, xs, weights, r, dtype)
    agree(found, wanted, dtype)
    np.testing.assert_allclose(quick.y, found.y, rtol=0, atol=CLOSENESS[dtype] * np.abs(found.y).max())
    for key, gradient in found.dweights.items():
        assert_near(quick.dweights[key], gradient, dtype, key)


def agree(found: Outcome, wanted: Outcome, dtype: str) -> None:
    assert_near(found.y, wanted.y, dtype, "y")
    assert len(found.dxs) == len(wanted.dxs)
    for i, (one, other) in enumerate(zip(found.dxs, wanted.dxs, strict=True)):
        assert_near(one, other, dtype, f"dx{i}")
    assert found.dweights.keys() == wanted.dweights.keys()
    for key, other in wanted.dweights.items():
        assert_near(found.dweights[key], other, dtype, f"d{key}")


def assert_near(found: Array, wanted: Array, dtype: str, name: str) -> None:
    assert found.shape == wanted.shape, name
    largest = max(float(np.abs(wanted).max(initial=0)), 1e-3)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=CLOSENESS[dtype] * largest, err_msg=name)
