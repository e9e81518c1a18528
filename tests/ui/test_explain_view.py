"""The Explain view used as a user would: keys, clicks on the drawing, the timeline; and what is seen at each moment."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annstudio.explain.moments import Grain
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Graph
from annstudio.layers.losses import Loss
from annstudio.layers.merge import Add
from annstudio.layers.steady import Dropout
from annstudio.ui.app import application
from annstudio.ui.explain.neuron_plan import neuron_plan, unit_rects
from annstudio.ui.explain.track import NARROWEST
from annstudio.ui.explain.unit_items import DONE, NOW, TO_COME, FoldItem
from annstudio.ui.theme import theme
from tests.builders import chain, project, small_project, table, with_branch, worked_example
from tests.ui.explaining import Desk, click, click_item, explaining

Key = Qt.Key


# Where we are --------------------------------------------------------------------------------------------------------


def test_a_worked_example_opens_as_neurons_number_by_number_with_nine_digits(desk: Desk):
    assert desk.view.shows_neurons
    assert desk.tour.walk.grain is Grain.NUMBER
    assert desk.tour.digits == 9
    assert desk.view.timeline.number.text() == "Step 0 of 43"


def test_what_is_to_come_shows_no_number_and_another_outline(desk: Desk):
    hidden = desk.unit("hidden", 0)
    assert (hidden.state.status, hidden.state.value, hidden.state.above) == (TO_COME, "", ())
    desk.key(Key.Key_Right)
    assert (hidden.state.status, hidden.state.value, hidden.state.word) == (NOW, "0.377500000", "net")
    assert desk.unit("hidden", 1).state.value == ""
    desk.key(Key.Key_Right)
    assert desk.unit("hidden", 1).state.status == NOW
    desk.key(Key.Key_Right, Key.Key_Right)
    assert (hidden.state.status, hidden.state.value) == (DONE, "0.593269992")
    assert desk.unit("output", 0).state.status == TO_COME


def test_keys_go_on_and_back_to_the_loss_and_to_the_end(desk: Desk):
    caption = desk.view.timeline.caption
    desk.key(Key.Key_Right, Key.Key_Right, Key.Key_Left)
    assert caption.text() == "Forward · hidden · net_h1"
    desk.key(Key.Key_Right, control=True)
    assert caption.text() == "Forward · hidden · out_h2"
    desk.key(Key.Key_Right, control=True)
    assert caption.text() == "Forward · output · out_o2"
    desk.key(Key.Key_Left, control=True)
    assert caption.text() == "Forward · hidden · out_h2"
    desk.key(Key.Key_L)
    assert caption.text() == "Loss · loss · E"
    desk.key(Key.Key_G)
    assert caption.text() == "Backward · hidden · ∂E/∂i₂"
    desk.key(Key.Key_U)
    assert caption.text() == "Update · hidden · w₄"
    desk.key(Key.Key_Home)
    assert desk.tour.walk.place == 0
    desk.key(Key.Key_End)
    assert desk.tour.walk.place == len(desk.tour.walk)


def test_keys_step_from_the_panel_and_the_timeline_too(desk: Desk):
    QTest.keyClick(desk.panel, Key.Key_Right)
    QTest.keyClick(desk.view.timeline.track, Key.Key_Right)
    QTest.keyClick(desk.view.stage, Key.Key_Right)
    assert desk.tour.walk.place == 3


def test_all_figures_of_the_lecture_are_seen_on_the_way(desk: Desk):
    seen: list[str] = []
    while True:
        seen.append(desk.shown())
        if desk.tour.walk.place == len(desk.tour.walk):
            break
        desk.key(Key.Key_Right)
    told = "\n".join(seen)
    figures = (
        "0.3775", "0.593269992", "0.596884378", "1.105905967", "0.751365070", "0.772928465", "0.274811083",
        "0.298371109", "0.741365070", "0.186815602", "0.082167041", "0.358916480", "0.408666186", "0.511301270",
        "0.561370121", "0.149780716", "0.199561432", "0.249751144", "0.299502287", "0.138498562",
    )  # fmt: skip
    assert [figure for figure in figures if figure not in told] == []
    drawn = "\n".join(text.replace(desk.panel.text, "") for text in seen)
    on_the_drawing = [figure for figure in figures if figure not in ("0.186815602",)]
    assert [figure for figure in on_the_drawing if figure not in drawn] == []


def test_weights_become_old_and_new(desk: Desk):
    w5 = desk.weight("output/W", 0, 0)
    pill = next(p for p in desk.view.scene.pills.values() if p.quantity == w5)
    assert (pill.state.name, pill.state.number, pill.state.second) == ("w₅", "0.4", "")
    desk.key(Key.Key_G)
    assert pill.state.second == "∂ +0.082167041"
    desk.key(Key.Key_Right)
    assert pill.state.second == "→ 0.358916480"
    assert desk.wire(w5).state.lit
    bias = next(p for p in desk.view.scene.pills.values() if p.quantity == desk.weight("output/b", 0))
    desk.key(Key.Key_End)
    assert bias.state.second == ""


def test_the_gradient_flows_back_along_the_line_at_hand(desk: Desk):
    for _ in range(18):
        desk.key(Key.Key_Right)
    assert desk.view.timeline.caption.text() == "Backward · output · ∂E/∂w₅"
    (flow,) = desk.view.scene.flow.state
    assert flow.text == "δ = 0.138498562"
    assert flow.line.x2() < flow.line.x1()
    assert {key for key in (("hidden", 0), ("output", 0)) if desk.unit(*key).state.status == NOW} == {
        ("hidden", 0),
        ("output", 0),
    }


def test_stepping_by_operation_and_by_layer(desk: Desk):
    buttons = desk.view.timeline.grains
    QTest.mouseClick(buttons.button(1), Qt.MouseButton.LeftButton)
    desk.key(Key.Key_Right)
    assert desk.view.timeline.number.text() == "Step 1 of 14"
    assert desk.unit("hidden", 1).state.value == "0.392500000"
    QTest.mouseClick(buttons.button(0), Qt.MouseButton.LeftButton)
    assert desk.view.timeline.caption.text() == "Forward · hidden"
    assert desk.unit("hidden", 1).state.value == "0.596884378"
    desk.key(Key.Key_End)
    assert desk.view.timeline.number.text() == "Step 8 of 8"


# Asking --------------------------------------------------------------------------------------------------------------


def test_a_click_on_a_weight_asks_about_it(desk: Desk, qtbot: QtBot):
    w6 = desk.weight("output/W", 0, 1)
    with qtbot.waitSignal(desk.view.asked) as caught:
        click_item(desk.view.stage, desk.wire(w6))
    assert caught.args == [w6]
    assert desk.panel.text.startswith("How much does w_6 change the error?")
    assert desk.wire(w6).state.asked
    assert not desk.wire(desk.weight("output/W", 0, 0)).state.asked


def test_a_click_on_a_label_a_bias_a_unit_and_an_error_asks_too(desk: Desk):
    stage, scene = desk.view.stage, desk.view.scene
    bias = desk.weight("hidden/b", 0)
    click_item(stage, next(p for p in scene.pills.values() if p.quantity == bias))
    assert "b_h1" in desk.panel.text.splitlines()[0]
    click_item(stage, desk.unit("output", 1))
    assert desk.panel.text.startswith("How does o_2 get its value?")
    assert desk.unit("output", 1).state.asked
    desk.key(Key.Key_L)
    click_item(stage, scene.errors[0][2])
    assert desk.panel.text.startswith("How large is E_o1?")


def test_a_question_stays_while_stepping_until_it_is_let_go(desk: Desk):
    click_item(desk.view.stage, desk.unit("hidden", 0))
    desk.key(Key.Key_Right, Key.Key_Right)
    assert desk.panel.text.startswith("How does h_1 get its value?")
    desk.key(Key.Key_Escape)
    assert desk.panel.text.startswith("How does net_h2 get its value?")


def test_units_and_weights_can_be_asked_without_a_mouse(desk: Desk):
    desk.key(Key.Key_Down)
    assert desk.tour.question == desk.view.scene.quantities()[0]
    desk.key(Key.Key_Down, Key.Key_Down, Key.Key_Up)
    assert desk.tour.question == desk.view.scene.quantities()[1]


# The drawing ---------------------------------------------------------------------------------------------------------


def test_the_drawing_is_no_blank_and_changes_with_the_theme(desk: Desk):
    application("light")
    light = desk.view.stage.viewport().grab().toImage()
    application("dark")
    dark = desk.view.stage.viewport().grab().toImage()
    assert _n_colours(light) > 30
    assert _n_colours(dark) > 30
    assert dark.pixelColor(3, dark.height() - 3) == theme().canvas
    assert light.pixelColor(3, 3) != dark.pixelColor(3, 3)


def _n_colours(image: QImage) -> int:
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})


def test_wheel_zooms_drag_pans_and_f_fits(desk: Desk):
    stage = desk.view.stage
    desk.key(Key.Key_F)
    whole = stage.zoom
    assert not stage.clipped
    stage.zoom_by(2)
    assert stage.zoom == pytest.approx(2 * whole)
    before = stage.mapToScene(QPoint(0, 0))
    empty = stage.viewport().rect().bottomLeft() + QPoint(5, -5)
    QTest.mousePress(stage.viewport(), Qt.MouseButton.MiddleButton, pos=empty)
    QTest.mouseMove(stage.viewport(), empty + QPoint(60, -40))
    QTest.mouseRelease(stage.viewport(), Qt.MouseButton.MiddleButton, pos=empty + QPoint(60, -40))
    moved = stage.mapToScene(QPoint(0, 0)) - before
    assert moved.x() < 0 < moved.y()
    desk.key(Key.Key_F)
    assert stage.zoom == pytest.approx(whole)


def test_labels_lie_neither_on_units_nor_on_each_other(desk: Desk):
    plan = desk.view.scene.plan
    pills = [(w.pill.x(), w.pill.y()) for w in plan.wires if w.pill is not None]
    assert len(pills) == 12
    circles = [unit_rects(c.x, y)[0] for c in plan.columns.values() for y in c.ys]
    for i, (x, y) in enumerate(pills):
        assert not any(circle.contains(QPointF(x, y)) for circle in circles)
        assert all(abs(x - u) > 60 or abs(y - v) > 20 for u, v in pills[i + 1 :])


def test_many_units_fold_and_a_click_unfolds_them(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(20,)), output=Dense(units=2, activation="sigmoid"), loss=Loss())
    with explaining(project(graph, table([[0.1] * 20], [[0.2, 0.3]]))) as desk:
        scene = desk.view.scene
        assert len([u for u in scene.units if u.key[0] == "input"]) == 11
        (fold,) = [item for item in scene.items() if isinstance(item, FoldItem)]
        assert fold.n == 9
        click(desk.view.stage, fold.scenePos())
        assert len([u for u in scene.units if u.key[0] == "input"]) == 20


def test_labels_of_many_weights_come_when_hovered_or_asked(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(5,)), output=Dense(units=4, activation="sigmoid"), loss=Loss())
    with explaining(project(graph, table([[0.1] * 5], [[0.2] * 4]))) as desk:
        w = desk.weight("output/W", 2, 3)
        pill = next(p for p in desk.view.scene.pills.values() if p.quantity == w)
        assert not pill.isVisible()
        desk.view.scene.hover(desk.wire(w))
        assert pill.isVisible()
        desk.view.scene.hover(None)
        assert not pill.isVisible()
        desk.view.ask(w)
        assert pill.isVisible()


def test_a_unit_that_is_turned_off_is_struck_through(qtbot: QtBot):
    application("light")
    graph = chain(
        input=Input(shape=(2,)), hidden=Dense(units=8, activation="tanh"), drop=Dropout(rate=0.5),
        output=Dense(units=1, activation="sigmoid"), loss=Loss(),
    )  # fmt: skip
    with explaining(project(graph, table([(0.3, 0.4)], [(0.5,)]))) as desk:
        desk.key(Key.Key_End)
        off = [u.state.off for u in desk.view.scene.units if u.key[0] == "drop"]
        assert any(off)
        assert not all(off)


def test_branches_and_a_shared_bias_are_drawn(qtbot: QtBot):
    application("light")
    graph = chain(input=Input(shape=(2,)), a=Dense(units=3), sum=Add(), output=Dense(units=1), loss=Loss())
    graph = with_branch(graph, "input", "sum", b=Dense(units=3))
    with explaining(project(graph, table([(0.3, 0.4)], [(0.5,)]))) as desk:
        plan = desk.view.scene.plan
        assert plan.columns["a"].x == plan.columns["b"].x
        assert plan.columns["a"].frame.bottom() < plan.columns["b"].frame.top()
        assert len([w for w in plan.wires if w.node == "sum"]) == 6
        while desk.tour.walk.place < len(desk.tour.walk):
            desk.key(Key.Key_Right)
        assert "via" in _via_text(desk)
    with explaining(worked_example(share_bias=True)) as desk:
        weights = {w.weight for w in desk.view.scene.plan.wires if w.source is None and w.node == "hidden"}
        assert len(weights) == 1
        desk.key(Key.Key_L)
        assert desk.unit("hidden", 0).state.below == "net 0.377500000"


def _via_text(desk: Desk) -> str:
    desk.view.ask(desk.unit("input", 0).quantity)
    return desk.panel.text


def test_what_is_no_list_of_values_has_no_neurons():
    from annstudio.document.compile import compile_graph
    from annstudio.layers.conv import Conv2D
    from annstudio.layers.shaping import Flatten

    graph: Graph = chain(input=Input(shape=(4, 4, 1)), conv=Conv2D(filters=1), flat=Flatten(), out=Dense(units=1))
    program = compile_graph(graph, {}, training=False, plain=True)
    assert neuron_plan(program, {}) is None


# The timeline --------------------------------------------------------------------------------------------------------


def test_clicks_and_drags_on_the_timeline_scrub(desk: Desk):
    track = desk.view.timeline.track
    QTest.mouseClick(track, Qt.MouseButton.LeftButton, pos=track.rect_of(17).center().toPoint())
    assert desk.tour.walk.place == 18
    QTest.mousePress(track, Qt.MouseButton.LeftButton, pos=track.rect_of(17).center().toPoint())
    QTest.mouseMove(track, track.rect_of(3).center().toPoint())
    assert desk.view.timeline.caption.text() == "Forward · hidden · out_h2"
    QTest.mouseRelease(track, Qt.MouseButton.LeftButton)
    assert desk.tour.walk.place == 4
    QTest.mouseMove(track, track.rect_of(9).center().toPoint())
    assert desk.tour.walk.place == 4
    assert track.accessibleDescription() == "Step 4 of 43: Forward · hidden · out_h2"


def test_phases_are_told_apart_and_hundreds_of_moments_fold(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        track = desk.view.timeline.track
        assert [phase.value for phase, _, _ in track.spans()] == ["forward", "loss", "backward", "update"]
        desk.view.set_grain(Grain.NUMBER)
        track.resize(300, track.height())
        assert track.rect_of(0).width() < NARROWEST
        assert [track.moment_at(0), track.moment_at(3)] == [0, 1]
        assert track.moment_at(299) == len(desk.tour.walk)
        assert not track.grab().isNull()


# Samples, digits, leaving --------------------------------------------------------------------------------------------


def test_another_sample_is_explained_at_the_same_moment_with_the_same_question(qtbot: QtBot):
    application("light")
    with explaining(small_project()) as desk:
        desk.key(Key.Key_Right, Key.Key_Right, Key.Key_Right)
        desk.view.ask(desk.weight("hidden/W", 0, 1))
        before = desk.unit("input", 0).state.value
        desk.bar.batch.sample.setValue(8)
        assert desk.session.sample == 7
        assert desk.tour.walk.place == 3
        assert desk.unit("input", 0).state.value != before
        assert desk.tour.question == desk.weight("hidden/W", 0, 1)


def test_the_bar_steps_and_sets_the_digits_and_leaves(desk: Desk):
    for button in (desk.bar.on, desk.bar.on, desk.bar.back, desk.bar.layer):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert desk.tour.walk.place == 4
    desk.bar.digits.setValue(4)
    assert desk.unit("hidden", 0).state.value == "0.5933"
    QTest.mouseClick(desk.bar.update_all, Qt.MouseButton.LeftButton)
    assert not desk.bar.update_all.isEnabled()
    assert desk.bar.on.isEnabled(), "the next batch"
    QTest.mouseClick(desk.bar.leave, Qt.MouseButton.LeftButton)
    assert desk.session.activity == "edit"
    assert desk.tour.walk is None
    assert desk.view.scene.items() == []


def test_a_weight_set_meanwhile_is_explained_at_once(desk: Desk):
    desk.key(Key.Key_L)
    desk.session.set_weight("hidden/W", (0, 0), 1.0)
    QApplication.processEvents()
    assert desk.session.activity == "explain"
    assert desk.view.timeline.caption.text() == "Loss · loss · E"
    assert desk.wire(desk.weight("hidden/W", 0, 0)).state.value == 1.0
    assert desk.unit("hidden", 0).state.value != "0.593269992"
