"""Numbers around units and beside wires: each is asked about by a click, none lies on another, all digits are seen."""

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.explain.told import Quantity
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from annstudio.ui.app import application
from annstudio.ui.explain.neuron_plan import RADIUS, unit_rects
from annstudio.ui.explain.source_view import SourceView
from annstudio.ui.explain.unit_items import error_width
from annstudio.ui.theme import TEXT, mono_font
from tests.ui.explaining import Desk, click, explaining

Key = Qt.Key


def test_a_click_on_a_number_written_around_a_unit_asks_about_that_number(desk: Desk):
    desk.key(Key.Key_G)
    unit = desk.unit("hidden", 0)
    program = desk.tour.program
    out, net = desk.view.scene.plan.columns["hidden"].slot, desk.view.scene.plan.columns["hidden"].net
    delta = Quantity(program.gradients[net], (0,))
    slope, total = Quantity(program.gradients[out], (0,)), Quantity(net, (0,))
    for below, asked in ((-RADIUS - 29, slope), (-RADIUS - 13, delta), (RADIUS + 12, total)):
        click(desk.view.stage, unit.pos() + QPointF(0, below))
        assert desk.tour.question == asked
    assert desk.panel.title.text().count("net") == 1
    click(desk.view.stage, unit.pos() + QPointF(0, 20))
    assert desk.tour.question == unit.quantity


def test_a_click_on_a_share_beside_its_wire_asks_about_the_sum_that_it_belongs_to(desk: Desk):
    desk.key(Key.Key_G)
    i2 = Quantity(desk.tour.program.gradients[desk.unit("input", 1).quantity.slot], (1,))
    flows = [flow for flow in desk.view.scene.flow.state if flow.text.startswith("w·δ")]
    assert len(flows) == 2
    for flow in flows:
        desk.tour.ask(None)
        click(desk.view.stage, flow.line.pointAt(flow.share) - QPointF(0, 16))
        assert desk.tour.question == i2


def test_the_wheel_over_a_source_scrolls_the_page_not_the_source(desk: Desk):
    desk.view.ask(desk.weight("output/W", 0, 0))
    desk.window.resize(1600, 500)
    QApplication.processEvents()
    source = desk.panel.area.widget().findChildren(SourceView)[0]
    bar = desk.panel.area.verticalScrollBar()
    bar.setValue(bar.maximum())
    before = bar.value()
    at = QPointF(source.viewport().mapTo(desk.window, source.viewport().rect().center()))
    QTest.wheelEvent(desk.window.windowHandle(), at, QPoint(0, 120))
    assert source.verticalScrollBar().value() == 0
    assert bar.value() < before


def test_no_label_of_four_hidden_units_lies_on_another_or_on_a_units_numbers(qtbot: QtBot):
    application("light")
    with explaining(load(SAMPLES / "xor.annstudio"), width=2400) as desk:
        desk.key(Key.Key_3, Key.Key_G)
        scene = desk.view.scene
        units = [rect for c in scene.plan.columns.values() for y in c.ys for rect in unit_rects(c.x, y)]
        labels = [pill.sceneBoundingRect().adjusted(2, 2, -2, -2) for pill in scene.pills.values() if pill.isVisible()]
        assert len(labels) == 17
        for i, label in enumerate(labels):
            assert not any(label.intersects(other) for other in [*labels[i + 1 :], *units])
        written = [rect for rect, _ in scene.flow._labels()]
        assert len(written) == 4
        assert not any(text.intersects(other) for i, text in enumerate(written) for other in written[i + 1 :])


def test_errors_with_all_their_digits_are_seen_whole(desk: Desk):
    desk.key(Key.Key_L)
    desk.window.resize(2000, 1000)
    QApplication.processEvents()
    before = desk.view.stage.zoom, desk.view.scene.content()
    desk.tour.set_digits(17)
    assert not desk.view.stage.clipped
    seen = desk.view.stage.viewport().rect()
    font = mono_font(TEXT)
    for item in [*(item for _, _, item in desk.view.scene.errors), desk.view.scene.total]:
        _, name, told, lit = item.state
        assert len(told.partition(".")[2]) == 17
        wide = error_width(17)
        assert QFontMetricsF(font).horizontalAdvance(f"{name}  {told}") <= wide <= item.boundingRect().width()
        assert seen.contains(desk.view.stage.mapFromScene(item.pos() + QPointF(wide, 0)))
    desk.tour.set_digits(9)
    assert (desk.view.stage.zoom, desk.view.scene.content()) == before


def test_a_breakpoint_is_set_on_the_layer_of_the_number_that_is_asked_about(desk: Desk):
    breakpoints = desk.session.breakpoints
    for asked, node in ((desk.unit("output", 0).quantity, "output"), (desk.weight("hidden/W", 0, 0), "hidden")):
        desk.view.ask(asked)
        desk.key(Key.Key_F9)
        assert breakpoints.nodes == {node}
        breakpoints.clear()
