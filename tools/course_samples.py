"""The samples that show a topic of the course: the perceptron, vanishing gradients, a code, windows and memory."""

from typing import Any

import numpy as np
from sample_parts import COLUMN, ROW, Layers, by_hand, exact, sample, sgd, training

from annstudio.document.project import Project
from annstudio.engine.optimizers import Momentum
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node

STEP = {"activation": "step"}
DEPTH = 5
"""Hidden layers of each of the two deep networks."""


def one_unit() -> Project:
    """Logistic regression, the smallest network there is: one weight, one bias, one sigmoid."""
    layers: Layers = (
        ("input", "Input", {"shape": (1,)}),
        ("unit", "Dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "Loss", {"function": "binary_cross_entropy"}),
    )
    weights = {"unit/W": np.ones((1, 1)), "unit/b": np.array([-8.0])}
    hours = [0.5, 0.8, 1.2, 1.5, 1.9, 2.2, 2.4, 2.9, 3.1, 3.6, 3.8, 4.3, 4.7, 5.2]
    passed = [0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]
    return sample(
        layers,
        weights=weights,
        data={
            "kind": "typed", "inputs": [[h] for h in hours], "targets": [[float(p)] for p in passed],
            "input_names": ["hours"], "target_names": ["passed"],
        },
        settings=exact(batch_size=14, epochs=600, learning_rate=0.5),
        title="One unit",
        note="Who passes after how many hours? The numbers are made up. One sigmoid unit is logistic regression. Open "
        "Labs, Activation curves, and turn w and b: the weight makes the curve steep, the bias shifts it. Choose the "
        "sums of unit: with b = −8 most lie where the sigmoid is flat. Press Train and see them move to where it "
        "bends; the unit says one half at 2.7 hours.",
    )  # fmt: skip


def classes_by_hand() -> Project:
    """Three classes out of two numbers, small enough for paper, with the optimiser's memory to carry along."""
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": 2, "activation": "relu"}),
        ("output", "Dense", {"units": 3, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    weights = {
        "hidden/W": np.array([[0.5, -0.4], [0.3, 0.8]]),
        "hidden/b": np.array([0.1, -0.2]),
        "output/W": np.array([[0.6, -0.3], [-0.2, 0.7], [0.1, 0.4]]),
        "output/b": np.zeros(3),
    }
    settings = by_hand(epochs=1, learning_rate=0.5)
    return sample(
        layers,
        weights=weights,
        data={
            "kind": "typed", "inputs": [[1.0, 0.5]], "targets": [[0.0, 1.0, 0.0]], "input_names": ["i1", "i2"],
            "target_names": ["o1", "o2", "o3"],
        },
        settings=settings.model_copy(update={"optimizer": Momentum(learning_rate=0.5)}),
        title="Three classes by hand",
        note="Softmax, cross-entropy and momentum on one example, to be taken away. Open Labs, Take away, choose Excel "
        "workbook and press Save. Every number in it is a formula: set the target o1 to 1 and o2 to 0, and the loss "
        "rises from 1.031658674 to 1.211658674; gradients and new weights follow. Change a weight, the rate or the "
        "momentum, too; the column Engine keeps what this program computed.",
    )  # fmt: skip


def ravine() -> Project:
    """A straight line through forty points: the loss of its two numbers is a ravine."""
    layers: Layers = (
        ("input", "Input", {"shape": (1,)}),
        ("line", "Dense", {"units": 1, "activation": "linear"}),
        ("loss", "Loss", {"function": "half_squared_error"}),
    )
    x = np.linspace(0, 4, 40)
    y = 0.5 * x + 1 + 0.2 * np.random.default_rng(4).standard_normal(40)
    weights = {"line/W": np.array([[-1.0]]), "line/b": np.array([3.0])}
    return sample(
        layers,
        weights=weights,
        data={
            "kind": "typed", "inputs": x.round(2)[:, None].tolist(), "targets": y.round(2)[:, None].tolist(),
        },
        settings=exact(batch_size=40, epochs=100, learning_rate=0.02),
        title="Down a ravine",
        note="A straight line through forty points has one weight and one bias, so its whole loss can be seen: open "
        "Labs › Descent. It is a ravine, since the inputs are not centred about 0. Let optimisers go: in 100 steps SGD "
        "at a rate of 0.02 only crawls along the floor (loss 0.286), momentum at the same rate comes to the end of it "
        "(0.0221). Give SGD 0.3: it zigzags between the walls and arrives, too; with 0.33 it climbs out, for rates "
        "above 0.324 are too steep for these walls. Then draw mini-batches of 1, 4 and 20: how far are they off?",
    )  # fmt: skip


def perceptron() -> Project:
    """One unit that says yes or no, and the rule by which it learns from its mistakes."""
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("unit", "Dense", {"units": 1, **STEP}),
        ("loss", "Loss", {"function": "perceptron"}),
    )
    weights = {"unit/W": np.zeros((1, 2)), "unit/b": np.zeros(1)}
    return sample(
        layers,
        weights=weights,
        data={"kind": "gates", "gate": "AND"},
        settings=by_hand(epochs=10, learning_rate=1.0),
        title="Perceptron",
        note="A unit that is on or off, and Rosenblatt's rule of 1958: after a wrong answer add the input to the "
        "weights or take it off, after a right one change nothing. Press Train: after seven epochs AND is learned, "
        "with whole numbers as weights. In the tab Data choose the gate OR, and it is learned too. XOR never is, "
        "however long you train: look at the decision boundary, one straight line cannot do it.",
    )  # fmt: skip


def perceptron_xor() -> Project:
    """XOR out of three units with weights set by hand, as McCulloch and Pitts built their gates."""
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("or_and_nand", "Dense", {"units": 2, **STEP}),
        ("and", "Dense", {"units": 1, **STEP}),
        ("loss", "Loss", {"function": "perceptron"}),
    )
    weights = {
        "or_and_nand/W": np.array([[1.0, 1.0], [-1.0, -1.0]]),
        "or_and_nand/b": np.array([-0.5, 1.5]),
        "and/W": np.array([[1.0, 1.0]]),
        "and/b": np.array([-1.5]),
    }
    return sample(
        layers,
        weights=weights,
        data={"kind": "gates", "gate": "XOR"},
        settings=by_hand(epochs=10, learning_rate=1.0),
        title="XOR with gates",
        note="What one unit cannot do, three can: XOR is OR and NAND, joined by AND. The weights are set by hand, and "
        "all four answers are right; press Train and nothing changes, for the rule learns from mistakes only. Press "
        "Explain and follow each unit. Then reset to a new seed and train: the hidden layer never learns, because a "
        "step is flat and lets no gradient through. That is why sigmoid units came.",
    )  # fmt: skip


def deep_sigmoid_vs_relu() -> Project:
    """Two deep networks that differ in their activation alone, side by side on the same data."""
    graph = Graph()
    for row, activation in enumerate(("sigmoid", "relu")):
        deep = [(f"{activation}_{i + 1}", "Dense", {"units": 20, "activation": activation}) for i in range(DEPTH)]
        chain: list[tuple[str, str, dict[str, Any]]] = [
            *deep,
            (f"{activation}_out", "Dense", {"units": 10, "activation": "softmax"}),
            (f"{activation}_loss", "Loss", {"function": "cross_entropy"}),
        ]
        if not row:
            chain = [("input", "Input", {"shape": (8, 8, 1)}), ("flatten", "Flatten", {}), *chain]
        before = "flatten" if row else ""
        for i, (name, kind, settings) in enumerate(chain):
            graph = graph.with_node(Node(name, make(kind, settings), COLUMN * (i + 2 * row), ROW * row))
            graph = graph.connect(before, name) if before else graph
            before = name
    return sample(
        graph,
        data={"kind": "digits"},
        settings=training(32, 20, sgd(0.1)),
        title="Deep sigmoid beside deep ReLU",
        note="Two networks of six layers on the same digits, alike but for their activation. Press Train and look at "
        "the gradient sizes: towards the input those of the sigmoid layers become smaller layer by layer, because its "
        "slope is at most ¼; those of the ReLU layers do not. So the first network still guesses when the second is "
        "right nineteen times of twenty: in the tab Predictions choose whose answers are shown.",
    )  # fmt: skip


def autoencoder() -> Project:
    """Digits through a bottleneck of two numbers and back."""
    layers: Layers = (
        ("input", "Input", {"shape": (8, 8, 1)}),
        ("flatten", "Flatten", {}),
        ("encoder", "Dense", {"units": 48, "activation": "relu"}),
        ("code", "Dense", {"units": 2, "activation": "linear"}),
        ("decoder", "Dense", {"units": 48, "activation": "relu"}),
        ("pixels", "Dense", {"units": 64, "activation": "sigmoid"}),
        ("picture", "Reshape", {"target": (8, 8, 1)}),
        ("loss", "Loss", {"function": "mean_squared_error", "column": "x"}),
    )
    return sample(
        layers,
        columns=4,
        data={"kind": "digits"},
        settings=training(batch_size=32, epochs=60),
        title="Autoencoder",
        note="The target is the input: 64 pixels must pass through a code of two numbers and come out as they were. "
        "Press Train and compare the first card with the last. The error falls from 0.073, all that differs from the "
        "mean picture, to about 0.034; no straight projection on two axes comes below 0.052. What is lost? Give the "
        "code more units.",
    )  # fmt: skip


def sunspots_conv1d() -> Project:
    """The lecture's picture of a convolution: x₀ … x₈, copies of one neuron A over windows of two, then B, then F."""
    window = {"kernel_size": 2, "padding": "valid", "activation": "tanh"}
    layers: Layers = (
        ("input", "Input", {"shape": (9, 1)}),
        ("A", "Conv1D", {"filters": 8, **window}),
        ("B", "Conv1D", {"filters": 8, **window}),
        ("flatten", "Flatten", {}),
        ("F", "Dense", {"units": 1, "activation": "linear"}),
        ("loss", "Loss", {"function": "mean_squared_error"}),
    )
    return sample(
        layers,
        columns=3,
        data={"kind": "sunspots", "window": 9},
        settings=training(batch_size=16, epochs=200),
        title="Sunspots with a 1-D convolution",
        note="Nine years of sunspots in a row, and the question is the tenth. A looks at two neighbouring years at a "
        "time, with the same weights at each of its eight places; B does so with what A found; F joins all. Trained, "
        "the mean squared error is near 0.02: a miss of 14 spots, where “like this year” misses by 24. Press Explain "
        "and see a weight of A collect its gradient from eight places.",
    )  # fmt: skip


def sunspots_rnn() -> Project:
    """The same question for a network that reads one year after the other."""
    layers: Layers = (
        ("input", "Input", {"shape": (9, 1)}),
        ("memory", "SimpleRNN", {"units": 8}),
        ("output", "Dense", {"units": 1, "activation": "linear"}),
        ("loss", "Loss", {"function": "mean_squared_error"}),
    )
    return sample(
        layers,
        data={"kind": "sunspots", "window": 9},
        settings=training(batch_size=16, epochs=200),
        title="Sunspots with a recurrent network",
        note="The recurrent layer reads one year after the other and keeps eight numbers in mind. Press Explain: the "
        "layer is unrolled, at every step the same W and U, and on the way back the gradient passes through all nine. "
        "Trained it is as good as the convolution, with 89 weights in place of 217. Do longer windows help (tab Data, "
        "then the input's shape)?",
    )  # fmt: skip


def vowels_lstm() -> Project:
    """Who speaks? Utterances of different length, and a memory with gates."""
    layers: Layers = (
        ("input", "Input", {"shape": (29, 12), "lengths": "steps"}),
        ("memory", "LSTM", {"units": 24}),
        ("output", "Dense", {"units": 9, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "japanese_vowels"},
        settings=training(batch_size=16, epochs=20),
        title="Speakers with an LSTM",
        note="Nine men say “ae”: 7 to 29 steps of 12 numbers, and the network tells who speaks. The input's setting "
        "“Lengths column” says where each utterance ends; what comes after it counts for nothing. Press Train: about "
        "nineteen of twenty are told right. Press Explain and follow the gates step by step. Then empty the lengths "
        "column, so that silence counts too: does it matter? And what do GRU and SimpleRNN make of it?",
    )  # fmt: skip
