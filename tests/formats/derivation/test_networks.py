"""Whole networks in a workbook: recurrent, convolutional, classifying, normalising; after a change they follow.

Such numbers as a user changes: a weight, an input, a target; every cell is then what the engine comes to.
"""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.optimizers import Adam
from annstudio.explain.names import plain
from annstudio.explain.takeaway import About, Extent, write
from annstudio.formats.derivation.workbook import Workbook
from annstudio.layers.activation.layer import Activation
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.normal import BatchNorm
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from tests.builders import chain, project, some_table, table
from tests.formats.derivation.spreadsheet import Spreadsheet
from tests.formats.derivation.test_layers import agrees

ONE_OF_THREE = table([[0.5, -1.0, 0.25, 2.0, -0.5, 0.75]], [[0.0, 1.0, 0.0]])


def lstm() -> Project:
    layers = [Input(shape=(6,)), Reshape(target=(3, 2)), LSTM(units=2), Dense(units=2), Loss()]
    return project(chain(*layers), some_table(3, 6, 2))


def small_cnn() -> Project:
    layers = [
        Input(shape=(16,)), Reshape(target=(4, 4, 1)), Conv2D(filters=2, activation="relu"), MaxPool2D(), Flatten(),
        Dense(units=3, activation="softmax"), Loss(function="cross_entropy"),
    ]  # fmt: skip
    data = table(np.random.default_rng(3).normal(size=(1, 16)).tolist(), [[0.0, 1.0, 0.0]])
    return project(chain(*layers), data, optimizer=Adam(), clip_norm=0.5)


def classes() -> Project:
    layers = [Input(shape=(6,)), Dense(units=3, activation="softmax"), Loss(function="cross_entropy")]
    return project(chain(*layers), ONE_OF_THREE)


def normalised() -> Project:
    layers = [Input(shape=(3,)), Dense(units=3), BatchNorm(), Activation(function="tanh"), Dense(units=2), Loss()]
    return project(chain(*layers), some_table(3))


@pytest.mark.parametrize("made", [lstm, small_cnn, classes, normalised], ids=lambda made: made.__name__)
def test_a_network_reckons_and_follows_every_weight(made):
    network = Network(made())
    stepper = network.stepper(0)
    book = Workbook(write(stepper, About("A network")))
    sheet = Spreadsheet(book.built())
    assert [(plain(entry.symbol), why) for entry, why in book.not_live] == []
    agrees(book, sheet, stepper)
    rng = np.random.default_rng(7)
    changed = made()
    for key, array in network.weights().items():
        if "running" not in key:
            changed = changed.with_weight(key, array + rng.normal(size=array.shape))
    after = Network(changed).stepper(0)
    for parameter in after.program.parameters:
        for k in np.ndindex(parameter.shape):
            name, row = book.rows["-".join(map(str, (f"n{parameter.slot}", *k)))]
            sheet.change(name, f"D{row}", float(after.array(parameter.slot)[k]))
    agrees(book, sheet, after)


def test_another_class_as_the_target_changes_loss_and_gradients():
    """The terms of classes that are no target come to nothing, and are there all the same."""
    project_before = classes()
    book = Workbook(write(Network(project_before).stepper(0), About("Classes")))
    sheet = Spreadsheet(book.built())
    assert sheet.book["Loss"]["C5"].value.count("ln") == 1
    for place, value in enumerate((1.0, 0.0, 0.0)):
        sheet.change(*sheet.where(f"target_d{place + 1}"), value)
    other = project(project_before.graph, table(ONE_OF_THREE.load(None).columns["x"].values[:].tolist(), [[1.0, 0, 0]]))
    agrees(book, sheet, Network(other).stepper(0))


def test_an_input_changes_everything_after_it():
    book = Workbook(write(Network(classes()).stepper(0), About("Classes")))
    sheet = Spreadsheet(book.built())
    sheet.change(*sheet.where("i₁"), -1.5)
    inputs = [-1.5, -1.0, 0.25, 2.0, -0.5, 0.75]
    agrees(book, sheet, Network(project(classes().graph, table([inputs], [[0.0, 1.0, 0.0]]))).stepper(0))


def test_a_cut_network_reckons_with_what_is_left_out():
    stepper = Network(small_cnn()).stepper(0)
    paper = write(stepper, About("A network"), Extent(1))
    assert paper.left_out
    book = Workbook(paper)
    sheet = Spreadsheet(book.built())
    for name, cell, symbol, value, engine in sheet.numbers():
        assert value == pytest.approx(engine, rel=1e-9, abs=1e-12), (name, cell, symbol)
    left = {sheet.style("Left out", f"D{row}") for row in range(4, 4 + len(paper.left_out))}
    assert left == {"Fixed"}


def test_a_formula_that_is_too_long_for_a_cell_is_put_together_from_parts():
    layers = [Input(shape=(500,)), Dense(units=2, activation="tanh"), Dense(units=400), Loss()]
    data = table([np.linspace(-1, 1, 500).tolist()], [[0.0] * 400])
    stepper = Network(project(chain(*layers), data)).stepper(0)
    book = Workbook(write(stepper, About("Wide")))
    sheet = Spreadsheet(book.built())
    agrees(book, sheet, stepper)
    lengths = [len(cell.value) for s in sheet.book for row in s.iter_rows() for cell in row if cell.data_type == "f"]
    assert max(lengths) <= 8192
    # Weights and inputs lie one below the other; the weights back from a unit lie far apart.
    assert sheet.book["Forward"]["D5"].value == "=SUMPRODUCT(Weights!D5:D504*Data!D5:D504)+Weights!D505"
    name, cell = sheet.where("∂E/∂out_dense_1 1")
    assert sheet.book[name][cell].value.startswith("=SUM(G")
