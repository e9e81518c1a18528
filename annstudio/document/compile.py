"""From a drawing to what it means. Checking is lowering: `layers.lowering` walks, here it is told what was found."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from annstudio.data.base import Dataset
from annstudio.document.symmetry import Behind, Beyond, Drawing, nothing, redraw
from annstudio.engine.arena import Weights
from annstudio.engine.builder import Builder, Spec
from annstudio.engine.layout import engine_shape
from annstudio.engine.op import Shape
from annstudio.engine.program import Parameter, Program
from annstudio.errors import GraphError, Remedy
from annstudio.layers.base import Layer, catalogue
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss, total_loss
from annstudio.layers.lowering import Grade, Problem, lower_graph
from annstudio.layers.names import layer_of

Columns = Mapping[str, Spec]
Alike = tuple[str, str, Layer]
"""A layer's path, what is to be said of it, and the layer."""


@dataclass(frozen=True)
class Fact:
    """What a node turns out to be: the shape of one example's result (engine layout) and its number of parameters.

    `shapes` are those of all its results, where it has several.
    """

    shape: Shape
    n_parameters: int = 0
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The outcome of checking a graph: facts of the nodes that fit, by path, problems of those that do not."""

    facts: Mapping[str, Fact]
    problems: tuple[Problem, ...]
    parameters: tuple[Parameter, ...] = ()
    noisy: frozenset[str] = frozenset()
    """The nodes that draw random numbers while training."""

    @property
    def in_the_way(self) -> tuple[Problem, ...]:
        """The problems that must be mended before anything can be trained or explained."""
        return tuple(problem for problem in self.problems if problem.grade is not Grade.WARNING)

    @property
    def n_parameters(self) -> int:
        return sum(fact.n_parameters for path, fact in self.facts.items() if "/" not in path)

    def of(self, node: str) -> tuple[Problem, ...]:
        """The problems of a node, and of those inside it."""
        return tuple(problem for problem in self.problems if problem.concerns(node))

    def inside(self, path: str) -> "Checked":
        """What concerns the nodes of the drawing that a path leads to, under the names that they have there."""
        start = f"{path}/" if path else ""
        cut = len(start)
        facts = {id[cut:]: fact for id, fact in self.facts.items() if id.startswith(start)}
        return Checked(facts, tuple(replace(p, node=p.node[cut:]) for p in self.problems if p.node.startswith(start)))

    @property
    def trainable(self) -> bool:
        """Whether nothing is missing and nothing is wrong."""
        return bool(self.facts) and not self.in_the_way


def columns_of(dataset: Dataset | None) -> dict[str, Spec]:
    """What the builder needs to know of the data. Of a large one an excerpt tells which numbers it holds."""
    if dataset is None:
        return {}
    return {
        name: Spec((len(c.classes),) if c.is_classes else engine_shape(c.shape), len(c.classes), _stray(dataset, name))
        for name, c in dataset.columns.items()
    }


def _stray(dataset: Dataset, column: str) -> Callable[[int], float | None]:
    # The excerpt is made where somebody asks.
    return lambda end: dataset.excerpt.columns[column].stray(end)


def check(graph: Graph, columns: Columns) -> Checked:
    """Shapes, parameter counts and problems of every node. Nodes behind a problem stay silent."""
    net = Builder(dict(columns))
    try:
        _, problems = lower_graph(graph, net)
    except GraphError as error:
        return Checked({}, (Problem(next(iter(graph.nodes), ""), error.message, error.hint),))
    facts = _facts(net)
    if not problems:
        problems = _missing_loss(graph, facts, columns)
    return Checked(facts, tuple(problems), tuple(net.parameters), frozenset(noise.node for noise in net.noises))


def with_warnings(checked: Checked, graph: Graph, weights: Weights, locked: Weights) -> Checked:
    """What was found, and what `weights`, trained or set by hand, make of it."""
    by_hand = {layer_of(key) for key in locked}
    warnings = [
        Problem(path, words, "Start them with random numbers.", (redraw(path, dict(layer)),), Grade.WARNING)
        for path, words, layer in _alike_within(checked, graph, weights)
        if path not in by_hand and not checked.of(path)
    ]
    return replace(checked, problems=(*checked.problems, *warnings)) if warnings else checked


def _alike_within(
    checked: Checked, graph: Graph, weights: Weights, start: str = "", beyond: Beyond = nothing
) -> Iterator[Alike]:  # fmt: skip
    """Layers whose units start the same, by path, in a drawing and in what its blocks hold."""
    cut = len(start)
    facts, own = checked.facts, [p for p in checked.parameters if p.node.startswith(start)]
    drawing = Drawing(
        graph,
        tuple(replace(p, node=p.node[cut:]) for p in own),
        frozenset(node[cut:] for node in checked.noisy if node.startswith(start)),
        {id: s[0 if len(s) == 3 else -1] for id in graph.nodes if (s := _shape(facts, start + id))},
        {key[cut:]: array for key, array in weights.items() if key.startswith(start)} if start else weights,
        beyond,
    )
    for id, words in drawing.alike().items():
        yield start + id, words, graph.nodes[id].layer
    for id, node in graph.nodes.items():
        if isinstance(node.layer, Block):
            ends = node.layer.outputs
            outside = partial(_behind_end, drawing, id, ends)
            yield from _alike_within(checked, node.layer.inside, weights, f"{start}{id}/", outside)


def _behind_end(drawing: Drawing, block: str, ends: list[str], end: str) -> Behind:
    return drawing.behind(block, ends.index(end))


def _shape(facts: Mapping[str, Fact], path: str) -> Shape:
    return facts[path].shape if path in facts else ()


def compile_graph(graph: Graph, columns: Columns, *, training: bool, plain: bool) -> Program:
    """The program of a graph. Raises GraphError with the first problem's words where there is one.

    Without a loss the program ends with the outputs (there is then no way back and no update).
    """
    # Whoever has every layer has the quick twins of their ops too.
    catalogue()
    net = Builder(dict(columns), training=training, plain=plain)
    _, problems = lower_graph(graph, net)
    if problems:
        raise GraphError(problems[0].message, problems[0].hint)
    if not graph.nodes:
        raise GraphError("There is nothing to compile: the canvas is empty.", "Add an Input layer to begin.")
    return net.finish(total_loss)


def refusal(
    graph: Graph, columns: Columns, source: str, target: str, port: int | None = None, out: int = 0
) -> Problem | None:
    """Why a wire cannot be, shapes included; None where it can. Called while the wire is still being dragged."""
    reason = graph.refusal(source, target, port, out)
    if reason:
        return Problem(target, reason)
    return next((p for p in check(graph.connect(source, target, port, out), columns).of(target) if not p.mild), None)


def _facts(net: Builder) -> dict[str, Fact]:
    """What every node that was written down turned out to be."""
    sizes: Counter[str] = Counter()
    for parameter in net.parameters:
        parts = layer_of(f"{parameter.node}/").split("/")
        sizes.update({"/".join(parts[: i + 1]): parameter.size for i in range(len(parts))})
    return {
        path: Fact(values[0].shape, sizes[path], tuple(value.shape for value in values))
        for path, values in net.results.items()
    }


def _missing_loss(graph: Graph, facts: Mapping[str, Fact], columns: Columns) -> list[Problem]:
    if not graph.nodes or any(isinstance(node.layer, Loss) for node in graph.nodes.values()):
        return []
    ends = [id for id, n in graph.nodes.items() if not graph.out_of(id) and n.layer.takes[1] != 0]
    if not ends:
        message = "The network has no layer yet that computes something."
        return [Problem(next(iter(graph.nodes)), message, "Add a layer behind the input.", grade=Grade.OPEN)]
    end = ends[-1]
    remedy = Remedy("append", "Add the loss", end, "Loss", {"function": _suited_loss(facts[end].shape, columns)})
    message = "Nothing can be learned yet: the network has no loss."
    return [Problem(end, message, "Add a loss behind the last layer.", (remedy,), grade=Grade.OPEN)]


def _suited_loss(shape: Shape, columns: Columns) -> str:
    """The usual loss for the target column: cross-entropy for classes, else the squared error."""
    target = columns.get("y")
    if target is None or target.n_classes == 0:
        return "half_squared_error"
    return "binary_cross_entropy" if target.n_classes == 2 and shape == (1,) else "cross_entropy"
