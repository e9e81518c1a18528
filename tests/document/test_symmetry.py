"""Units that start alike: flagged where they are siblings in front of a layer that learns, and what is said is true."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document.fixes import mended
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.op import Array
from annstudio.formats.samples import samples
from annstudio.formats.studio import load
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.conv1d import Conv1D
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.grouped import DepthwiseConv2D
from annstudio.layers.losses import Loss
from annstudio.layers.lowering import Grade
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten
from annstudio.layers.steady import Dropout
from annstudio.session import Session
from tests.builders import chain, finished, project, some_table
from tests.layers.boxes import drawn


def network(hidden: str, output: str, *between, **settings) -> Project:
    graph = chain(
        Input(shape=(3,)), Dense(units=4, activation="tanh", initializer=hidden, **settings), *between,
        Dense(units=2, activation="sigmoid", initializer=output), Loss(),
    )  # fmt: skip
    return project(graph, some_table(), batch_size=5, epochs=20)


def warnings(of: Project) -> list[str]:
    problems = Network(of).checked.problems
    assert all(problem.grade is Grade.WARNING for problem in problems)
    return [f"{problem.node}: {problem.message}" for problem in problems]


def rows_equal(array: Array) -> bool:
    return bool((array == array[0]).all())


@pytest.mark.parametrize("hidden", ["zeros", "ones", "constant"])
def test_where_the_next_layer_weighs_them_alike_they_really_stay_equal(hidden):
    start = network(hidden, "ones")
    assert warnings(start) == [
        "dense_1: All 4 units of dense_1 have the same weights, and dense_2 weighs them alike: they learn the same and "
        "stay equal for ever."
    ]
    end = finished(start).weights
    assert rows_equal(end["dense_1/W"])
    assert len(set(end["dense_1/b"])) == 1
    assert (end["dense_1/W"] != Network(start).weights()["dense_1/W"]).any()


@pytest.mark.parametrize("between", [(), (Dropout(rate=0.5),)], ids=["other weights behind", "noise behind"])
def test_where_something_behind_tells_them_apart_that_is_said_and_so(between):
    start = network("constant", "ones" if between else "auto", *between)
    (said,) = warnings(start)
    assert said.endswith("at first they all give the same, and only what comes behind tells them apart.")
    assert not rows_equal(finished(start).weights["dense_1/W"])


@pytest.mark.parametrize(
    "graph",
    [
        chain(Input(shape=(3,)), Dense(units=2, activation="softmax", initializer="zeros"), Loss()),
        chain(Input(shape=(3,)), Dense(units=1, initializer="zeros"), Dense(units=2), Loss()),
        chain(Input(shape=(3,)), Dense(units=4, initializer="zeros", trainable=False), Dense(units=2), Loss()),
        chain(Input(shape=(3,)), Dense(units=4, initializer="zeros"), Dense(units=2, trainable=False), Loss()),
        chain(Input(shape=(3,)), Dense(units=4), Dense(units=2, initializer="zeros"), Loss()),
        chain(Input(shape=(4, 4, 2)), DepthwiseConv2D(initializer="ones"), Flatten(), Dense(units=2), Loss()),
        chain(Input(shape=(4,)), Embedding(vocabulary=5, units=3), Flatten(), Dense(units=2), Loss()),
    ],
    ids=["logistic regression", "one unit", "frozen", "nothing learns behind", "last", "depthwise", "embedding"],
)
def test_no_alarm(graph):
    assert warnings(project(graph)) == []


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_no_sample_is_warned_of(sample):
    assert warnings(load(sample.path)) == []


def test_filters_are_units_too():
    graph = chain(Input(shape=(4, 4, 2)), Conv2D(filters=3, initializer="ones"), Flatten(), Dense(units=2), Loss())
    (said,) = warnings(project(graph))
    assert said.startswith("conv_1: All 3 units of conv_1 have the same weights")


def test_numbers_count_more_than_the_initialiser():
    start = network("zeros", "zeros")
    by_hand = start.with_weight("dense_1/W", np.arange(12.0).reshape(4, 3))
    assert warnings(by_hand) == []
    drawn = network("auto", "auto").with_weight("dense_1/W", np.full((4, 3), 0.5))
    assert len(warnings(drawn)) == 1
    assert warnings(drawn.with_weight("dense_1/b", np.arange(4.0))) == []


def test_an_embedding_that_starts_at_one_number():
    places = Embedding(vocabulary=6, units=3, initializer="zeros")
    start = project(chain(Input(shape=(5,)), places, LSTM(units=3), Dense(units=2), Loss()))
    (said,) = warnings(start)
    assert said.startswith("embedding_1: All 3 units of embedding_1 have the same weights: ")
    (problem,) = Network(start).checked.problems
    assert warnings(mended(start, problem.remedies[0])) == []


def test_blocks_are_looked_into():
    inner = box_of(Dense(units=4, activation="tanh", initializer="zeros"), Dense(units=3, initializer="zeros"))
    held = box_of(Block(inside=inner), Dense(units=3))
    start = project(chain(Input(shape=(3,)), Block(inside=held), Dense(units=2), Loss()), some_table())
    first, last = warnings(start)
    assert first.startswith(
        "block_1/block_1/dense_1: All 4 units of dense_1 have the same weights, and dense_2 weighs them alike: "
    )
    assert last.startswith("block_1/block_1/dense_2: All 3 units of dense_2 have the same weights: at first ")
    drawn = start
    for problem in Network(start).checked.problems:
        drawn = mended(drawn, problem.remedies[0])
    assert warnings(drawn) == []
    assert not rows_equal(Network(drawn).weights()["block_1/block_1/dense_1/W"])
    by_hand = project(chain(Input(shape=(3,)), Block(inside=inner), Loss()), some_table(n_targets=3))
    assert warnings(by_hand.with_weight("block_1/dense_1/W", np.arange(12.0).reshape(4, 3))) == []


def test_what_lies_behind_a_block_is_seen_from_inside_it():
    """A layer applied at every step, and the same in two boxes, are siblings in front of what comes outside."""
    step_by_step = Block(inside=box_of(Dense(units=4, initializer="zeros")), apply="each step")
    behind = Conv1D(filters=2, kernel_size=2, initializer="ones")
    start = project(chain(Input(shape=(5, 3)), step_by_step, behind, Flatten(), Dense(units=2), Loss()))
    after, before = warnings(start)
    assert after.startswith("conv1d_1: ")
    assert before.startswith(
        "block_1/dense_1: All 4 units of dense_1 have the same weights, and conv1d_1 behind the block weighs them alike"
    )
    boxed = Block(inside=box_of(Block(inside=box_of(Dense(units=4, initializer="zeros")))))
    (said,) = warnings(project(chain(Input(shape=(3,)), boxed, Dense(units=2), Loss())))
    assert said.startswith("block_1/block_1/dense_1: All 4 units of dense_1 have the same weights: at first ")
    logistic = Block(inside=box_of(Dense(units=2, activation="sigmoid", initializer="zeros")))
    assert warnings(project(chain(Input(shape=(3,)), logistic, Loss()), some_table())) == []


def test_every_step_may_have_weights_of_its_own_that_are_alike():
    inside = box_of(Dense(units=4, initializer="zeros"), Dense(units=3))
    own = Block(inside=inside, apply="each step", weights="one set a step")
    start = project(chain(Input(shape=(2, 3)), own, Flatten(), Loss()))
    (said,) = warnings(start)
    assert said.startswith("block_1/dense_1: All 4 units of dense_1 have the same weights")
    (problem,) = Network(start).checked.problems
    drawn_anew = mended(start, problem.remedies[0])
    assert warnings(drawn_anew) == []
    assert not any(rows_equal(Network(drawn_anew).weights()[f"block_1/dense_1[{t}]/W"]) for t in (0, 1))


def test_only_what_comes_behind_the_output_at_hand_counts():
    """One output of the block goes straight to a loss, as logistic regression does; behind the other is a layer."""
    two = drawn(
        "x>flat x>free flat>a free>b", x=BlockInput(), a=BlockOutput(), b=BlockOutput(position=2),
        flat=Dense(units=2, initializer="zeros"), free=Dense(units=2),
    )  # fmt: skip
    ends = {
        "x": Input(shape=(3,)),
        "box": Block(inside=two),
        "dense": Dense(units=2),
        "first": Loss(),
        "second": Loss(),
    }
    parted = drawn("x>box box>first box.1>dense dense>second", **ends)
    assert warnings(project(parted, some_table())) == []
    crossed = drawn("x>box box.1>first box>dense dense>second", **ends)
    assert len(warnings(project(crossed, some_table()))) == 1


def test_a_recurrent_layer_that_starts_at_zero():
    zeros = LSTM(units=3, initializer="zeros", recurrent_initializer="zeros")
    start = project(chain(Input(shape=(5, 2)), zeros, Dense(units=2), Loss()))
    (said,) = warnings(start)
    assert said.startswith("lstm_1: All 3 units of lstm_1 have the same weights")
    (problem,) = Network(start).checked.problems
    assert warnings(mended(start, problem.remedies[0])) == []


def test_a_recurrent_layer_set_to_one_number_by_hand():
    graph = chain(Input(shape=(5, 2)), LSTM(units=3), Dense(units=2), Loss())
    start = project(graph)
    assert warnings(start) == []
    alike = start.with_weight("lstm_1/W", np.full((12, 2), 0.1)).with_weight("lstm_1/U", np.full((12, 3), 0.1))
    assert [said.partition(",")[0].partition(":")[0] for said in warnings(alike)] == ["lstm_1"]
    (problem,) = Network(alike).checked.problems
    assert warnings(mended(alike, problem.remedies[0])) == []


def test_a_lock_parts_them_by_hand():
    start = network("zeros", "zeros")
    mask = np.zeros((4, 3), bool)
    mask[0, 0] = True
    assert warnings(start.with_locked("dense_1/W", np.zeros((4, 3)), mask)) == []


def test_it_does_not_stand_in_the_way_and_the_mend_also_takes_back_what_was_learned():
    session = Session(network("zeros", "ones"))
    try:
        assert session.checked.trainable
        session.explain(0)
        session.train()
        session.wait()
        (problem,) = session.checked.problems
        session.mend(problem.remedies[0])
        assert session.document.undo_label == "Start at random"
        assert session.checked.problems == ()
        assert session.graph.nodes["dense_1"].layer.initializer == "auto"
        assert not rows_equal(session.weight("dense_1/W"))
        session.undo()
        assert len(session.checked.problems) == 1
    finally:
        session.close()


def test_who_listens_hears_when_numbers_make_or_mend_it():
    session, heard = Session(network("auto", "auto")), []
    session.rechecked.connect(lambda checked: heard.append(len(checked.problems)))
    session.set_weights("dense_1/W", np.zeros((4, 3)))
    session.set_weight("dense_1/W", (1, 1), 1.0)
    session.set_weight("dense_1/W", (1, 2), 1.0)
    assert heard == [1, 0]


def test_a_warning_of_other_problems_is_not_added_to_a_node_that_has_one():
    start = network("zeros", "zeros")
    bare = replace(start, graph=start.graph.without(["loss_1"]))
    assert {problem.grade for problem in Network(bare).checked.problems} == {Grade.OPEN, Grade.WARNING}
    assert not Network(bare).checked.trainable
