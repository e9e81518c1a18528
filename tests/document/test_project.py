"""Everything a file holds as a value: what stays when it changes."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.document.project import fitted, structure_changed
from annstudio.errors import DataError, GraphError
from annstudio.explain.worksheet import Worksheet
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from tests.builders import chain, project, small_project, trained, worked_example


def test_a_network_keeps_what_does_not_depend_on_what_changed():
    network = Network(small_project())
    programs, data = network.programs, network.dataset
    moved = network.followed_by(replace(network.project, graph=network.project.graph.moved({"hidden": (1.0, 1.0)})))
    assert moved.programs is programs
    assert moved.dataset is data
    wider = network.project.graph.with_layer("hidden", Dense(units=9))
    assert network.followed_by(replace(network.project, graph=wider)).programs is not programs


def test_weights_are_those_trained_else_those_of_the_seed():
    start = small_project()
    network = Network(start.with_weight("hidden/b", np.ones(4)))
    fresh = Network(start).weights()
    assert network.weights()["hidden/b"].tolist() == [1, 1, 1, 1]
    assert network.weights()["hidden/W"] is not fresh["hidden/W"]
    np.testing.assert_array_equal(network.weights()["hidden/W"], fresh["hidden/W"])


def test_weights_that_do_not_fit_are_passed_over():
    wanted = {"a/W": np.zeros((2, 2)), "a/b": np.zeros(2)}
    given = {"a/W": np.ones((2, 2)), "a/b": np.ones(3), "z/W": np.ones(1)}
    found = fitted(given, wanted)
    assert found["a/W"] is given["a/W"]
    assert found["a/b"] is wanted["a/b"]
    assert set(found) == {"a/W", "a/b"}


def test_freezing_and_moving_keep_the_record_of_a_run_and_other_layers_do_not():
    start = small_project()
    graph = start.graph

    def with_layer(layer):
        return replace(start, graph=graph.with_layer("hidden", layer))

    old = graph.nodes["hidden"].layer
    assert not structure_changed(start, replace(start, graph=graph.moved({"hidden": (9.0, 9.0)})))
    assert not structure_changed(start, with_layer(old.changed(trainable=False, train_bias=False)))
    assert structure_changed(start, with_layer(old.changed(units=5)))
    assert structure_changed(start, with_layer(old.changed(activation="relu")))
    assert structure_changed(start, replace(start, data=None))


def test_a_renamed_node_takes_its_weights_along():
    start = trained(small_project(), 2)
    renamed = start.renamed("hidden", "h", {})
    assert renamed.weights["h/W"] is start.weights["hidden/W"]
    assert "hidden/W" not in renamed.weights
    with pytest.raises(GraphError):
        start.renamed("hidden", "output", {})


def test_a_name_that_begins_like_another_is_left_alone():
    start = worked_example()
    weights = {"out/W": np.ones(1), "output/W": np.ones(1)}
    renamed = replace(start, weights=weights).renamed("output", "o", {})
    assert set(renamed.weights) == {"out/W", "o/W"}


def test_a_worksheet_follows_renamed_layers():
    start = replace(worked_example(), worksheet=Worksheet(asked=("hidden.net[0]", "d output.W[0,0]")))
    renamed = start.renamed("hidden", "h", {}).renamed("output", "o", {})
    assert renamed.worksheet.asked == ("h.net[0]", "d o.W[0,0]")
    assert not renamed.same_as(replace(renamed, worksheet=None))


def test_predictions_are_the_same_whatever_the_pieces():
    network = Network(small_project())
    x = np.random.default_rng(0).normal(size=(13, 3))
    whole, pieces = network.predict({"x": x}), network.predict({"x": x}, batch=5)
    np.testing.assert_allclose(whole["output"], pieces["output"], rtol=1e-14)
    assert whole["output"].shape == (13, 2)


def test_inputs_that_do_not_fit_are_refused_in_words():
    network = Network(small_project())
    with pytest.raises(DataError, match="'x' is missing"):
        network.predict({"z": np.ones((2, 3))})
    with pytest.raises(DataError, match="should have examples of shape"):
        network.predict({"x": np.ones((2, 4))})


def test_a_class_enters_as_one_value_for_each_class():
    graph = chain(
        input=Input(shape=(3,), column="y"),
        output=Dense(units=3, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )
    start = project(graph, parse_source({"kind": "blobs"}), optimizer={"kind": "adam", "learning_rate": 0.1}, epochs=30)
    end = trained(start)
    assert end.progress.record.last["accuracy"] == 1.0
    np.testing.assert_array_equal(Network(end).answers(np.arange(6))["output"].argmax(1), [0, 1, 2, 0, 1, 2])
