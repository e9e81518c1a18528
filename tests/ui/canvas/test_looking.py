"""Looking around: zoom, pan, fit, overview, minimap, hint, theme; what cards show of values and steps."""

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from annstudio.document.project import Project
from annstudio.formats.studio import load
from annstudio.layers.base import make
from annstudio.layers.graph import Graph, Node
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.canvas.geometry import PICTURE
from annstudio.ui.canvas.scene import CanvasScene
from annstudio.ui.canvas.thumbnail import Bars, ClassBars, Curve, Dots, Heat, Maps
from annstudio.ui.canvas.view import CanvasView
from annstudio.ui.numbers import number_text
from annstudio.ui.theme import DARK, LIGHT, apply_theme


def many(n: int) -> Project:
    layer = make("Dense", {})
    return Project(graph=Graph({f"d{i}": Node(f"d{i}", layer, i % 10 * 200.0, i // 10 * 200.0) for i in range(n)}))


@pytest.fixture
def digits(opened, making):
    """A small trained CNN with everything a card can show."""
    hand = opened(
        making(
            ("input", "Input", {"shape": (8, 8, 1)}),
            ("conv", "Conv2D", {"filters": 4}),
            ("flatten", "Flatten", {}),
            ("dropout", "Dropout", {}),
            ("dense", "Dense", {"units": 10, "activation": "softmax"}),
            ("loss", "Loss", {"function": "cross_entropy"}),
            data={"kind": "digits"},
        )
    )
    hand.session.step_batch()
    hand.session.wait()
    return hand


# Where -----------------------------------------------------------------------------------------------------------


def test_the_wheel_zooms_at_the_pointer(hand):
    point = QPoint(300, 250)
    before = hand.view.mapToScene(point)
    hand.wheel(point, 3)
    assert hand.view.zoom == pytest.approx(1.25**3)
    after = hand.view.mapToScene(point)
    assert (after - before).manhattanLength() < 1.5
    hand.wheel(point, -100)
    assert hand.view.zoom == pytest.approx(0.05)


def test_middle_drag_and_space_drag_pan(hand):
    place = hand.view.mapToScene(QPoint(0, 0))
    hand.drag(QPoint(300, 300), QPoint(340, 320), button=Qt.MouseButton.MiddleButton)
    assert hand.view.mapToScene(QPoint(40, 20)) == place
    QTest.keyPress(hand.view, Qt.Key.Key_Space)
    hand.drag("hidden", hand.at("hidden") + QPoint(-40, -20))
    QTest.keyRelease(hand.view, Qt.Key.Key_Space)
    assert hand.view.mapToScene(QPoint(0, 0)) == place
    assert hand.session.document.undo_label == ""


def test_fit_shows_everything_at_most_at_full_size(hand, opened):
    assert hand.view.zoom == 1
    wide = opened(many(100))
    assert wide.view.zoom < 0.5
    assert wide.view.seen().contains(wide.scene.whole)
    wide.click(wide.view.zoom_bar.percent.mapTo(wide.view, QPoint(0, 0)))  # Only the button below takes clicks.
    QTest.mouseClick(wide.view.zoom_bar.percent, Qt.MouseButton.LeftButton)
    assert wide.view.zoom == 1
    assert wide.view.zoom_bar.percent.text() == "100 %"
    QTest.mouseClick(wide.view.zoom_bar.whole, Qt.MouseButton.LeftButton)
    assert wide.view.seen().contains(wide.scene.whole)


def test_tab_leaves_the_canvas(hand, qtbot):
    window = QWidget()
    column = QVBoxLayout(window)
    line = QLineEdit()
    column.addWidget(hand.view)
    column.addWidget(line)
    window.show()
    hand.view.setFocus()
    QTest.keyClick(hand.view, Qt.Key.Key_Tab)
    assert window.focusWidget() is line
    hand.view.setParent(None)
    window.close()
    window.deleteLater()


def test_opening_another_project_fits_it(hand):
    hand.session.open(many(60))
    assert hand.view.seen().contains(hand.scene.whole)
    hand.agree()


def test_the_minimap_is_there_when_something_is_out_of_sight(hand, opened):
    assert hand.view.minimap.isHidden()
    big = opened(many(100))
    assert big.view.minimap.isHidden()
    big.view.zoom_reset()
    assert big.view.minimap.isVisible()
    QTest.mouseClick(big.view.minimap, Qt.MouseButton.LeftButton, pos=QPoint(84, 48))
    assert (big.view.seen().center() - big.scene.whole.center()).manhattanLength() < 60
    big.view.resize(300, 200)
    assert big.view.minimap.isHidden()


def test_what_is_shown_does_not_lie_under_the_minimap(opened):
    hand = opened(many(100))
    hand.view.zoom_reset()
    for node in list(hand.scene.nodes)[::9]:
        hand.view.show_node(node)
        card = hand.view.mapFromScene(hand.scene.nodes[node].sceneBoundingRect()).boundingRect()
        assert hand.view.minimap.isVisible()
        assert not card.intersects(hand.view.minimap.geometry()), node
        assert hand.view.viewport().rect().contains(card), node


def test_show_node_scrolls_to_it(opened):
    hand = opened(many(100))
    hand.view.zoom_reset()
    hand.view.show_node("d99")
    assert hand.view.seen().contains(hand.scene.nodes["d99"].sceneBoundingRect())


def test_from_far_there_are_boxes(opened):
    hand = opened(many(100))
    hand.view.zoom_to(0.2)
    hand.view.center_on(hand.scene.whole.center())
    from_far = hand.colours()
    assert LIGHT.families[make("Dense", {}).family].name() in from_far
    hand.click(hand.at("d55"))
    assert hand.view.selection == ["d55"]
    assert LIGHT.halo.name() in hand.colours()


def test_the_theme_changes_what_is_painted(hand, qapp):
    assert LIGHT.canvas.name() in hand.colours()
    apply_theme(qapp, "dark")
    colours = hand.colours()
    assert DARK.canvas.name() in colours
    assert DARK.card.name() in colours
    assert LIGHT.card.name() not in colours


# Values ----------------------------------------------------------------------------------------------------------


def test_cards_show_what_they_compute(digits):
    digits.scene.show_views(digits.session.views, digits.session.project.progress.record)
    digits.view.grab()
    kinds = {id: type(item.picture) for id, item in digits.scene.nodes.items()}
    assert kinds == {"input": Maps, "conv": Maps, "flatten": Bars, "dropout": Dots, "dense": ClassBars, "loss": Curve}
    assert "Black 0, white 0.9" in digits.view.tip_at(digits.at("input"))
    assert digits.scene.nodes["loss"].value == number_text(digits.session.project.progress.record.blocks[-1, 1], 4)


def test_of_several_losses_each_says_its_own(opened):
    hand = opened(load(SAMPLES / "deep-sigmoid-vs-relu.annstudio"))
    hand.session.train()
    hand.session.wait(60)
    hand.scene.show_views(hand.session.views, hand.session.project.progress.record)
    told = {id: hand.scene.nodes[id].value for id in ("sigmoid_loss", "relu_loss")}
    own = {id: hand.session.views.activations[id].item() for id in told}
    assert told == {id: f"sample: {number_text(value, 4)}" for id, value in own.items()}
    assert own["relu_loss"] < 0.5 < 2 < own["sigmoid_loss"]


def test_only_what_is_seen_makes_pictures(digits):
    digits.view.show_node("input")
    digits.view.zoom_to(4)
    digits.view.show_node("input")
    digits.scene.show_views(digits.session.views, None)
    digits.view.grab()
    assert digits.scene.nodes["input"].picture is not None
    assert digits.scene.nodes["dense"].picture is None


def test_without_views_the_cards_are_plain_again(digits):
    digits.scene.show_views(digits.session.views, None)
    digits.view.grab()
    digits.scene.show_views(None, None)
    assert all(item.picture is None for item in digits.scene.nodes.values())


@pytest.mark.parametrize("shape", [(1,), (2,), (300,), (8, 8, 1), (28, 28, 3), (1, 1, 70), (2, 2, 5), (12, 6), (0,)])
@pytest.mark.parametrize("fill", [0.0, -3.0, np.nan, np.inf])
def test_any_values_can_be_shown(hand, shape, fill):
    from PySide6.QtGui import QImage, QPainter

    from annstudio.ui.canvas.thumbnail import picture_of

    picture = picture_of(np.full(shape, fill), PICTURE)
    image = QImage(200, 200, QImage.Format.Format_ARGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    if picture is not None:
        picture.paint(painter, PICTURE)
    painter.end()
    assert (picture is None) == (0 in shape)


def test_maps_have_one_scale_that_is_told():
    values = np.zeros((4, 4, 2))
    values[0, 0, 0], values[1, 1, 1] = 2.0, -1.0
    maps = Maps(values, PICTURE)
    assert maps.told == "2 maps, black -1, white 2"


def test_bars_have_signs(hand):
    bars = Bars(np.array([1.0, -0.5, 0.25]), PICTURE)
    assert len(bars._up) == 2
    assert len(bars._down) == 1
    assert bars._up[0].height() > bars._up[1].height()
    assert bars._down[0].top() == pytest.approx(bars._up[0].bottom())


def test_many_units_share_bars_that_keep_the_peaks():
    values = np.zeros(1000)
    values[777] = -9.0
    assert Bars(values, PICTURE)._down[0].height() == pytest.approx(PICTURE.height())


def test_dots_count_what_is_on():
    assert Dots(np.array([True, False, True])).told == "2 of 3 on"


def test_a_sequence_is_a_heat_map():
    assert Heat(np.array([[1.0, -2.0]])).told == "full colour at ±2"


def test_a_loss_that_is_not_finite_does_not_stop_the_picture():
    assert Curve(np.array([3.0, 2.0, np.nan, np.inf]), PICTURE).told == "loss 2"


def test_a_layer_that_does_not_learn_has_a_lock(hand):
    before = hand.view.grab().toImage()
    hand.session.set_layer("hidden", trainable=False)
    hand.hover(QPointF(100, 500))
    assert hand.view.grab().toImage() != before


# Leaving ---------------------------------------------------------------------------------------------------------


def test_a_closed_canvas_is_gone(qapp, making):
    session = Session(many(5))
    scene = CanvasScene(session)
    view = CanvasView(scene)
    view.resize(600, 400)
    view.show()
    QApplication.processEvents()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    view.open_search()
    view.grab()
    gone = [weakref.ref(thing) for thing in (view, scene, view.minimap, scene.nodes["d0"])]
    view.close()
    view.deleteLater()
    scene.deleteLater()
    del view, scene
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4
    session.edit_graph(session.graph.moved({"d0": (5, 5)}), "Move")
    apply_theme(qapp, "light")


def test_a_drag_at_the_edge_does_not_end_at_a_border(hand):
    for _ in range(40):
        hand.drag(QPoint(300, 300), QPoint(1100, 300), button=Qt.MouseButton.MiddleButton)
    hand.view.append_layer("Dense", at=hand.view.seen().center())
    hand.agree()
    hand.click("dense_1")
    assert hand.view.selection == ["dense_1"]


def test_a_place_is_where_it_was_after_zoom_and_pan(hand):
    hand.view.zoom_to(0.5, QPoint(10, 10))
    hand.drag("hidden", hand.view.mapFromScene(QPointF(278, 470)))
    assert (hand.graph.nodes["hidden"].x, hand.graph.nodes["hidden"].y) == (200, 400)


def test_a_drawing_that_is_seen_whole_stays_so_in_a_room_of_another_size(hand):
    hand.view.fit()
    for width, height in ((500, 300), (1400, 900), (700, 250)):
        hand.view.resize(width, height)
        QApplication.processEvents()
        assert hand.view.shows_all
        middle = hand.view.mapFromScene(hand.scene.whole.center())
        assert (middle - hand.view.viewport().rect().center()).manhattanLength() < 4
    hand.view.zoom_to(2.0)
    hand.view.resize(900, 500)
    QApplication.processEvents()
    assert hand.view.zoom == 2.0, "who has looked closer is left alone"
