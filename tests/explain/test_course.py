"""The lecture's figures as they stand in the explanations, to the last digit that it prints."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.formats.studio import load
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.places import SAMPLES
from tests.builders import chain, worked_example
from tests.explain.asked import asked, asked_of
from tests.explain.checked import check


def test_c2_a_unit_is_a_weighted_sum_then_an_activation():
    example = asked_of(worked_example())
    assert example.text("hidden.net[0]") == (
        "net_h1 = w₁ · i₁ + w₂ · i₂ + b_h1\n"
        "= 0.150000000 · 0.050000000 + 0.200000000 · 0.100000000 + 0.350000000\n"
        "= 0.377500000"
    )
    assert example.text("hidden.out[0]") == ("out_h1 = 1/(1 + e^(-net_h1))\n= 1/(1 + e^-0.377500000)\n= 0.593269992")


@pytest.mark.parametrize(("bias", "out"), [(0.0, "0.880797078"), (-5.0, "0.047425873")])
def test_c4_a_bias_shifts_the_activation(bias, out):
    graph = chain(input=Input(shape=(1,)), neuron=Dense(units=1, activation="sigmoid"), loss=Loss())
    neuron = asked(graph, {"x": [[2.0]]}, neuron__W=[[1.0]], neuron__b=[bias])
    assert f"= {2 + bias:.9f}" in neuron.text("neuron.net[0]")
    assert neuron.text("neuron.out[0]").endswith(f"= {out}")


def test_c6_three_layers_forward_are_the_lectures_numpy():
    project = load(SAMPLES / "three-layer-forward.annstudio")
    w = project.weights
    for sample, x in enumerate(Network(project).need_dataset().columns["x"].values):
        walked = asked_of(project, sample)

        def f(net):
            return 1 / (1 + np.exp(-net))

        h1 = f(w["hidden_1/W"] @ x + w["hidden_1/b"])
        h2 = f(w["hidden_2/W"] @ h1 + w["hidden_2/b"])
        out = w["output/W"] @ h2 + w["output/b"]
        for name, values in (("hidden_1", h1), ("hidden_2", h2), ("output", out)):
            for i, value in enumerate(values):
                assert walked.text(f"{name}.out[{i}]").endswith(f"= {value:.9f}")


FIGURES = {
    "loss.e[0]": "0.274811083",
    "loss.e[1]": "0.023560026",
    "loss": "0.298371109",
    "hidden.out[0]": "0.593269992",
    "hidden.out[1]": "0.596884378",
    "output.net[0]": "1.105905967",
    "output.out[0]": "0.751365070",
    "output.out[1]": "0.772928465",
    "d output.out[0]": "0.741365070",
    "d output.W[0,0]": "0.082167041",
}


@pytest.mark.parametrize("name", FIGURES)
def test_c7_and_c9_every_printed_number_stands_in_its_explanation(name):
    assert asked_of(worked_example()).text(name).splitlines()[-1 if name[0] != "d" else 2].endswith(FIGURES[name])


def test_c9_the_slope_of_the_activation_is_said():
    assert "∂out_o1/∂net_o1 = out_o1 (1 - out_o1) = 0.751365070 (1 - 0.751365070) = 0.186815602" in asked_of(
        worked_example()
    ).text("d output.net[0]")


def test_c7_a_share_of_the_loss_is_half_a_square():
    assert asked_of(worked_example()).text("loss.e[0]") == (
        "E_o1 = ½(target_o1 - out_o1)^2\n= ½(0.010000000 - 0.751365070)^2\n= 0.274811083"
    )


def test_c14_two_classes_are_the_logistic_function():
    graph = chain(
        input=Input(shape=(2,)), output=Dense(units=2, activation="softmax"), loss=Loss(function="cross_entropy")
    )
    weights = {"output__W": [[1.0, 0.0], [0.0, 1.0]], "output__b": [0.0, 0.0]}
    two = asked(graph, {"x": [[2.0, 0.0]], "y": [[1.0, 0.0]]}, **weights)
    told = two.text("output.out[0]")
    assert "logistic function of the difference" in told
    assert "1/(1 + e^(-(net_o1 - net_o2))) = 1/(1 + e^(-(2.000000000 - 0.000000000))) = 0.880797078" in told
    assert "e^net_o1 + e^net_o2 = e^2.000000000 + e^0.000000000 = 8.389056099" in told
    check(two.explainer, two.quantity("output.out[0]"))
    # p − t
    assert "out_o1 - target_o1\n= 0.880797078 - 1.000000000\n" in two.text("d output.net[0]")
