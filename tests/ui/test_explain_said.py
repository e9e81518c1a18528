"""What pages say of numbers that are more than a sum: masks, softmax of two, gates in time."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annstudio.data.base import parse_source
from annstudio.explain.names import plain
from annstudio.explain.number_names import NumberNames
from annstudio.explain.told import Quantity
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from annstudio.ui.explain.tips import MOST_LINES, WIDTH, tip
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


def test_of_a_long_sum_a_tip_tells_the_largest_terms_and_counts_the_others():
    graph = chain(input=Input(shape=(40,)), a_long_name=Dense(units=3), output=Dense(units=2), loss=Loss())
    with explaining(project(graph, some_table(3, 40, 2))) as desk:
        desk.key(Qt.Key.Key_End)
        asked = NumberNames(desk.tour.explainer.names).quantity("a_long_name.net[1]")
        symbols, numbers, result, click = tip(desk.tour, asked).splitlines()
        assert max(len(symbols), len(numbers)) <= WIDTH
        shown = symbols.count(" · ")
        assert shown >= 2
        assert symbols.endswith(f"… and {41 - shown} more")
        assert numbers.endswith(f"… and {41 - shown} more")
        told = desk.tour.explainer.derive(asked)
        largest = max(told.rows, key=lambda row: abs(row.value))
        assert symbols.startswith(f"net_a2 = {plain(largest.symbols)} + ")
        assert (result, click) == (f"= {desk.tour.text(told.value)}".replace("−", "-"), "Click to ask about it")


def test_a_formula_that_is_longer_than_a_line_goes_on_in_the_next():
    graph = chain(input=Input(shape=(4,)), a_long_name=Dense(units=9, activation="softmax"), loss=Loss())
    with explaining(project(graph, some_table(3, 4, 9))) as desk:
        desk.key(Qt.Key.Key_End)
        told = tip(desk.tour, NumberNames(desk.tour.explainer.names).quantity("a_long_name.out[1]")).splitlines()
        assert max(map(len, told)) <= WIDTH + 4
        assert any(line.startswith("  + ") for line in told)
        assert len(told) <= MOST_LINES + 2


def test_inside_a_block_names_are_short_and_the_tip_has_the_whole_path():
    graph = chain(input=Input(shape=(2,)), box=Block(inside=box_of(Dense(units=2))), output=Dense(units=1), loss=Loss())
    with explaining(project(graph, some_table(3, 2, 1))) as desk:
        desk.key(Qt.Key.Key_2, Qt.Key.Key_Right)
        before = desk.view.timeline.caption.text()
        assert "box/" in before
        desk.key(Qt.Key.Key_F11)
        assert desk.view.timeline.caption.text() == before.replace("box/", "")
        assert "box/" not in desk.panel.text
        net = next(s for s in desk.tour.program.slots if s.node.startswith("box/") and s.name == "net")
        told = tip(desk.tour, Quantity(net.index, (0,))).splitlines()
        assert told[-2] == f"In the whole network: {net.node}"
        assert "box/" not in "".join(told[:-2])
        desk.key(Qt.Key.Key_L)
        assert "In the whole network" not in tip(desk.tour, Quantity(net.index, (0,)))
