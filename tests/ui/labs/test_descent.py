"""The descent laboratory as a user meets it: choose weights, look, send optimisers down, draw mini-batches."""

import csv

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton

from annstudio.engine.op import Array
from annstudio.session.labs.descent import ground_of
from annstudio.ui.labs.descent import DescentPanel
from annstudio.ui.labs.descent_look import LOOKS, RUN
from annstudio.ui.panels.curves import CurvesPanel
from annstudio.ui.plots import save_chart
from annstudio.ui.theme import apply_theme
from annstudio.ui.window import Window


@pytest.fixture
def lab(xor, seen, qtbot):
    panel = seen(DescentPanel(xor), 1100, 480)
    settled(panel, qtbot)
    yield panel
    panel.hide()


def settled(panel, qtbot):
    qtbot.waitUntil(lambda: panel.found.cut is not None and not panel.bench.busy, timeout=20_000)


def typed(field, text):
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def height_at(panel, x, y):
    landscape = ground_of(panel.session.network, 1000).landscape()
    return landscape.loss_at(panel.found.cut.plane.places, (x, y))


def test_the_loss_is_seen_around_the_weights_of_now(lab, xor):
    surface = lab.found.cut.surface
    assert surface.losses.shape == (33, 33)
    assert surface.losses[4, 20] == pytest.approx(height_at(lab, surface.xs[20], surface.ys[4]), rel=1e-12)
    (key, index), _ = lab.found.cut.plane.places
    assert lab.found.cut.here[0] == pytest.approx(float(xor.weights()[key][index]))
    assert lab.picture.words.text().startswith("Mean loss over all 4 examples")
    assert lab.controls.cut_form.field("across").text() == f"{key.replace('/', '.')}[{','.join(map(str, index))}]"


def test_high_and_low_have_other_colours(lab, qtbot):
    surface = lab.found.cut.surface
    low, high = (
        np.unravel_index(at, surface.losses.shape) for at in (surface.losses.argmin(), surface.losses.argmax())
    )
    picture = lab.picture.plane.grab().toImage()
    lightness = []
    for i, j in (low, high):
        x, y = float(surface.xs[np.clip(j, 1, 31)]), float(surface.ys[np.clip(i, 1, 31)])
        lightness.append(picture.pixelColor(lab.picture.plane.place_of(x, y).toPoint()).lightness())
    assert lightness[0] > lightness[1] + 30


def test_two_weights_can_be_named(lab, qtbot):
    typed(lab.controls.cut_form.field("across"), "hidden.W[0,1]")
    settled(lab, qtbot)
    typed(lab.controls.cut_form.field("up"), "hidden/b[2]")
    settled(lab, qtbot)
    assert lab.found.cut.plane.places == (("hidden/W", (0, 1)), ("hidden/b", (2,)))
    typed(lab.controls.cut_form.field("x"), "-3, 5")
    settled(lab, qtbot)
    assert lab.found.cut.plane.x == (-3, 5)
    assert lab.picture.plane.scene.names == ("hidden.W[0,1]", "hidden.b[2]")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("across", "nobody.W[0,0]", "no weights called nobody/W"),
        ("up", "hidden.W[7,7]", "There is no weight hidden.W[7,7]"),
        ("x", "2, 1", "must be larger"),
        ("y", "1", "two numbers"),
        ("x", "-1e9, 1e9", "up to 1 000 000"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(lab, qtbot, name, text, said):
    before = lab.found.cut.plane
    typed(lab.controls.cut_form.field(name), text)
    qtbot.waitUntil(lambda: said in lab.controls.cut_form.cells[name].words.text())
    assert lab.found.cut.plane == before


def test_the_pointer_and_the_keys_tell_exact_values(lab, qtbot):
    surface = lab.found.cut.surface
    i, j = 7, 21
    place = lab.picture.plane.place_of(float(surface.xs[j]), float(surface.ys[i])).toPoint()
    QTest.mouseMove(
        lab.picture.plane._plot.viewport(), lab.picture.plane._plot.viewport().mapFrom(lab.picture.plane, place)
    )
    qtbot.waitUntil(lambda: lab.picture.place.text() != "")
    assert f"loss {surface.losses[i, j]:.6g}".replace("-", "−") in lab.picture.place.text()
    lab.picture.plane.setFocus()
    QTest.keyClick(lab.picture.plane, Qt.Key.Key_Right)
    QTest.keyClick(lab.picture.plane, Qt.Key.Key_Up)
    assert f"loss {surface.losses[i + 1, j + 1]:.6g}".replace("-", "−") in lab.picture.place.text()
    QTest.keyClick(lab.picture.plane, Qt.Key.Key_Return)
    assert lab.start == pytest.approx((surface.xs[j + 1], surface.ys[i + 1]), abs=1e-3)


def test_optimisers_go_down_side_by_side(lab, qtbot):
    at = lab.picture.plane.place_of(0.5, 0.5).toPoint()
    viewport = lab.picture.plane._plot.viewport()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=viewport.mapFrom(lab.picture.plane, at))
    qtbot.waitUntil(lambda: lab.controls.going.start != ())
    lab.controls.pages.setCurrentIndex(1)
    press(lab.controls.optimizers.ticks["RMSProp"])
    typed(lab.controls.optimizers.rates["SGD"].lineEdit(), "0.5")
    typed(lab.controls.go_form.field("steps").lineEdit(), "40")
    press(lab.controls.go)
    settled(lab, qtbot)
    names = [way.name for way in lab.picture.plane.scene.ways]
    assert names == ["SGD", "Momentum", "RMSProp", "Adam"]
    for way in lab.picture.plane.scene.ways:
        assert tuple(way.track.points[0]) == pytest.approx(lab.start, abs=1e-6)
        assert way.track.steps[-1] == 40
    # All examples are in one batch here: a batch's loss is the height of the surface below.
    sgd = lab.picture.plane.scene.ways[0].track
    assert sgd.losses[20] == pytest.approx(height_at(lab, *sgd.points[20]), rel=1e-5)
    table = lab.results.way_table
    assert table.rowCount() == 4
    assert table.item(0, 0).text() == "● SGD"
    assert table.item(0, 1).text() == "0.5"
    assert float(table.item(3, 3).text()) == pytest.approx(
        height_at(lab, *lab.picture.plane.scene.ways[3].track.points[-1]), rel=1e-3
    )
    assert "the ways lie on the surface" in lab.results.way_words.text()
    assert "▼" in lab.picture.legend.text()


def test_a_way_can_be_read_point_by_point(lab, qtbot):
    press(lab.controls.go)
    settled(lab, qtbot)
    track = lab.picture.plane.scene.ways[-1].track
    place = lab.picture.plane.place_of(*map(float, track.points[-1])).toPoint()
    QTest.mouseMove(
        lab.picture.plane._plot.viewport(), lab.picture.plane._plot.viewport().mapFrom(lab.picture.plane, place)
    )
    qtbot.waitUntil(lambda: "steps" in lab.picture.place.text())
    assert lab.picture.place.text().split(",")[0] in LOOKS


def test_all_weights_may_move_and_that_is_said(lab, qtbot):
    lab.controls.pages.setCurrentIndex(1)
    QTest.keyClick(lab.controls.go_form.field("alone"), Qt.Key.Key_Space)
    press(lab.controls.go)
    settled(lab, qtbot)
    assert "on the way the others were different" in lab.results.way_words.text()


def test_what_takes_long_can_be_cancelled(lab, qtbot):
    lab.controls.pages.setCurrentIndex(1)
    typed(lab.controls.go_form.field("steps").lineEdit(), "100000")
    press(lab.controls.go)
    qtbot.waitUntil(lambda: len(lab.picture.plane.scene.ways) == 3)
    assert lab.picture.cancel.isVisible()
    assert lab.picture.progress.isVisible()
    press(lab.picture.cancel)
    qtbot.waitUntil(lambda: not lab.bench.busy)
    assert not lab.picture.cancel.isVisible()
    assert len(lab.picture.plane.scene.ways) == 3
    assert lab.results.way_table.item(0, 3).text() == "stopped"


def test_behind_another_tab_optimisers_go_on_and_with_the_window_they_end(xor, qtbot, qapp):
    apply_theme(qapp, "light")
    window = Window(xor)
    window.resize(1400, 900)
    window.show()
    window.docks.open_lab(DescentPanel)
    lab = window.docks.panels[DescentPanel]
    settled(lab, qtbot)
    lab.controls._go_edited("steps", 100_000)
    press(lab.controls.go)
    qtbot.waitUntil(lambda: len(lab.picture.plane.scene.ways) == 3)
    window.docks.show_panel(CurvesPanel)
    qtbot.waitUntil(lambda: not lab.seen)
    before = lab.picture.plane.scene.ways[0].track.steps[-1]
    qtbot.waitUntil(lambda: lab.picture.plane.scene.ways[0].track.steps[-1] > before)
    study = lab.bench.studies["ways"]
    xor.document.mark_saved()
    window.close()
    assert not study.running
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_an_optimiser_that_runs_away_is_said_to(xor, seen, qtbot):
    xor.edit_graph(xor.graph.with_layer("output", xor.graph.nodes["output"].layer.changed(activation="linear")), "Set")
    panel = seen(DescentPanel(xor), 1100, 480)
    settled(panel, qtbot)
    panel.controls.pages.setCurrentIndex(1)
    for title in ("Momentum", "Adam"):
        press(panel.controls.optimizers.ticks[title])
    typed(panel.controls.optimizers.rates["SGD"].lineEdit(), "1000")
    QTest.keyClick(panel.controls.go_form.field("alone"), Qt.Key.Key_Space)
    press(panel.controls.go)
    settled(panel, qtbot)
    assert panel.results.way_table.rowCount() == 1
    assert panel.results.way_table.item(0, 3).text() == "ran away"


def test_mini_batches_are_drawn_beside_all_examples(lab, qtbot):
    lab.controls.pages.setCurrentIndex(2)
    typed(lab.controls.draw_form.field("size").lineEdit(), "2")
    typed(lab.controls.draw_form.field("batches").lineEdit(), "6")
    press(lab.controls.draw)
    settled(lab, qtbot)
    found = lab.picture.plane.scene.gradients
    assert len(found.drawn) == 6
    np.testing.assert_allclose(found.full.plane, lab.found.cut.slope, rtol=1e-9)
    assert lab.results.batch_table.rowCount() == 7
    assert lab.results.batch_words.text().startswith("2 of 4 examples")
    assert lab.results.pages.currentIndex() == 1
    names, rows = lab.results.batches_table()
    assert names[2].startswith("∂E/∂")
    assert rows[0][0] == "all"


def test_the_runs_way_is_done_again_from_its_start(lab, xor, qtbot):
    told = []
    xor.told.connect(lambda kind, words: told.append(words))
    press(lab.controls.again)
    assert told == ["Nothing was trained yet: press Train, then its way can be shown here."]
    xor.train()
    xor.wait(60)
    qtbot.waitUntil(lambda: not lab._stale)
    settled(lab, qtbot)
    press(lab.controls.again)
    settled(lab, qtbot)
    (way,) = lab.picture.plane.scene.ways
    assert way.name == RUN
    assert tuple(way.track.points[-1]) == lab.found.cut.here
    assert way.track.steps[-1] == xor.project.progress.step
    assert "ended at the weights of now, to the last bit" in lab.results.way_words.text()
    # All of it is brought into view.
    (left, right), (low, high) = lab.found.cut.plane.x, lab.found.cut.plane.y
    assert (way.track.points >= (left, low)).all()
    assert (way.track.points <= (right, high)).all()


def test_the_surface_can_be_turned(lab, qtbot):
    press(lab.picture.choice.button(1))
    assert lab.picture.relief.isVisible()
    qtbot.waitUntil(lambda: lab.picture.relief.hasFocus() or lab.picture.relief.isVisible())
    before = lab.picture.relief.grab().toImage()
    colours = {before.pixelColor(x, before.height() // 2).name() for x in range(0, before.width(), 5)}
    assert len(colours) > 10
    lab.picture.relief.setFocus()
    QTest.keyClick(lab.picture.relief, Qt.Key.Key_Left)
    assert lab.picture.relief.grab().toImage() != before
    QTest.keyClick(lab.picture.relief, Qt.Key.Key_Home)
    turn = lab.picture.relief.turn
    start = QPoint(150, 150)
    QTest.mousePress(lab.picture.relief, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(lab.picture.relief, start + QPoint(60, 20))
    QTest.mouseRelease(lab.picture.relief, Qt.MouseButton.LeftButton, pos=start + QPoint(60, 20))
    assert lab.picture.relief.turn == pytest.approx(turn + 30)


def test_heights_can_be_read_on_the_surface(lab, qtbot):
    press(lab.picture.choice.button(1))
    points, losses = lab.picture.relief._points()
    i, j = 10, 20
    place = QPointF(*lab.picture.relief._seen(points[i, j])).toPoint()
    QTest.mouseMove(lab.picture.relief, place)
    qtbot.waitUntil(lambda: lab.picture.place.text().startswith("loss "))
    told = float(lab.picture.place.text().split()[1])
    assert np.isclose(losses, told, rtol=1e-4).any()


def test_it_is_saved_as_a_picture_and_as_numbers(lab, qtbot, tmp_path):
    press(lab.controls.go)
    settled(lab, qtbot)
    for suffix in ("png", "svg", "csv"):
        save_chart(lab.picture.kept, tmp_path / f"loss.{suffix}", lab.picture.plane.table())
        assert (tmp_path / f"loss.{suffix}").stat().st_size > 1000
    rows = list(csv.reader((tmp_path / "loss.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0][2] == "loss"
    assert len(rows) == 33 * 33 + 1
    names, ways = lab.results.ways_table()
    assert names[0] == "way"
    assert len(ways) == 3 * 101


def test_it_follows_the_weights_and_another_network(lab, xor, qtbot):
    before = lab.found.cut
    key, _ = before.plane.places[0]
    array: Array = np.array(xor.weights()["hidden/b"]) + 0.5
    xor.set_weights("hidden/b", array)
    qtbot.waitUntil(lambda: lab.found.cut is not before and not lab.bench.busy)
    assert lab.found.cut.plane.places == before.plane.places
    assert not np.array_equal(lab.found.cut.surface.losses, before.surface.losses)
    xor.set_layer("hidden", units=3)
    qtbot.waitUntil(lambda: not lab.bench.busy and lab.found.cut.ground.network is xor.network)
    xor.edit_graph(xor.graph.without(["loss"], bridge=False), "Delete")
    qtbot.waitUntil(lambda: not lab.empty.isHidden())
    assert "Problems" in lab.empty.text()


def test_while_it_trains_the_weights_of_now_are_followed(lab, xor, qtbot):
    xor.watch(True, 0)
    xor.set_settings(epochs=10_000_000)
    xor.train()

    def seen(n):
        xor.poll()
        return [len(way.track.steps) for way in lab.picture.plane.scene.ways if way.name == RUN] >= [n]

    qtbot.waitUntil(lambda: seen(3), timeout=20_000)
    (way,) = lab.picture.plane.scene.ways
    assert tuple(way.track.points[-1]) == lab.picture.plane.scene.here != lab.found.cut.here
    assert tuple(way.track.points[0]) == lab.found.cut.here
    assert "as they were when training was started" in lab.picture.words.text()
    assert not lab.results.losses.isVisible()
    xor.pause()
    qtbot.waitUntil(lambda: not lab.bench.busy and lab.picture.plane.scene.here == lab.found.cut.here, timeout=20_000)
    # What was seen of the run stays, until the weights are changed in another way.
    assert "as it was seen at" in lab.results.way_words.text()
    xor.set_weights("hidden/b", np.zeros(4))
    qtbot.waitUntil(lambda: not lab.picture.plane.scene.ways)


def test_opened_while_it_trains_it_shows_the_surface_of_the_runs_start(xor, seen, qtbot):
    xor.watch(True, 0)
    xor.set_settings(epochs=10_000_000)
    xor.train()
    panel = seen(DescentPanel(xor), 1100, 480)
    settled(panel, qtbot)
    assert len(panel.found.cut.surface.xs) == 33
    xor.pause()
    settled(panel, qtbot)
    panel.hide()


def test_of_many_examples_some_are_taken_and_that_is_said(digits, seen, qtbot):
    panel = seen(DescentPanel(digits), 1100, 480)
    qtbot.waitUntil(lambda: panel.found.cut is not None, timeout=20_000)
    typed(panel.controls.cut_form.field("examples").lineEdit(), "50")
    qtbot.waitUntil(lambda: panel.found.cut is not None and len(panel.found.cut.ground.examples) == 50, timeout=20_000)
    assert "the first 50 of 1\u202f438 examples" in panel.picture.words.text()
    assert panel.picture.cancel.isVisible() or not panel.bench.busy
    panel.hide()
    assert not panel.bench.busy
    if panel._unfinished:
        # Seen again it begins anew, with what was chosen.
        panel.show()
        qtbot.waitUntil(lambda: panel.bench.busy or panel.found.cut.surface.done == 1.0)
        assert panel.controls.cutting.examples == 50
        panel.hide()


def test_it_wears_the_dark_theme(lab, qapp, qtbot):
    press(lab.controls.go)
    settled(lab, qtbot)
    light = lab.grab().toImage().pixelColor(5, 5).lightness()
    apply_theme(qapp, "dark")
    qtbot.wait(50)
    assert lab.grab().toImage().pixelColor(5, 5).lightness() < light
    assert all(button.toolTip() for button in lab.findChildren(QToolButton) if button.text())
