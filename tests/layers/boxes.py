"""What blocks hold in the layer tests: several ends, boxes in boxes, shared weights, all ways to apply."""

from typing import Any

from annstudio.layers.activation import Activation
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.merge import Add
from annstudio.layers.normal import BatchNorm
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.steady import Dropout


def drawn(links: str, **layers: Any) -> Graph:
    """A drawing from its layers and wires such as `a>b c.1>d:1`: from output 1 of c to input 1 of d."""
    graph = Graph({id: Node(id, layer, 190.0 * i, 0.0) for i, (id, layer) in enumerate(layers.items())})
    for wire in links.split():
        source, _, target = wire.partition(">")
        (source, _, out), (target, _, port) = source.partition("."), target.partition(":")
        graph = Graph(graph.nodes, (*graph.links, Link(source, target, int(port or 0), int(out or 0))))
    return graph


TANH = Dense(units=3, activation="tanh", l2=0.1, max_norm=0.5)
ONE = box_of(TANH)
TWO_WAYS = drawn(
    "a>sum b>sum:1 sum>hidden hidden>y a>z",
    a=BlockInput(), b=BlockInput(position=2), sum=Add(), hidden=TANH, y=BlockOutput(), z=BlockOutput(position=2),
)  # fmt: skip
NESTED = box_of(Dense(units=3, activation="sigmoid"), Block(inside=ONE), Activation(function="tanh"))
SHARED = drawn(
    "x>first first>second second>y",
    x=BlockInput(), first=Block(inside=box_of(Dense(units=4, activation="tanh"))),
    second=Block(inside=box_of(Dense(units=4, activation="tanh")), weights_of="first"), y=BlockOutput(),
)  # fmt: skip
CROSSED = drawn(
    "a>box b>box:1 box.1>y box>z",
    a=BlockInput(), b=BlockInput(position=2), box=Block(inside=TWO_WAYS), y=BlockOutput(), z=BlockOutput(position=2),
)  # fmt: skip
NORMAL = box_of(BatchNorm(), Dropout(rate=0.5))
AT_ONCE = drawn("x>sum w>sum:1 sum>y", x=BlockInput(), w=BlockInput(position=2, whole=True), sum=Add(), y=BlockOutput())
OF_PICTURES = box_of(Conv2D(filters=2, kernel_size=(2, 2)))
OF_SEQUENCES = box_of(SimpleRNN(units=2, return_sequences=True))

BOXES = [ONE, TWO_WAYS, NESTED, SHARED, CROSSED, NORMAL, OF_PICTURES, OF_SEQUENCES]
MANY_STEPS: list[dict[str, Any]] = [
    *({"apply": "each step", "inside": box} for box in (ONE, TWO_WAYS, NESTED, SHARED, NORMAL, OF_SEQUENCES)),
    *({"apply": "each step", "weights": "one set a step", "inside": box} for box in (ONE, SHARED, NORMAL)),
    *({"apply": "windows", "window": 2, "stride": s, "inside": box} for s in (1, 2) for box in (ONE, OF_SEQUENCES)),
    {"apply": "windows", "window": 3, "inside": OF_PICTURES},
    {"apply": "windows", "window": 1, "stride": 2, "inside": ONE},
    {"apply": "windows", "window": 2, "weights": "one set a step", "inside": ONE},
    {"apply": "each step", "inside": AT_ONCE},
    {"apply": "each step", "trainable": False, "inside": ONE},
]
