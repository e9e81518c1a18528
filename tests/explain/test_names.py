"""What numbers are called: one name each, readable without LaTeX."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from annstudio.document.compile import compile_graph
from annstudio.engine.program import Program, Role, Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import Names, plain
from annstudio.explain.numbers import number_latex, number_text
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.layers.base import Layer
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Node
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.normal import BatchNorm, LayerNorm
from annstudio.layers.recurrent.gru import GRU
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from tests.builders import chain, random_feeds, random_weights, run_of, with_branch
from tests.document.drawings import networks
from tests.hard import Centre, Loop
from tests.layers.cases import cases, written

NAMED = (Role.FEED, Role.PARAMETER, Role.VALUE, Role.GRADIENT, Role.NOISE)


def compiled(graph: Graph) -> Program:
    return compile_graph(graph, {}, training=True, plain=True)


def all_names(program: Program) -> dict[tuple[int, tuple[int, ...]], str]:
    names = Names(program)
    return {
        (slot.index, index): names.text(slot.index, index)
        for slot in program.slots
        if slot.role in NAMED
        for index in np.ndindex(slot.shape)
    }


def recurrent(layer: Layer) -> Graph:
    return chain(input=Input(shape=(3, 2)), memory=layer, out=Dense(units=1), loss=Loss())


def each_step(*layers: Layer) -> Block:
    return Block(apply="each step", weights="one set a step", inside=box_of(*layers))


def networks_to_name() -> dict[str, Graph]:
    dense = Dense(units=2, activation="sigmoid")
    worked = chain(input=Input(shape=(2,)), hidden=dense, output=dense, loss=Loss())
    return {
        "worked example": worked,
        "shared bias": chain(input=Input(shape=(2,)), hidden=dense.changed(share_bias=True), output=dense, loss=Loss()),
        "same letter": chain(input=Input(shape=(2,)), in_2=dense, inner=dense, loss=Loss()),
        "named by the canvas": chain(Input(shape=(2,)), dense, dense, dense, Loss()),
        "many weights": chain(input=Input(shape=(12,)), hidden=Dense(units=13), output=dense, loss=Loss()),
        "picture": chain(
            input=Input(shape=(3, 3, 2)),
            conv=Conv2D(filters=2, kernel_size=(2, 2)),
            flatten=Flatten(),
            out=dense,
            loss=Loss(),
        ),
        "branches": with_branch(
            chain(input=Input(shape=(2,)), left=dense, sum=Add(), output=dense, loss=Loss()),
            "input",
            "sum",
            right=dense,
        ),
        "time": chain(input=Input(shape=(3, 2)), loop=Loop(units=2), out=dense, loss=Loss()),
        "running mean": chain(input=Input(shape=(2,)), centre=Centre(), out=dense, loss=Loss()),
        "twice the same": chain(input=Input(shape=(2,)), a=dense, sum=Add(), loss=Loss()).connect("a", "sum"),
        "lstm": recurrent(LSTM(units=2)),
        "lstm both ways": recurrent(LSTM(units=2, direction="both", return_sequences=True)),
        "gru": recurrent(GRU(units=2)),
        "first gru": recurrent(GRU(units=2, reset_after=False)),
        "rnn both ways": recurrent(SimpleRNN(units=2, direction="both")),
        "norms": chain(input=Input(shape=(2,)), a=BatchNorm(), b=dense, c=LayerNorm(), d=dense, loss=Loss()),
        "weights for every step": chain(
            input=Input(shape=(3, 1)),
            blk=each_step(BatchNorm(), Dropout(), Dense(units=2)),
            flat=Flatten(),
            out=dense,
            loss=Loss(),
        ),
        "two losses": worked.with_node(Node("other", Loss(column="z"))).connect("output", "other"),
    }


def test_what_every_step_has_for_itself_is_told_by_a_number_from_1():
    many = each_step(BatchNorm(), Dropout(), Dense(units=50))
    program = compiled(chain(input=Input(shape=(3, 1)), blk=many, flat=Flatten(), out=Dense(units=1), loss=Loss()))
    names = set(all_names(program).values())
    assert "w_blk/dense_1 50,1 (step 3)" in names
    assert "b_blk/dense_1 1 (step 1)" in names
    assert "net_blk/dense_1 50 (t = 3)" in names
    assert "mask_blk/dropout_1 1 (t = 3)" in names
    assert not [name for name in names if re.search(r"\[|step 0|t = 0", name)]


@pytest.mark.parametrize("graph", networks_to_name().values(), ids=networks_to_name())
def test_every_number_has_a_name_of_its_own(graph):
    often = {name: n for name, n in Counter(all_names(compiled(graph)).values()).items() if n > 1}
    assert often == {}


@settings(max_examples=30)
@given(networks(most=4))
def test_names_of_any_network_are_plain_text(graph):
    for name in all_names(compiled(graph)).values():
        assert name
        assert not set(name) & set("\\{}«»"), name


def test_the_lectures_names():
    names = set(all_names(compiled(networks_to_name()["worked example"])).values())
    assert {"w₁", "w₈", "b_h1", "b_o2", "net_h1", "out_o2", "i₁", "target_o1", "∂E/∂w₅", "∂E/∂out_o1", "E"} <= names


def test_a_kernels_weight_says_filter_channel_row_and_column():
    names = Names(compiled(networks_to_name()["picture"]))
    parameter = next(p for p in names.program.parameters if p.node == "conv")
    place = np.arange(parameter.size).reshape(parameter.shape)
    at = np.unravel_index(parameter.views[0].of(place)[1, 0, 1, 0], parameter.shape)
    assert names.text(parameter.slot, tuple(int(i) for i in at)) == "w_c(2,1,2,1)"


def test_a_recurrent_layers_weights_say_gate_unit_and_what_they_weigh():
    names = set(all_names(compiled(recurrent(LSTM(units=2)))).values())
    assert {"w_m i1,2", "u_m f2,1", "b_m o2", "w_m g1,1"} <= names
    both = set(all_names(compiled(recurrent(GRU(units=2, direction="both")))).values())
    assert {"w_m r1,1", "u_m n2,2", "b_m z1", "c_m z1", "c_m z1 (back)"} <= both
    simple = set(all_names(compiled(recurrent(SimpleRNN(units=2)))).values())
    assert {"w_m1,1", "u_m2,1", "b_m2"} <= simple


def test_a_view_knows_where_users_see_a_stored_number_and_the_other_way_round():
    found = [parameter for case in cases() for parameter in written(case).parameters]
    for parameter in {(p.shape, repr([(v.where, v.folded, v.axes) for v in p.views])): p for p in found}.values():
        places = np.arange(parameter.size).reshape(parameter.shape)
        stored = [tuple(int(i) for i in index) for index in np.ndindex(parameter.shape)]
        seen = [[view.seen_at(index, parameter.shape) for index in stored] for view in parameter.views]
        assert all(sum(place is not None for place in found) == 1 for found in zip(*seen, strict=True))
        for view, found in zip(parameter.views, seen, strict=True):
            assert view.shape_of(parameter.shape) == view.of(places).shape
            for index, place in zip(stored, found, strict=True):
                if place is not None:
                    assert view.of(places)[place] == places[index]
                    assert view.stored_at(place, parameter.shape) == index
            assert view.stored_at((-1,) * len(view.of(places).shape), parameter.shape) is None


# Without LaTeX -------------------------------------------------------------------------------------------------------


def test_every_derivation_and_formula_can_be_read_as_plain_text():
    seen = set()
    for case in cases():
        program = written(case)
        ops = {type(step.op) for step in program.steps if isinstance(step, Step)} - seen
        seen |= ops
        if not ops:
            continue
        rng = np.random.default_rng(0)
        feeds, weights = random_feeds(program, 1, rng), random_weights(program, rng)
        stepper = Stepper(program, run_of(program, feeds, weights).arena, feeds)
        stepper.to(len(stepper))
        explainer = Explainer(stepper)
        for step in program.steps:
            if isinstance(step, Step) and program.slots[step.output].role is not Role.STATE:
                slots = [slot for slot in step.writes if slot not in step.buffers.values()]
                for slot in slots:
                    told = explainer.derive(_first(slot, program))
                    for text in (told.text(6), plain(told.formula)):
                        assert not set(text) & set("\\{}«»"), (step.op, text)


def _first(slot: int, program: Program) -> Quantity:
    return Quantity(slot, (0,) * len(program.slots[slot].shape))


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{\partial E}{\partial w_{5}}", "∂E/∂w₅"),
        (r"\frac{\partial \text{out}_{o1}}{\partial \text{net}_{o1}}", "∂out_o1/∂net_o1"),
        (r"\text{out}_{h1}\,(1 - \text{out}_{h1})", "out_h1 (1 - out_h1)"),
        (r"\frac{1}{1 + e^{-\text{net}_{h1}}}", "1/(1 + e^(-net_h1))"),
        (r"3.5 \cdot 10^{-5}", "3.5 · 10^-5"),
    ],
)
def test_latex_reads_as(latex, text):
    assert plain(latex) == text


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.593269992, 9, "0.593269992"), (0.593269992, 4, "0.5933"), (1234.5678, 4, "1234.6"), (0.0, 4, "0.0000"),
        (-0.0, 4, "0.0000"), (-0.5, 2, "−0.50"), (3.51019e-5, 4, "3.510e-05"),
        (0.05, 2, "0.050"), (-7.5149e-4, 4, "−0.0007515"), (1e9, 3, "1.00e+09"),
        (float("nan"), 4, "not a number"), (float("inf"), 4, "∞"), (float("-inf"), 4, "−∞"), (12.34567, 4, "12.346"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_the_digits_chosen(value, digits, text):
    assert number_text(value, digits) == text


@pytest.mark.parametrize("value", [0.1, -2.5, 1e-12, -3e20, 1e300, 123456.789, float("inf"), float("nan")])
@pytest.mark.parametrize("digits", [2, 4, 9, 17])
def test_numbers_in_formulas_read_as_those_in_tables(value, digits):
    latex = number_latex(value, digits)
    assert not set(plain(latex)) & set("\\{}")
    if np.isfinite(value):
        told = float(plain(latex).replace(" · 10^", "e"))
        assert told == pytest.approx(value, rel=10.0 ** (1 - digits) if digits < 16 else 1e-15, abs=1e-17)
