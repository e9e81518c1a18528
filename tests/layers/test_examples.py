"""Every layer once, with numbers that can be followed in the head. Arrays are as users see them, channels last."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from annstudio.document.compile import compile_graph
from annstudio.engine.layout import to_engine, to_user
from annstudio.engine.op import Array
from annstudio.layers.base import Layer, catalogue, make
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Node
from tests.builders import run_of

IN_TESTS_OF_THEIR_OWN = {"Loss", "BlockInput", "BlockOutput"}
"""A loss needs targets (test_losses.py), and the ends of a block a block."""
TANH_1 = math.tanh(1.0)


@dataclass(frozen=True)
class Example:
    """What goes in, one array for each input, and what comes out; `weights` by the layer's own names."""

    inputs: Sequence[Any]
    output: Any
    weights: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    layer: Layer | None = None


LINEAR = {"activation": "linear"}
TWO_LISTS = [[1, 2], [10, 20]]
STEPS = [[1], [5], [2], [3]]
PICTURE = [[[1], [2]], [[3], [4]]]
EXAMPLES = {
    "Input": Example([[3, 4]], [3, 4], settings={"shape": (2,)}),
    # Core
    "Dense": Example(
        [[1, 1]], [1 + 2 + 0.5, 3 + 4 - 1], {"W": [[1, 2], [3, 4]], "b": [0.5, -1]}, {"units": 2, **LINEAR}
    ),
    "Embedding": Example(
        [[2, 1]], [[3, 4], [1, 2]], {"W": [[0, 0], [1, 2], [3, 4]]}, {"vocabulary": 3, "units": 2}
    ),
    "Activation": Example([[-1, 2]], [0, 2], settings={"function": "relu"}),
    "Block": Example(
        [[[1], [2]]], [[3 + 1], [6 + 1]], {"dense_1/W": [[3]], "dense_1/b": [1]},
        layer=Block(inside=box_of(Dense(units=1, activation="linear")), apply="each step"),
    ),
    # Convolution
    "Conv1D": Example(
        [[[1], [4], [9]]], [[1 - 4], [4 - 9]], {"W": [[[1, -1]]], "b": [0]},
        {"filters": 1, "kernel_size": 2, "padding": "valid", **LINEAR},
    ),
    "Conv2D": Example(
        [PICTURE], [[[1 + 4 + 0.5]]], {"W": [[[[1, 0], [0, 1]]]], "b": [0.5]},
        {"filters": 1, "kernel_size": (2, 2), "padding": "valid", **LINEAR},
    ),
    "DepthwiseConv2D": Example(
        [[[[1, 10]]]], [[[2, 30]]], {"W": [[[[2]]], [[[3]]]], "b": [0, 0]}, {"kernel_size": (1, 1), **LINEAR}
    ),
    "Conv2DTranspose": Example(
        [[[[3]]]], [[[3], [6]], [[9], [12]]], {"W": [[[[1, 2], [3, 4]]]], "b": [0]},
        {"filters": 1, "kernel_size": (2, 2), **LINEAR},
    ),
    "MaxPool1D": Example([STEPS], [[5], [3]]),
    "MaxPool2D": Example([PICTURE], [[[4]]]),
    "AveragePool1D": Example([STEPS], [[3], [2.5]]),
    "AveragePool2D": Example([PICTURE], [[[2.5]]]),
    "GlobalMaxPool": Example([[[1, 8], [3, 2]]], [3, 8]),
    "GlobalAveragePool": Example([[[1, 8], [3, 2]]], [2, 5]),
    "UpSampling2D": Example([[[[1], [2]]]], [[[1], [1], [2], [2]]] * 2, settings={"size": (2, 2)}),
    "ZeroPadding2D": Example(
        [[[[7]]]], [[[0], [0]], [[7], [0]]], settings={"rows": (1, 0), "columns": (0, 1)}
    ),
    # Recurrent
    "SimpleRNN": Example(
        [[[1], [2], [3]]], [[1], [1 + 2], [1 + 2 + 3]], {"W": [[1]], "U": [[1]], "b": [0]},
        {"units": 1, "activation": "relu", "return_sequences": True},
    ),
    # Gates i, f, g, o: all of them open, so that the cell adds up what it is told.
    "LSTM": Example(
        [[[1], [1]]], [math.tanh(TANH_1 + TANH_1)],
        {"W": [[0], [0], [1], [0]], "U": [[0]] * 4, "b": [1e3, 1e3, 0, 1e3]}, {"units": 1},
    ),
    # Gates r, z, n: z is ½, so every step keeps half of the state and takes half of what is new.
    "GRU": Example(
        [[[1], [0]]], [0.5 * (0.5 * TANH_1)],
        {"W": [[0], [0], [1]], "U": [[0]] * 3, "b": [0] * 3, "c": [0] * 3}, {"units": 1},
    ),
    # Regularising: as in prediction
    "Dropout": Example([[1, 2]], [1, 2]),
    "SpatialDropout": Example([[[1, 2]]], [[1, 2]]),
    "GaussianNoise": Example([[1, 2]], [1, 2]),
    "BatchNorm": Example(
        [[5]], [(5 - 1) / 2 * 3 + 0.5],
        {"running_mean": [1], "running_var": [3.75], "gamma": [3], "beta": [0.5]}, {"epsilon": 0.25},
    ),
    "LayerNorm": Example(
        [[-0.5, 0.5]], [-0.5 * 2, 0.5 * 2 + 1], {"gamma": [2, 2], "beta": [0, 1]}, {"epsilon": 0.75}
    ),
    # Shape and merge
    "Flatten": Example([[[[1, 2]], [[3, 4]]]], [1, 3, 2, 4]),
    "Reshape": Example([[1, 2, 3, 4]], [[1, 2], [3, 4]], settings={"target": (2, 2)}),
    "Permute": Example([[[1, 2, 3]]], [[1], [2], [3]]),
    "RepeatVector": Example([[1, 2]], [[1, 2], [1, 2]]),
    "Add": Example(TWO_LISTS, [11, 22]),
    "Average": Example(TWO_LISTS, [5.5, 11]),
    "Concatenate": Example(TWO_LISTS, [1, 2, 10, 20]),
    "Dot": Example(TWO_LISTS, [1 * 10 + 2 * 20]),
    "Maximum": Example([[1, 20], [10, 2]], [10, 20]),
    "Multiply": Example(TWO_LISTS, [10, 40]),
    "Subtract": Example(TWO_LISTS, [-9, -18]),
}  # fmt: skip


def test_every_layer_has_an_example():
    assert {*EXAMPLES} == {*catalogue()} - IN_TESTS_OF_THEIR_OWN


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_goes_in_comes_out_as_told(kind, plain):
    example = EXAMPLES[kind]
    layer = example.layer or make(kind, example.settings)
    found = given(layer, example.inputs, example.weights, plain=plain)
    np.testing.assert_allclose(found, example.output, rtol=1e-12, atol=1e-12)


def given(
    layer: Layer, inputs: Sequence[Any], weights: Mapping[str, Any], *, plain: bool = True, training: bool = False
) -> Array:  # fmt: skip
    """What the layer makes of one example."""
    arrays = {f"x{i}": np.array(x, float) for i, x in enumerate(inputs)}
    graph = Graph({"it": Node("it", layer if layer.takes[1] != 0 else layer.changed(column="x0"))})
    for column, array in arrays.items() if layer.takes[1] != 0 else ():
        graph = graph.with_node(Node(column, Input(shape=array.shape, column=column))).connect(column, "it")
    program = compile_graph(graph, {}, training=training, plain=plain)
    feeds = {feed.slot: to_engine(arrays[feed.column][None]) for feed in program.feeds}
    run = run_of(program, feeds, {f"it/{name}": np.array(w, float) for name, w in weights.items()})
    run.finish()
    return to_user(run.output("it"))[0]


# What is random ------------------------------------------------------------------------------------------------------


def test_dropout_turns_single_values_off_and_makes_the_others_larger():
    found = given(make("Dropout", {"rate": 0.5}), [np.ones(100)], {}, training=True)
    assert set(found) == {0, 2}


def test_spatial_dropout_turns_whole_maps_off():
    found = given(make("SpatialDropout", {"rate": 0.5}), [np.ones((3, 4, 50))], {}, training=True)
    assert {tuple(set(found[:, :, c].ravel())) for c in range(50)} == {(0,), (2,)}


def test_gaussian_noise_spreads_as_told():
    found = given(make("GaussianNoise", {"deviation": 0.5}), [np.full(10_000, 3.0)], {}, training=True)
    assert found.mean() == pytest.approx(3, abs=0.02)
    assert found.std() == pytest.approx(0.5, rel=0.05)
