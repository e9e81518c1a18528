"""Drawings at random: any sequence of edits, and whole networks with branches, merges and several losses."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from annstudio.document.compile import Columns, check
from annstudio.engine.builder import Spec
from annstudio.engine.layout import engine_shape
from annstudio.errors import GraphError
from annstudio.layers.base import Layer, catalogue, make
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Node
from annstudio.layers.losses import Loss
from tests.layers.cases import choices

KINDS = [*catalogue()]
INSIDE = [kind for kind, layer in catalogue().items() if layer.has_output and layer.arity[1] != 0]


@st.composite
def columns(draw: st.DrawFn, graph: Graph) -> Columns:
    """Data as check and compile know them: mostly what the inputs are set to, targets of any kind; sometimes none."""
    if not draw(st.integers(0, 3)):
        return {}
    shapes = st.sampled_from([(4,), (3,), (1,), (5, 3), (2, 5, 4), (40,)])
    specs = st.one_of(st.builds(Spec, shapes), st.integers(2, 4).map(lambda n: Spec((n,), n)))
    inputs = [node.layer for node in graph.nodes.values() if isinstance(node.layer, Input)]
    given = {layer.column: Spec(engine_shape(layer.shape)) for layer in inputs if draw(st.integers(0, 5))}
    return given | {name: draw(specs) for name in ("y", "y0", "y1")}


@st.composite
def layers(draw: st.DrawFn, kind: str | None = None) -> Layer:
    """Any layer with any of the settings that the contract tries; numbers stay small."""
    chosen = catalogue()[kind or draw(st.sampled_from(KINDS))]
    settings: dict[str, Any] = {}
    for name, field in chosen.model_fields.items():
        tried = choices(chosen, name) or [field.default]
        settings[name] = draw(st.sampled_from(tried))
    return make(chosen.kind(), settings)


# Any edits -----------------------------------------------------------------------------------------------------------

Edit = Callable[[Graph, st.DrawFn], Graph]


def _add(graph: Graph, draw: st.DrawFn) -> Graph:
    layer = draw(layers())
    return graph.with_node(Node(graph.free_id(layer.prefix), layer, draw(_places), draw(_places)))


def _connect(graph: Graph, draw: st.DrawFn) -> Graph:
    return graph.connect(_any(graph, draw), _any(graph, draw), draw(st.none() | st.integers(0, 3)))


def _disconnect(graph: Graph, draw: st.DrawFn) -> Graph:
    return graph.disconnect(draw(st.sampled_from(graph.links))) if graph.links else graph


def _delete(graph: Graph, draw: st.DrawFn) -> Graph:
    return graph.without(draw(st.sets(st.sampled_from([*graph.nodes]), max_size=3)), bridge=draw(st.booleans()))


def _move(graph: Graph, draw: st.DrawFn) -> Graph:
    return graph.moved({_any(graph, draw): (draw(_places), draw(_places))})


def _rename(graph: Graph, draw: st.DrawFn) -> Graph:
    return graph.renamed(_any(graph, draw), draw(st.sampled_from(["a", "b", " c ", "dense_1", "", "a/b"])))


def _copy(graph: Graph, draw: st.DrawFn) -> Graph:
    chosen = draw(st.sets(st.sampled_from([*graph.nodes]), max_size=4))
    return graph.with_part(graph.part(chosen), 40, 40)[0] if len(graph.nodes) < 30 else graph


def _insert(graph: Graph, draw: st.DrawFn) -> Graph:
    layer = draw(layers(draw(st.sampled_from(INSIDE))))
    if not graph.links:
        return graph
    return graph.inserted(Node(graph.free_id(layer.prefix), layer), draw(st.sampled_from(graph.links)))


def _set(graph: Graph, draw: st.DrawFn) -> Graph:
    id = _any(graph, draw)
    return graph.with_layer(id, draw(layers(graph.nodes[id].layer.kind())))


_places = st.integers(-5, 5).map(lambda n: 100.0 * n)
EDITS: list[Edit] = [_add, _connect, _connect, _connect, _disconnect, _delete, _move, _rename, _copy, _insert, _set]


def _any(graph: Graph, draw: st.DrawFn) -> str:
    return draw(st.sampled_from([*graph.nodes]))


def edited(graph: Graph, draw: st.DrawFn) -> Graph:
    """The graph after some edit; an edit that is refused changes nothing."""
    edit = draw(st.sampled_from(EDITS)) if graph.nodes else _add
    try:
        return edit(graph, draw)
    except GraphError:
        return graph


@st.composite
def drawings_with_data(draw: st.DrawFn, most: int = 6) -> tuple[Graph, Columns]:
    """A drawing, and data that may or may not suit it."""
    graph = draw(drawings(most))
    return graph, draw(columns(graph))


@st.composite
def drawings(draw: st.DrawFn, most: int = 6) -> Graph:
    """Whatever comes of a number of edits, of a network or of a few layers without wires."""
    graph = draw(networks()) if draw(st.integers(0, 3)) else Graph()
    for _ in range(draw(st.integers(0, 3))):
        graph = _add(graph, draw)
    for _ in range(draw(st.integers(0 if graph.nodes else 1, most))):
        graph = edited(graph, draw)
    return graph if graph.nodes else _add(graph, draw)


# Whole networks ------------------------------------------------------------------------------------------------------


@st.composite
def networks(draw: st.DrawFn, most: int = 6) -> Graph:
    """Networks that fit together: one or two inputs, layers on any of what is there, and one to three losses."""
    graph = Graph()
    shapes, film = [(4,), (5, 3), (5, 4, 2)], (2, 5, 4, 1)
    for name in draw(st.sampled_from([("x",), ("x", "x2")])):
        # A film beside something else: no loss takes it as it is.
        shape = draw(st.sampled_from(shapes if name == "x" else [*shapes, film]))
        graph = graph.with_node(Node(name, Input(shape=shape, column=name)))
    for _ in range(draw(st.integers(1, most))):
        graph = _with_layer(graph, draw(layers(draw(st.sampled_from(INSIDE)))), draw)
    ends = draw(st.lists(st.sampled_from([*graph.nodes]), min_size=1, max_size=3, unique=True))
    for i, end in enumerate(ends):
        graph = _with_layer(graph, draw(layers("Loss")).changed(column=f"y{i}"), draw, end)
    if not any(isinstance(node.layer, Loss) for node in graph.nodes.values()):
        graph = _with_layer(graph, Loss(column="y"), draw, "x")
    return graph


def _with_layer(graph: Graph, layer: Layer, draw: st.DrawFn, source: str | None = None) -> Graph:
    """With a layer on one or several of the nodes, where it fits there; else as it was."""
    sources = [source] if source else [id for id, node in graph.nodes.items() if node.layer.gives]
    ends = [(id, out) for id in sources for out in range(graph.nodes[id].layer.gives)]
    id = graph.free_id(layer.prefix)
    grown = graph.with_node(Node(id, layer))
    least, most = layer.takes
    for _ in range(least + (draw(st.integers(0, 1)) if most is None else 0)):
        found, out = draw(st.sampled_from(ends))
        grown = grown.connect(found, id, out=out)
    return grown if id in check(grown, {}).facts else graph
