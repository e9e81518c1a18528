"""What pages say of numbers that are more than a sum: masks, softmax of two, gates in time."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.explain.number_names import NumberNames
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from tests.builders import chain, project, some_table, worked_example
from tests.ui.explaining import explaining


@pytest.fixture(autouse=True)
def dressed(qtbot: QtBot) -> None:
    application("light")


def test_what_there_is_to_say_beside_a_number_stands_on_its_page():
    graph = chain(
        input=Input(shape=(2,)), drop=Dropout(rate=0.5), out=Dense(units=2, activation="softmax"),
        loss=Loss(function="cross_entropy"),
    )  # fmt: skip
    with explaining(project(graph, some_table(4, 2, 2))) as desk:
        desk.key(Qt.Key.Key_End)
        names = NumberNames(desk.tour.explainer.names)
        desk.view.ask(names.quantity("drop.mask[0]"))
        assert "0 with probability 0.5, else 1/(1 − 0.5) = 2" in desk.panel.text
        assert "Prediction has no mask" in desk.panel.text
        desk.view.ask(names.quantity("out.out[0]"))
        lines = desk.panel.text.splitlines()
        at = lines.index("With two classes softmax is the logistic function of the difference of the scores:")
        assert lines[at + 1] == "out_o1 = 1/(1 + e^−(net_o1 − net_o2))"
        assert lines[at + 2].rpartition("= ")[2] == lines[at - 1].rpartition("= ")[2]


def test_a_unit_under_the_pointer_is_explained_in_plain_text():
    with explaining(worked_example()) as desk:
        unit = desk.unit("output", 0)
        assert "not computed yet" in desk.view.scene.tip(unit.quantity)
        desk.key(Qt.Key.Key_End)
        told = desk.view.scene.tip(unit.quantity).splitlines()
        assert told[0] == "out_o1 = 1/(1 + e^(-net_o1))"
        assert told[1] == "= 1/(1 + e^-1.105905967)"
        assert told[2] == "= 0.751365070"
        assert told[-1] == "Click to ask about it"


def test_a_gate_is_told_by_the_sum_of_what_it_sees_and_of_the_state_before():
    graph = chain(input=Input(shape=(3, 1)), memory=LSTM(units=2), out=Dense(units=1), loss=Loss())
    with explaining(project(graph, parse_source({"kind": "sunspots", "window": 3}))) as desk:
        desk.key(Qt.Key.Key_End)
        desk.view.ask(NumberNames(desk.tour.explainer.names).quantity("memory.f[1] t=3"))
        told = desk.panel.text
        assert "Weighted sum" in told
        for word in ("w_m f2,1 · i_(3,1)", "u_m f2,1 · h_m1^ t = 2", "b_m f2 ="):
            assert word in told
