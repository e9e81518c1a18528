"""Boxes in a drawing: looking into one, giving it another content, making one of some nodes, taking one apart.

A path such as `block_1/block_2` leads from the outermost drawing to the drawing inside block_2.
"""

from collections.abc import Iterable
from dataclasses import replace

from annstudio.errors import GraphError
from annstudio.layers.block.ends import MOST_ENDS, BlockInput, BlockOutput
from annstudio.layers.block.node import ENDS_APART, Block
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.losses import Loss
from annstudio.layers.names import layer_of

Names = dict[str, str]
"""Which path became which."""


def node_at(graph: Graph, path: str) -> Node | None:
    """The node at the end of a path, whichever time step it names; None where there is none."""
    *boxes, id = layer_of(f"{path}/").split("/")
    drawing = inside(graph, "/".join(boxes))
    return drawing.nodes.get(id) if drawing is not None else None


def inside(graph: Graph, path: str) -> Graph | None:
    """The drawing that a path leads to; the graph itself for an empty one, None where no block is there."""
    for id in path.split("/") if path else ():
        node = graph.nodes.get(id)
        if node is None or not isinstance(node.layer, Block):
            return None
        graph = node.layer.inside
    return graph


def owner_of(graph: Graph, path: str) -> str:
    """The path under which a node's weights are known: that of the block whose weights the blocks on the way use."""
    owners: list[str] = []
    *boxes, id = path.split("/")
    for i, box in enumerate(boxes):
        drawing = inside(graph, "/".join(boxes[:i]))
        layer = drawing.nodes[box].layer if drawing is not None and box in drawing.nodes else None
        owners.append(layer.weights_of if isinstance(layer, Block) and layer.weights_of else box)
    return "/".join((*owners, id))


def with_inside(graph: Graph, path: str, content: Graph) -> Graph:
    """With another drawing where the path leads. Blocks that share the changed one's weights hold it too, and wires
    follow the ends that they are connected to. Raises GraphError where no block is there, or too many lie in another.
    """
    if not path:
        return content
    id, _, rest = path.partition("/")
    node = graph.nodes.get(id)
    if node is None or not isinstance(node.layer, Block):
        raise GraphError(f"There is no block called {id!r}.")
    held = with_inside(node.layer.inside, rest, content)
    owner = node.layer.weights_of or id
    for other in graph.nodes.values():
        if isinstance(other.layer, Block) and owner in (other.id, other.layer.weights_of):
            graph = _filled(graph, other.id, other.layer, held)
    return graph


def _filled(graph: Graph, id: str, block: Block, content: Graph) -> Graph:
    # Through `changed`, which says so where boxes lie too deep.
    filled = block.changed(inside=content)
    assert isinstance(filled, Block)
    into, out_of = _moved(block.inputs, filled.inputs), _moved(block.outputs, filled.outputs)
    links = []
    for link in graph.links:
        port = into.get(link.port) if link.target == id else link.port
        out = out_of.get(link.out) if link.source == id else link.out
        if port is not None and out is not None:
            links.append(replace(link, port=port, out=out))
    return replace(graph, links=tuple(links)).with_layer(id, filled)


def _moved(before: list[str], after: list[str]) -> dict[int, int]:
    """Where each end is now; one that has another name only is found at its old place."""
    places = {}
    for i, name in enumerate(before):
        if name in after:
            places[i] = after.index(name)
        elif len(before) == len(after) and after[i] not in before:
            places[i] = i
    return places


# Making one ------------------------------------------------------------------------------------------------------


def boxed(graph: Graph, ids: Iterable[str]) -> tuple[Graph, str, Names]:
    """With these nodes in a block of their own, its name, and the nodes' new paths. Where wires were cut are its ends.

    Where data enter and losses stay outside. Raises GraphError where the nodes cannot be one block.
    """
    asked = set(ids)
    chosen = [id for id in graph.nodes if id in asked and _fits_in(graph.nodes[id])]
    if not chosen:
        raise GraphError("Nothing of this can be in a block.", "Choose layers other than inputs and losses.")
    _refuse_circle(graph, chosen)
    _refuse_split_weights(graph, chosen)
    part = graph.part(chosen)
    left, top = min(n.x for n in part.nodes.values()), min(n.y for n in part.nodes.values())
    cut_in = [k for k in graph.links if k.target in part.nodes and k.source not in part.nodes]
    cut_out = [k for k in graph.links if k.source in part.nodes and k.target not in part.nodes]
    sources = list(dict.fromkeys((k.source, k.out) for k in sorted(cut_in, key=lambda k: (k.target, k.port))))
    results = list(dict.fromkeys((k.source, k.out) for k in cut_out))
    results += [(id, 0) for id in chosen if not graph.out_of(id) and part.nodes[id].layer.gives]
    if max(len(sources), len(results)) > MOST_ENDS:
        raise GraphError(f"A block has at most {MOST_ENDS} inputs and {MOST_ENDS} outputs.", "Choose fewer layers.")
    id = graph.free_id(Block.prefix)
    content = _with_entries(part, [[k for k in cut_in if (k.source, k.out) == s] for s in sources])
    content = _with_exits(content, results)
    box = Node(id, Block().changed(inside=content), left, top)
    outer = graph.without(chosen, bridge=False).with_node(box)
    links = [Link(source, id, i, out) for i, (source, out) in enumerate(sources)]
    links += [replace(k, source=id, out=results.index((k.source, k.out))) for k in cut_out]
    return replace(outer, links=(*outer.links, *links)), id, {old: f"{id}/{old}" for old in chosen}


def _fits_in(node: Node) -> bool:
    outer = node.layer.takes[1] == 0 and not isinstance(node.layer, Block)
    return not isinstance(node.layer, Loss | BlockOutput) and not outer


def _refuse_circle(graph: Graph, chosen: list[str]) -> None:
    for id in chosen:
        between = [k.target for k in graph.out_of(id) if k.target not in chosen]
        for way in between:
            if not graph.downstream(way).isdisjoint(chosen):
                raise GraphError(f"{way} lies between the chosen layers, so the block would feed itself.",
                                 f"Choose {way} too.")  # fmt: skip


def _refuse_split_weights(graph: Graph, chosen: list[str]) -> None:
    for node in graph.nodes.values():
        owner = node.layer.weights_of if isinstance(node.layer, Block) else ""
        if owner in graph.nodes and (owner in chosen) != (node.id in chosen):
            raise GraphError(f"{node.id} shares the weights of {owner}.", "Choose both, or neither of them.")


def _with_entries(part: Graph, feeding: list[list[Link]]) -> Graph:
    """With an input of the block for every source, left of what it feeds."""
    left = min(node.x for node in part.nodes.values()) - ENDS_APART
    for i, links in enumerate(feeding):
        name = part.free_id(BlockInput.prefix)
        place = _free(part, left, part.nodes[links[0].target].y)
        part = part.with_node(Node(name, BlockInput(position=i + 1), *place))
        for link in links:
            part = part.connect(name, link.target, link.port)
    return part


def _with_exits(part: Graph, results: list[tuple[str, int]]) -> Graph:
    """With an output of the block for every result, right of all."""
    right = max(n.x for n in part.nodes.values()) + ENDS_APART
    for i, (source, out) in enumerate(results):
        name = part.free_id(BlockOutput.prefix)
        part = part.with_node(Node(name, BlockOutput(position=i + 1), *_free(part, right, part.nodes[source].y)))
        part = part.connect(source, name, 0, out)
    return part


def _free(graph: Graph, x: float, y: float) -> tuple[float, float]:
    while any(abs(n.x - x) < 160 and abs(n.y - y) < 150 for n in graph.nodes.values()):
        y += 170
    return x, y


# Taking one apart ------------------------------------------------------------------------------------------------


def unboxed(graph: Graph, id: str) -> tuple[Graph, list[str], Names]:
    """With what a block holds in its place, the nodes' names, and which path became which.

    Raises GraphError where it is applied many times or shares its weights: loose layers could not do that.
    """
    block = graph.nodes[id].layer
    if not isinstance(block, Block):
        raise GraphError(f"{id} is no block.", "Choose a block.")
    if block.apply != "once":
        raise GraphError(f"{id} is applied many times; loose layers cannot be.", "Set Apply to once first.")
    sharing = [n.id for n in graph.nodes.values() if isinstance(n.layer, Block) and n.layer.weights_of == id]
    if block.weights_of or sharing:
        with_whom = block.weights_of or sharing[0]
        raise GraphError(f"{id} shares weights with {with_whom}; loose layers cannot.", "Give each its own first.")
    ends = {*block.inputs, *block.outputs}
    loose = block.inside.part(block.inside.nodes.keys() - ends)
    outer = graph.without([id], bridge=False)
    left = min((n.x for n in loose.nodes.values()), default=0.0)
    top = min((n.y for n in loose.nodes.values()), default=0.0)
    there = graph.nodes[id]
    width = max((n.x for n in loose.nodes.values()), default=left) - left
    right = {n.id: (n.x + width, n.y) for n in outer.nodes.values() if n.x > there.x and abs(n.y - there.y) < 150}
    outer, names = outer.moved(right).with_part(loose, there.x - left, there.y - top)
    for link in _joined(graph, id, block, names):
        outer = outer.connect(link.source, link.target, link.port, link.out)
    return outer, list(names.values()), {f"{id}/{old}": new for old, new in names.items()}


def _joined(graph: Graph, id: str, block: Block, names: Names) -> list[Link]:
    """The wires that lead to what is loose now, from it, and past it."""
    feeding = {block.inputs[k.port]: (k.source, k.out) for k in graph.into(id)}
    found = []
    for inner in block.inside.links:
        if inner.source in feeding and inner.target in names:
            source, out = feeding[inner.source]
            found.append(Link(source, names[inner.target], inner.port, out))
    for outer in graph.out_of(id):
        for inner in block.inside.into(block.outputs[outer.out]):
            source, out = feeding.get(inner.source) or (names.get(inner.source, ""), inner.out)
            if source:
                found.append(replace(outer, source=source, out=out))
    return found
