"""From a drawing to ops: one walk finds shapes and problems, for the whole network and for what a box holds.

There is no second shape rule to keep in agreement with the layers' own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from annstudio.engine.builder import Builder, Value
from annstudio.engine.program import Phase
from annstudio.errors import Remedy, ShapeError
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.names import is_of

Results = dict[tuple[str, int], Value]
"""Values by node and output."""


class Grade(StrEnum):
    """How bad a problem is."""

    WRONG = "wrong"
    OPEN = "open"  # merely unfinished
    WARNING = "warning"  # it can be trained, though hardly as it is meant


@dataclass(frozen=True)
class Problem:
    """What does not fit at a node, in plain words, with mends.

    `node` is the node's whole path: `block_1/dense_1` stands inside block_1.
    """

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

    def concerns(self, node: str) -> bool:
        """Whether it is the node's own, or of one inside it."""
        return is_of(self.node, node)


class InnerProblems(ShapeError):
    """What a box holds does not fit; its problems are told in the names of the nodes inside."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.message, first.hint, first.remedies)


def lower_graph(graph: Graph, net: Builder, given: Mapping[str, Value] | None = None) -> tuple[Results, list[Problem]]:
    """Write a drawing down. `given` are values of nodes that need no writing: where a box takes its inputs in.

    Nodes behind a problem stay silent. Raises GraphError where the wires go round in a circle.
    """
    values: Results = {(id, 0): value for id, value in (given or {}).items()}
    problems: list[Problem] = []
    for id in graph.order():
        links = graph.into(id)
        if (id, 0) in values:
            net.output(net.room.path + id, values[id, 0])
            continue
        if any((link.source, link.out) not in values for link in links):
            continue
        least = graph.nodes[id].layer.takes[0]
        if len(links) < least:
            problems.append(_unconnected(net.room.path + id, len(links), least))
            continue
        try:
            results = _lower_node(graph, id, net, [values[link.source, link.out] for link in links])
        except InnerProblems as error:
            problems += error.problems
        except ShapeError as error:
            problems.append(Problem(net.room.path + id, error.message, error.hint, error.remedies))
        else:
            values.update({(id, out): value for out, value in enumerate(results)})
    return values, problems


def _lower_node(graph: Graph, id: str, net: Builder, xs: list[Value]) -> tuple[Value, ...]:
    """What a node gives; nothing where it is the network's end."""
    layer, room = graph.nodes[id].layer, net.room
    phase = Phase.LOSS if isinstance(layer, Loss) else Phase.FORWARD
    with net.node(room.path + id, phase, f"{room.owner}{id}{room.suffix}"):
        layer.agree(net.current, graph)
        net.sources.update({x.slot: room.path + link.source for x, link in zip(xs, graph.into(id), strict=True)})
        for x in () if layer.films else xs:
            hint = "Put the layer into a block that is applied at each step."
            net.need(len(x.shape) <= 3, x, "a single picture, a sequence or values", hint)
        results = layer.lower(net, *xs)
    results = results if isinstance(results, tuple) else (results,)
    net.output(room.path + id, *results)
    return results if layer.gives else ()


def _unconnected(path: str, n: int, least: int) -> Problem:
    wanted = "an input" if least == 1 else f"{least} inputs"
    return Problem(path, f"{path} needs {wanted}; {n or 'none'} is connected.", "Drag a wire to it.", grade=Grade.OPEN)
