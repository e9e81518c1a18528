"""What pictures of a running training are made from: the users' layout, the weights of now, the mask of this batch."""

import numpy as np

from annstudio.data.sequences import JapaneseVowels
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from tests.builders import chain, project, some_table


def picture_network() -> Network:
    graph = chain(
        input=Input(shape=(30,)),
        picture=Reshape(target=(5, 6, 1)),
        conv=Conv2D(filters=2),
        pool=MaxPool2D(),
        dropout=Dropout(rate=0.5),
        flatten=Flatten(),
        output=Dense(units=2, activation="sigmoid"),
        loss=Loss(),
    )
    return Network(project(graph, some_table(8, 30, 2)))


def test_activations_are_one_example_in_the_users_layout():
    network = picture_network()
    views = network.look(3)
    shapes = {node: array.shape for node, array in views.activations.items()}
    assert shapes["picture"] == (1, 5, 6, 1)
    assert shapes["conv"] == (1, 5, 6, 2)
    assert shapes["pool"] == shapes["dropout"] == (1, 2, 3, 2)
    assert shapes["flatten"] == (1, 12)
    x = network.need_dataset().columns["x"].values
    np.testing.assert_array_equal(views.activations["input"], x[3:4])
    np.testing.assert_allclose(views.activations["output"], network.predict({"x": x[3:4]})["output"])


def test_kernels_are_told_as_files_tell_them_and_masks_as_images():
    views = picture_network().look(0)
    assert views.weights["conv/W"].shape == (2, 1, 3, 3)
    assert views.masks["dropout"].shape == (2, 3, 2)
    assert set(np.unique(views.masks["dropout"])) <= {0.0, 2.0}


def test_looking_at_an_example_beyond_the_last_begins_anew():
    network = picture_network()
    np.testing.assert_array_equal(network.look(11).activations["input"], network.look(3).activations["input"])


def test_views_are_nobodys_to_write():
    views = picture_network().look(0)
    assert not any(a.flags.writeable for a in [*views.activations.values(), *views.weights.values()])


def test_a_layer_inside_a_block_shows_the_last_step_that_counts_and_not_padding():
    graph = chain(
        input=Input(shape=(29, 12), lengths="steps"),
        each=Block(inside=box_of(Dense(units=3)), apply="each step"),
        memory=LSTM(units=5),
        output=Dense(units=9, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )
    network = Network(Project(graph, data=JapaneseVowels()))
    for sample in (0, 7, 60):
        length = int(network.need_dataset().columns["steps"].values[sample, 0])
        views = network.look(sample)
        assert length < 29
        shown = views.activations["each/dense_1"][0]
        np.testing.assert_array_equal(shown, views.activations["each"][0, length - 1])
        x = network.need_dataset().columns["x"].values[sample]
        np.testing.assert_allclose(views.activations["each/in_1"][0], x[length - 1], rtol=1e-6)
