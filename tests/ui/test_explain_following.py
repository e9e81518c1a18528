"""What is seen of a drawing that is larger than its room: readable, the part at hand, and where the user looks."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from annstudio.explain.moments import Grain
from annstudio.ui.app import application
from annstudio.ui.explain.neurons import READABLE
from annstudio.ui.explain.stage import LEAST_READ, Stage
from annstudio.ui.theme import SMALL
from tests.ui.explaining import Desk, explaining, press, sample

Key = Qt.Key


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    """Four columns of neurons, which are wider than there is room."""
    application("light")
    with explaining(sample("three-layer-forward")) as desk:
        yield desk


def seen(desk: Desk) -> QRectF:
    """The part of the drawing that is on the screen."""
    stage = desk.view.stage
    return stage.mapToScene(stage.viewport().rect()).boundingRect()


def column(desk: Desk, node: str) -> QRectF:
    return desk.view.scene.plan.columns[node].frame


def drag(stage: Stage, way: QPoint) -> None:
    at = stage.viewport().rect().center()
    QTest.mousePress(stage.viewport(), Qt.MouseButton.MiddleButton, pos=at)
    QTest.mouseMove(stage.viewport(), at + way)
    QTest.mouseRelease(stage.viewport(), Qt.MouseButton.MiddleButton, pos=at + way)


def test_labels_of_neurons_are_never_too_small_to_be_read(desk: Desk):
    stage = desk.view.stage
    assert stage.clipped
    for width in (1600, 1100, 900, 1600):
        desk.window.resize(width, 1000)
        QApplication.processEvents()
        assert SMALL * stage.zoom >= LEAST_READ - 1e-9


def test_what_a_step_is_about_is_in_sight(desk: Desk):
    assert seen(desk).contains(column(desk, "input"))
    desk.view.set_grain(Grain.LAYER)
    met = []
    for _ in range(len(desk.tour.walk)):
        desk.tour.step()
        for unit in desk.view.scene.units:
            if unit.state.status == "now":
                assert seen(desk).contains(unit.sceneBoundingRect().center()), desk.view.timeline.caption.text()
                met.append(unit.key[0])
        if any(item.state[3] for _, _, item in desk.view.scene.errors):
            assert seen(desk).contains(desk.view.scene.errors[0][2].pos() + QPointF(100, 0))
            met.append("error")
    assert set(met) == {"hidden_1", "hidden_2", "output", "error", "input"}
    desk.key(Key.Key_Home)
    assert seen(desk).contains(column(desk, "input"))


def test_who_looks_elsewhere_is_not_called_back_as_long_as_the_step_is_in_sight(desk: Desk):
    press(desk, Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    drag(desk.view.stage, QPoint(-60, -40))
    before = seen(desk)
    desk.view.ask(desk.weight("hidden_1/W", 0, 0))
    desk.key(Key.Key_Left, Key.Key_Right)
    desk.tour.set_digits(7)
    desk.window.resize(desk.window.width() + 40, 1000)
    QApplication.processEvents()
    assert (seen(desk).topLeft(), desk.view.stage.zoom) == (before.topLeft(), READABLE)
    drag(desk.view.stage, QPoint(2000, 0))
    assert not seen(desk).intersects(column(desk, "output"))
    desk.key(Key.Key_L)
    assert seen(desk).intersects(column(desk, "output"))


def test_f_shows_the_whole_and_again_what_can_be_read(desk: Desk):
    stage = desk.view.stage
    desk.key(Key.Key_L, Key.Key_F)
    small = stage.zoom
    assert not stage.clipped
    assert small < READABLE
    desk.tour.set_digits(5)
    desk.key(Key.Key_G)
    assert stage.zoom == pytest.approx(small, rel=0.05), "whoever wants to see the whole goes on seeing it"
    desk.key(Key.Key_F)
    assert stage.zoom == READABLE


def test_the_zoom_is_told_and_can_be_clicked(desk: Desk):
    stage = desk.view.stage
    bar = stage._bar
    assert bar.percent.text() == "91 %"
    middle = seen(desk).center()
    QTest.mouseClick(bar.larger, Qt.MouseButton.LeftButton)
    assert stage.zoom > READABLE
    assert (seen(desk).center() - middle).manhattanLength() < 5
    QTest.mouseClick(bar.percent, Qt.MouseButton.LeftButton)
    assert bar.percent.text() == "100 %"
    QTest.mouseClick(bar.whole, Qt.MouseButton.LeftButton)
    assert not stage.clipped


def test_columns_come_closer_together_where_that_shows_them_all(qtbot: QtBot):
    application("dark")
    with explaining(sample("worked-example"), width=3000) as desk:
        desk.window.setSizes([1200, 900, 900])
        QApplication.processEvents()
        roomy = desk.view.scene.content().width()
        assert not desk.view.stage.clipped
        desk.window.setSizes([830, 1270, 900])
        QApplication.processEvents()
        assert desk.view.scene.content().width() < roomy
        assert not desk.view.stage.clipped
        assert SMALL * desk.view.stage.zoom >= LEAST_READ - 1e-9


@pytest.mark.parametrize("name", ["worked-example", "vowels-lstm"])
def test_the_bar_is_never_cut_and_what_has_no_room_is_in_its_menu(qtbot: QtBot, name: str):
    application("light")
    with explaining(sample(name)) as desk:
        bar = desk.bar
        bar.setParent(None)
        bar.show()
        for width in (1700, 1300, 1000, 800, 780):
            bar.resize(width, 48)
            fields = [bar.batch.kind, bar.batch.sample, bar.batch.number, bar.digits]

            def cut(fields=fields) -> list[str]:
                shown = [*fields, *(button for button in bar.findChildren(QToolButton) if button.isVisible())]
                ends = {widget: widget.mapTo(bar, widget.rect().bottomRight()) for widget in shown}
                return [
                    widget.accessibleName()
                    for widget, end in ends.items()
                    if widget.width() < widget.sizeHint().width() or not bar.rect().contains(end)
                ]

            qtbot.waitUntil(lambda cut=cut: not cut())
            away = {button.accessibleName() for button in bar._spared if button.isHidden()}
            menu = bar.more.findChild(QMenu)
            menu.aboutToShow.emit()
            assert {action.text() for action in menu.actions()} == away
            assert bar.more.isVisible() == bool(away)
        bar.close()
        bar.deleteLater()


def test_cards_and_arrays_do_not_lie_on_each_other_on_a_small_screen(qtbot: QtBot):
    application("dark")
    with explaining(sample("vowels-lstm"), height=400) as desk:
        layers = desk.view.layers
        assert layers.split.height() <= layers.height()
        assert layers.stage.geometry().bottom() < layers.pane.geometry().top()
        assert layers.pane.geometry().bottom() <= layers.split.height()
        for widget in (layers.pane.steps, layers.pane.which):
            assert layers.pane.rect().contains(widget.geometry())
