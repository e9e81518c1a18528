"""Make the projects in samples/. Run it in the project's main folder: `python tools/make_samples.py`.

They refer to data that comes with the program and never hold any; equal content gives equal bytes.
"""

from dataclasses import replace
from pathlib import Path

import block_samples as boxes
import course_samples as course
import numpy as np
from sample_parts import SIGMOID, Layers, by_hand, sample, sgd, training

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.explain.worksheet import Tolerance, Worksheet
from annstudio.formats.studio import save

SAMPLES = Path("samples")


def main() -> None:
    """Write every sample."""
    for name, project in projects().items():
        path = SAMPLES / f"{name}.annstudio"
        save(project, path, Network(project).weights())
        print(f"{path}: {path.stat().st_size:,} bytes")


def projects() -> dict[str, Project]:
    """Every sample by the name of its file, from easy to hard."""
    return {
        "worked-example": worked_example(train_bias=False),
        "worked-example-biases": worked_example(train_bias=True),
        "worked-example-worksheet": worksheet(),
        "three-layer-forward": three_layers(),
        "classes-by-hand": course.classes_by_hand(),
        "one-unit": course.one_unit(),
        "ravine": course.ravine(),
        "perceptron": course.perceptron(),
        "perceptron-xor": course.perceptron_xor(),
        "xor": xor(),
        "spiral": spiral(),
        "digits-mlp": digits_mlp(),
        "digits-cnn": digits_cnn(),
        "deep-sigmoid-vs-relu": course.deep_sigmoid_vs_relu(),
        "autoencoder": course.autoencoder(),
        "sunspots-conv1d": course.sunspots_conv1d(),
        "sunspots-rnn": course.sunspots_rnn(),
        "vowels-lstm": course.vowels_lstm(),
        "block-of-blocks": boxes.block_of_blocks(),
        "rnn-over-rnn": boxes.rnn_over_rnn(),
    }


def worked_example(*, train_bias: bool) -> Project:
    """Backpropagation by hand: two inputs, two hidden units, two outputs, one example, every number printed."""
    dense = {"units": 2, **SIGMOID, "train_bias": train_bias}
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", dense),
        ("output", "Dense", dense),
        ("loss", "Loss", {"function": "half_squared_error"}),
    )
    weights = {
        "hidden/W": [[0.15, 0.20], [0.25, 0.30]],
        "hidden/b": [0.35, 0.35],
        "output/W": [[0.40, 0.45], [0.50, 0.55]],
        "output/b": [0.60, 0.60],
    }
    held, later = ("learned too", "0.00000244756") if train_bias else ("held fixed", "0.0000351019")
    first = "0.280471447" if train_bias else "0.291027774"
    return sample(
        layers,
        weights=weights,
        data={
            "kind": "typed", "inputs": [[0.05, 0.10]], "targets": [[0.01, 0.99]], "input_names": ["i1", "i2"],
            "target_names": ["o1", "o2"],
        },
        settings=by_hand(epochs=1, learning_rate=0.5),
        title="Worked example, biases learned" if train_bias else "Worked example",
        note="Backpropagation with every number in view: two inputs, two hidden units, two outputs, one example. "
        "Press Explain and step forward, through the loss, back and to the update; click any weight to read its chain "
        f"rule. The biases are {held}: with one update the loss falls from 0.298371109 to {first}. Then set the epochs "
        f"to 10 000 and press Train: it falls to {later}.",
    )  # fmt: skip


def worksheet() -> Project:
    """The worked example with numbers to fill in."""
    asked = (
        "hidden.net[0]", "hidden.out[0]", "output.net[0]", "output.out[0]", "loss.e[0]", "loss", "d output.out[0]",
        "d output.net[0]", "d output.W[0,0]", "d hidden.out[0]", "d hidden.net[0]", "d hidden.W[0,0]",
        "new output.W[0,0]", "new hidden.W[0,0]",
    )  # fmt: skip
    return replace(
        worked_example(train_bias=False),
        title="Worksheet",
        note="The worked example with fourteen numbers hidden: work them out on paper and fill them in below, to six "
        "digits. Enter judges an answer. A wrong one is looked into: type 0.741365 for ∂E/∂net_o1 and read what was "
        "forgotten, or 0.149818 for w₁⁺ and read which weight was taken. Hints come step by step. Change… hides other "
        "numbers; what you save is a teacher's file.",
        worksheet=Worksheet(title="Backpropagation by hand", asked=asked, tolerance=Tolerance(digits=6)),
    )  # fmt: skip


def three_layers() -> Project:
    """Forward propagation: h1 = f(W1·x + b1), h2 = f(W2·h1 + b2), out = W3·h2 + b3."""
    layers: Layers = (
        ("input", "Input", {"shape": (3,)}),
        ("hidden_1", "Dense", {"units": 4, **SIGMOID}),
        ("hidden_2", "Dense", {"units": 4, **SIGMOID}),
        ("output", "Dense", {"units": 1, "activation": "linear"}),
        ("loss", "Loss", {"function": "half_squared_error"}),
    )
    rng = np.random.default_rng(6)
    sizes = {"hidden_1": (4, 3), "hidden_2": (4, 4), "output": (1, 4)}
    weights: dict[str, Array] = {}
    for name, shape in sizes.items():
        weights[f"{name}/W"] = rng.uniform(-1, 1, shape).round(2)
        weights[f"{name}/b"] = rng.uniform(-1, 1, shape[:1]).round(2)
    return sample(
        layers,
        weights=weights,
        data={
            "kind": "typed",
            "inputs": [[0.5, -0.2, 0.1], [1.0, 0.0, -1.0], [-0.4, 0.8, 0.3], [0.0, 0.0, 0.0]],
            "targets": [[0.2], [-0.5], [0.7], [0.1]],
        },
        settings=by_hand(epochs=100, learning_rate=0.1),
        title="Three layers forward",
        note="Forward propagation, layer by layer: h1 = f(W1·x + b1), h2 = f(W2·h1 + b2), out = W3·h2 + b3, where f is "
        "the sigmoid and the output is linear. Press Explain and go to the next layer: every unit's sum is written out "
        "with your numbers. Change a weight in the inspector and see which numbers follow.",
    )  # fmt: skip


def xor() -> Project:
    """The smallest problem that needs a hidden layer."""
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": 4, "activation": "tanh"}),
        ("output", "Dense", {"units": 1, **SIGMOID}),
        ("loss", "Loss", {"function": "binary_cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "xor", "points": 50, "noise": 0.1},
        settings=training(10, 500, sgd(0.1)),
        title="XOR",
        note="One, or the other, but not both: no straight line parts these classes. Press Train and watch the "
        "decision boundary bend. Then set the hidden layer to 2 units and begin from new seeds: sometimes it fails. "
        "Without the hidden layer it always does.",
    )  # fmt: skip


def spiral() -> Project:
    """Two arms wound around each other."""
    layers: Layers = (
        ("input", "Input", {"shape": (2,)}),
        ("hidden_1", "Dense", {"units": 16, "activation": "tanh"}),
        ("hidden_2", "Dense", {"units": 16, "activation": "tanh"}),
        ("output", "Dense", {"units": 2, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "spiral"},
        settings=training(batch_size=16, epochs=500),
        title="Two spirals",
        note="Two arms that wind around each other. Press Train and watch the boundary wind along. Then make the data "
        "harder with 1.5 turns, and find out what helps: more units, a third layer, another activation, another rate?",
    )  # fmt: skip


def digits_mlp() -> Project:
    """Handwritten digits without convolution."""
    layers: Layers = (
        ("input", "Input", {"shape": (8, 8, 1)}),
        ("flatten", "Flatten", {}),
        ("hidden", "Dense", {"units": 32, "activation": "relu"}),
        ("output", "Dense", {"units": 10, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        data={"kind": "digits"},
        settings=training(batch_size=32, epochs=30),
        title="Digits with dense layers",
        note="1,797 real handwritten digits, 8 by 8 pixels each. All 64 pixels go into every hidden unit: the network "
        "does not know which pixels are neighbours. Train it and compare its validation accuracy with that of the "
        "convolutional one. Do more hidden units help?",
    )


def digits_cnn() -> Project:
    """Handwritten digits with two convolutions: what is opened first."""
    convolution = {"kernel_size": (3, 3), "padding": "same", "activation": "relu"}
    layers: Layers = (
        ("input", "Input", {"shape": (8, 8, 1)}),
        ("conv_1", "Conv2D", {"filters": 16, **convolution}),
        ("pool_1", "MaxPool2D", {"pool_size": (2, 2)}),
        ("conv_2", "Conv2D", {"filters": 32, **convolution}),
        ("flatten", "Flatten", {}),
        ("dropout", "Dropout", {"rate": 0.3}),
        ("output", "Dense", {"units": 10, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    return sample(
        layers,
        columns=4,
        data={"kind": "digits"},
        settings=training(batch_size=32, epochs=30),
        title="Digits with convolutions",
        note="1,797 real handwritten digits, 8 by 8 pixels each. Press Train and select conv_1: its kernels and what "
        "they find in the picture change as it learns. Then try to do without the dropout, or with fewer filters.",
    )


if __name__ == "__main__":
    main()
