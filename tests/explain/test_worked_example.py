"""The lecture's calculation by hand: every figure that it prints comes out of the program's own explanation."""

import json

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.arena import Arena
from annstudio.engine.program import Phase, Step
from annstudio.errors import GraphError, StudioError
from annstudio.explain.check import Check
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.paths import paths
from annstudio.explain.reading import source_of
from annstudio.explain.report import report
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.weight import WeightAnswer, answer, ask, product
from annstudio.layers.activation import Sigmoid
from tests.builders import small_project, worked_example

BIASES = pytest.mark.parametrize(
    "biases",
    [{}, {"train_bias": True}, {"train_bias": True, "share_bias": True}],
    ids=["fixed", "learned", "shared"],
)


def printed(number: float) -> object:
    """A figure as the lecture prints it, with nine decimals."""
    return pytest.approx(number, abs=5.1e-10)


def stepper(**biases: bool) -> Stepper:
    return Network(worked_example(**biases)).stepper(0)


def told(key: str, index: tuple[int, ...], **biases: bool) -> WeightAnswer:
    walked = stepper(**biases)
    return answer(Explainer(walked), ask(walked.program, key, index))


# Forward and loss ----------------------------------------------------------------------------------------------------


def test_the_report_has_every_value_of_the_forward_pass_and_the_loss():
    found = report(stepper())
    hidden, output = (row for row in found["layers"] if row["name"] in ("hidden", "output"))
    assert hidden["net"] == printed([0.3775, 0.3925])
    assert hidden["output"] == printed([0.593269992, 0.596884378])
    assert output["net"][0] == printed(1.105905967)
    assert output["output"] == printed([0.751365070, 0.772928465])
    assert found["loss"] == printed(0.298371109)


def test_a_hidden_unit_is_a_sum_of_three_terms():
    walked = stepper()
    walked.to(len(walked))
    explainer = Explainer(walked)
    net = next(step.output for step in walked.program.steps if step.node == "hidden")
    derivation = explainer.derive(Quantity(net, (0,)), digits=4)
    assert derivation.text(4) == (
        "net_h1 = w₁ · i₁ + w₂ · i₂ + b_h1\n= 0.1500 · 0.0500 + 0.2000 · 0.1000 + 0.3500\n= 0.3775"
    )
    assert derivation.formula == r"\text{net}_j = \sum_i w_{ji}\, x_i + b_j"


@pytest.mark.parametrize(("output", "error"), [(0, 0.274811083), (1, 0.023560026)])
def test_each_output_has_its_share_of_the_error(output, error):
    walked = stepper()
    walked.to(len(walked))
    explainer = Explainer(walked)
    (slot,) = (s.output for s in walked.program.steps if s.phase is Phase.LOSS and s.node == "loss" and s.buffers)
    assert explainer.derive(Quantity(slot, ())).rows[output].value == printed(error)


# Backward and update -------------------------------------------------------------------------------------------------


def test_the_chain_rule_of_w5_has_the_lectures_three_factors():
    w5 = told("output/W", (0, 0))
    assert [plain(part.symbol) for part in w5.factors] == ["∂E/∂out_o1", "∂out_o1/∂net_o1", "∂net_o1/∂w₅"]
    assert [part.value for part in w5.factors] == printed([0.741365070, 0.186815602, 0.593269992])
    assert w5.gradient == printed(0.082167041)
    assert product(w5.factors) == pytest.approx(w5.gradient, rel=1e-14)
    assert plain(w5.symbol) == "w₅"


@BIASES
def test_every_weight_has_the_lectures_value_after_the_update(biases):
    wanted = {
        "output/W": [[0.358916480, 0.408666186], [0.511301270, 0.561370121]],
        "hidden/W": [[0.149780716, 0.199561432], [0.249751144, 0.299502287]],
    }
    for key, values in wanted.items():
        for index in np.ndindex(2, 2):
            assert told(key, index, **biases).after_update == printed(values[index[0]][index[1]])


def test_weights_are_numbered_as_the_lecture_does():
    walked = stepper()
    explainer = Explainer(walked)
    symbols = [
        plain(answer(explainer, ask(walked.program, key, index)).symbol)
        for key in ("hidden/W", "output/W")
        for index in np.ndindex(2, 2)
    ]
    assert symbols == ["w₁", "w₂", "w₃", "w₄", "w₅", "w₆", "w₇", "w₈"]


@BIASES
def test_every_gradient_agrees_with_a_loss_that_really_ran_again(biases):
    for key in ("hidden/W", "hidden/b", "output/W", "output/b"):
        shape = Network(worked_example(**biases)).weights()[key].shape
        for index in np.ndindex(shape):
            found = told(key, index, **biases)
            assert found.check.agrees, (key, index, found)
            assert found.check.error < 1e-8
            if found.factors:
                assert product(found.factors) == pytest.approx(found.gradient, rel=1e-12)


@BIASES
def test_the_factors_are_three_however_the_bias_is_drawn(biases):
    symbols = [plain(part.symbol) for part in told("output/W", (0, 0), **biases).factors]
    assert symbols == ["∂E/∂out_o1", "∂out_o1/∂net_o1", "∂net_o1/∂w₅"]


def test_a_fixed_bias_stays_and_says_that_it_does_not_learn():
    fixed, learned = (told("output/b", (0,), train_bias=train) for train in (False, True))
    assert (fixed.after_update, fixed.learns) == (0.60, False)
    assert learned.learns
    assert learned.after_update == pytest.approx(0.60 - 0.5 * learned.gradient, rel=1e-14)
    assert fixed.gradient == learned.gradient == printed(0.138498562)


def test_one_bias_shared_by_the_layer_gathers_the_gradients_of_all_units():
    shared = told("output/b", (0,), train_bias=True, share_bias=True)
    own = [told("output/b", (i,), train_bias=True).gradient for i in range(2)]
    assert shared.gradient == pytest.approx(sum(own), rel=1e-14)
    assert shared.check.agrees


# The answer as data --------------------------------------------------------------------------------------------------


def test_the_report_about_a_weight_has_all_its_keys_and_is_json():
    found = report(stepper(), ("output/W", (0, 0)))
    assert found["weight"] == {"name": "output.W[0,0]", "symbol": "w₅"}
    assert found["value"] == 0.40
    assert found["gradient"] == printed(0.082167041)
    assert found["finite_difference"] == pytest.approx(found["gradient"], rel=1e-8)
    assert found["after_update"] == printed(0.358916480)
    assert [factor["symbol"] for factor in found["factors"]] == ["∂E/∂out_o1", "∂out_o1/∂net_o1", "∂net_o1/∂w₅"]
    assert json.loads(json.dumps(found)) == found, "every float in full precision"


def test_delta_is_the_gradient_of_the_net_or_where_there_is_none_of_the_output():
    walked = stepper()
    found = {row["name"]: row for row in report(walked)["layers"]}
    assert found["output"]["delta"] == printed([0.138498562, -0.0380982365])
    assert found["input"]["net"] is None
    assert found["input"]["delta"] == printed(_difference_of_inputs(walked))
    assert set(found) == {"input", "hidden", "output"}


def _difference_of_inputs(walked: Stepper) -> list[float]:
    (feed,) = (feed.slot for feed in walked.program.feeds if feed.column == "x")
    at, h = walked.feeds[feed][0], 1e-6
    above = [walked.loss_with(feed, (i, 0), at[i] + h) for i in range(2)]
    below = [walked.loss_with(feed, (i, 0), at[i] - h) for i in range(2)]
    return [(a - b) / (2 * h) for a, b in zip(above, below, strict=True)]


@pytest.mark.parametrize(
    ("key", "index", "said"),
    [
        ("nobody/W", (0, 0), "There is no weight 'nobody/W'."),
        ("output/W", (2, 0), "output/W has shape (2, 2), got place [2, 0]."),
        ("output/W", (0,), "output/W has shape (2, 2), got place [0]."),
        ("output/W", (-1, 0), "output/W has shape (2, 2), got place [-1, 0]."),
    ],
)
def test_a_weight_that_is_not_there_is_told_in_words(key, index, said):
    with pytest.raises(GraphError) as caught:
        ask(stepper().program, key, index)
    assert caught.value.message == said
    assert caught.value.hint


def test_asking_leaves_the_stepper_where_it_was():
    walked = stepper()
    walked.to(3)
    answer(Explainer(walked), ask(walked.program, "output/W", (0, 0)))
    assert walked.position == 3


def test_the_source_shown_is_that_of_the_op_that_ran():
    walked = stepper()
    walked.to(len(walked))
    out = walked.program.outputs["hidden"]
    source = Explainer(walked).derive(Quantity(out, (0,))).source
    assert source == source_of(Sigmoid(), "forward")
    assert source.startswith("def forward(self, y: Array, x: Array) -> None:")
    assert "np.exp(-np.abs(x))" in source


def test_a_number_that_was_not_computed_yet_is_told_as_such():
    walked = stepper()
    with pytest.raises(StudioError, match="has not been computed yet"):
        Explainer(walked).derive(Quantity(walked.program.outputs["output"], (0,)))


# What a check is worth -----------------------------------------------------------------------------------------------


def test_a_wrong_gradient_is_found_out(monkeypatch):
    def backward(self, dx, dy, y):
        np.multiply(dy, 0.2, dx)

    monkeypatch.setattr(Sigmoid, "backward", backward)
    assert not told("output/W", (0, 0)).check.agrees


def test_agreement_is_measured_relative_to_the_gradient():
    assert Check(1.0, 1e-5, 1e-7).agrees
    assert not Check(1.0, 1e-5, 1e-5).agrees


def test_the_loss_is_run_with_the_noise_and_the_weights_of_the_batch():
    walked = Network(small_project()).stepper(0)
    before = {key: w.tobytes() for key, w in walked.arena.weights().items()}
    walked.to(len(walked))
    slot = walked.program.parameters[0].slot
    assert walked.loss_with(slot, (0, 0), float(walked.before_update(slot)[0, 0])) == walked.run.loss
    walked.to(0)
    assert {key: w.tobytes() for key, w in walked.arena.weights().items()} == before


def test_explaining_happens_in_full_precision_whatever_training_uses():
    network = Network(small_project(dtype="float32"))
    assert isinstance(network.stepper(0).arena, Arena)
    assert network.stepper(0).arena.dtype == np.float64
    assert all(isinstance(step, Step) or step.parameters for step in network.plain.steps)


# With one example ----------------------------------------------------------------------------------------------------


def test_a_factor_that_is_always_1_is_left_unsaid():
    walked = stepper()
    walked.to(len(walked))
    explainer = Explainer(walked)
    program = walked.program
    gradient = Quantity(program.gradients[program.outputs["output"]], (0,))
    found = explainer.derive(gradient, 9).text(9).splitlines()
    assert found == ["∂E/∂out_o1 = -(target_o1 - out_o1)", "= -(0.010000000 - 0.751365070)", "= 0.741365070"]
    weight = Quantity(program.gradients[ask(program, "output/W", (0, 0)).parameter.slot], (0, 0))
    (path,) = paths(explainer, weight)
    assert [plain(part.symbol) for part in path.factors] == ["∂E/∂out_o1", "∂out_o1/∂net_o1", "out_h1"]
    assert path.factors[0].quantity == gradient


def test_of_several_examples_each_counts_its_part_and_that_is_said():
    walked = Network(small_project()).stepper(0, 1)
    walked.to(len(walked))
    program = walked.program
    found = Explainer(walked).derive(Quantity(program.gradients[program.judged[0].output], (0,))).text(4)
    assert "∂E/∂e · ∂e/∂out" in found
