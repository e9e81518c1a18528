"""How cost grows: a step of training with width, depth, batch and number of examples, and what comes before training
with the number of layers.

Of each series `ratios` says how many times as long (or as large) each doubling makes it, and `exponent` the slope of
log cost over log size for the larger half, where fixed costs no longer count: 1 is linear. What is not linear has its
reason in `REASONS`, or is a defect. Times are the thread's own on the processor: what other programs take is left out.
"""

import gc
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from time import thread_time
from typing import Any, ClassVar, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from annstudio.data.base import Column, Dataset, DataSource
from annstudio.document.compile import check, columns_of, compile_graph
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Arena
from annstudio.engine.passes import quicken
from annstudio.engine.plan import PLAIN_PLAN
from annstudio.engine.run import Run
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Finished
from annstudio.training.trainer import train

REASONS = {
    "width": "A dense layer has width² weights: products, update and memory grow with the square, and faster where "
    "weights, gradients and Adam's two vectors no longer fit the processor's cache.",
    "depth": "Linear; the fixed cost of a step is shared by more layers.",
    "batch": "The update costs the same for any batch, and larger products are quicker for each example: below linear.",
    "examples": "A step does not know how many there are. Only their order takes memory: two arrays up to 262 144 "
    "examples, none beyond, where it is worked out piece by piece.",
}
SERIES: dict[str, tuple[int, ...]] = {
    "width": (128, 256, 512, 1024),
    "depth": (4, 8, 16, 32, 64),
    "batch": (32, 64, 128, 256, 512),
    "examples": (2_000, 20_000, 200_000, 2_000_000),
}
LAYERS = (50, 500)
TRIES = 5


def measure() -> dict[str, Any]:
    """The series, and the stages before training for 50 and 500 layers."""
    with threadpool_limits(1, "blas"):
        found: dict[str, Any] = {name: _series(name, sizes) for name, sizes in SERIES.items()}
    found["compile_ms"] = {str(n): _stages(n) for n in LAYERS}
    few, many = (found["compile_ms"][str(n)] for n in LAYERS)
    found["compile_times_for_10_times_the_layers"] = {name: round(many[name] / few[name], 1) for name in few}
    return found


class Random(DataSource):
    """Random examples, as many as are asked for."""

    title: ClassVar[str] = "Random"
    note: ClassVar[str] = "Random numbers to measure with."
    stands_for: ClassVar[str] = "Anything."
    order: ClassVar[int] = 0
    kind: Literal["random"] = "random"
    examples: int
    width: int

    def load(self, folder: object = None) -> Dataset:
        values = np.random.default_rng(0).standard_normal((self.examples, self.width), np.float32)
        return Dataset("random", {"x": Column(values), "y": Column(values)})


def network(width: int = 64, depth: int = 4, batch: int = 32, examples: int = 0) -> Network:
    """Tanh layers as wide as the data; an epoch is at least four batches."""
    graph = Graph().with_node(Node("input", make("Input", {"shape": (width,)})))
    before = "input"
    for i in range(depth):
        graph = graph.with_node(Node(f"dense_{i}", make("Dense", {"units": width, "activation": "tanh"})))
        graph = graph.connect(before, f"dense_{i}")
        before = f"dense_{i}"
    graph = graph.with_node(Node("loss", make("Loss", {"function": "mean_squared_error"}))).connect(before, "loss")
    settings = TrainingSettings.model_validate(
        {"optimizer": {"kind": "adam"}, "batch_size": batch, "epochs": 10_000_000, "validation_share": 0.0}
    )
    return Network(Project(graph=graph, data=Random(examples=examples or 4 * batch, width=width), settings=settings))


# Training ------------------------------------------------------------------------------------------------------------


def _series(name: str, sizes: Sequence[int]) -> dict[str, Any]:
    fixed = {"width": 16} if name == "examples" else {}
    networks = [network(**{**fixed, name: size}) for size in sizes]
    seconds = [np.inf] * len(sizes)
    for _ in range(TRIES):
        # In turn, so that a busy moment of the machine hits all alike.
        for i, one in enumerate(networks):
            seconds[i] = min(seconds[i], _step_seconds(one))
    memory = [_run_mb(one) for one in networks]
    return {
        "sizes": list(sizes),
        "step_us": [round(1e6 * s, 1) for s in seconds],
        "step_ratios": _ratios(seconds),
        "step_exponent": _exponent(sizes, seconds),
        "memory_mb": [round(mb, 2) for mb in memory],
        "memory_ratios": _ratios(memory),
        "memory_exponent": _exponent(sizes, memory),
    }


def _step_seconds(one: Network) -> float:
    """A step of the trainer, from one snapshot to the last of some tenths of a second."""
    job = replace(one.job(), plan=PLAIN_PLAN)
    messages = train(job)
    first = next(messages)
    start = thread_time()
    last = first
    while thread_time() - start < 0.15:
        last = next(messages)
    seconds = thread_time() - start
    messages.close()  # type: ignore[attr-defined]
    assert not isinstance(first, Finished)
    assert not isinstance(last, Finished)
    return seconds / (last.step - first.step)  # type: ignore[union-attr]


def _run_mb(one: Network) -> float:
    """What training takes beside the data: arrays of parameters, optimiser, batches and orders at their most."""
    one.need_dataset()
    _ = one.programs
    gc.collect()
    tracemalloc.start()
    list(train(replace(one.job(max_steps=3), plan=PLAIN_PLAN)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


# Before it -----------------------------------------------------------------------------------------------------------


def _stages(depth: int) -> dict[str, float]:
    """Milliseconds of each stage from a drawing to bound calls, quickest of some tries."""
    one = network(width=8, depth=depth)
    graph, columns = one.project.graph, columns_of(one.need_dataset())
    fast = compile_graph(graph, columns, training=True, plain=False)
    program = quicken(fast)
    arena = Arena(program)
    weights = one.weights()
    stages: dict[str, Callable[[], object]] = {
        "check": lambda: check(graph, columns),
        "lower, for prediction": lambda: compile_graph(graph, columns, training=False, plain=False),
        "lower and differentiate": lambda: compile_graph(graph, columns, training=True, plain=False),
        "lower and differentiate, plain": lambda: compile_graph(graph, columns, training=True, plain=True),
        "passes": lambda: quicken(fast),
        "arena": lambda: Arena(program),
        "load weights": lambda: arena.load(weights),
        "bind": lambda: Run(program, arena, 8),
        "one step": _stepper(program, arena),
    }
    return {name: round(1000 * _quickest(stage), 3) for name, stage in stages.items()}


def _stepper(program: Any, arena: Arena) -> Callable[[], object]:
    arena.use(TrainingSettings().optimizer)
    run = Run(program, arena, 8)

    def step() -> None:
        run.begin()
        run.finish()

    return step


def _quickest(stage: Callable[[], object]) -> float:
    stage()
    gc.collect()
    best = np.inf
    for _ in range(2 * TRIES):
        start = thread_time()
        stage()
        best = min(best, thread_time() - start)
    return float(best)


# Figures -------------------------------------------------------------------------------------------------------------


def _ratios(costs: Sequence[float]) -> list[float]:
    return [round(b / a, 2) for a, b in pairwise(costs)]


def _exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of log cost over log size, by least squares, for the larger half of the sizes."""
    half = len(sizes) // 2
    x, y = np.log(sizes[half:]), np.log(costs[half:])
    return round(float(np.polyfit(x, y, 1)[0]), 2)


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    lines = [
        "# How cost grows",
        "",
        "Written by `benchmarks/scaling.py`: tanh layers of 64 units (16 for the number of examples), 4 layers,",
        "batches of 32, Adam, float32, one thread; processor time of the thread. The exponent is the slope of log cost",
        "over log size for the larger half of the sizes: 1 is linear.",
        "",
        "| | sizes | a step, µs | exponent | memory, MB | exponent | why |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in SERIES:
        one = found[name]
        cells = (" · ".join(f"{number:,}" for number in one[key]) for key in ("sizes", "step_us", "memory_mb"))
        sizes, steps, memory = cells
        lines.append(
            f"| {name} | {sizes} | {steps} | {one['step_exponent']} | {memory} | {one['memory_exponent']} | "
            f"{REASONS[name]} |"
        )
    few, many = (found["compile_ms"][str(n)] for n in LAYERS)
    grown = found["compile_times_for_10_times_the_layers"]
    lines += ["", "From a drawing to bound calls, in milliseconds of processor time (8 units a layer):", ""]
    lines += [f"| | {LAYERS[0]} layers | {LAYERS[1]} layers | times as long |", "|---|---|---|---|"]
    lines += [f"| {name} | {few[name]:.2f} | {many[name]:.1f} | {grown[name]} |" for name in few]
    lines += [
        "",
        "Ten times the layers run ten times the lines of Python (`tests/document/test_growth.py` counts them); what is",
        "above ten is colder caches and the garbage collector, which looks at what is alive more often.",
    ]
    return lines
