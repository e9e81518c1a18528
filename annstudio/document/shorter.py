"""The same network for fewer steps: what batches of short sequences go through, where that comes to the same.

A drawing is lowered again with shorter inputs and compared with the whole one. Where the steps have become something
else on the way (places of a list, weights of their own, a state that every step hands on) there is no shorter one.
"""

from collections import defaultdict
from functools import cached_property

from annstudio.document.compile import Columns, lowered
from annstudio.engine.builder import Builder, Spec, Value
from annstudio.engine.op import signature
from annstudio.engine.passes import quicken
from annstudio.engine.program import Role
from annstudio.errors import GraphError
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss, total_loss
from annstudio.training.buckets import Ends, Shorter

MORE_STEPS = 32
"""How many steps more are tried where the windows of a stride would stand elsewhere."""

Place = tuple[str, str, str, str]
"""An input of an op: node, place in it, result, and what the op calls the input."""


class Shortening:
    """Makes a network shorter: called with a number of steps of its longest input."""

    def __init__(self, graph: Graph, columns: Columns) -> None:
        self._graph = graph
        self._columns = columns
        self._inputs = ends_of(graph)

    @property
    def ends(self) -> tuple[Ends, ...]:
        """What says how long the sequences are, of every input that is cut; empty where none is."""
        return tuple(self._inputs.values())

    def __call__(self, steps: int, below: int) -> Shorter | None:
        """The network for so many steps, or a few more, but fewer than `below`; None where none comes to the same."""
        for tried in range(steps, min(steps + MORE_STEPS, below)):
            net = self._lowered(tried, training=True)
            if net is None or not self._comes_to_the_same(net):
                return None
            if _borders(net).items() <= self._whole_borders.items():
                other = self._lowered(tried, training=False)
                assert other is not None
                return Shorter(tried, quicken(net.finish(total_loss)), quicken(other.finish(total_loss)))
        return None

    def _lowered(self, steps: int, *, training: bool) -> Builder | None:
        """The network written down for fewer steps; None where it does not fit together then."""
        longest = max(ends.steps for ends in self.ends)
        graph = self._graph
        read = {node.layer.column for node in graph.nodes.values() if isinstance(node.layer, Loss | Input)}
        for id, ends in self._inputs.items():
            layer = graph.nodes[id].layer
            assert isinstance(layer, Input)
            shape = (-(-ends.steps * steps // longest), *layer.shape[1:])
            graph = graph.with_layer(id, layer.changed(shape=shape))
        # What numbers the columns hold was looked at when the whole network was checked.
        columns = {name: Spec(spec.shape, spec.n_classes, cut=name in read) for name, spec in self._columns.items()}
        try:
            return lowered(graph, columns, training=training, plain=False)
        except GraphError:
            return None

    @cached_property
    def _whole(self) -> Builder:
        return lowered(self._graph, self._columns, training=True, plain=False)

    @cached_property
    def _whole_borders(self) -> dict[Place, tuple[int, ...]]:
        return _borders(self._whole)

    def _comes_to_the_same(self, net: Builder) -> bool:
        """Whether the same numbers are learned and kept, and the steps left out are padding wherever there are any."""
        whole = self._whole
        if _learned(net) != _learned(whole) or net.results.keys() != whole.results.keys():
            return False
        return all(
            found.shape == wanted.shape or self._only_padding_is_left_out(node, net, found, wanted)
            for node, values in net.results.items()
            for found, wanted in zip(values, whole.results[node], strict=True)
        )

    def _only_padding_is_left_out(self, node: str, net: Builder, found: Value, wanted: Value) -> bool:
        if found.shape[1:] != wanted.shape[1:]:
            return False
        # Ids have no lengths yet: those who read them find the ends.
        counted = net.lengths(found) is not None and self._whole.lengths(wanted) is not None
        return counted or (node in self._inputs and self._inputs[node].ids)


def ends_of(graph: Graph) -> dict[str, Ends]:
    """The inputs whose sequences are of different length, and what says so."""
    found = {}
    for id, node in graph.nodes.items():
        layer = node.layer
        if not isinstance(layer, Input):
            continue
        readers = [graph.nodes[link.target].layer for link in graph.out_of(id)]
        if layer.lengths:
            found[id] = Ends(layer.lengths, layer.shape[0])
        elif readers and all(isinstance(reader, Embedding) and reader.mask_zero for reader in readers):
            found[id] = Ends(layer.column, layer.shape[0], ids=True)
    return found


def _learned(net: Builder) -> object:
    """The weights of a network, the states that it hands from batch to batch, and how that is done."""
    return (
        [(p.node, p.shape, [view.name for view in p.views]) for p in net.parameters],
        [(slot.node, slot.name, slot.shape, slot.batched) for slot in net.slots if slot.role is Role.STATE],
        [(type(step.op), step.node, step.scope) for step in net.carries],
    )


def _borders(net: Builder) -> dict[Place, tuple[int, ...]]:
    """How many steps lie before the first one where windows reach over the edge."""
    found: dict[Place, tuple[int, ...]] = defaultdict(tuple)
    for step in net.steps:
        for name, slot in zip(signature(step.op).input_names(len(step.inputs), step.buffers), step.inputs, strict=True):
            margin = step.op.margin(name, net.slots[slot].shape)
            place = step.node, step.scope, net.slots[step.output].name, name
            found[place] += (0 if margin is None else margin.before[0],)
    return found
