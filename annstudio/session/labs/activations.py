"""What the activations' laboratory shows: curves made by the engine's own ops, and where a network's sums lie on them.

Everything here comes from the ops that train: `forward` gives the curve, `backward` with a gradient of 1 its slope.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from annstudio.document.network import Network
from annstudio.engine.arena import Arena, Weights
from annstudio.engine.op import Array, Op, signature
from annstudio.engine.program import Phase, Program, Step
from annstudio.engine.run import Run
from annstudio.layers.activation import SLOPE, Sigmoid, Softmax, activation_op
from annstudio.layers.activation.elementwise import Elementwise
from annstudio.layers.dense import Dense

FLAT = 0.05
"""A place is saturated where the slope is below this share of the largest."""
WIDE = np.linspace(-30, 30, 2401)
"""Where the largest slope of an activation is looked for."""
MOST_EXAMPLES = 256
MOST_VALUES = 2_000_000
"""So many numbers at most are worked out to see where a network's sums lie."""


@dataclass(frozen=True, eq=False)
class Curve:
    """f(w x + b) over x, and f′ at the same sums. Of softmax the first of two classes is told, the other's sum is 0."""

    x: Array
    net: Array
    y: Array
    slope: Array


def curve(name: str, x: Array, w: float = 1.0, b: float = 0.0, leak: float = SLOPE) -> Curve:
    """The activation called `name` at the sums w x + b. `x` (n,) float64; `leak` is leaky ReLU's slope."""
    net = w * x + b
    if name == "linear":
        return Curve(x, net, net.copy(), np.ones_like(net))
    op = activation_op(name, leak)
    if not isinstance(op, Softmax):
        return Curve(x, net, *_through(op, net[None]))
    return Curve(x, net, *_through(op, np.stack([net, np.zeros_like(net)])))


def _through(op: Op, net: Array) -> tuple[Array, Array]:
    """The first row of the result, and how it changes with the first row of `net`; examples are the last axis."""
    y, slope, dy = np.empty_like(net), np.empty_like(net), np.zeros_like(net)
    dy[0] = 1.0
    with np.errstate(all="ignore"):
        op.forward(y, net)
        known = {"x": net, "y": y, "dy": dy, "dx": slope}
        op.backward(*(known[parameter] for parameter in signature(op).backward))
    return y[0], slope[0]


def range_text(name: str) -> str:
    """Which numbers an activation can give: (0, 1), [0, ∞)."""
    if name == "linear":
        return "(−∞, ∞)"
    op = activation_op(name)
    assert isinstance(op, Elementwise | Softmax)
    return op.range_text


def flat(name: str, net: Array, leak: float = SLOPE) -> Array:
    """Where an activation hardly lets a gradient through: its slope is below 5 % of its largest."""
    largest = float(np.abs(curve(name, WIDE, leak=leak).slope).max())
    slope = np.abs(curve(name, net, leak=leak).slope)
    # A slope of 0 everywhere, as step has, is flat everywhere.
    return np.asarray((slope < FLAT * largest) | (largest == 0))


def flat_stretches(name: str, curve: Curve, leak: float = SLOPE) -> list[tuple[float, float]]:
    """The stretches of x in which it is flat, from … to."""
    marked = np.concatenate([[False], flat(name, curve.net, leak), [False]])
    edges = np.flatnonzero(marked[1:] != marked[:-1])
    return [(float(curve.x[start]), float(curve.x[stop - 1])) for start, stop in edges.reshape(-1, 2)]


def sum_of_sigmoids(x: Array, n: int) -> Array:
    """Σᵢ σ(x − i + ½) for i from 1 to n: many copies of one unit with biases a step apart come to a softplus.

    The lecture calls this sum ReLU; ReLU is what softplus looks like from afar.
    """
    total = np.zeros_like(x)
    for i in range(1, n + 1):
        shifted, y = x - i + 0.5, np.empty_like(x)
        Sigmoid().forward(y, shifted)
        total += y
    return total


# The network's own sums ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sums:
    """What goes into one activation of the network: the sums of all its units for some examples."""

    title: str
    activation: str
    leak: float
    net: Array
    n_examples: int

    @property
    def saturated(self) -> float:
        """The share of the sums at which the activation is flat."""
        return float(flat(self.activation, self.net, self.leak).mean()) if self.net.size else 0.0


def sums(network: Network, weights: Weights) -> dict[str, Sums]:
    """The sums of every activation in the network by title, in the order of the layers; of a gate over all its steps.

    Raises StudioError where the drawing or the data have a problem.
    """
    program = network.programs.look
    rows = network.rows(network.project.settings.dtype)
    n = _n_examples(program, len(network.need_dataset()))
    arena = Arena(program, network.project.settings.dtype)
    arena.load(weights)
    run = Run(program, arena, n)
    run.load(rows.feeds(program, np.arange(n)), network.project.settings.seed)
    with np.errstate(all="ignore"):
        run.finish()
    found: dict[str, list[Array]] = {}
    ops: dict[str, tuple[str, float]] = {}
    for title, step in _titled(program):
        found.setdefault(title, []).append(np.array(run.arrays[step.inputs[0]], float).reshape(-1))
        assert isinstance(step.op, Elementwise)
        ops[title] = (step.op.name, float(getattr(step.op, "leak", SLOPE)))
    return {
        title: Sums(title, *ops[title], _finite(np.concatenate(parts)), n) for title, parts in found.items()
    }  # fmt: skip


def _finite(net: Array) -> Array:
    return net[np.isfinite(net)]


def _n_examples(program: Program, n: int) -> int:
    each = sum(math.prod(slot.shape) for slot in program.slots)
    return max(1, min(n, MOST_EXAMPLES, MOST_VALUES // max(each, 1)))


def _titled(program: Program) -> Iterator[tuple[str, Step]]:
    """The steps that apply an activation, with a title: the node's name, and of gates theirs."""
    steps = [s for s in program.steps if isinstance(s, Step) and s.phase is Phase.FORWARD]
    steps = [s for s in steps if isinstance(s.op, Elementwise)]
    gates: dict[str, set[str]] = {}
    for step in steps:
        gates.setdefault(step.node, set()).add(program.slots[step.output].name)
    for step in steps:
        several = len(gates[step.node]) > 1
        yield step.node + (f" · {program.slots[step.output].name}" if several else ""), step


# Layers without activations ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Collapsed:
    """Dense layers in a row without an activation between them, and the one layer that does the same: W x + b."""

    nodes: tuple[str, ...]
    W: Array
    b: Array


def collapsed(network: Network, weights: Weights) -> list[Collapsed]:
    """Every stretch of two or more Dense layers with nothing but weighted sums between, told as one layer."""
    found: list[Collapsed] = []
    for stretch in _linear_stretches(network):
        W, b = np.eye(0), np.zeros(0)
        for i, node in enumerate(stretch):
            own = np.asarray(weights[f"{node}/W"], float)
            bias = _bias(weights, node, len(own))
            W, b = (own, bias) if i == 0 else (own @ W, own @ b + bias)
        found.append(Collapsed(stretch, W, b))
    return found


def _bias(weights: Mapping[str, Array], node: str, n: int) -> Array:
    bias = weights.get(f"{node}/b")
    return np.zeros(n) if bias is None else np.broadcast_to(np.asarray(bias, float), (n,)).copy()


def _linear_stretches(network: Network) -> Iterator[tuple[str, ...]]:
    graph = network.project.graph
    dense = {id: node.layer for id, node in graph.nodes.items() if isinstance(node.layer, Dense)}
    behind: dict[str, list[str]] = {}
    for link in graph.links:
        behind.setdefault(link.source, []).append(link.target)

    def next_one(id: str) -> str | None:
        """The Dense layer that takes nothing but this one's sums, and alone takes them."""
        targets = behind.get(id, [])
        lone = len(targets) == 1 and targets[0] in dense and dense[id].activation == "linear"
        return targets[0] if lone else None

    followers = {next_one(id) for id in dense}
    for id in dense:
        stretch = [id]
        while (follower := next_one(stretch[-1])) is not None:
            stretch.append(follower)
        if id not in followers and len(stretch) > 1:
            yield tuple(stretch)
