"""Making blocks of nodes and taking them apart: the network computes what it did, and weights keep their values."""

import numpy as np
import pytest

from annstudio.document.compile import check, compile_graph
from annstudio.document.project import Project
from annstudio.errors import GraphError
from annstudio.layers.block.boxing import boxed, inside, node_at, owner_of, unboxed, with_inside
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Node
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.names import is_of, layer_of, node_of, renamed
from tests.builders import chain, random_feeds, random_weights, run_of
from tests.layers.boxes import drawn

TANH = Dense(units=3, activation="tanh")
BRANCHED = drawn(
    "x>a a>b a>c b>sum c>sum:1 a>sum:2 sum>end end>loss",
    x=Input(shape=(4,)), a=TANH, b=TANH, c=TANH, sum=Add(), end=Dense(units=2), loss=Loss(),
)  # fmt: skip


def loss_of(graph, weights):
    program = compile_graph(graph, {}, training=False, plain=True)
    run = run_of(program, random_feeds(program, 5, np.random.default_rng(0)), weights)
    run.finish()
    return run.loss


def some_weights(graph):
    return random_weights(compile_graph(graph, {}, training=False, plain=True), np.random.default_rng(3))


@pytest.mark.parametrize(
    "chosen", ["a", "b", "bc", "abc", "abcs", "abcse", "sc", "xabcsel", "se", "e"],
)  # fmt: skip
def test_a_block_of_some_nodes_computes_the_same_and_comes_apart_again(chosen):
    ids = [id for id in BRANCHED.nodes if id[0] in chosen]
    graph, id, names = boxed(BRANCHED, ids)
    weights = some_weights(BRANCHED)
    moved = Project(BRANCHED).with_names(names, weights).weights
    assert not check(graph, {}).problems
    assert loss_of(graph, moved) == pytest.approx(loss_of(BRANCHED, weights), rel=1e-12)
    assert not names.keys() & graph.nodes.keys()
    apart, loose, back = unboxed(graph, id)
    assert set(loose) == set(names)
    assert {old: new for new, old in back.items()} == names
    assert {(k.source, k.target, k.port) for k in apart.links} == {(k.source, k.target, k.port) for k in BRANCHED.links}
    places = [(node.x, node.y) for node in graph.nodes[id].layer.inside.nodes.values()]
    assert len(set(places)) == len(places)


def test_one_source_is_one_input_however_often_it_is_used():
    graph, id, _ = boxed(BRANCHED, ["b", "c"])
    assert len(graph.nodes[id].layer.inputs) == 1
    assert len(graph.nodes[id].layer.outputs) == 2


@pytest.mark.parametrize(
    ("ids", "words"), [(["x", "loss"], "Nothing of this"), ([], "Nothing of this"), (["a", "sum"], "feed itself")]
)
def test_what_cannot_be_a_block_is_said(ids, words):
    with pytest.raises(GraphError, match=words):
        boxed(BRANCHED, ids)


def test_blocks_that_share_weights_are_not_parted():
    box = Block(inside=box_of(Dense(units=4)))
    graph = chain(x=Input(shape=(4,)), one=box, two=box.changed(weights_of="one"), loss=Loss())
    with pytest.raises(GraphError, match="shares the weights"):
        boxed(graph, ["one"])
    whole, id, _ = boxed(graph, ["one", "two"])
    assert not check(whole, {}).problems
    for id in ("one", "two"):
        with pytest.raises(GraphError, match="shares weights"):
            unboxed(graph, id)
    with pytest.raises(GraphError, match="many times"):
        unboxed(chain(x=Input(shape=(4, 2)), b=box.changed(apply="each step")), "b")


# Contents --------------------------------------------------------------------------------------------------------


def test_wires_follow_the_ends_they_are_connected_to():
    two = drawn("a>x b>y", a=BlockInput(), b=BlockInput(position=2), x=BlockOutput(), y=BlockOutput(position=2))
    graph = drawn("i>box i>box:1 box.1>d box>e", i=Input(shape=(4,)), box=Block(inside=two), d=TANH, e=TANH)
    # The upper output goes: the lower one is the first now, and its wire with it.
    less = with_inside(graph, "box", two.without(["x"], bridge=False))
    assert [(k.out, k.target) for k in less.out_of("box")] == [(0, "d")]
    turned = with_inside(graph, "box", two.with_layer("a", BlockInput(position=9)))
    assert {(k.port, k.source) for k in turned.into("box")} == {(0, "i"), (1, "i")}
    named = with_inside(graph, "box", two.renamed("x", "result"))
    assert [(k.out, k.target) for k in named.out_of("box")] == [(1, "d"), (0, "e")]


def test_what_is_changed_in_one_block_is_changed_in_those_that_share_its_weights():
    box = Block(inside=box_of(Dense(units=4)))
    graph = chain(x=Input(shape=(4,)), one=box, two=box.changed(weights_of="one"), three=box, loss=Loss())
    changed = with_inside(graph, "two", inside(graph, "two").with_layer("dense_1", Dense(units=4, activation="tanh")))
    activations = {
        id: changed.nodes[id].layer.inside.nodes["dense_1"].layer.activation for id in ("one", "two", "three")
    }
    assert activations == {"one": "tanh", "two": "tanh", "three": "relu"}
    assert owner_of(graph, "two/dense_1") == "one/dense_1"


def test_paths_lead_to_nodes():
    deep = chain(x=Input(shape=(4,)), b=Block(inside=box_of(Block(inside=box_of(TANH)))))
    assert node_at(deep, "b/block_1/dense_1").layer == TANH
    assert node_at(deep, "b/block_1/dense_1[3][1]").layer == TANH
    assert node_at(deep, "x").layer == Input(shape=(4,))
    for nowhere in ("y", "b/y", "x/y", "b/block_1/dense_1/W"):
        assert node_at(deep, nowhere) is None
    with pytest.raises(GraphError):
        with_inside(deep, "x", deep)


def test_boxes_too_deep_in_one_another_are_refused_when_they_are_made():
    graph = chain(x=Input(shape=(4,)), dense=TANH)
    id = "dense"
    for _ in range(6):
        graph, id, _ = boxed(graph, [id])
    with pytest.raises(GraphError, match="deep"):
        boxed(graph, [id])


def test_a_rename_follows_into_blocks_that_share_its_weights():
    box = Block(inside=box_of(Dense(units=4)))
    graph = chain(x=Input(shape=(4,)), one=box, two=box.changed(weights_of="one"), loss=Loss())
    assert graph.renamed("one", "first").nodes["two"].layer.weights_of == "first"
    both, names = graph.with_part(graph.part(["one", "two"]))
    assert both.nodes[names["two"]].layer.weights_of == names["one"]
    alone, names = graph.with_part(graph.part(["two"]))
    assert alone.nodes[names["two"]].layer.weights_of == "one"


def test_names_are_read_and_changed_part_by_part():
    assert node_of("b/c/d[3]/W") == "b"
    assert layer_of("b/c/d[3]/W") == "b/c/d"
    assert is_of("b/c[1]/W", "b/c")
    assert not is_of("b/cc/W", "b/c")
    assert renamed("b/c[1]/W", {"b/c": "b/z"}) == "b/z[1]/W"
    assert renamed("bb/W", {"b": "z"}) == "bb/W"


def test_places_inside_do_not_change_the_meaning():
    one = chain(x=Input(shape=(4,)), b=Block(inside=box_of(TANH)))
    other = with_inside(one, "b", inside(one, "b").moved({"dense_1": (1.0, 2.0)}))
    assert one != other
    assert one.meaning == other.meaning
    assert hash(one) != hash(other)
    assert with_inside(one, "b", inside(one, "b").with_node(Node("n", TANH))).meaning != one.meaning
