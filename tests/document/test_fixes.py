"""Problems in plain words, and the mends that they offer."""

from dataclasses import replace

import pytest

from annstudio.data.base import parse_source
from annstudio.document.compile import Checked, check, columns_of
from annstudio.document.fixes import append, mend
from annstudio.engine.builder import Spec
from annstudio.layers.activation import Activation
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph, Link, Node
from annstudio.layers.losses import Loss
from annstudio.layers.lowering import Problem
from annstudio.layers.merge import Add, Concatenate
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from tests.builders import chain, with_branch

CLASSES = {"x": Spec((4,)), "y": Spec((3,), 3)}
IMAGES = {"x": Spec((1, 8, 8)), "y": Spec((10,), 10)}


def only(graph: Graph, columns: dict[str, Spec] | None = None) -> Problem:
    """The one problem of a drawing."""
    (problem,) = check(graph, columns or {}).problems
    return problem


def mended(graph: Graph, columns: dict[str, Spec] | None = None) -> tuple[Graph, Checked]:
    """After the first mend of the one problem."""
    graph = mend(graph, only(graph, columns).remedies[0])
    return graph, check(graph, columns or {})


def test_an_image_into_dense_is_told_and_flattened():
    graph = chain(input=Input(shape=(8, 8, 1)), dense=Dense(units=10, activation="softmax"), loss=Loss())
    problem = only(graph, IMAGES)
    assert problem.message == "dense needs a list of values; input gives 8×8×1."
    assert [remedy.label for remedy in problem.remedies] == ["Insert Flatten"]
    graph, checked = mended(graph, IMAGES)
    assert checked.trainable
    assert graph.into("dense") == [Link("flatten_1", "dense")]
    assert graph.nodes["dense"].x > graph.nodes["flatten_1"].x > graph.nodes["input"].x


def test_an_inserted_layer_makes_room_for_what_is_not_connected_too():
    graph = chain(input=Input(shape=(8, 8, 1)), dense=Dense(units=4))
    beside = replace(graph.nodes["dense"], id="beside", x=graph.nodes["dense"].x + 190)
    graph = graph.with_node(beside)
    graph = mend(graph, check(graph, {}).of("dense")[0].remedies[0])
    assert graph.nodes["beside"].x - graph.nodes["dense"].x == 190


@pytest.mark.parametrize(("n", "shape"), [(64, (8, 8, 1)), (6, (6, 1, 1))])
def test_a_list_into_a_convolution_is_folded(n, shape):
    graph, checked = mended(chain(input=Input(shape=(n,)), conv=Conv2D(kernel_size=(1, 1))))
    assert graph.nodes["reshape_1"].layer.target == shape
    assert not [problem for problem in checked.problems if not problem.open]


def test_the_units_are_set_to_the_number_of_classes():
    dense = Dense(units=5, activation="softmax")
    graph = chain(input=Input(shape=(4,)), out=dense, loss=Loss(function="cross_entropy"))
    problem = only(graph, CLASSES)
    assert problem.message == "loss needs 3 values, one for each class; out gives 5 values."
    graph, checked = mended(graph, CLASSES)
    assert checked.trainable
    assert graph.nodes["out"].layer.units == 3


def test_one_value_is_told_as_one():
    graph = chain(input=Input(shape=(4,)), out=Dense(units=5), loss=Loss(function="mean_squared_error"))
    problem = only(graph, {"x": Spec((4,), 0), "y": Spec((1,), 0)})
    assert problem.message == "loss needs 1 value; out gives 5 values."
    assert problem.remedies[0].label == "Set out to 1 unit"


def test_units_are_set_where_they_are_however_many_activations_follow():
    graph = chain(input=Input(shape=(4,)), out=Dense(units=5), act=Activation(function="tanh"), loss=Loss())
    assert only(graph, CLASSES).remedies[0].label == "Set out to 3 units"
    assert mended(graph, CLASSES)[1].trainable


@pytest.mark.parametrize(
    "middle",
    [{"join": Concatenate()}, {"sum": Add()}, {"flatten": Flatten()}, {}],
    ids=lambda middle: ", ".join(middle) or "input",
)
def test_where_no_units_can_be_set_a_dense_layer_is_inserted(middle):
    graph = chain(input=Input(shape=(4,)), **middle, loss=Loss(function="cross_entropy"))
    for id in middle.keys() & {"join", "sum"}:
        graph = graph.connect("input", id)
    graph, checked = mended(graph, CLASSES)
    assert checked.trainable
    assert graph.nodes["dense_1"].layer == Dense(units=3, activation="softmax")


def test_a_missing_loss_is_offered_as_suits_the_data():
    def offered(columns, **out) -> str:
        graph = chain(input=Input(shape=(4,)), out=Dense(**out))
        graph, checked = mended(graph, columns)
        assert checked.facts["loss_1"]
        return graph.nodes["loss_1"].layer.function

    assert offered(CLASSES, units=3, activation="softmax") == "cross_entropy"
    assert offered({"x": Spec((4,)), "y": Spec((2,), 2)}, units=1, activation="sigmoid") == "binary_cross_entropy"
    assert offered({"x": Spec((4,)), "y": Spec((2,))}, units=2) == "half_squared_error"
    assert offered({}, units=2) == "half_squared_error"


def test_a_cross_entropy_without_probabilities_sets_the_activation():
    graph = chain(input=Input(shape=(4,)), out=Dense(units=3), loss=Loss(function="cross_entropy"))
    assert only(graph, CLASSES).message == "loss needs probabilities from a softmax; out does not end in one."
    graph, checked = mended(graph, CLASSES)
    assert checked.trainable
    assert graph.nodes["out"].layer.activation == "softmax"


def test_where_there_is_no_activation_to_set_one_is_inserted_before_the_loss_alone():
    graph = chain(input=Input(shape=(3,)), drop=Dropout(), loss=Loss(function="cross_entropy"))
    graph = graph.with_node(Node("aside", Dense())).connect("drop", "aside")
    graph, checked = mended(graph, {"x": Spec((3,)), "y": Spec((3,), 3)})
    assert checked.trainable
    assert graph.into("loss") == [Link("act_1", "loss")]
    assert graph.into("aside") == [Link("drop", "aside")]


def test_a_value_that_only_passes_through_is_told_by_the_name_it_comes_from():
    """A linear activation hands on the very value it is given: both are sources of it."""
    graph = chain(input=Input(shape=(4,)), act=Activation(function="linear"), pool=MaxPool2D())
    graph = graph.with_node(Node("other", MaxPool2D())).connect("input", "other")
    told = {problem.node: problem.message for problem in check(graph, {}).problems}
    assert told == {
        "pool": "pool needs height × width × channels; act gives 4 values.",
        "other": "other needs height × width × channels; input gives 4 values.",
    }


def test_a_kernel_larger_than_the_image_gets_a_border():
    graph = chain(input=Input(shape=(2, 2, 1)), conv=Conv2D(padding="valid", kernel_size=(3, 3)))
    graph, checked = mended(graph)
    assert graph.nodes["conv"].layer.padding == "same"
    assert checked.facts["conv"].shape == (16, 2, 2)


def test_a_reshape_that_does_not_come_out_even_is_told():
    graph, checked = mended(chain(input=Input(shape=(6,)), fold=Reshape(target=(2, 2, 1))))
    assert checked.facts["fold"].shape == (6,)


def test_an_input_follows_the_data():
    graph = chain(input=Input(shape=(2,)), out=Dense(units=10, activation="softmax"), loss=Loss())
    columns = columns_of(parse_source({"kind": "digits"}).load())
    assert only(graph, columns).message == "input is set to 2; the data gives 8×8×1."
    assert mended(graph, columns)[0].nodes["input"].layer.shape == (8, 8, 1)


@pytest.mark.parametrize("node", ["input", "loss"])
def test_a_column_that_the_data_does_not_have_is_told_and_another_offered(node):
    graph = chain(input=Input(shape=(4,)), out=Dense(units=3), loss=Loss())
    graph = graph.with_layer(node, graph.nodes[node].layer.changed(column="nowhere"))
    problem = only(graph, CLASSES)
    assert "reads the column 'nowhere', which the data does not have." in problem.message
    assert mended(graph, CLASSES)[1].trainable


def test_only_the_first_of_a_row_of_problems_speaks():
    graph = chain(input=Input(shape=(4,)), conv=Conv2D(), pool=MaxPool2D(), dense=Dense(), loss=Loss())
    assert only(graph).node == "conv"


def test_branches_of_different_size_cannot_be_added():
    graph = chain(input=Input(shape=(4,)), a=Dense(units=3), sum=Add())
    graph = with_branch(graph, "input", "sum")
    assert only(graph).message == "sum needs inputs of one shape; got 3 and 4."


def test_an_unconnected_input_is_unfinished_rather_than_wrong():
    problem = only(chain(input=Input(), sum=Add()))
    assert (problem.message, problem.open) == ("sum needs 2 inputs; 1 is connected.", True)


def test_an_empty_canvas_has_no_problem_and_cannot_be_trained():
    assert check(Graph(), {}).problems == ()
    assert not check(Graph(), {}).trainable


def test_a_layer_is_appended_where_it_covers_nothing():
    graph = chain(input=Input(), a=Dense())
    graph, id = append(graph, "input", "Dense", {"units": 2})
    assert id == "dense_1"
    places = [(node.x, node.y) for node in graph.nodes.values()]
    assert len(set(places)) == 3
    assert graph.into(id) == [Link("input", id)]
