"""Networks at random, with branches, merges, recurrence, noise and several losses, beside the same in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from annstudio.document.compile import compile_graph
from annstudio.engine.arena import Arena
from annstudio.engine.layout import to_engine, to_user
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Role
from annstudio.engine.run import Run
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from tests.document.drawings import networks
from tests.oracles.bench import CLOSENESS, drawn, states_of
from tests.oracles.peers.network import Network

pytestmark = pytest.mark.oracle
N = 3
FACTOR = 20
"""So many times what a change of every number's last bit makes of a result may the result be off."""


@dataclass(frozen=True)
class Numbers:
    columns: Mapping[str, Array]
    weights: Mapping[str, Array]

    def shaken(self, seed: int) -> "Numbers":
        """The same numbers, each off by about a last bit of float32."""
        rng = np.random.default_rng(seed)
        eps = np.finfo(np.float32).eps

        def off(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {key: a * (1 + eps * rng.uniform(-1, 1, a.shape)) for key, a in arrays.items()}

        return Numbers(off(self.columns), off(self.weights))


Results = dict[str, Array]
"""Values by node, the loss, weights after an update and gradients, each under a name that says what it is."""


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
)  # fmt: skip
@given(networks())
def test_any_network_is_its_twin(torch, graph):
    numbers = numbers_for(graph)
    noise = noise_of(graph, numbers)
    exact = theirs(torch, graph, numbers, noise, "float64")
    assume(all(np.isfinite(a).all() and np.abs(a).max(initial=0) < 1e9 for a in exact.values()))
    # How much the results hang on the last bit: large beside a kink, and where large numbers all but cancel out.
    others = [theirs(torch, graph, numbers.shaken(seed), noise, "float64") for seed in (1, 2)]
    others.append(theirs(torch, graph, numbers, noise, "float32"))
    event(f"{len(graph.nodes)} nodes")
    for dtype, closeness in CLOSENESS.items():
        bits = np.finfo(dtype).eps / np.finfo("float32").eps
        for plain in (True, False):
            found = ours(graph, numbers, dtype, plain=plain)
            assert {key for key in exact if not key.startswith(("value", "gradient"))} <= found.keys() | {"loss"}
            for key, array in found.items():
                spread = max(np.abs(other[key] - exact[key]).max(initial=0) for other in others)
                least = largest_of(exact, key.partition(" ")[0])
                near = max(closeness * max(np.abs(exact[key]).max(initial=0), least), FACTOR * bits * spread)
                np.testing.assert_allclose(
                    array, exact[key], rtol=0, atol=near, err_msg=f"{key} {dtype} {plain}", equal_nan=False
                )  # fmt: skip


def largest_of(results: Results, kind: str) -> float:
    """For gradients a share of the largest of all: those that cancel out are rounding alone."""
    if kind != "gradient":
        return 1e-6
    return 1e-3 * max(np.abs(a).max(initial=0) for key, a in results.items() if key.startswith(kind))


def numbers_for(graph: Graph) -> Numbers:
    rng = np.random.default_rng(4)
    program = compile_graph(graph, {}, training=True, plain=True)
    signs = {n.layer.column for n in graph.nodes.values() if isinstance(n.layer, Loss) and _by_sign(n.layer)}
    targets = {n.layer.column for n in graph.nodes.values() if isinstance(n.layer, Loss)}
    columns: dict[str, Array] = {}
    for feed in program.feeds:
        x = to_user(np.moveaxis(rng.normal(size=(N, *program.slots[feed.slot].shape)), 0, -1))
        if feed.column in signs:
            x = (x > 0).astype(float)
        elif feed.column in targets:
            x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        columns.setdefault(feed.column, x)
    weights = {
        parameter.key(view): rng.normal(0, 0.5, view.of(np.zeros(parameter.shape)).shape)
        for parameter in program.parameters
        for view in parameter.views
    }
    return Numbers(columns, weights)


def _by_sign(loss: Loss) -> bool:
    return loss.function in ("hinge", "perceptron")


def started(graph: Graph, numbers: Numbers, dtype: str, *, plain: bool) -> Run:
    program = quicken(compile_graph(graph, {}, training=True, plain=plain))
    arena = Arena(program, dtype)
    arena.load(numbers.weights)
    arena.use(SGD(learning_rate=1.0))
    run = Run(program, arena, N)
    run.load({feed.slot: to_engine(numbers.columns[feed.column]) for feed in program.feeds}, seed=3, step=5)
    return run


def noise_of(graph: Graph, numbers: Numbers) -> dict[str, list[Array]]:
    """What is drawn for each node: the same in both readings."""
    return drawn(started(graph, numbers, "float64", plain=True))


def ours(graph: Graph, numbers: Numbers, dtype: str, *, plain: bool) -> Results:
    run = started(graph, numbers, dtype, plain=plain)
    program = run.program
    run.to_loss()
    run.to_update()
    found: Results = {"loss": np.array(run.loss)}
    for node in program.outputs:
        value = run.output(node)
        found[f"value of {node}"] = (to_user(value) if value.ndim else value).copy()
    for feed in program.feeds:
        gradient = program.gradients.get(feed.slot)
        if gradient is not None and program.slots[feed.slot].role is Role.FEED:
            found[f"gradient of {feed.column}"] = to_user(run.arrays[gradient]).copy()
    for parameter in program.parameters:
        for view in parameter.views:
            if parameter.slot in program.gradients and parameter.learns(view):
                found[f"gradient of {parameter.key(view)}"] = view.of(run.arena.gradient(parameter)).copy()
    run.update()
    for node, name in run.arena.states:
        found[f"state {node}/{name}"] = run.arena.view(f"{node}/{name}").copy()
    return found


def theirs(torch: Any, graph: Graph, numbers: Numbers, noise: Mapping[str, list[Array]], dtype: str) -> Results:
    def tensor(array: Array) -> Any:
        return torch.tensor(np.ascontiguousarray(array), dtype=getattr(torch, dtype))

    program = compile_graph(graph, {}, training=True, plain=True)
    columns = {name: tensor(array).requires_grad_() for name, array in numbers.columns.items()}
    weights = {key: tensor(array).requires_grad_() for key, array in numbers.weights.items()}
    at_hand = {node: iter([tensor(array) for array in arrays]) for node, arrays in noise.items()}
    network = Network(torch, weights, at_hand, states_of(program, tensor), columns)
    network.walk(graph)
    loss = network.loss()
    loss.backward()
    found = {"loss": loss} | {f"value of {node}": value for node, value in network.values.items()}
    for key, x in [*columns.items(), *weights.items()]:
        found[f"gradient of {key}"] = torch.zeros_like(x) if x.grad is None else x.grad
    found |= {f"state {key}": state for key, state in network.states.items()}
    return {key: tensor.detach().numpy().astype("float64") for key, tensor in found.items()}
