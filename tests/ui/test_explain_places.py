"""One place is told alike wherever it stands: operation, caption, symbol, table, tip, the line under a map and name."""

import re

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annstudio.explain.number_names import NumberNames
from annstudio.explain.told import Quantity
from annstudio.ui.explain.array_frame import ArrayFrame
from annstudio.ui.panels.maps import MapsPanel
from annstudio.ui.panels.weights import WeightsPanel
from tests.ui.explaining import Desk, caption, explaining, sample

TIP, DOWN, ACROSS = Qt.ItemDataRole.ToolTipRole, Qt.Orientation.Vertical, Qt.Orientation.Horizontal


def come_to(desk: Desk, name: str) -> Quantity:
    """Step to where a number, asked for by its name, has just been computed; its name leads there and back."""
    names = NumberNames(desk.tour.explainer.names)
    quantity = names.quantity(name)
    assert names.name(quantity) == name
    desk.view.show_neurons(False)
    desk.tour.to_position(desk.tour.stepper.written_by[quantity.slot] + 1)
    desk.view.ask(quantity)
    return quantity


def heads(frame: ArrayFrame, row: int, column: int) -> tuple[str, str]:
    return frame.model.headerData(row, DOWN), frame.model.headerData(column, ACROSS)


def test_a_gate_of_a_time_step(qtbot: QtBot):
    with explaining(sample("vowels-lstm")) as desk:
        gate = come_to(desk, "memory.i[2] t=8")
        pane = desk.view.layers.pane
        assert caption(desk) == "Forward · memory · t = 8 · i"
        assert pane.steps.currentItem().text() == "▶  Forward · t = 8 · i"
        assert desk.view.layers.scene.cards["memory"].state.doing == "t = 8 · i"
        assert pane.which.currentText() == "i at t = 8 of memory"
        assert desk.tour.names.text(gate.slot, gate.index) == "i_m3 (t = 8)"
        assert "How does i_m3^ t = 8 get its value?" in desk.panel.text
        assert heads(pane.left, 2, 0) == ("unit 3", "value")
        assert pane.left.model.index(2, 0).data(TIP).startswith("i_m3 (t = 8) = ")


def test_what_a_time_step_reads_of_the_sequence(qtbot: QtBot):
    with explaining(sample("vowels-lstm")) as desk:
        read = come_to(desk, "memory.x[4] t=8")
        pane = desk.view.layers.pane
        assert caption(desk) == "Forward · memory · t = 8 · x"
        given = desk.tour.explainer.derive(read).rows[0].parts[0]
        assert (given.symbol, given.value) == (r"i_{(8,5)}", desk.tour.explainer.value(read))
        assert NumberNames(desk.tour.explainer.names).name(given.quantity) == "input.out[7,4]", "brackets count from 0"
        pane.which.setCurrentText("x of input")
        assert heads(pane.left, 7, 4) == ("time 8", "unit 5")
        assert pane.left.model.array[7, 4] == given.value
        assert pane.left.model.index(7, 4).data(TIP).startswith("i_(8,5) = ")
        assert (pane.left._marks.lit[0].all(1).nonzero()[0] == [7]).all()
        pane.left.toggle.setChecked(False)
        assert pane.left.mosaic.value_text((0, 7, 4)).startswith("time 8, unit 5: ")


def test_every_time_step_is_found_by_the_number_that_is_read_on_the_screen(qtbot: QtBot):
    with explaining(sample("vowels-lstm")) as desk:
        names, walk = NumberNames(desk.tour.explainer.names), desk.tour.walk
        told = {walk.caption(place) for place in range(1, len(walk) + 1)}
        steps = sorted(int(n) for words in told for n in re.findall(r"^Forward · memory · t = (\d+) · c$", words))
        assert steps == list(range(1, 30))
        for t in steps:
            slot = desk.tour.program.slots[names.quantity(f"memory.c[0] t={t}").slot]
            assert (slot.name, slot.scope) == ("c", f"t = {t}")


def test_a_pixel_of_a_feature_map(qtbot: QtBot):
    with explaining(sample("digits-cnn")) as desk:
        pixel = come_to(desk, "conv_1.out[2,3,4]")
        pane, value = desk.view.layers.pane, desk.tour.explainer.value(pixel)
        assert caption(desk) == "Forward · conv_1 · out"
        assert desk.tour.names.text(pixel.slot, pixel.index) == "out_conv_1 (3,4,5)"
        assert "How does conv_1 (3,4,5) get its value?" in desk.panel.text
        assert pane.left.mosaic.value_text((4, 2, 3)).startswith("map 5, row 3, column 4: ")
        assert "out_conv_1 (3,4,5) = " in pane.left.mosaic.tell((4, 2, 3))
        pane.left.toggle.setChecked(True)
        pane.left.picker.setValue(5)
        assert pane.left.under.text() == "map 5"
        assert heads(pane.left, 2, 3) == ("row 3", "column 4")
        assert pane.left.model.array[2, 3] == value
        assert pane.left.model.index(2, 3).data(TIP).startswith("out_conv_1 (3,4,5) = ")
        maps = MapsPanel(desk.session)
        qtbot.addWidget(maps)
        maps.choose("conv_1")
        maps.refresh()
        assert maps.maps.mosaic.value_text((4, 2, 3)).startswith("map 5, row 3, column 4: ")
        head, rows = maps.maps.table()
        assert head[:3] == ["map", "row", "column 1"]
        assert ["map 5", 3] in [row[:2] for row in rows]


def test_a_weight_of_a_kernel(qtbot: QtBot):
    with explaining(sample("digits-cnn")) as desk:
        weight = desk.weight("conv_1/W", 4, 0, 2, 1)
        assert desk.tour.names.text(weight.slot, weight.index) == "w_conv_1 (5,1,3,2)"
        assert NumberNames(desk.tour.explainer.names).name(weight) == "conv_1.W[4,0,2,1]"
        panel = WeightsPanel(desk.session)
        qtbot.addWidget(panel)
        panel.refresh()
        panel.filter.setValue(5)
        panel.channel.setValue(1)
        panel.refresh()
        assert panel.index_of(2, 1) == (4, 0, 2, 1)
        assert (panel.model.headerData(2, DOWN), panel.model.headerData(1, ACROSS)) == ("row 3", "column 2")
        assert panel.picture.names[panel.picture.selected] == "filter 5, channel 1"
