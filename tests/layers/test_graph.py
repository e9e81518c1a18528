"""The drawing as a value: whatever is done to it, it stays a drawing, and undo leads back to the start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annstudio.document.diff import diff
from annstudio.document.history import Document
from annstudio.document.project import Project
from annstudio.errors import GraphError
from annstudio.layers.activation import Activation
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from tests.builders import chain, with_branch
from tests.document.drawings import drawings, edited

LINE = chain(input=Input(), a=Dense(), b=Dense(), loss=Loss())


def is_whole(graph: Graph) -> None:
    """Names are the nodes' own, wires lead somewhere, no two to one input, and never round in a circle."""
    assert all(id == node.id for id, node in graph.nodes.items())
    for link in graph.links:
        assert link.source in graph.nodes
        assert link.target in graph.nodes
        assert link.out in range(graph.nodes[link.source].layer.gives)
        assert link.port in range(graph.n_ports(link.target))
    assert len({(link.target, link.port) for link in graph.links}) == len(graph.links)
    assert sorted(graph.order()) == sorted(graph.nodes)


@given(st.data())
def test_any_edits_leave_a_whole_drawing_and_undo_and_redo_lead_back_and_forth(data):
    start = data.draw(drawings(most=3))
    document = Document(Project(start))
    seen = [document.project]
    for _ in range(data.draw(st.integers(1, 8))):
        before, copy = document.project.graph, dict(document.project.graph.nodes)
        graph = edited(before, data.draw)
        is_whole(graph)
        assert before.nodes == copy, "a graph is never changed, only followed by another"
        document.apply(Project(graph), "Edit")
        if document.project is not seen[-1]:
            seen.append(document.project)
    for project in reversed(seen[:-1]):
        document.undo()
        assert document.project is project
    assert document.project.graph == start
    document.undo()
    for project in seen[1:]:
        document.redo()
        assert document.project is project
    document.redo()
    assert document.project is seen[-1]


@given(st.data())
def test_a_difference_tells_all_that_changed(data):
    """A canvas that follows differences shows the same as one that is drawn afresh."""
    before = data.draw(drawings(most=3))
    after = edited(edited(before, data.draw), data.draw)
    told = diff(before, after)
    nodes = {id: node for id, node in before.nodes.items() if id not in told.removed}
    nodes |= {id: after.nodes[id] for id in (*told.added, *told.moved, *told.changed)}
    assert nodes == dict(after.nodes)
    assert {*before.links} - {*told.links_removed} | {*told.links_added} == {*after.links}
    assert told.structural == (({*before.links}, _layers(before)) != ({*after.links}, _layers(after)))
    assert diff(after, after) == diff(before, before)


def _layers(graph: Graph) -> dict[str, object]:
    return {id: node.layer for id, node in graph.nodes.items()}


# Wires ---------------------------------------------------------------------------------------------------------------


def test_a_wire_goes_to_the_first_free_input_and_merges_always_have_one_more():
    graph = chain(input=Input(), sum=Add())
    assert (graph.into("sum")[0].port, graph.n_ports("sum")) == (0, 2)
    graph = graph.connect("input", "sum")
    assert [link.port for link in graph.into("sum")] == [0, 1]
    assert graph.n_ports("sum") == 3


def test_a_wire_that_is_there_already_changes_nothing():
    assert LINE.connect("a", "b") is LINE


def test_a_new_wire_takes_the_place_of_the_one_at_its_input():
    graph = LINE.with_node(Node("c", Dense())).connect("input", "c").connect("c", "b")
    assert [link.source for link in graph.into("b")] == ["c"]


@pytest.mark.parametrize(
    ("source", "target", "port", "reason"),
    [
        ("a", "a", None, "a cannot feed itself."),
        ("loss", "a", None, "loss is the end of the network and has no output."),
        ("a", "input", None, "input is where data enters and has no input."),
        ("b", "a", None, "a already feeds b; a wire back would make a circle."),
        ("input", "b", 1, "b has no input number 2."),
    ],
)
def test_a_wire_that_cannot_be_is_refused_in_plain_words(source, target, port, reason):
    assert LINE.refusal(source, target, port) == reason
    with pytest.raises(GraphError) as caught:
        LINE.connect(source, target, port)
    assert caught.value.message == reason


# Deleting and inserting ----------------------------------------------------------------------------------------------


def test_deleting_bridges_the_gap():
    assert LINE.without(["a", "b"]).links == (Link("input", "loss"),)
    assert LINE.without(["a"], bridge=False).links == (Link("b", "loss"),)


def test_deleting_a_branch_leaves_the_other_alone():
    graph = with_branch(chain(input=Input(), a=Dense(), sum=Add(), loss=Loss()), "input", "sum", aside=Dense())
    bridged = graph.without(["aside"])
    assert bridged.into("sum") == [Link("a", "sum", 0), Link("input", "sum", 1)]


def test_an_end_is_deleted_with_its_wire():
    assert LINE.without(["loss"]).links == (Link("input", "a"), Link("a", "b"))


def test_a_layer_inserted_on_a_wire_is_between_its_ends():
    graph = LINE.inserted(Node("act", Activation()), Link("a", "b"))
    assert graph.into("act") == [Link("a", "act")]
    assert graph.into("b") == [Link("act", "b")]


# Names and copies ----------------------------------------------------------------------------------------------------


def test_a_renamed_node_keeps_its_wires_and_its_place_in_the_order():
    graph = LINE.renamed("a", " hidden ")
    assert list(graph.nodes) == ["input", "hidden", "b", "loss"]
    assert graph.into("b") == [Link("hidden", "b")]


def test_free_names_count_up():
    graph = chain(Dense(), Dense())
    assert list(graph.nodes) == ["dense_1", "dense_2"]
    assert graph.without(["dense_1"]).free_id("dense") == "dense_1"


def test_copies_have_names_of_their_own_and_the_wires_among_them():
    graph, names = LINE.with_part(LINE.part(["a", "b"]), 10, 20)
    assert names == {"a": "dense_1", "b": "dense_2"}
    assert Link("dense_1", "dense_2") in graph.links
    assert (graph.nodes["dense_1"].x, graph.nodes["dense_1"].y) == (LINE.nodes["a"].x + 10, 20.0)
    is_whole(graph)


def test_an_order_puts_every_node_behind_those_that_feed_it():
    graph = with_branch(chain(input=Input(), a=Dense(), sum=Add(), loss=Loss()), "input", "sum", aside=Dense())
    order = graph.order()
    assert all(order.index(link.source) < order.index(link.target) for link in graph.links)


def test_downstream_is_everything_an_output_reaches():
    graph = with_branch(chain(input=Input(), a=Dense(), sum=Add(), loss=Loss()), "input", "sum", aside=Dense())
    assert graph.downstream("aside") == {"sum", "loss"}
    assert graph.downstream("input") == {"a", "aside", "sum", "loss"}
