"""Networks gone through with some examples, and questions about their numbers by name."""

from typing import Any

import numpy as np

from annstudio.document.compile import compile_graph
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Arena
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.explain.derivation import Explainer
from annstudio.explain.number_names import NumberNames
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Derivation, Quantity
from annstudio.layers.graph import Graph
from tests.builders import random_feeds, random_weights


class Asked:
    """A batch that was gone through; numbers are asked for by name."""

    def __init__(self, stepper: Stepper) -> None:
        stepper.to(len(stepper))
        self.explainer = Explainer(stepper)
        self.number_names = NumberNames(self.explainer.names, stepper.n)

    def quantity(self, name: str) -> Quantity:
        return self.number_names.quantity(name)

    def told(self, name: str, digits: int = 9) -> Derivation:
        return self.explainer.derive(self.quantity(name), digits)

    def text(self, name: str, digits: int = 9) -> str:
        return self.told(name, digits).text(digits)

    def factors(self, name: str) -> list[list[str]]:
        """The names of what every term is made of."""
        rows = self.told(name).rows
        return [
            [self.number_names.name(part.quantity) for part in row.parts if part.quantity is not None] for row in rows
        ]


def asked(graph: Graph, feeds: dict[str, Any] | None = None, n: int = 1, **weights: Any) -> Asked:
    """A network with random numbers, but for what is given: data by column, weights as node__view."""
    program = compile_graph(graph, {}, training=True, plain=True)
    rng = np.random.default_rng(1)
    rows = random_feeds(program, n, rng)
    for feed in program.feeds:
        if feeds and feed.column in feeds:
            rows[feed.slot] = np.asarray(feeds[feed.column], float)
    arena = Arena(program, "float64")
    given: dict[str, Array] = {key.replace("__", "/"): np.array(value, float) for key, value in weights.items()}
    arena.load({**random_weights(program, rng), **given})
    arena.use(SGD(learning_rate=0.1))
    return Asked(Stepper(program, arena, rows, 3, 5))


def asked_of(project: Project, sample: int = 0) -> Asked:
    """A project's own network and data."""
    return Asked(Network(project).stepper(sample))
