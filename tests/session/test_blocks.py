"""Blocks on the desk: every edit inside is an ordinary one, weights keep their values, files hold them."""

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.document.project import structure_changed
from annstudio.errors import GraphError
from annstudio.formats.base import Content, catalogue
from annstudio.formats.studio import load, save
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Link, Node
from annstudio.layers.losses import Loss
from annstudio.session import Session
from tests.builders import chain, project, trained

TANH = Dense(units=3, activation="tanh")
END = {"output": Dense(units=1, activation="sigmoid"), "loss": Loss(function="binary_cross_entropy")}


@pytest.fixture
def session():
    graph = chain(input=Input(), a=TANH, b=TANH, **END)
    session = Session(project(graph, parse_source({"kind": "xor", "points": 20}), epochs=2))
    yield session
    session.close()


def same_results(session, before) -> None:
    np.testing.assert_allclose(session.network.look(3).activations["output"], before, rtol=1e-6)


def test_a_block_is_made_and_unpacked_in_one_entry_each_with_its_weights(session):
    before = session.network.look(3).activations["output"]
    start = session.project
    assert session.make_block(["a", "b"]) == "block_1"
    assert {"block_1/a/W", "block_1/b/b"} <= session.weights().keys()
    same_results(session, before)
    assert session.unpack_block("block_1") == ["a", "b"]
    same_results(session, before)
    session.undo()
    session.undo()
    assert session.project is start


def test_weights_set_by_hand_stay_and_a_reset_goes_back_to_them(session):
    session.set_weights("a/W", np.full((3, 2), 0.5))
    session.make_block(["a"])
    session.train()
    session.wait()
    assert not np.array_equal(session.weight("block_1/a/W"), np.full((3, 2), 0.5))
    session.reset_same()
    np.testing.assert_array_equal(session.weight("block_1/a/W"), np.full((3, 2), 0.5))


def test_edits_inside_are_edits_of_the_project(session):
    session.make_block(["a", "b"])
    opened = []
    session.opened.connect(opened.append)
    session.open_block("block_1")
    assert list(session.graph.nodes) == ["a", "b", "in_1", "out_1"]
    session.set_layer("b", units=5)
    session.rename("a", "first")
    session.edit_graph(session.graph.moved({"b": (7.0, 8.0)}), "Move b")
    assert session.weight("block_1/first/W").shape == (3, 2)
    assert session.here.facts["b"].shape == (5,)
    assert session.checked.facts["block_1"].shape == (5,)
    for _ in range(3):
        session.undo()
    assert session.graph.nodes["b"].layer.units == 3
    assert "a" in session.graph.nodes
    session.undo()
    # The block is gone, so one cannot be inside it.
    assert session.path == ""
    assert opened == ["block_1", ""]
    with pytest.raises(GraphError):
        session.open_block("block_1")


def test_a_move_inside_leaves_the_run_as_it_is(session):
    session.make_block(["a", "b"])
    session.train()
    session.wait()
    before = session.project
    session.open_block("block_1")
    session.edit_graph(session.graph.moved({"b": (7.0, 8.0)}), "Move b")
    assert session.project.progress is before.progress
    assert not structure_changed(before, session.project)
    session.set_layer("a", activation="relu")
    assert session.project.progress is None


def test_wires_inside_are_refused_by_the_shapes_of_the_whole(session):
    session.make_block(["a", "b"])
    session.open_block("block_1")
    session.edit_graph(session.graph.with_node(Node("flat", Dense())), "Add flat")
    assert session.refusal(Link("in_1", "flat")) is None
    session.edit_graph(session.graph.with_node(Node("conv", Conv2D())), "Add conv")
    problem = session.refusal(Link("in_1", "conv"))
    assert "block_1/in_1" in problem.message


def test_mends_of_problems_inside_are_carried_out(session):
    session.edit_graph(session.graph.with_layer("input", Input(shape=(2, 2, 1))), "Set shape")
    session.set_data(None)
    session.make_block(["a", "b"])
    problem = session.checked.problems[0]
    assert problem.node == "block_1/a"
    session.mend(problem.remedies[0])
    assert not session.checked.problems


def test_what_changes_inside_while_training_pauses_and_keeps_weights(session):
    session.make_block(["a", "b"])
    session.set_settings(epochs=100_000)
    session.train()
    session.open_block("block_1")
    session.set_layer("b", units=4)
    assert session.state != "training"
    assert "block_1/a/W" in session.project.weights
    assert session.weight("block_1/b/W").shape == (4, 3)


def test_a_layer_in_a_block_can_be_frozen(session):
    session.make_block(["a", "b"])
    start = session.weight("block_1/a/W")
    session.set_layer_at("block_1/a", trainable=False)
    session.train()
    session.wait()
    np.testing.assert_array_equal(session.weight("block_1/a/W"), start)
    assert not np.array_equal(session.weight("block_1/b/W"), session.network.initial()["block_1/b/W"])


def test_blocks_are_saved_trained_and_exported_as_what_they_hold(tmp_path):
    deep = Block(inside=box_of(TANH, Block(inside=box_of(TANH))), trainable=True)
    steps = Block(inside=box_of(TANH), apply="each step", weights="one set a step")
    graph = chain(input=Input(), deep=deep, to=Dense(units=6), loose=Block(inside=box_of(TANH)), **END)
    one = trained(project(graph, parse_source({"kind": "xor", "points": 20}), epochs=1))
    save(one, tmp_path / "a.annstudio", Network(one).weights())
    assert load(tmp_path / "a.annstudio").graph == one.graph
    for format in catalogue().values():
        path = tmp_path / f"weights{format.suffix}"
        format.write(path, Content(Network(one).weights(), one))
        read = format.read(path).weights
        np.testing.assert_allclose(read["deep/block_1/dense_1/W"], one.weights["deep/block_1/dense_1/W"], rtol=1e-6)
    many = project(chain(input=Input(shape=(4, 2)), steps=steps, loss=Loss()))
    save(many, tmp_path / "b.annstudio", Network(many).weights())
    assert load(tmp_path / "b.annstudio").graph == many.graph
    assert "steps/dense_1[3]/W" in Network(load(tmp_path / "b.annstudio")).weights()
