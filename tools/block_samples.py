"""Samples of networks inside networks: a block of blocks, and a recurrent network over a recurrent network."""

from sample_parts import COLUMN, Layers, sample, training

from annstudio.document.project import Project
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.graph import Graph, Node
from annstudio.layers.merge import Add
from annstudio.layers.recurrent.simple import SimpleRNN


def block_of_blocks() -> Project:
    """Residual blocks with shared weights inside a block."""
    rest = Graph({
        "in": Node("in", BlockInput(), 0, 0),
        "dense": Node("dense", Dense(units=16, activation="tanh"), COLUMN, 0),
        "add": Node("add", Add(), 2 * COLUMN, 85),
        "out": Node("out", BlockOutput(), 3 * COLUMN, 85),
    })  # fmt: skip
    rest = rest.connect("in", "dense").connect("dense", "add").connect("in", "add", 1).connect("add", "out")
    trunk = box_of(Block(inside=rest), Block(inside=rest, weights_of="block_1"), Block(inside=rest))
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": 16, "activation": "tanh"}),
        ("trunk", "Block", {"inside": trunk}),
        ("output", "Dense", {"units": 2, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "spiral"},
        settings=training(batch_size=16, epochs=300),
        title="Block of blocks",
        note="Boxes in a box. Double-click the trunk: it holds three blocks that each add what they find to what they "
        "were given. Open one of them with another double-click; Escape leads out again. The first two share their "
        "weights: change one inside and the other follows. Press Train, then Explain: what is inside is stepped "
        "through like everything else.",
    )


def rnn_over_rnn() -> Project:
    """Rows are read by one network, the rows' summaries by another."""
    layers: Layers = (
        ("input", "Input", {"shape": (8, 8, 1)}),
        ("rows", "Block", {"apply": "each step", "inside": box_of(SimpleRNN(units=16))}),
        ("picture", "SimpleRNN", {"units": 32}),
        ("output", "Dense", {"units": 10, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "digits"},
        settings=training(batch_size=32, epochs=30),
        title="RNN over RNN",
        note="A hierarchy: the block is applied to every row of a digit and reads it pixel by pixel with a recurrent "
        "network, always the same one; a second recurrent network reads what was said of the eight rows, from top to "
        "bottom. Press Train: of digits kept back it gets about 97 in 100 right. Double-click the block to see what it "
        "holds; set its weights to one set a step, and every row has a network of its own. Does that help?",
    )
