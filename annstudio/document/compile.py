"""From a drawing to what it means. Checking is lowering: one walk finds shapes, parameter counts and problems.

There is no second shape rule to keep in agreement with the layers' own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from annstudio.data.base import Dataset
from annstudio.document.graph import Graph
from annstudio.document.symmetry import alike, redraw
from annstudio.engine.arena import Weights
from annstudio.engine.builder import Builder, Spec, Value
from annstudio.engine.layout import engine_shape
from annstudio.engine.op import Shape
from annstudio.engine.program import Parameter, Phase, Program
from annstudio.errors import GraphError, Remedy, ShapeError
from annstudio.layers.base import catalogue
from annstudio.layers.losses import Loss, total_loss

Columns = Mapping[str, Spec]


class Grade(StrEnum):
    """How bad a problem is."""

    WRONG = "wrong"
    OPEN = "open"  # merely unfinished
    WARNING = "warning"  # it can be trained, though hardly as it is meant


@dataclass(frozen=True)
class Problem:
    """What does not fit at a node, in plain words, with mends."""

    node: str
    message: str
    hint: str = ""
    remedies: tuple[Remedy, ...] = ()
    grade: Grade = Grade.WRONG

    @property
    def open(self) -> bool:
        return self.grade is Grade.OPEN

    @property
    def mild(self) -> bool:
        """Whether nothing is wrong."""
        return self.grade is not Grade.WRONG


@dataclass(frozen=True)
class Fact:
    """What a node turns out to be: the shape of one example's result (engine layout) and its number of parameters."""

    shape: Shape
    n_parameters: int = 0


@dataclass(frozen=True)
class Checked:
    """The outcome of checking a graph: facts of the nodes that fit, problems of those that do not."""

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
        return sum(fact.n_parameters for fact in self.facts.values())

    def of(self, node: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.node == node)

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
    try:
        net, facts, problems = _lower(graph, Builder(dict(columns)))
    except GraphError as error:
        return Checked({}, (Problem(next(iter(graph.nodes), ""), error.message, error.hint),))
    if not problems:
        problems = _missing_loss(graph, facts, columns)
    return Checked(facts, tuple(problems), tuple(net.parameters), frozenset(noise.node for noise in net.noises))


def with_warnings(checked: Checked, graph: Graph, weights: Weights, locked: Weights) -> Checked:
    """What was found, and what `weights`, trained or set by hand, make of it."""
    by_hand = {key.rpartition("/")[0] for key in locked}
    channels = {id: fact.shape[0 if len(fact.shape) == 3 else -1] for id, fact in checked.facts.items() if fact.shape}
    said = alike(graph, checked.parameters, checked.noisy, channels, weights)
    warnings = [
        Problem(id, words, "Start them with random numbers.", (redraw(id, dict(graph.nodes[id].layer)),), Grade.WARNING)
        for id, words in said.items()
        if id not in by_hand and not checked.of(id)
    ]
    return replace(checked, problems=(*checked.problems, *warnings)) if warnings else checked


def compile_graph(graph: Graph, columns: Columns, *, training: bool, plain: bool) -> Program:
    """The program of a graph. Raises GraphError with the first problem's words where there is one.

    Without a loss the program ends with the outputs (there is then no way back and no update).
    """
    # Whoever has every layer has the quick twins of their ops too.
    catalogue()
    builder, _, problems = _lower(graph, Builder(dict(columns), training=training, plain=plain))
    if problems:
        raise GraphError(problems[0].message, problems[0].hint)
    if not graph.nodes:
        raise GraphError("There is nothing to compile: the canvas is empty.", "Add an Input layer to begin.")
    return builder.finish(total_loss)


def refusal(graph: Graph, source: str, target: str, port: int | None, columns: Columns) -> Problem | None:
    """Why a wire cannot be, shapes included; None where it can. Called while the wire is still being dragged."""
    reason = graph.refusal(source, target, port)
    if reason:
        return Problem(target, reason)
    return next((p for p in check(graph.connect(source, target, port), columns).of(target) if not p.mild), None)


def _lower(graph: Graph, net: Builder) -> tuple[Builder, dict[str, Fact], list[Problem]]:
    values: dict[str, Value] = {}
    facts: dict[str, Fact] = {}
    problems: list[Problem] = []
    for id in graph.order():
        layer = graph.nodes[id].layer
        links = graph.into(id)
        if any(link.source not in values for link in links):
            continue
        if len(links) < layer.arity[0]:
            problems.append(_unconnected(id, len(links), layer.arity[0]))
            continue
        net.sources.update({values[link.source].slot: link.source for link in links})
        before = len(net.parameters)
        try:
            with net.node(id, Phase.LOSS if isinstance(layer, Loss) else Phase.FORWARD):
                value = layer.lower(net, *(values[link.source] for link in links))
        except ShapeError as error:
            problems.append(Problem(id, error.message, error.hint, error.remedies))
            continue
        net.output(id, value)
        if layer.has_output:
            values[id] = value
        facts[id] = Fact(value.shape, sum(p.size for p in net.parameters[before:]))
    return net, facts, problems


def _unconnected(id: str, n: int, least: int) -> Problem:
    wanted = "an input" if least == 1 else f"{least} inputs"
    return Problem(id, f"{id} needs {wanted}; {n or 'none'} is connected.", "Drag a wire to it.", grade=Grade.OPEN)


def _missing_loss(graph: Graph, facts: Mapping[str, Fact], columns: Columns) -> list[Problem]:
    if not graph.nodes or any(isinstance(node.layer, Loss) for node in graph.nodes.values()):
        return []
    ends = [id for id, n in graph.nodes.items() if not graph.out_of(id) and n.layer.arity[1] != 0]
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
