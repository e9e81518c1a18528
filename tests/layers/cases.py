"""Every layer with every choice of every setting, on every kind of input that it takes: what the contract runs over.

Nothing here knows a layer by name where its fields can tell: a new layer is tested as soon as the catalogue finds it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
from annotated_types import Ge, Le

from annstudio.engine.account import See, Term
from annstudio.engine.builder import Builder, Value
from annstudio.engine.initializers import Initial
from annstudio.engine.op import Array, Index, Op, Shape
from annstudio.engine.program import Phase, Program, Step, View
from annstudio.errors import ShapeError
from annstudio.layers.activation import ACTIVATIONS
from annstudio.layers.base import Layer, catalogue
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Graph
from annstudio.layers.losses import MeanOverExamples, total_loss
from tests.hard import HARD_LAYERS
from tests.layers.boxes import BOXES, MANY_STEPS

SHAPES: tuple[Shape, ...] = ((4,), (5, 3), (2, 5, 4))
"""A list of values, a sequence (T, D), an image (C, H, W)."""
PARTS: dict[int, Shape] = {1: (3,), 2: (5, 2), 3: (3, 5, 4)}
"""A second shape for layers that take inputs of different sizes."""
SPECIAL: dict[tuple[str, str], list[Any]] = {
    ("Block", "inside"): BOXES,
    ("Block", "window"): [1, 2, 3],
    ("Block", "stride"): [1, 2],
    ("Input", "shape"): [(4,), (5, 3), (5, 4, 2), (3, 5, 4, 2)],
    ("Conv1D", "groups"): [1, 3],
    ("Conv2D", "groups"): [1, 2],
    ("Permute", "order_of_axes"): [(2, 1), (2, 1, 3), (3, 1, 2), (1, 3, 2), (2, 3, 1)],
    ("Loss", "class_weights"): [(), (0.5, 2.0, 1.0, 4.0)],
    ("Loss", "example_weights"): ["", "w"],
    ("Reshape", "target"): [(4,), (15,), (2, 2, 1), (5, 3), (5, 4, 2), (8, 5), (1, 1, 4)],
}
"""Settings whose sensible values depend on the input."""
TOGETHER: dict[tuple[str, str], dict[str, Any]] = {
    ("Conv1D", "groups"): {"filters": 6},
    ("Conv2D", "groups"): {"filters": 4},
}
"""Settings that others have to go with."""


@dataclass(frozen=True)
class Case:
    """A layer with its settings, and the shapes of its inputs; `cut`: sequences among them are of different length."""

    layer: Layer
    shapes: tuple[Shape, ...]
    cut: bool = False

    def __str__(self) -> str:
        default = type(self.layer)()
        told = [f"{k}={_in_brief(v)}" for k, v in self.layer if v != getattr(default, k)]
        shapes = ["×".join(map(str, shape)) for shape in self.shapes]
        return " ".join([type(self.layer).__name__, *told, *shapes, *["cut"] * self.cut])


def _in_brief(value: Any) -> Any:
    return f"{'+'.join(value.nodes)}" if isinstance(value, Graph) else value


def layers() -> Iterator[Layer]:
    """Every layer of the catalogue and every hard one with every choice of every field; two at a time for switches."""
    for kind in [*catalogue().values(), *HARD_LAYERS]:
        small = {
            name: _small(field.get_default(call_default_factory=True)) for name, field in kind.model_fields.items()
        }
        seen = set()
        more = [dict(preset) for preset in kind.presets.values()] + (MANY_STEPS if kind is Block else [])
        for settings in [small, *_changes(kind, small), *more]:
            layer = kind.model_validate({**small, **settings})
            if layer not in seen:
                seen.add(layer)
                yield layer


def choices(kind: type[Layer], name: str) -> list[Any]:
    """The values that a field is tried with: both, all, or the limits and something between them."""
    if (kind.__name__, name) in SPECIAL:
        return SPECIAL[kind.__name__, name]
    field = kind.model_fields[name]
    least = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    return _values(field.annotation, least, most)


def _values(of: Any, least: Any, most: Any) -> list[Any]:
    if get_origin(of) is Literal:
        return list(get_args(of))
    if get_origin(of) in (Union, UnionType):
        return [value for each in get_args(of) for value in _values(each, least, most)]
    if get_origin(of) is tuple and len(get_args(of)) == 2 and Ellipsis not in get_args(of):
        return [(1, 1), (2, 2), (3, 2), (1, 3)]
    if of is bool:
        return [False, True]
    if of is int:
        return [value for value in (least, 2, 5) if value is not None and (most is None or value <= most)]
    if of is float:
        return [value for value in (least, 0.25, 0.9) if value is not None and (most is None or value <= most)]
    if of is type(None):
        return [None]
    return []


def _changes(kind: type[Layer], small: dict[str, Any]) -> Iterator[dict[str, Any]]:
    tried = {name: choices(kind, name) for name in kind.model_fields}
    for name, values in tried.items():
        for others in [TOGETHER.get((kind.__name__, name), {}), *_needed(kind, name)]:
            yield from ({name: value, **others} for value in values)
    for first, second in combinations([name for name, values in tried.items() if len(values) == 2], 2):
        yield from ({first: a, second: b} for a in tried[first] for b in tried[second])


def _needed(kind: type[Layer], name: str) -> Iterator[dict[str, Any]]:
    """The settings, one at a time, that a field says it has a meaning with alone."""
    extra = kind.model_fields[name].json_schema_extra
    if isinstance(extra, dict) and "needs" in extra:
        needed, _, values = str(extra["needs"]).partition("=")
        yield from ({needed: value} for value in (values.split("|") if values else [True]))


def _small(value: Any) -> Any:
    return min(value, 3) if type(value) is int else value


@cache
def cases() -> list[Case]:
    """The layers on all inputs that they take, and on sequences of different length where that matters to them."""
    whole = [Case(layer, shapes) for layer in layers() for shapes in _offered(layer) if _fits(layer, shapes)]
    return [*whole, *(replace(case, cut=True) for case in whole if _minds_lengths(case))]


def _minds_lengths(case: Case) -> bool:
    if not any(len(shape) == 2 for shape in case.shapes):
        return False
    whole, cut = (
        [step.op for step in written(each).steps if isinstance(step, Step)] for each in (case, replace(case, cut=True))
    )
    return whole != cut


def _offered(layer: Layer) -> list[tuple[Shape, ...]]:
    least, most = layer.takes
    if most == 0:
        return [()]
    counts = [n for n in (1, 2, 3) if least <= n <= (most or 3)]
    same = [(shape,) * n for n in counts for shape in SHAPES]
    return same + [(shape, PARTS[len(shape)]) for shape in SHAPES if 2 in counts]


def _fits(layer: Layer, shapes: tuple[Shape, ...]) -> bool:
    try:
        written(Case(layer, shapes))
    except ShapeError:
        return False
    return True


# Programs around one layer -------------------------------------------------------------------------------------------


class Shifted(Op):
    """y = x + p: makes every input of a layer depend on a parameter, so that the fast reading wants its gradient."""

    formula = "y = x + p"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, x: Array, p: Array) -> None:
        np.add(x, p[..., None], y)

    def backward(self, dx: Array | None, dp: Array | None, dy: Array) -> None:
        if dx is not None:
            dx[...] = dy
        if dp is not None:
            dp[...] = dy.sum(-1)

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("p", *index),))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if name == "x":
            return [Term((see("dy", *index),))]
        return [Term((see("dy", *index, example=n),)) for n in range(see.n_examples)]


class Along(Op):
    """e = Σ r x: looks at a result along one direction, so that its whole gradient is put to the test."""

    formula = r"e = \sum r x"
    without_gradient = frozenset({"r"})

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def forward(self, y: Array, x: Array, r: Array) -> None:
        y[...] = (x * r).reshape(-1, x.shape[-1]).sum(0)

    def backward(self, dx: Array, dy: Array, r: Array) -> None:
        dx[...] = r * dy

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *k), see("r", *k))) for k in np.ndindex(see.shape("x"))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("r", *index), see("dy")))]


def written(case: Case, *, training: bool = True, plain: bool = True) -> Program:
    """The case's layer (node `layer`) between shifted inputs and a loss: its own, or the result along a direction."""
    net = Builder(training=training, plain=plain)
    xs = []
    for i, shape in enumerate(case.shapes):
        with net.node(f"before_{i}"):
            x = net.apply(Shifted(), net.feed(f"x{i}", shape), net.parameter(shape, [_view("p")]), name="x")
            if case.cut and len(shape) == 2:
                net.measure(x, net.feed(f"length{i}", (), "lengths", "int"))
            xs.append(x)
            net.output(f"before_{i}", x)
    xs = _activated(net, case.layer, xs)
    with net.node("layer", Phase.FORWARD if case.layer.has_output else Phase.LOSS):
        results = case.layer.lower(net, *xs)
        results = results if isinstance(results, tuple) else (results,)
        net.output("layer", *results)
    for i, y in enumerate(results if case.layer.has_output else ()):
        with net.node(f"along_{i}" if i else "along", Phase.LOSS):
            r = net.feed(f"r{i}", y.shape)
            net.loss(net.apply(Along(), y, r, name="e"), MeanOverExamples(), y, r)
    return net.finish(total_loss)


def _activated(net: Builder, layer: Layer, xs: list[Value]) -> list[Value]:
    """The inputs, through the activation that a loss asks for by its remedy where it does."""
    trial = Builder(plain=net.plain)
    with trial.node("trial"):
        try:
            layer.lower(trial, *(trial.feed("x", x.shape) for x in xs))
        except ShapeError as error:
            asked = [r.settings["function"] for r in error.remedies if r.layer == "Activation"]
            if asked and not layer.has_output:
                with net.node("activated"):
                    return [net.apply(ACTIVATIONS[asked[0]], x, name="out") for x in xs]
    return xs


def _view(name: str) -> View:
    return View(name, (slice(None),), Initial("normal"))
