"""Every layer's explanation says what a lecturer would: which numbers, from where, and what else there is to know."""

import numpy as np
import pytest

from annstudio.explain.names import plain
from annstudio.layers.activation import Activation
from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add, Dot, Maximum
from annstudio.layers.normal import BatchNorm
from annstudio.layers.pool import GlobalMaxPool, MaxPool2D
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from tests.builders import chain, with_branch
from tests.explain.asked import asked
from tests.explain.checked import check

PICTURE = Input(shape=(4, 4, 1))
ENDS = {"flat": Flatten(), "out": Dense(units=1, activation="linear"), "loss": Loss()}


# Convolution and pooling ---------------------------------------------------------------------------------------------


def test_a_kernels_weight_has_a_term_for_every_place_where_it_was_used():
    conv = Conv2D(filters=2, kernel_size=(3, 3), strides=(2, 2), padding="valid", activation="linear")
    picture = asked(chain(input=Input(shape=(5, 5, 2)), conv=conv, **ENDS), n=2)
    # Filter 1, channel 0, row 0, column 2 of the kernel; windows begin at rows and columns 0 and 2.
    found = picture.factors("d conv.W[1,0,0,2]")
    wanted = [
        [f"d conv.out[{i},{j},1]{other}", f"input.out[{2 * i},{2 * j + 2},0]{other}"]
        for other in ("", " of example 2") for i in range(2) for j in range(2)
    ]  # fmt: skip
    assert sorted(found) == sorted(wanted)
    assert all(len(factors) == 1 for factors in picture.factors("d conv.b[1]"))


def test_a_patch_that_reaches_over_the_edge_has_zeros_there():
    conv = Conv2D(filters=1, kernel_size=(3, 3), padding="same", activation="linear")
    picture = asked(chain(input=PICTURE, conv=conv, **ENDS))
    found = picture.factors("conv.net[0,0,0]")
    assert found[0] == ["conv.W[0,0,0,0]"], "above and left of the picture is the border"
    assert found[4] == ["conv.W[0,0,1,1]", "input.out[0,0,0]"]


def test_a_window_over_time_counts_from_where_its_padding_begins():
    conv = Conv1D(filters=1, kernel_size=2, padding="causal", activation="linear")
    sequence = asked(chain(input=Input(shape=(4, 1)), conv=conv, **ENDS))
    assert sequence.factors("conv.net[2,0]")[:2] == [
        ["conv.W[0,0,0]", "input.out[1,0]"],
        ["conv.W[0,0,1]", "input.out[2,0]"],
    ]


def test_of_several_that_are_as_large_the_first_wins_and_the_formula_says_so():
    graph = chain(input=PICTURE, relu=Activation(function="relu"), pool=MaxPool2D(), **ENDS)
    zeros = asked(graph, {"x": -np.ones((1, 4, 4)).reshape(1, 1, 4, 4)})
    gradients = [zeros.told(f"d relu.out[{i},{j},0]") for i in range(2) for j in range(2)]
    assert [told.value != 0 for told in gradients] == [True, False, False, False]
    for i, j in np.ndindex(2, 2):
        check(zeros.explainer, zeros.quantity(f"d relu.out[{i},{j},0]"))
    assert "number 1 of 4, counted row by row, (the first of them that are as large) wins" in zeros.text(
        "pool.out[0,0,0]"
    )


def test_the_largest_of_very_many_is_listed_in_brief():
    graph = chain(input=Input(shape=(20, 20, 1)), pool=GlobalMaxPool(), out=Dense(units=1), loss=Loss())
    many = asked(graph)
    told = many.told("pool.pooled[0,0,0]")
    assert len(told.rows[0].parts) == 400
    assert told.numbers_line.count(",") < 12
    check(many.explainer, told.quantity)


def test_branches_that_meet_are_told_apart_on_the_way_back():
    graph = chain(input=Input(shape=(2,)), left=Dense(units=2), top=Maximum(), loss=Loss())
    both = asked(with_branch(graph, "input", "top", right=Dense(units=2)))
    assert "∂out_t1/∂out_l1" in both.text("d left.out[0]")
    assert "∂out_t1/∂out_r1" in both.text("d right.out[0]")


def test_a_length_is_no_derivative():
    graph = chain(input=Input(shape=(3,)), left=Dense(units=2), dot=Dot(normalize=True), loss=Loss())
    both = asked(with_branch(graph, "input", "dot", right=Dense(units=2)))
    told = both.text("dot.direction[0]")
    assert "√" in told
    assert "∂" not in told
    assert "∂" not in both.told("d left.out[0]").rows[0].parts[1].symbol


def test_a_step_says_that_no_gradient_gets_through_it():
    hard = asked(chain(input=Input(shape=(2,)), hard=Dense(units=2, activation="step"), **ENDS))
    assert "A step is flat, its gradient is 0" in hard.text("hard.out[0]")
    assert hard.told("d hard.net[0]").value == 0
    assert hard.told("d hard.out[0]").value != 0


# Losses --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scores", [[1000.0, 0.0, -1000.0], [-900.0, -901.0, -902.0], [0.0, 800.0, 0.0]])
def test_the_largest_scores_are_told_in_numbers_that_a_float_can_hold(scores):
    graph = chain(input=Input(shape=(3,)), out=Activation(function="softmax"), loss=Loss(function="cross_entropy"))
    extreme = asked(graph, {"x": [scores], "y": [[0.0, 0.0, 1.0]]})
    for name in ("out.out[0]", "out.out[1]", "loss.e", "d input.out[0]"):
        check(extreme.explainer, extreme.quantity(name))


@pytest.mark.parametrize("score", [1000.0, -1000.0, 40.0])
def test_a_sure_and_wrong_yes_or_no_is_told_by_its_score(score):
    graph = chain(
        input=Input(shape=(1,)), out=Activation(function="sigmoid"), loss=Loss(function="binary_cross_entropy")
    )
    sure = asked(graph, {"x": [[score]], "y": [[float(score < 0)]]})
    check(sure.explainer, sure.quantity("loss.e"))


def test_softmax_and_cross_entropy_end_in_p_minus_t():
    graph = chain(
        input=Input(shape=(3,)), out=Dense(units=3, activation="softmax"), loss=Loss(function="cross_entropy")
    )
    three = asked(graph)
    assert "= out_o2 - target_o2 =" in three.text("d out.net[1]")
    assert "e^net_o1 + e^net_o2 + e^net_o3 =" in three.text("out.out[1]")
    assert "logistic" not in three.text("out.out[1]")
    # What a loss works out again is told as the output itself.
    assert three.factors("loss.e[0]") == [["loss.y[0]", "out.out[0]"]]


@pytest.mark.parametrize("function", ["half_squared_error", "huber", "hinge", "mean_absolute_error"])
def test_each_outputs_share_of_a_loss_has_the_outputs_name(function):
    graph = chain(input=Input(shape=(2,)), out=Dense(units=2, activation="linear"), loss=Loss(function=function))
    two = asked(graph)
    assert [plain(two.told(f"loss.e[{k}]").symbol) for k in range(2)] == ["E_o1", "E_o2"]


def test_small_numbers_are_put_in_brackets_before_they_are_squared():
    graph = chain(input=Input(shape=(1,)), norm=BatchNorm(affine=False), loss=Loss())
    tiny = asked(graph, {"x": [[2e-7], [4e-7]]}, n=2)
    assert r"(" in tiny.told("norm.variance[0]").rows[0].numbers
    check(tiny.explainer, tiny.quantity("norm.variance[0]"))


# What is said beside -------------------------------------------------------------------------------------------------


def test_dropout_says_how_the_mask_is_drawn_and_that_prediction_has_none():
    graph = chain(input=Input(shape=(8,)), drop=Dropout(rate=0.5), out=Dense(units=1), loss=Loss())
    dropped = asked(graph)
    for name in ("drop.mask[0]", "drop.out[0]"):
        assert "Prediction" in dropped.text(name)
    assert "0 with probability 0.5, else 1/(1 − 0.5) = 2" in dropped.text("drop.mask[0]")
    assert dropped.factors("d input.out[3]") == [["d drop.out[3]", "drop.mask[3]"]]


def test_an_embedding_says_which_row_was_looked_up():
    graph = chain(input=Input(shape=(2,)), word=Embedding(vocabulary=5, units=2), flat=Flatten(), loss=Loss())
    looked_up = asked(graph, {"x": [[3.0, 1.0]]})
    assert looked_up.factors("word.out[0,1]") == [["word.W[3,1]"]]
    assert "row 4 of W" in looked_up.text("word.out[0,1]")


def test_what_is_given_says_where_it_comes_from():
    example = asked(chain(input=Input(shape=(1,)), out=Dense(units=1), loss=Loss()))
    assert "data" in example.text("input.out[0]")
    assert "learned" in example.text("out.W[0,0]")
    assert "begins here" in example.text("d loss")


# Time ----------------------------------------------------------------------------------------------------------------


def recurrent(layer, steps=3):
    return asked(chain(input=Input(shape=(steps, 2)), memory=layer, out=Dense(units=1), loss=Loss()))


@pytest.mark.parametrize(
    ("layer", "name", "before"),
    [
        (SimpleRNN(units=2), "net[1] t=3", "out"),
        (LSTM(units=2), "net f[1] t=3", "h"),
        (GRU(units=2, reset_after=False), "net r, z[1] t=3", "h"),
    ],
    ids=["rnn", "lstm", "gru"],
)
def test_a_sum_in_time_is_of_what_is_seen_and_of_the_state_before(layer, name, before):
    memory = recurrent(layer)
    found = [factors[1] for factors in memory.factors(f"memory.{name}") if len(factors) > 1]
    assert found == ["input.out[2,0]", "input.out[2,1]", f"memory.{before}[0] t=2", f"memory.{before}[1] t=2"]
    weights = [factors[0].partition("[")[0] for factors in memory.factors(f"memory.{name}")]
    assert weights == ["memory.W", "memory.W", "memory.U", "memory.U", "memory.b"]


@pytest.mark.parametrize("view", ["W", "U", "b"])
@pytest.mark.parametrize(
    "layer", [SimpleRNN(units=2), LSTM(units=2), GRU(units=2), GRU(units=2, reset_after=False)], ids=repr
)
def test_a_weights_gradient_has_a_row_for_every_step_in_time(layer, view):
    memory = recurrent(layer, steps=4)
    name = f"d memory.{view}[1,0]" if view != "b" else "d memory.b[1]"
    found = memory.factors(name)
    assert len(found) == 4
    for t, factors in zip((4, 3, 2, 1), found, strict=True):
        assert f"t={t}" in factors[0]
        if view == "W":
            assert factors[1] == f"input.out[{t - 1},0]", "a bracket counts from 0"
        if view == "U":
            assert factors[1].endswith(f"[0] t={t - 1}" if t > 1 else "[0]"), "the state before, at first 0"
    check(memory.explainer, memory.quantity(name))


def test_gates_of_an_lstm_are_told_from_their_sums_to_the_output():
    memory = recurrent(LSTM(units=2))
    assert memory.factors("memory.i[1] t=2") == [["memory.net i[1] t=2"]]
    assert memory.factors("memory.c[1] t=2") == [["memory.f·c[1] t=2"], ["memory.i·g[1] t=2"]]
    assert memory.factors("memory.f·c[1] t=2") == [["memory.f[1] t=2", "memory.c[1] t=1"]]
    assert memory.factors("memory.h[1] t=2") == [["memory.o[1] t=2", "memory.tanh c[1] t=2"]]
    # Back: a cell's gradient comes by the output and by the next step's forget gate.
    assert memory.factors("d memory.c[1] t=2 via memory t=3") == [["d memory.f·c[1] t=3", "memory.f[1] t=3"]]
    assert memory.factors("d memory.net[3] t=2") == [["d memory.f[1] t=2"]], "the forget gate of the second unit"


def test_a_name_with_a_point_in_it_stays_a_name():
    memory = recurrent(LSTM(units=2))
    told = memory.told("d memory.f[1] t=2")
    assert r"\text{f·c}" in told.symbols_line
    assert r"\cdot \text{c}" in told.symbols_line


def test_an_input_in_time_has_its_own_steps_gradient_alone():
    memory = recurrent(GRU(units=2))
    assert len(memory.factors("d input.out[1,0]")) == 6, "three gates of two units"


def test_paths_of_a_residual_connection_add():
    graph = chain(input=Input(shape=(2,)), a=Dense(units=2, activation="linear"), sum=Add(), loss=Loss())
    both = asked(graph.connect("input", "sum"))
    assert sorted(both.factors("d input.out[0]")) == [["d input.out[0] via a"], ["d input.out[0] via sum"]]
