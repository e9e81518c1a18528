"""What many tests begin with: small networks, data and projects, and short ways to run them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from annstudio.data.typed import Typed
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD, Optimizer
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run
from annstudio.layers.base import Layer
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Node
from annstudio.layers.losses import Loss
from annstudio.training.control import Control
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import train

# Drawings --------------------------------------------------------------------------------------------------------


def chain(*layers: Layer, **named: Layer) -> Graph:
    """Layers one after the other: `chain(Input(), Dense())` calls them input_1, dense_1; keywords give other names."""
    graph, before = Graph(), None
    for name, layer in [*((None, layer) for layer in layers), *named.items()]:
        id = name or graph.free_id(layer.prefix)
        graph = graph.with_node(Node(id, layer, 190.0 * len(graph.nodes), 0.0))
        graph = graph if before is None else graph.connect(before, id)
        before = id
    return graph


def with_branch(graph: Graph, source: str, target: str, **named: Layer) -> Graph:
    """With another way from `source` to the next free input of `target`, through these layers."""
    before = source
    for id, layer in named.items():
        graph = graph.with_node(Node(id, layer)).connect(before, id)
        before = id
    return graph.connect(before, target)


# Data and projects -----------------------------------------------------------------------------------------------


def table(inputs: Any, targets: Any) -> Typed:
    """A data source of these rows."""
    return Typed(inputs=tuple(map(tuple, inputs)), targets=tuple(map(tuple, targets)))


def some_table(n: int = 20, n_inputs: int = 3, n_targets: int = 2, seed: int = 0) -> Typed:
    """`n` examples of numbers without meaning."""
    rng = np.random.default_rng(seed)
    return table(rng.normal(size=(n, n_inputs)).tolist(), rng.uniform(0.1, 0.9, (n, n_targets)).tolist())


def project(graph: Graph, data: Any = None, weights: Mapping[str, Any] | None = None, **settings: Any) -> Project:
    """A project in float64 that keeps no examples back, unless `settings` say otherwise."""
    chosen = TrainingSettings.model_validate({"dtype": "float64", "validation_share": 0.0, **settings})
    arrays = {key: np.array(value, float) for key, value in (weights or {}).items()}
    return Project(graph=graph, data=data, weights=arrays, start=arrays, settings=chosen)


def small_project(**settings: Any) -> Project:
    """Three inputs, four tanh units, two sigmoid outputs, twenty examples in batches of six: two are left over."""
    graph = chain(
        input=Input(shape=(3,)),
        hidden=Dense(units=4, activation="tanh"),
        output=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )
    return project(graph, some_table(), **{"batch_size": 6, "epochs": 3, **settings})


def worked_example(*, train_bias: bool = False, share_bias: bool = False) -> Project:
    """The lecture's backpropagation by hand: 2-2-2 sigmoid, ½Σ squared error, η = 0.5, one example."""
    dense = Dense(units=2, activation="sigmoid", train_bias=train_bias, share_bias=share_bias)
    graph = chain(input=Input(shape=(2,)), hidden=dense, output=dense, loss=Loss())
    n = 1 if share_bias else 2
    weights = {
        "hidden/W": [[0.15, 0.20], [0.25, 0.30]],
        "hidden/b": [0.35] * n,
        "output/W": [[0.40, 0.45], [0.50, 0.55]],
        "output/b": [0.60] * n,
    }
    return project(
        graph,
        table([(0.05, 0.10)], [(0.01, 0.99)]),
        weights,
        optimizer={"kind": "sgd", "learning_rate": 0.5},
        batch_size=1,
        epochs=10_000,
        shuffle=False,
    )


# Running ---------------------------------------------------------------------------------------------------------


def finished(project: Project, max_steps: int | None = None, control: Control | None = None) -> Finished:
    """How training that project ends."""
    *_, last = train(Network(project).job(max_steps), control)
    assert isinstance(last, Finished)
    return last


def trained(project: Project, max_steps: int | None = None) -> Project:
    """The project after (more) training, as the session would keep it."""
    end = finished(project, max_steps)
    return replace(project, weights=end.weights, progress=end.progress)


def run_of(program: Program, feeds: Mapping[int, Array], weights: Mapping[str, Array], dtype: str = "float64") -> Run:
    """One batch, loaded and not yet begun; plain gradient descent would update the weights."""
    arena = Arena(program, dtype)
    arena.load(weights)
    arena.use(SGD(learning_rate=0.1))
    run = Run(program, arena, len(next(iter(feeds.values()))))
    run.load(feeds, seed=3, step=5)
    return run


def random_feeds(program: Program, n: int, rng: np.random.Generator) -> dict[int, Array]:
    """Numbers for every feed, examples first; targets are positive and add up to one, as every loss can take them.

    Of sequences of different length the first fills all steps.
    """
    targets = {judged.target for judged in program.judged}
    steps = max((program.slots[f.slot].shape[0] for f in program.feeds if program.slots[f.slot].shape), default=1)
    feeds = {}
    for feed in program.feeds:
        if feed.encoding == "lengths":
            feeds[feed.slot] = np.concatenate([[steps], rng.integers(1, steps + 1, n - 1)])
            continue
        x = rng.normal(size=(n, *program.slots[feed.slot].shape))
        feeds[feed.slot] = np.exp(x) / np.exp(x).sum(-1, keepdims=True) if feed.slot in targets else x
    return feeds


def random_weights(program: Program, rng: np.random.Generator) -> dict[str, Array]:
    """Numbers for every view, none of them zero."""
    stored = {p.slot: rng.normal(size=p.shape) for p in program.parameters}
    return {p.key(v): v.of(stored[p.slot]).copy() for p in program.parameters for v in p.views}


def slots_of(program: Program, *roles: Role) -> list[int]:
    """The slots that hold arrays of these kinds."""
    return [slot.index for slot in program.slots if slot.role in roles]


# Optimisers --------------------------------------------------------------------------------------------------------


def updating(optimizer: Optimizer, w: Array, g: Array, vectors: Mapping[str, Array]) -> Callable[[int], None]:
    """A function that does update number `t` (from 1) of the weights `w`, given the gradient in `g`."""
    clock = SimpleNamespace(t=0)
    calls = optimizer.bind(w, g, vectors, clock, np.array(optimizer.learning_rate, w.dtype))

    def update(t: int) -> None:
        clock.t = t - 1
        for call in calls:
            call()

    return update


# Comparing ---------------------------------------------------------------------------------------------------------


def assert_same_arrays(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """The same names, and under each the same numbers to the last bit."""
    assert found.keys() == wanted.keys()
    for key, array in wanted.items():
        np.testing.assert_array_equal(found[key], array, err_msg=key)
